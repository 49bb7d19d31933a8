"""What a call of `raceday idle` comes to: a plan to run, or the reasons why there is none."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from automation.errors import Interrupted
from automation.exit_codes import ExitCode
from automation.history import SUCCESSFUL, History, read_steps
from automation.idle.due import (
    FUNCTIONAL,
    Due,
    Scheduled,
    Task,
    Turn,
    Wear,
    due_restarts,
    due_tests,
    forecast,
    forecast_tests,
    in_vain,
    last_drills,
    last_tests,
    restarted_lately,
    turn_in,
)
from automation.idle.record import Record, change_record, read_record, this_moment
from automation.idle.samples import remembered, wanting, with_memories
from automation.procedures.asking import Asker
from automation.procedures.beforehand import hindrances
from automation.procedures.idle import (
    IDLE,
    needed_by_question,
    plan_idle_drill,
    plan_idle_rehearsal,
    plan_idle_restart,
    plan_idle_test,
)
from automation.procedures.leaders import UNKNOWN, Leaders, has_leader, leaders_of
from automation.procedures.records import LOCK, read_runs
from automation.procedures.recover import unreadable_runs
from automation.procedures.rehearsal import Drill
from automation.procedures.session import exit_code, probe_now
from automation.procedures.steps import gate_step, make_plan
from automation.procedures.wear import read_wear
from automation.run.events import Message
from automation.run.ledger import Place, ledger_of
from automation.run.lock import Holder, read_holder
from automation.run.plan import Plan, Verb
from automation.run.state import State
from automation.venue.calendar import Calendar, Opening, next_openings, opening_at, shown
from automation.venue.fields import span
from automation.venue.kinds import DRILL, REHEARSAL
from automation.venue.loads import drillable, rehearsable
from automation.venue.site import Component, Venue
from automation.venue.unattended import ScheduledTest
from automation.views.leftovers import leftovers, unread
from automation.views.openings import Foretold

RESTARTS = (IDLE, "restart")


@dataclass(frozen=True)
class Choice:
    """What to do now, or why it has to wait; nothing at all if nothing is due.

    `due` are the hosts whose restart is, and `tests` the tests, by what is typed for them. `holder`
    is the run that it has to wait for, if any.
    """

    plan: Plan | None = None
    reasons: tuple[Message, ...] = ()
    due: tuple[Place, ...] = ()
    tests: tuple[str, ...] = ()
    holder: Holder | None = None


@dataclass(frozen=True)
class Seen:
    """What the hosts show: how worn they are, who leads, and which could not be asked."""

    worn: tuple[Wear, ...] = ()
    leaders: Mapping[str, Leaders] = field(default_factory=dict)
    lost: tuple[Message, ...] = ()


@dataclass(frozen=True)
class Past:
    """Earlier runs of the venue, newest first, and how long things took in them.

    `unreadable` are runs of which nobody knows what they have left; `holder` is one that goes on.
    """

    runs: tuple[State, ...] = ()
    histories: tuple[History, ...] = ()
    unreadable: tuple[str, ...] = ()
    holder: Holder | None = None


def read_past(reports: Path, venue: Venue) -> Past:
    """From the reports directory."""
    own = reports / venue.name
    loads = (item.test for item in venue.unattended.tests if item.test)
    procedures = dict.fromkeys((*RESTARTS, *loads))
    histories = (read_steps(reports, venue.name, name) for name in procedures)
    holder = read_holder(own / LOCK)
    return Past(tuple(read_runs(own)), tuple(histories), unreadable_runs(own), holder)


def look(venue: Venue, reports: Path, now: datetime, *, remembers: bool = True) -> Seen:
    """Ask the hosts that a rule is about, and of those that are due who leads.

    What their memory is now it `remembers` for later calls.
    """
    rules = venue.unattended.restarts
    worn, lost = read_wear(venue, rules)
    worn = _with_memories(venue, reports, worn, remembers=remembers)
    found = due_restarts(rules, worn, turn=_turn(venue, now))
    due = dict.fromkeys(item.component for item in found)
    return Seen(worn, _leaders(venue, due), tuple(lost))


def foresee(
    venue: Venue, reports: Path, now: datetime
) -> tuple[tuple[Foretold, ...], list[Message]]:
    """What will be done in the next openings, and a sentence for each host that is left out.

    Left out is who cannot be asked, whom only an operator restarts, and who was restarted in vain.
    """
    rules, openings = venue.unattended.restarts, next_openings(venue.calendar, now)
    worn, lost = read_wear(venue, rules) if rules else ((), [])
    silent = tuple(_silent(venue, worn))
    worn = with_memories(worn, read_record(reports).samples, this_moment())
    led = _led(venue, worn)
    ours = tuple(wear for wear in worn if (wear.component, wear.host) not in led)
    runs = tuple(read_runs(reports))
    lately = _restarted(runs, now)
    restarts = forecast(rules, ours, openings, now, lately)
    tests = forecast_tests(scheduled_tests(venue), last_tests(runs), openings)
    foretold = (
        Foretold(opening, hosts, tuple(task.words for task in tasks), silent)
        for (opening, hosts), tasks in zip(restarts, tests, strict=True)
    )
    return tuple(foretold), [*lost, *led.values(), *in_vain(rules, ours, lately)]


def _silent(venue: Venue, worn: Iterable[Wear]) -> Iterator[str]:
    """The hosts that a rule is about and that have shown nothing."""
    shown = {(wear.component, wear.host) for wear in worn}
    names = dict.fromkeys(rule.component for rule in venue.unattended.restarts)
    places = ((name, host) for name in names for host in venue.components[name].hosts)
    yield from dict.fromkeys(host for name, host in places if (name, host) not in shown)


def watch(venue: Venue, reports: Path, asker: Asker) -> None:
    """Outside of windows: look at signals without a history, and at memory that may grow.

    At signals only for their periods before a window opens, at memory where the last look is a
    while ago.
    """
    asker.watch()
    rules = wanting(venue.unattended.restarts, read_record(reports).samples, this_moment())
    if rules:
        worn, _ = read_wear(venue, rules)
        _with_memories(venue, reports, worn, remembers=True)


def _with_memories(
    venue: Venue, reports: Path, worn: tuple[Wear, ...], *, remembers: bool
) -> tuple[Wear, ...]:
    """What hosts show, with what is known of their memory."""
    now = this_moment()

    def add(record: Record) -> Record:
        rules = venue.unattended.restarts
        return replace(record, samples=remembered(rules, record.samples, worn, now))

    record = change_record(reports, add) if remembers else add(read_record(reports))
    return with_memories(worn, record.samples, now)


def choose(venue: Venue, seen: Seen, past: Past, asker: Asker, now: datetime) -> Choice:
    """The component whose host has waited longest and may be restarted, else a test that is due.

    One component at a time: what is left is due at the next call.
    """
    plans, kept = due_plans(venue, seen, past, now)
    if not plans:
        asker.watch()
        return Choice(reasons=_once(kept))
    choice = _choice(venue, past, asker, plans, now)
    due = tuple(place for plan in plans for place in restarts_of(plan))
    tests = tuple(task.words for task in _tests(venue, past, now))
    return replace(choice, reasons=_once(choice.reasons), due=due, tests=tests)


def _once(reasons: Sequence[Message]) -> tuple[Message, ...]:
    """Each of them once: several plans may have to wait for the same."""
    return tuple(why for place, why in enumerate(reasons) if why not in reasons[:place])


def postponed(choice: Choice, holder: Holder | None, calendar: Calendar) -> Choice:
    """The same, when it has to wait for a run that may not say here who it is."""
    why = Message("postponed: another run holds the venue and does not say here who it is")
    if holder:
        since = shown(calendar, datetime.fromisoformat(holder.since))
        text = (
            "postponed: %(operator)s holds the venue since %(since)s for %(why)s (run %(run_id)s)"
        )
        why = Message(text, {**vars(holder), "since": since})
    return replace(choice, plan=None, reasons=(why,), holder=holder)


def _choice(venue: Venue, past: Past, asker: Asker, plans: Sequence[Plan], now: datetime) -> Choice:
    """A plan, or why none of them may be begun; signals are asked all the same, each has a past."""
    busy = tuple(check.why for check in asker.signals() if check.why)
    if past.holder:
        return postponed(Choice(), past.holder, venue.calendar)
    left = (*leftovers(ledger_of(past.runs)), *unread(past.unreadable))
    if left or busy:
        return Choice(reasons=(*left, *busy))
    return _first_that_may(venue, past, asker, plans, now)


def due_plans(
    venue: Venue, seen: Seen, past: Past, now: datetime
) -> tuple[list[Plan], tuple[Message, ...]]:
    """A plan for each component that is due, who waited longest first; why others are not."""
    rules, lately = venue.unattended.restarts, _restarted(past.runs, now)
    kept = [*seen.lost, *in_vain(rules, seen.worn, lately)]
    hosts: dict[str, list[str]] = {}
    for item in due_restarts(rules, seen.worn, lately, _turn(venue, now)):
        why = _leads(item, seen.leaders.get(item.component, Leaders()))
        if why:
            kept.append(why)
        else:
            hosts.setdefault(item.component, []).append(item.host)
    plans = [
        plan_idle_restart(venue, venue.components[name], names) for name, names in hosts.items()
    ]
    plans += [_plan_test(venue, task, past) for task in _tests(venue, past, now)]
    return plans, tuple(kept)


def _restarted(runs: Iterable[State], now: datetime) -> frozenset[Place]:
    """What was restarted lately, by idle time or by hand; a morning's start is none."""
    return restarted_lately((run for run in runs if run.plan.procedure in RESTARTS), now)


