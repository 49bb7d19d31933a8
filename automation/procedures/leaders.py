"""Which hosts lead their component: whoever restarts one of these restarts a primary."""

from collections.abc import Mapping
from dataclasses import dataclass

from automation.run.leading import LEADER
from automation.run.state import HostResult
from automation.venue.kinds import read_kind
from automation.venue.site import Component, Venue

UNKNOWN = "it could not be found out whether %(host)s is the primary of %(component)s"


@dataclass(frozen=True)
class Leaders:
    """The primaries of a component, and hosts that may be one: they did not say that they are not.

    Both are empty where the role knows of no leader.
    """

    primaries: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def has_leader(venue: Venue, component: Component) -> bool:
    """Whether its role knows of one."""
    role = component.role
    return role is not None and LEADER in read_kind(role, venue.inventory).facts


def leaders_of(venue: Venue, component: Component, seen: Mapping[str, HostResult]) -> Leaders:
    """By what its hosts said to a probe; silence is no standby."""
    if not has_leader(venue, component):
        return Leaders()
    said = {
        host: seen[host].evidence.get(LEADER) if host in seen else None for host in component.hosts
    }
    return Leaders(
        primaries=tuple(host for host, word in said.items() if word == "yes"),
        unknown=tuple(host for host, word in said.items() if word not in {"yes", "no"}),
    )
