"""The morning: look at every host, start in order, test, probe every gate once more, open sales."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from automation.procedures.checks import (
    FELLOWS,
    opening_checks,
    preflight_checks,
    test_checks,
    through_checks,
)
from automation.run.plan import Plan, PlannedComponent, Step, Verb
from automation.venue.graph import start_order
from automation.venue.kinds import read_kind
from automation.venue.site import Component, Venue

PREFLIGHT_SECONDS = 60.0
TEST_SECONDS = 120.0
PROBE_SECONDS = 60.0
SLACK_SECONDS = 20.0  # for the connection and the process, on top of a health check's own timeout


def plan_morning(venue: Venue, now: datetime) -> Plan:
    """The whole morning of a venue. `now` fixes the day whose sales_open is the deadline."""
    steps = {step.id: step for step in _steps(venue)}
    return Plan(
        venue=venue.name,
        title=venue.title,
        time_zone=venue.time_zone,
        procedure="morning",
        components={
            name: planned_component(venue, item) for name, item in venue.components.items()
        },
        steps=steps,
        deadline=_deadline(venue, now),
        verdict_valid_minutes=venue.verdict_valid_minutes,
        digest=venue.digest,
    )


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


def gate_step(component: Component, after: tuple[str, ...] = (), *needs: str) -> Step:
    """One look at a component's hosts, unit and health check; nothing is changed."""
    return Step(
        id=f"{component.name}.gate",
        component=component.name,
        verb=Verb.PROBE,
        hosts=component.hosts,
        lane="gate",
        needs=needs,
        after=after,
        min_ready=component.min_ready,
        timeout=PROBE_SECONDS,
    )


def _deadline(venue: Venue, now: datetime) -> str:
    if venue.sales_open is None:
        return ""
    zone = ZoneInfo(venue.time_zone)
    local = datetime.combine(now.astimezone(zone).date(), venue.sales_open, zone)
    return local.astimezone(UTC).isoformat()


def _steps(venue: Venue) -> Iterator[Step]:
    order = [venue.components[name] for tier in start_order(venue) for name in tier]
    before_gates: list[str] = []
    steps = (*_looks(venue, order), *_starts_and_tests(venue, order), *_throughs(venue, order))
    for step in steps:
        before_gates.append(step.id)
        yield step
    for component in order:  # once more, together: a dependency may have died since
        first = f"{component.name}.{'probe' if component.external else 'start'}"
        yield gate_step(component, tuple(before_gates), first)
    yield from _openings(venue)


def _looks(venue: Venue, order: list[Component]) -> Iterator[Step]:
    """Preflight of all hosts at once; then each component's clocks among themselves."""
    ours = [component for component in order if not component.external]
    yield from (_preflight(venue, component) for component in ours)
    before = tuple(f"{component.name}.preflight" for component in ours)
    for component in ours:
        if len(component.hosts) > 1:
            yield _step(
                component,
                Verb.CLOCKS,
                "preflight",
                needs=(f"{component.name}.preflight",),
                after=before,
                checks=(FELLOWS,),
                timeout=PREFLIGHT_SECONDS,
            )


def _preflight(venue: Venue, component: Component) -> Step:
    return _step(
        component,
        Verb.PREFLIGHT,
        "preflight",
        checks=preflight_checks(component),
        timeout=PREFLIGHT_SECONDS + venue.connect_timeout,
    )


def _starts_and_tests(venue: Venue, order: list[Component]) -> Iterator[Step]:
    """In start order, for the order of the plan is the order in which processes are launched."""
    for component in order:
        if component.external:
            yield _step(component, Verb.PROBE, "partners", timeout=_patience(component))
            continue
        yield _start(venue, component)
        checks = test_checks(venue, component)
        if checks:
            yield _test(venue, component, checks)


def _start(venue: Venue, component: Component) -> Step:
    """It waits for its own hosts' preflight and for the very components it depends on."""
    needs = [f"{component.name}.preflight"]
    for dependency in component.depends_on:
        other = venue.components[dependency.component]
        needs.append(f"{other.name}.{'probe' if other.external else 'start'}")
    return _step(
        component,
        Verb.START,
        component.name,
        needs=tuple(needs),
        timeout=_patience(component),
    )


def _test(venue: Venue, component: Component, checks: tuple[str, ...]) -> Step:
    """It waits to hear from the load balancers whether sales are closed."""
    return _step(
        component,
        Verb.TEST,
        component.name,
        needs=(f"{component.name}.start",),
        after=tuple(f"{front}.preflight" for front in _fronts(venue)),
        checks=checks,
        min_ready=1,
        timeout=TEST_SECONDS,
    )


def _throughs(venue: Venue, order: list[Component]) -> Iterator[Step]:
    """What stands behind a load balancer is tested once more along the customers' way."""
    for component in order:
        checks, behind = through_checks(venue, component), component.restart.behind
        if checks and behind:
            front = venue.components[behind.component]
            before = "test" if test_checks(venue, component) else "start"
            yield _step(
                component,
                Verb.THROUGH,
                component.name,
                hosts=front.hosts,
                hosts_of=front.name,
                needs=(f"{component.name}.{before}", f"{front.name}.start"),
                checks=checks,
                min_ready=1,
                timeout=TEST_SECONDS,
            )


def _fronts(venue: Venue) -> tuple[str, ...]:
    """The load balancers that some component says it stands behind."""
    behind = [item.restart.behind for item in venue.components.values() if item.restart.behind]
    return tuple(dict.fromkeys(place.component for place in behind))


def _openings(venue: Venue) -> Iterator[Step]:
    """Sales open at every load balancer that some component says it stands behind."""
    for name in _fronts(venue):
        component = venue.components[name]
        yield Step(
            id=f"{name}.open",
            component=name,
            verb=Verb.UNDRAIN,
            hosts=component.hosts,
            lane=f"{name}.open",
            checks=opening_checks(venue, component),
            min_ready=component.min_ready,
            timeout=PROBE_SECONDS,
            on_verdict=True,
        )


def _patience(component: Component) -> float:
    probe = component.healthcheck
    return SLACK_SECONDS + (probe.timeout + (probe.settle or 0) if probe else 60.0)


def _step(component: Component, verb: Verb, lane: str, **fields: object) -> Step:
    values: Mapping[str, object] = {
        "id": f"{component.name}.{verb}",
        "component": component.name,
        "verb": verb,
        "hosts": component.hosts,
        "lane": lane,
        "min_ready": component.min_ready,
        **fields,
    }
    return Step(**values)  # type: ignore[arg-type]  # the callers above give the right types
