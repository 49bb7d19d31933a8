"""Which hosts lead their component: whoever restarts one of these restarts a primary."""

from collections.abc import Mapping
from dataclasses import dataclass

from automation.run.state import HostResult
from automation.venue.kinds import read_kind
from automation.venue.site import Component, Venue

LEADER = "leader"  # a fact of a role: "yes" on the primary, "no" on a standby
UNKNOWN = "it could not be found out whether %(host)s is the primary of %(component)s"


@dataclass(frozen=True)
class Leaders:
    """The primaries of a component, and hosts that may be one: they did not say that they are not.

    Both are empty where the role knows of no leader.
    """

    primaries: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def leaders_of(venue: Venue, component: Component, seen: Mapping[str, HostResult]) -> Leaders:
    """By what its hosts said to a probe; silence is no standby."""
    if component.role is None or LEADER not in read_kind(component.role, venue.inventory).facts:
        return Leaders()
    said = {
        host: seen[host].evidence.get(LEADER) if host in seen else None for host in component.hosts
    }
    return Leaders(
        primaries=tuple(host for host, word in said.items() if word == "yes"),
        unknown=tuple(host for host, word in said.items() if word not in {"yes", "no"}),
    )