def _tests(venue: Venue, past: Past, now: datetime) -> tuple[Task, ...]:
    return due_tests(scheduled_tests(venue), last_tests(past.runs), now, _turn(venue, now))


def _turn(venue: Venue, now: datetime) -> Turn:
    opening = opening_at(venue.calendar, now)
    return turn_in(opening if isinstance(opening, Opening) else None, now)


def scheduled_tests(venue: Venue) -> tuple[Scheduled, ...]:
    """What the venue file wants to be tested, and how often."""
    return tuple(
        Scheduled(task, span(item.every))
        for item in venue.unattended.tests
        for task in _tasks(venue, item)
    )


def _tasks(venue: Venue, item: ScheduledTest) -> Iterator[Task]:
    """A rehearsal is of all channels at once; a drill is of one component at a call."""
    if item.test == REHEARSAL:
        yield Task(REHEARSAL, rehearsable(venue))
    elif item.test == DRILL:
        yield from (Task(DRILL, (name,)) for name in drillable(venue))
    else:
        yield Task(FUNCTIONAL, (item.component or "",))


def _plan_test(venue: Venue, task: Task, past: Past) -> Plan:
    if task.kind == REHEARSAL:
        return plan_idle_rehearsal(venue)
    component = venue.components[task.components[0]]
    if task.kind == DRILL:
        return plan_idle_drill(venue, Drill(component, _drilled_longest_ago(component, past)))
    return plan_idle_test(venue, component)


