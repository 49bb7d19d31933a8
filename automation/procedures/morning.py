"""The morning: look at every host, start in order, test, probe every gate once more, open sales."""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from automation.procedures.checks import FELLOWS, preflight_checks, test_checks
from automation.procedures.steps import (
    fronts,
    gate_step,
    in_order,
    make_plan,
    make_step,
    open_steps,
    patience,
    start_patience,
    test_steps,
    through_steps,
)
from automation.run.plan import Plan, Step, Verb
from automation.venue.site import Component, Venue

PREFLIGHT_SECONDS = 60.0


def plan_morning(venue: Venue, now: datetime) -> Plan:
    """The whole morning of a venue. `now` fixes the day whose sales_open is the deadline."""
    return make_plan(venue, "morning", _steps(venue), deadline=_deadline(venue, now))


def _deadline(venue: Venue, now: datetime) -> str:
    if venue.sales_open is None:
        return ""
    zone = ZoneInfo(venue.time_zone)
    local = datetime.combine(now.astimezone(zone).date(), venue.sales_open, zone)
    return local.astimezone(UTC).isoformat()


def _steps(venue: Venue) -> Iterator[Step]:
    order = in_order(venue)
    before_gates: list[str] = []
    steps = (*_looks(venue, order), *_starts_and_tests(venue, order), *_throughs(venue, order))
    for step in steps:
        before_gates.append(step.id)
        yield step
    for component in order:  # once more, together: a dependency may have died since
        yield gate_step(component, tuple(before_gates), _first(component))
    yield from open_steps(venue, on_verdict=True)


def _looks(venue: Venue, order: list[Component]) -> Iterator[Step]:
    """Preflight of all hosts at once; then each component's clocks among themselves."""
    ours = [component for component in order if not component.external]
    yield from (_preflight(venue, component) for component in ours)
    before = tuple(f"{component.name}.preflight" for component in ours)
    for component in ours:
        if len(component.hosts) > 1:
            yield make_step(
                component,
                Verb.CLOCKS,
                "preflight",
                needs=(f"{component.name}.preflight",),
                after=before,
                checks=(FELLOWS,),
                timeout=PREFLIGHT_SECONDS,
            )


def _preflight(venue: Venue, component: Component) -> Step:
    return make_step(
        component,
        Verb.PREFLIGHT,
        "preflight",
        checks=preflight_checks(venue, component),
        timeout=PREFLIGHT_SECONDS + venue.connect_timeout,
    )


def _starts_and_tests(venue: Venue, order: list[Component]) -> Iterator[Step]:
    """In start order, for the order of the plan is the order in which processes are launched.

    A test waits to hear from the load balancers whether sales are closed.
    """
    heard = tuple(f"{front}.preflight" for front in fronts(venue))
    for component in order:
        if component.external:
            yield make_step(component, Verb.PROBE, "partners", timeout=patience(venue, component))
        else:
            yield _start(venue, component)
            yield from test_steps(venue, component, heard, f"{component.name}.start")


def _start(venue: Venue, component: Component) -> Step:
    """It waits for its own hosts' preflight and for the very components it depends on."""
    others = (venue.components[dependency.component] for dependency in component.depends_on)
    needs = (f"{component.name}.preflight", *map(_first, others))
    return make_step(
        component,
        Verb.START,
        component.name,
        needs=needs,
        timeout=start_patience(venue, component),
    )


def _throughs(venue: Venue, order: list[Component]) -> Iterator[Step]:
    """What stands behind a load balancer is tested once more along the customers' way."""
    for component in order:
        before = "test" if test_checks(venue, component) else "start"
        behind = component.restart.behind
        front = f"{behind.component}.start" if behind else ""
        yield from through_steps(venue, component, (), f"{component.name}.{before}", front)


def _first(component: Component) -> str:
    """What must have succeeded before anybody relies on a component."""
    return f"{component.name}.{'probe' if component.external else 'start'}"
