"""Unattended restarts and tests: before each host is stopped it is asked whether it may be."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from automation.history import History
from automation.idle.allowed import ALONE, WINDOW, needed_for
from automation.idle.quiet import ALERTS
from automation.procedures.restart import plan_restart
from automation.procedures.steps import PROBE_SECONDS, make_plan, make_step
from automation.procedures.test import plan_test
from automation.run.plan import Plan, Step, Verb
from automation.run.state import server_of
from automation.venue.site import Component, Venue

IDLE = "idle"
QUESTION_SECONDS = 90.0


def plan_idle_restart(venue: Venue, component: Component, hosts: Sequence[str]) -> Plan:
    """Restart these hosts of a component in this order, each only while nobody is at it.

    It is the rolling restart with a question before each drain, and once more before each stop,
    when no other host of the component may be down.
    """
    rolling = plan_restart(venue, hosts, (component.name,))
    steps = (step for item in rolling.steps.values() for step in _guarded(venue, component, item))
    return make_plan(venue, IDLE, steps, gives_verdict=False, stops_at_failure=True)


def plan_idle_test(venue: Venue, component: Component) -> Plan:
    """The functional tests of a component, if nobody is at it and sales are closed."""
    tests = plan_test(venue, (component.name,))
    looks = tuple(step.id for step in tests.steps.values() if step.is_look)
    asked = _question(venue, component, 1, component.hosts, after=looks)
    steps = (
        step if step.is_look else replace(step, needs=(*step.needs, asked.id))
        for step in tests.steps.values()
    )
    return make_plan(venue, IDLE, (asked, *steps), gives_verdict=False, stops_at_failure=True)


def expected_checks(venue: Venue) -> tuple[str, ...]:
    """The names of all that a question must find good."""
    alerts = (ALERTS,) if venue.unattended.prometheus else ()
    return (ALONE, WINDOW, *alerts, *(signal.name for signal in venue.unattended.idle))


def needed_by_question(plan: Plan, histories: Sequence[History]) -> Mapping[str, timedelta]:
    """How long it takes from each question until its hosts are back, with room to undo it."""
    steps = list(plan.steps.values())
    return {
        step.id: needed_for(_hangs_on(step, steps[place + 1 :]), histories)
        for place, step in enumerate(steps)
        if step.verb is Verb.QUIET
    }


def _hangs_on(question: Step, later: Sequence[Step]) -> Iterator[Step]:
    """What is done to the hosts of a question, up to the question for the next hosts."""
    for step in later:
        if step.verb is Verb.QUIET and step.hosts != question.hosts:
            return
        if step.component == question.component and step.verb not in {Verb.QUIET, Verb.PROBE}:
            yield step


def _guarded(venue: Venue, component: Component, step: Step) -> Iterator[Step]:
    """The step, with the questions that come before it."""
    number = step.id.rpartition(".")[2]
    if step.id == f"{component.name}.capacity.{number}":
        step = replace(step, min_ready=len(step.hosts))
    if step.verb is Verb.DRAIN:
        hosts = tuple(map(server_of, step.servers))
        asked = _question(venue, component, number, hosts, step.needs, step.after)
        yield asked
        step = replace(step, needs=(*step.needs, asked.id))
    if step.verb is Verb.STOP:
        others = _others(component, step)
        needs = (*step.needs, *(item.id for item in others))
        asked = _question(venue, component, f"still.{number}", step.hosts, needs, step.after)
        yield from (*others, asked)
        step = replace(step, needs=(*needs, asked.id))
    yield step


def _question(
    venue: Venue,
    component: Component,
    number: int | str,
    hosts: Sequence[str],
    needs: tuple[str, ...] = (),
    after: tuple[str, ...] = (),
) -> Step:
    return make_step(
        component,
        Verb.QUIET,
        Verb.QUIET,
        id=f"{component.name}.{Verb.QUIET}.{number}",
        hosts=tuple(hosts),
        needs=needs,
        after=after,
        checks=expected_checks(venue),
        min_ready=len(hosts),
        timeout=QUESTION_SECONDS,
    )


def _others(component: Component, stop: Step) -> tuple[Step, ...]:
    """The other hosts of the component once more: the drain may have taken a while."""
    hosts = tuple(host for host in component.hosts if host not in stop.hosts)
    if not hosts:
        return ()
    return (
        make_step(
            component,
            Verb.PROBE,
            component.name,
            id=stop.id.replace(f".{Verb.STOP}.", ".others."),
            hosts=hosts,
            needs=stop.needs,
            after=stop.after,
            min_ready=len(hosts),
            timeout=PROBE_SECONDS,
        ),
    )
