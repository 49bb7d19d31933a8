"""The functional tests alone, of components that already run."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from automation.procedures.checks import test_checks, through_checks
from automation.procedures.steps import (
    fronts,
    in_order,
    look_step,
    make_plan,
    make_step,
    patience,
    test_steps,
    through_steps,
)
from automation.run.plan import Plan, Step, Verb
from automation.venue.site import Component, Venue


def plan_test(venue: Venue, names: Sequence[str], hosts: Sequence[str] = ()) -> Plan:
    """Test these components, on these hosts only if there are any; nothing is started."""
    steps = (_limited(step, hosts) for step in _steps(venue, names))
    return make_plan(venue, "test", (step for step in steps if step.hosts), gives_verdict=False)


def checks_of(venue: Venue, component: Component) -> tuple[str, ...]:
    """What the tests of a component prove; a partner's is that it answers."""
    if component.external:
        return ("it answers",)
    checks = (*test_checks(venue, component), *through_checks(venue, component))
    return tuple(dict.fromkeys(checks))


def _steps(venue: Venue, names: Sequence[str]) -> Iterator[Step]:
    looks = [look_step(venue.components[name]) for name in fronts(venue)]
    yield from looks
    heard = tuple(step.id for step in looks)
    for component in in_order(venue):
        if component.name in names and component.external:
            yield make_step(component, Verb.PROBE, "partners", timeout=patience(venue, component))
        elif component.name in names:
            yield from test_steps(venue, component, heard)
            before = (f"{component.name}.test",) if test_checks(venue, component) else ()
            yield from through_steps(venue, component, heard, *before)


def _limited(step: Step, hosts: Sequence[str]) -> Step:
    """A look and a test along the customers' way are from the load balancer, whatever the limit."""
    if not hosts or step.is_look or step.hosts_of:
        return step
    return replace(step, hosts=tuple(host for host in step.hosts if host in hosts))
