"""The evening: sales close, nothing is owed to anybody, then everything stops in reverse order."""

from collections.abc import Iterator
from dataclasses import replace

from automation.procedures.checks import settled_checks
from automation.procedures.steps import (
    TEST_SECONDS,
    close_steps,
    in_order,
    look_step,
    make_plan,
    make_step,
    patience,
)
from automation.run.plan import LETS_FINISH, Plan, Step, Verb
from automation.venue.graph import dependencies, reverse
from automation.venue.site import Component, Venue


def plan_evening(venue: Venue) -> Plan:
    """The whole evening. The first thing that is not right ends it: what is up then stays up."""
    steps = tuple(_steps(venue))
    return make_plan(venue, "evening", steps, gives_verdict=False, stops_at_failure=True)


def with_glass_broken(plan: Plan, reason: str) -> Plan:
    """A plan that does what is refused otherwise; an evening then goes on whatever has failed."""
    stops = plan.stops_at_failure and plan.procedure != "evening"
    return replace(plan, break_glass=True, stops_at_failure=stops, reason=reason)


def kept_running(venue: Venue) -> frozenset[str]:
    """What the evening leaves up: what says so, and all that this depends on."""
    chosen = [name for name, item in venue.components.items() if item.keep_running]
    return frozenset(name for kept in chosen for name in (kept, *dependencies(venue, kept)))


def _steps(venue: Venue) -> Iterator[Step]:
    kept = kept_running(venue)
    ours = [item for item in reversed(in_order(venue)) if not item.external]
    looks = [look_step(component) for component in ours]
    closes = list(close_steps(venue, after=_ids(looks), options={LETS_FINISH: True}))
    settled = [
        step for component in ours for step in _settled(venue, component, _ids([*looks, *closes]))
    ]
    yield from (*looks, *closes, *settled)
    for component in ours:
        if component.name not in kept:
            yield _stop(venue, component, _ids([*looks, *closes, *settled]))


def _settled(venue: Venue, component: Component, after: tuple[str, ...]) -> Iterator[Step]:
    checks = settled_checks(venue, component)
    if checks:
        yield make_step(
            component,
            Verb.SETTLED,
            f"{component.name}.{Verb.SETTLED}",  # a host that fails it is stopped all the same
            after=after,
            checks=checks,
            timeout=TEST_SECONDS,
        )


def _stop(venue: Venue, component: Component, after: tuple[str, ...]) -> Step:
    """It waits until everything that depends on it is proven to be down."""
    waiting = reverse(venue.graph)[component.name]
    return make_step(
        component,
        Verb.STOP,
        component.name,
        needs=tuple(f"{name}.stop" for name in waiting),
        after=after,
        min_ready=len(component.hosts),
        timeout=patience(venue, component),
    )


def _ids(steps: list[Step]) -> tuple[str, ...]:
    return tuple(step.id for step in steps)
