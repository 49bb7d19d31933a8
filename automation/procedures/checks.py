"""The closed world: the names of all checks that a host must report, known before it is asked."""

from urllib.parse import urlsplit

from automation.venue.kinds import read_kind
from automation.venue.site import Component, Venue

HOST_CHECKS = (
    "root",
    "disk space",
    "inodes",
    "memory",
    "clock",
    "failed units",
    "open files",
    "clock against its fellows",
)
LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


def preflight_checks(component: Component) -> tuple[str, ...]:
    """What preflight looks at on every host of a component."""
    ports = (f"port {port}" for port in _ports(component))
    certificates = (f"certificate {path}" for path in component.certificates)
    return (*HOST_CHECKS, *ports, *certificates)


def test_checks(venue: Venue, component: Component) -> tuple[str, ...]:
    """What a component's functional tests prove, those through a load balancer included."""
    if component.role is None:
        return ()
    own = read_kind(component.role, venue.inventory).checks.get("test", ())
    named = tuple(test.name for test in component.tests)
    return (*own, *named, *_through(venue, component))


def _through(venue: Venue, component: Component) -> tuple[str, ...]:
    behind = [
        item
        for item in venue.components.values()
        if item.restart.behind and item.restart.behind.component == component.name
    ]
    return tuple(
        f"through the load balancer to {item.name}: {check}"
        for item in behind
        if item.role
        for check in read_kind(item.role, venue.inventory).checks.get("through", ())
    )


def _ports(component: Component) -> tuple[int, ...]:
    probe, ports = component.healthcheck, set(component.ports)
    if probe and probe.http:
        address = urlsplit(probe.http)
        if address.hostname in LOCAL:
            ports.add(address.port or (443 if address.scheme == "https" else 80))
    if probe and probe.tcp:
        host, _, port = probe.tcp.rpartition(":")
        if host in LOCAL:
            ports.add(int(port))
    return tuple(sorted(ports))
