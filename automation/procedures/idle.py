"""Unattended restarts and tests: before each host is stopped it is asked whether it may be."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from automation.history import History
from automation.idle.allowed import ALONE, WINDOW, needed_for
from automation.idle.quiet import ALERTS
from automation.procedures.rehearsal import Drill, Profile, plan_drill, plan_rehearsal
from automation.procedures.restart import plan_restart
from automation.procedures.steps import PROBE_SECONDS, make_plan, make_step
from automation.procedures.test import plan_test
from automation.run.plan import Plan, Step, Verb
from automation.venue.loads import rehearsable
from automation.venue.site import Component, Venue

IDLE = "idle"
QUESTION_SECONDS = 90.0
ASKED_FOR = frozenset({Verb.PROBE, Verb.DRAIN, Verb.STOP})  # of a batch, only after its question


def plan_idle_restart(venue: Venue, component: Component, hosts: Sequence[str]) -> Plan:
    """Restart these hosts of a component in this order, each only while nobody is at it.

    It is the rolling restart with a question before any host of a batch is asked or drained, and
    once more before each stop, when no other host of the component may be down.
    """
    rolling = plan_restart(venue, {component.name: hosts})
    steps = _guarded(venue, component, tuple(rolling.steps.values()))
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


def plan_idle_rehearsal(venue: Venue) -> Plan:
    """All channels rehearsed side by side, if nobody is at it before the load begins."""
    plan = plan_rehearsal(venue, rehearsable(venue), Profile())
    looks = tuple(step.id for step in plan.steps.values() if step.is_look)
    front = venue.components[plan.fronts[0]]
    asked = _question(venue, front, 1, front.hosts, after=looks)
    steps = (
        replace(step, needs=(asked.id,)) if step.verb is Verb.REHEARSE else step
        for step in plan.steps.values()
    )
    by_id = {step.id: step for step in (asked, *steps)}
    return replace(plan, procedure=IDLE, steps=by_id)


def plan_idle_drill(venue: Venue, drill: Drill) -> Plan:
    """A drill of one host, if nobody is at it before the load begins.

    Right before the host is stopped it is asked again, but for the signals: they show the load.
    """
    plan = plan_drill(venue, [drill], Profile().rate)
    steps = (step for item in plan.steps.values() for step in _drilled(venue, drill, item))
    return replace(plan, procedure=IDLE, steps={step.id: step for step in steps})


def expected_checks(venue: Venue, *, under_load: bool = False) -> tuple[str, ...]:
    """The names of all that a question must find good."""
    alerts = (ALERTS,) if venue.unattended.prometheus else ()
    signals = () if under_load else tuple(signal.name for signal in venue.unattended.idle)
    return (ALONE, WINDOW, *alerts, *signals)


def needed_by_question(plan: Plan, histories: Sequence[History]) -> Mapping[str, timedelta]:
    """How long it takes from each question until its hosts are back, with room to undo it."""
    steps = list(plan.steps.values())
    drills = any(step.verb is Verb.FLOW for step in steps)
    beside = {Verb.REHEARSE} if drills else set[Verb]()  # it goes on beside all the others
    needed = {}
    for place, question in enumerate(steps):
        if question.verb is Verb.QUIET:
            done = (s for s in _hangs_on(question, steps[place + 1 :]) if s.verb not in beside)
            needed[question.id] = _longest(done, histories)
    return needed


def _longest(steps: Iterable[Step], histories: Sequence[History]) -> timedelta:
    """Of what is done to one component after the other; several are worked on side by side."""
    of: dict[str, list[Step]] = {}
    for step in steps:
        of.setdefault(step.component, []).append(step)
    return max((needed_for(own, histories) for own in of.values()), default=timedelta())


def _hangs_on(question: Step, later: Sequence[Step]) -> Iterator[Step]:
    """What is done after a question, up to the question for the next hosts.

    Looks came before it; gates come when all is back, and change nothing.
    """
    for step in later:
        if step.verb is Verb.QUIET and step.hosts != question.hosts:
            return
        if not (step.is_look or step.is_gate):
            yield step


def _guarded(venue: Venue, component: Component, rolling: Sequence[Step]) -> Iterator[Step]:
    """The steps, with a question before the first of each batch, and before each stop."""
    batches = {_number(step): step.hosts for step in rolling if step.verb is Verb.STOP}
    asked: dict[str, Step] = {}
    for step in rolling:
        number = _number(step)
        if number in batches and number not in asked:
            hosts = batches[number]
            asked[number] = _question(venue, component, number, hosts, step.needs, step.after)
            yield asked[number]
        is_asked_for = number in asked and step.verb in ASKED_FOR
        needs = (*step.needs, asked[number].id) if is_asked_for else step.needs
        is_capacity = step.id == f"{component.name}.capacity.{number}"
        least = len(step.hosts) if is_capacity else step.min_ready
        guarded = replace(step, needs=needs, min_ready=least)
        stops = step.verb is Verb.STOP
        yield from _asked_again(venue, component, guarded) if stops else (guarded,)


def _asked_again(venue: Venue, component: Component, stop: Step) -> Iterator[Step]:
    """The stop, with the question right before it."""
    others = _others(component, stop)
    needs = (*stop.needs, *(item.id for item in others))
    number = f"still.{_number(stop)}"
    asked = _question(venue, component, number, stop.hosts, needs, stop.after)
    yield from (*others, asked, replace(stop, needs=(*needs, asked.id)))


def _number(step: Step) -> str:
    """Of the batch that a step is of."""
    return step.id.rpartition(".")[2]


def _drilled(venue: Venue, drill: Drill, step: Step) -> Iterator[Step]:
    """A step of a drill, with the question that comes before it."""
    component, hosts = drill.component, (drill.host,)
    ready, asked = f"{component.name}.ready", f"{component.name}.{Verb.QUIET}.1"
    if step.verb is Verb.STOP:
        still = _question(venue, component, "still.1", hosts, step.needs)
        yield replace(still, checks=expected_checks(venue, under_load=True))
        step = replace(step, needs=(*step.needs, still.id))
    yield replace(step, needs=(*step.needs, asked)) if ready in step.needs else step
    if step.id == ready:
        yield _question(venue, component, 1, hosts, (ready,))


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