def _drilled_longest_ago(component: Component, past: Past) -> str:
    """The host to be stopped next: one that never was, else who has waited longest."""
    last = last_drills(past.runs)
    never = datetime.min.replace(tzinfo=UTC)
    return min(component.hosts, key=lambda host: last.get((component.name, host), never))


def _first_that_may(
    venue: Venue, past: Past, asker: Asker, plans: Sequence[Plan], now: datetime
) -> Choice:
    """The first plan that nothing forbids; the asker learns of it.

    What was refused in this window for its own sake comes after the others, so that they get their
    turn. Hosts are asked last, and once for all plans.
    """
    wrong = tuple(_gone_wrong(venue, past, now))
    in_turn = sorted(plans, key=lambda plan: sum(bool(_shared(plan, run)) for run in wrong))
    against = [(plan, tuple(_forbids(plan, past, asker, wrong))) for plan in in_turn]
    reasons = [why for _, whys in against for why in whys]
    able = [plan for plan, whys in against if not whys]
    if not able:
        return Choice(reasons=tuple(reasons))
    seen = asker.look(able)
    for plan in able:
        hindered = tuple(hindrances(plan, seen))
        if not hindered:
            asker.needed = needed_by_question(plan, past.histories)
            return Choice(plan)
        reasons += hindered
    return Choice(reasons=tuple(reasons))


