"""Steps that more than one procedure takes, and the plan they end up in."""

from collections.abc import Iterable, Iterator, Mapping

from automation.procedures.checks import (
    closing_checks,
    healthcheck_of,
    opening_checks,
    test_checks,
    through_checks,
)
from automation.run.plan import Plan, PlannedComponent, Step, Verb
from automation.venue.graph import start_order
from automation.venue.kinds import read_kind
from automation.venue.site import Component, Venue

TEST_SECONDS = 120.0
PROBE_SECONDS = 60.0
ROTATION_SECONDS = 90.0  # plugins/plugin_utils/on_target/rotation.py has it as STEP_SECONDS
SLACK_SECONDS = 20.0  # for the connection and the process, on top of a health check's own timeout


def make_plan(venue: Venue, procedure: str, steps: Iterable[Step], **fields: object) -> Plan:
    """A plan of these steps, with the components they touch and the venue's load balancers."""
    by_id = {step.id: step for step in steps}
    touched = {name for step in by_id.values() for name in (step.component, step.owner)}
    touched.update(fronts(venue))
    values: dict[str, object] = {
        "venue": venue.name,
        "title": venue.title,
        "time_zone": venue.time_zone,
        "procedure": procedure,
        "components": {
            name: planned_component(venue, item)
            for name, item in venue.components.items()
            if name in touched
        },
        "steps": by_id,
        "fronts": fronts(venue),
        "verdict_valid_minutes": venue.verdict_valid_minutes,
        "digest": venue.digest,
        **fields,
    }
    return Plan(**values)  # type: ignore[arg-type]  # the callers give the right types


def planned_component(venue: Venue, component: Component) -> PlannedComponent:
    """What the run and its report need to know of a component."""
    manual = component.manual_minutes
    unit = component.unit or (component.role and read_kind(component.role, venue.inventory).unit)
    return PlannedComponent(
        name=component.name,
        title=component.title,
        hosts=component.hosts,
        depends_on=tuple(dependency.component for dependency in component.depends_on),
        critical=component.critical,
        external=component.external,
        min_ready=component.min_ready,
        unit=unit or "",
        manual_minutes=(manual.low, manual.likely, manual.high) if manual else None,
    )


def in_order(venue: Venue) -> list[Component]:
    """All components in start order."""
    return [venue.components[name] for tier in start_order(venue) for name in tier]


def fronts(venue: Venue) -> tuple[str, ...]:
    """The load balancers that some component says it stands behind."""
    behind = [item.restart.behind for item in venue.components.values() if item.restart.behind]
    return tuple(dict.fromkeys(place.component for place in behind))


def make_step(component: Component, verb: Verb, lane: str, **fields: object) -> Step:
    """A step on all hosts of a component, unless `fields` say otherwise."""
    values: Mapping[str, object] = {
        "id": f"{component.name}.{verb}",
        "component": component.name,
        "verb": verb,
        "hosts": component.hosts,
        "lane": lane,
        "min_ready": component.min_ready,
        **fields,
    }
    return Step(**values)  # type: ignore[arg-type]  # the callers give the right types


def gate_step(component: Component, after: tuple[str, ...] = (), *needs: str) -> Step:
    """One look at a component's hosts, unit and health check; nothing is changed."""
    return make_step(
        component,
        Verb.PROBE,
        "gate",
        id=f"{component.name}.gate",
        needs=needs,
        after=after,
        timeout=PROBE_SECONDS,
    )


def look_step(component: Component) -> Step:
    """A first look, which may well find that something is down."""
    return make_step(
        component,
        Verb.PROBE,
        "look",
        id=f"{component.name}.look",
        min_ready=1,
        timeout=PROBE_SECONDS,
    )


def test_steps(
    venue: Venue,
    component: Component,
    after: tuple[str, ...],
    *needs: str,
    puts_back: str = "",  # noqa: PT028  # no test of ours, but steps that test
) -> Iterator[Step]:
    """Its functional tests, if there are any."""
    checks = test_checks(venue, component)
    if checks:
        yield make_step(
            component,
            Verb.TEST,
            component.name,
            needs=needs,
            after=after,
            checks=checks,
            min_ready=1,
            timeout=test_patience(component),
            puts_back=puts_back,
        )


def through_steps(
    venue: Venue, component: Component, after: tuple[str, ...], *needs: str, puts_back: str = ""
) -> Iterator[Step]:
    """The same along the customers' way, from the hosts of the load balancer it stands behind."""
    checks, behind = through_checks(venue, component), component.restart.behind
    if checks and behind:
        yield make_step(
            component,
            Verb.THROUGH,
            component.name,
            hosts=venue.components[behind.component].hosts,
            hosts_of=behind.component,
            needs=needs,
            after=after,
            checks=checks,
            min_ready=1,
            timeout=TEST_SECONDS,
            puts_back=puts_back,
        )


def close_steps(venue: Venue, **fields: object) -> Iterator[Step]:
    """Sales close at every load balancer."""
    for name in fronts(venue):
        front = venue.components[name]
        yield make_step(
            front,
            Verb.CLOSE,
            name,
            checks=closing_checks(venue, front),
            min_ready=len(front.hosts),
            timeout=ROTATION_SECONDS,
            **fields,
        )


def open_steps(venue: Venue, **fields: object) -> Iterator[Step]:
    """Sales open at every load balancer."""
    for name in fronts(venue):
        front = venue.components[name]
        yield make_step(
            front,
            Verb.UNDRAIN,
            f"{name}.open",
            id=f"{name}.open",
            servers=tuple(dict.fromkeys(_behind(venue, name))),
            checks=opening_checks(venue, front),
            timeout=ROTATION_SECONDS,
            **fields,
        )


def test_patience(component: Component) -> float:
    """Seconds for its functional tests: the role's, and what the venue gives each of its own."""
    return TEST_SECONDS + sum(test.timeout for test in component.tests)


def _behind(venue: Venue, front: str) -> Iterator[str]:
    """The hosts that stand behind a load balancer."""
    for component in venue.components.values():
        if component.restart.behind and component.restart.behind.component == front:
            yield from component.hosts


def patience(venue: Venue, component: Component) -> float:
    """Seconds that a stop, or one try of a start, may take, as its own health check says."""
    probe = healthcheck_of(venue, component)
    return SLACK_SECONDS + (probe.timeout + (probe.settle or 0) if probe else 60.0)


def start_patience(venue: Venue, component: Component) -> float:
    """Seconds that a start may take with all its tries; what hangs is stopped before the next."""
    stop_and_try = 2 * patience(venue, component)
    return patience(venue, component) + component.retries * stop_and_try
