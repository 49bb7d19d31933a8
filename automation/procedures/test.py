"""The functional tests alone, of components that already run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from automation.procedures.checks import (
    channel_of,
    rehearsal_checks,
    test_checks,
    through_checks,
    tidy_checks,
)
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
from automation.venue.kinds import DRILL, LINKS, REHEARSAL
from automation.venue.loads import drillable, rehearsable
from automation.venue.site import Component, Venue


@dataclass(frozen=True)
class NamedTest:
    """What a word of `raceday test` means: these components, and what is proven of them."""

    components: tuple[str, ...]
    checks: tuple[str, ...]


def plan_test(venue: Venue, names: Sequence[str], hosts: Sequence[str] = ()) -> Plan:
    """Test these components, on these hosts only if there are any; nothing is started.

    Each component has one of the hosts.
    """
    steps = (_limited(step, hosts) for step in _steps(venue, names))
    return make_plan(venue, "test", steps, gives_verdict=False)


def functional_tests(venue: Venue) -> Mapping[str, NamedTest]:
    """By channel, then `links` for all partners, then by component; what has none is left out."""
    parts = venue.components.values()
    found: dict[str, tuple[str, ...]] = {}
    for item in parts:
        channel = channel_of(venue, item)
        if channel:
            found[channel] = (*found.get(channel, ()), item.name)
    found[LINKS] = tuple(item.name for item in parts if item.external)
    found |= {item.name: (item.name,) for item in parts}
    named = {word: NamedTest(names, _checks(venue, names)) for word, names in found.items()}
    return {word: test for word, test in named.items() if test.checks}


def load_tests(venue: Venue) -> Mapping[str, NamedTest]:
    """The rehearsal and the drill, where the venue can do them."""
    rehearsed, drilled = rehearsable(venue), drillable(venue)
    channels = [channel_of(venue, venue.components[name]) for name in rehearsed]
    rehearsal = [check for word in channels for check in rehearsal_checks(word) + tidy_checks(word)]
    failover = tuple(f"sales go on while one of {name} is down" for name in drilled)
    found = {
        REHEARSAL: NamedTest(rehearsed, tuple(rehearsal)),
        DRILL: NamedTest(drilled, failover),
    }
    return {word: test for word, test in found.items() if test.components}


def _checks(venue: Venue, names: Sequence[str]) -> tuple[str, ...]:
    checks = (check for name in names for check in _checks_of(venue, venue.components[name]))
    return tuple(dict.fromkeys(checks))


def _checks_of(venue: Venue, component: Component) -> tuple[str, ...]:
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
