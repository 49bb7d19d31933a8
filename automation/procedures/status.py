"""What each component is right now: probed, not remembered."""

from collections.abc import Mapping

from automation.procedures.steps import gate_step, make_plan
from automation.run.plan import Plan
from automation.run.state import ROTATION, SERVING, State, words_of
from automation.venue.site import Venue


def plan_status(venue: Venue) -> Plan:
    """One probe of every component, all together."""
    return make_plan(venue, "status", map(gate_step, venue.components.values()))


def out_of_rotation(venue: Venue, seen: State) -> Mapping[str, tuple[str, ...]]:
    """By host of a load balancer, servers of the venue that it said it sends no customers to.

    They are told as "backend/server". Nothing is told of a host that did not say, and nothing
    while sales are closed: then all are out.
    """
    said = {} if seen.sales_said() == "closed" else seen.last_said(ROTATION)
    out: dict[str, tuple[str, ...]] = {}
    for component in venue.components.values():
        behind = component.restart.behind
        for host in venue.components[behind.component].hosts if behind else ():
            servers = [f"{behind.backend}/{server}" for server in component.hosts] if behind else []
            missing = [word for word in servers if word not in words_of(said.get(host, ""))]
            if missing and said.get(host, "").strip():
                out[host] = (*out.get(host, ()), *missing)
    return out


def unserved(venue: Venue, seen: State) -> Mapping[str, tuple[str, ...]]:
    """By host of a load balancer, components it sends customers to and sees down on every host.

    Nothing is told of a host that did not say whom it sees up.
    """
    let_in, up = seen.last_said(ROTATION), seen.last_said(SERVING)
    found: dict[str, tuple[str, ...]] = {}
    for component in venue.components.values():
        behind = component.restart.behind
        for host in venue.components[behind.component].hosts if behind else ():
            own = {f"{behind.backend}/{server}" for server in component.hosts} if behind else set()
            is_sold = bool(own & words_of(let_in.get(host, "")))
            if is_sold and up.get(host, "").strip() and not own & words_of(up[host]):
                found[host] = (*found.get(host, ()), component.name)
    return found