def _forbids(plan: Plan, past: Past, asker: Asker, wrong: Sequence[State]) -> Iterator[Message]:
    """It failed in this window, or it does not fit into what is left of it."""
    yield from _failures(plan, wrong)
    why = asker.window(next(iter(needed_by_question(plan, past.histories).values()))).why
    if why:
        yield why


def _leaders(venue: Venue, names: Iterable[str]) -> Mapping[str, Leaders]:
    """Who leads each of these components, by one look at all of them. Raises Interrupted."""
    able = [venue.components[name] for name in names if has_leader(venue, venue.components[name])]
    if not able:
        return {}
    gates = {component.name: gate_step(component) for component in able}
    seen = probe_now(venue, make_plan(venue, "status", gates.values(), gives_verdict=False), ())
    if seen.interrupted:
        raise Interrupted
    return {
        component.name: leaders_of(venue, component, seen.steps[gates[component.name].id].hosts)
        for component in able
    }


def _led(venue: Venue, worn: Sequence[Wear]) -> Mapping[Place, Message]:
    """Why hosts are left to an operator, of those that are."""
    leaders = _leaders(venue, dict.fromkeys(wear.component for wear in worn))
    whys = ((wear, _leads(wear, leaders.get(wear.component, Leaders()))) for wear in worn)
    return {(wear.component, wear.host): why for wear, why in whys if why}


def _leads(due: Due | Wear, leaders: Leaders) -> Message | None:
    """Why only an operator restarts a host, if so: it is a primary, or may be one."""
    args = {"host": due.host, "component": due.component}
    if due.host in leaders.primaries:
        return Message(
            "%(host)s is the primary of %(component)s, which only an operator restarts", args
        )
    if due.host in leaders.unknown:
        return Message(UNKNOWN, args)
    return None


def _gone_wrong(venue: Venue, past: Past, now: datetime) -> Iterator[State]:
    """The runs of this window that did not go well, those too that were refused."""
    opening = opening_at(venue.calendar, now)
    for state in past.runs:
        recent = isinstance(opening, Opening) and state.started_at >= opening.start
        if recent and state.result_state not in SUCCESSFUL and not state.plan.check:
            yield state


def _failures(plan: Plan, wrong: Sequence[State]) -> Iterator[Message]:
    """What failed in this window is not tried again in it: an operator looks first.

    A run that was refused has touched nothing; one that died may have, whatever it was about to do.
    """
    for state in wrong:
        both = _shared(plan, state)
        refused = state.finished_at is not None and exit_code(state) is ExitCode.REFUSED
        if both and not refused:
            args = {"component": ", ".join(both), "run": state.run_id}
            text = "%(component)s failed in this window already; see raceday explain %(run)s"
            yield Message(text, args)


def _shared(plan: Plan, state: State) -> list[str]:
    """The components that both are about."""
    return [name for name in _targets(plan) if name in _targets(state.plan)]


def restarts_of(plan: Plan) -> Iterator[Place]:
    """The hosts that it restarts; a drill stops one for another purpose."""
    steps = plan.steps.values()
    if not any(step.verb is Verb.FLOW for step in steps):
        stops = (step for step in steps if step.verb is Verb.STOP)
        yield from ((step.component, host) for step in stops for host in step.hosts)


def _targets(plan: Plan) -> dict[str, None]:
    """The components that an idle run stops or tests; none for any other run."""
    steps = plan.steps.values() if plan.procedure == IDLE else ()
    return dict.fromkeys(step.component for step in steps if step.verb is Verb.STOP or step.is_test)
