"""The stop-wagering command and its opposite: at once, confirmed, recorded."""

from collections.abc import Iterator

from automation.procedures.checks import refusal_checks
from automation.procedures.steps import (
    TEST_SECONDS,
    close_steps,
    fronts,
    gate_step,
    look_step,
    make_plan,
    make_step,
    open_steps,
)
from automation.run.plan import Plan, Step, Verb
from automation.venue.site import Component, Venue


def plan_sales_status(venue: Venue) -> Plan:
    """What the load balancers say of the sales."""
    looks = (look_step(venue.components[name]) for name in fronts(venue))
    return make_plan(venue, "sales-status", looks, gives_verdict=False)


def plan_close(venue: Venue) -> Plan:
    """Every backend refuses customers from now on; a sale is tried on each channel to prove it."""
    closes = tuple(close_steps(venue))
    after = tuple(step.id for step in closes)
    refusals = (
        step
        for component in venue.components.values()
        for step in _refusal(venue, component, after)
    )
    return make_plan(venue, "sales-close", (*closes, *refusals), gives_verdict=False)


def plan_cut(venue: Venue) -> Plan:
    """The closing alone, for when there is no time to prove it."""
    return make_plan(venue, "sales-close", close_steps(venue), gives_verdict=False)


def plan_open(venue: Venue, valid_minutes: float) -> Plan:
    """Every gate is probed, then sales open; the verdict is good as long as the one before it.

    What was started again since it was tested is not proven by a gate.
    """
    gates = [gate_step(component) for component in venue.components.values()]
    steps = (*gates, *open_steps(venue, on_verdict=True))
    return make_plan(venue, "sales-open", steps, verdict_valid_minutes=valid_minutes, untested=True)


def _refusal(venue: Venue, component: Component, after: tuple[str, ...]) -> Iterator[Step]:
    checks, behind = refusal_checks(venue, component), component.restart.behind
    if checks and behind:
        front = venue.components[behind.component]
        yield make_step(
            component,
            Verb.REFUSAL,
            component.name,
            hosts=front.hosts,
            hosts_of=front.name,
            after=after,
            checks=checks,
            min_ready=len(front.hosts),
            timeout=TEST_SECONDS,
        )
