"""The closed world: the names of all checks that a host must report, known before it is asked."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from automation.venue.kinds import read_kind
from automation.venue.model import Healthcheck
from automation.venue.site import Component, Venue

HOST_CHECKS = (
    "root",
    "disk space",
    "inodes",
    "memory",
    "clock",
    "failed units",
    "open files",
)
CLOSED = ("nobody is let in", "nobody is connected")  # to whichever backend of a load balancer
FELLOWS = "clock against its fellows"
LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


def preflight_checks(venue: Venue, component: Component) -> tuple[str, ...]:
    """What preflight looks at on every host of a component."""
    ports = (f"port {port}" for port in _ports(venue, component))
    certificates = (f"certificate {path}" for path in component.certificates)
    return (*HOST_CHECKS, *ports, *certificates)


def test_checks(venue: Venue, component: Component) -> tuple[str, ...]:
    """What a component's functional tests prove: its role's own, and those the venue names."""
    named = tuple(test.name for test in component.tests)
    return (*_promised(venue, component, "test"), *named)


def through_checks(venue: Venue, component: Component) -> tuple[str, ...]:
    """What the tests through a load balancer prove; nothing when it stands behind none."""
    return _promised(venue, component, "through") if component.restart.behind else ()


def channel_of(venue: Venue, component: Component) -> str:
    """What operators call what customers get from a component; empty when they get nothing."""
    return read_kind(component.role, venue.inventory).channel if component.role else ""


def rehearsal_checks(channel: str) -> tuple[str, ...]:
    """What a load proves of a channel."""
    proven = ("nothing is left of earlier ones", "sent on time", "error rate", "p95", "p99")
    return tuple(f"{channel}: {name}" for name in proven)


def flow_checks(channels: Iterable[str], servers: Iterable[str]) -> tuple[str, ...]:
    """What shows that purchases are answered, and that each of these servers gets some."""
    answered = (f"{channel}: purchases are answered" for channel in channels)
    return (*answered, *(f"{server} is sent purchases" for server in servers))


def tidy_checks(channel: str) -> tuple[str, ...]:
    """What must hold when the purchases of a rehearsal are over."""
    return (f"{channel}: everything is taken back", f"{channel}: balances are as before")


def opening_checks(venue: Venue, front: Component) -> tuple[str, ...]:
    """What must hold once a load balancer was told to open."""
    return tuple(f"backend {name} takes customers" for name in _backends(venue, front))


def closing_checks(venue: Venue, front: Component) -> tuple[str, ...]:
    """What must hold once a load balancer was told to close."""
    refused = (f"backend {name} refuses customers" for name in _backends(venue, front))
    return (*refused, *CLOSED)


def settled_checks(venue: Venue, component: Component) -> tuple[str, ...]:
    """What must be true of a component before its day may end."""
    return _promised(venue, component, "settled")


def refusal_checks(venue: Venue, component: Component) -> tuple[str, ...]:
    """How customers must be turned away while sales are closed."""
    return _promised(venue, component, "refusal")


def _backends(venue: Venue, front: Component) -> tuple[str, ...]:
    behind = (item.restart.behind for item in venue.components.values())
    return tuple(
        dict.fromkeys(place.backend for place in behind if place and place.component == front.name)
    )


def _promised(venue: Venue, component: Component, verb: str) -> tuple[str, ...]:
    if component.role is None:
        return ()
    return read_kind(component.role, venue.inventory).checks.get(verb, ())


def healthcheck_of(venue: Venue, component: Component) -> Healthcheck | None:
    """Its own health check, else the one that its role has for every server of the kind."""
    if component.healthcheck or component.role is None:
        return component.healthcheck
    return read_kind(component.role, venue.inventory).healthcheck


def _ports(venue: Venue, component: Component) -> tuple[int, ...]:
    probe, ports = healthcheck_of(venue, component), set(component.ports)
    if probe and probe.http:
        address = urlsplit(probe.http)
        if address.hostname in LOCAL:
            ports.add(address.port or (443 if address.scheme == "https" else 80))
    if probe and probe.tcp:
        host, _, port = probe.tcp.rpartition(":")
        if host in LOCAL:
            ports.add(int(port))
    return tuple(sorted(ports))
