"""What a call of `raceday idle` comes to: a plan to run, or the reasons why there is none."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from automation.history import History, read_history
from automation.idle.due import Due, Wear, due_restarts, due_tests, last_tests
from automation.procedures.asking import Asker
from automation.procedures.idle import (
    IDLE,
    needed_by_question,
    plan_idle_restart,
    plan_idle_test,
)
from automation.procedures.leaders import Leaders, leaders_of
from automation.procedures.records import read_runs
from automation.procedures.session import probe_now
from automation.procedures.steps import gate_step, make_plan
from automation.procedures.wear import read_wear
from automation.run.events import Message
from automation.run.ledger import Ledger, ledger_of
from automation.run.plan import Plan, Verb
from automation.run.state import State
from automation.venue.calendar import Opening, opening_at
from automation.venue.site import Venue


@dataclass(frozen=True)
class Choice:
    """What to do now, or why it has to wait, and the hosts that are due; nothing at all if none."""

    plan: Plan | None = None
    reasons: tuple[Message, ...] = ()
    due: tuple[str, ...] = ()


@dataclass(frozen=True)
class Seen:
    """What the hosts show: how worn they are, who leads, and which could not be asked."""

    worn: tuple[Wear, ...] = ()
    leaders: Mapping[str, Leaders] = field(default_factory=dict)
    lost: tuple[Message, ...] = ()


@dataclass(frozen=True)
class Past:
    """Earlier runs of the venue, newest first, and how long things took in them."""

    runs: tuple[State, ...] = ()
    histories: tuple[History, ...] = ()


def read_past(reports: Path, venue: Venue) -> Past:
    """From the reports directory; what cannot be read is passed over."""
    histories = (read_history(reports, venue.name, name) for name in (IDLE, "restart"))
    return Past(tuple(read_runs(reports / venue.name)), tuple(histories))


def look(venue: Venue) -> Seen:
    """Ask the hosts that a rule is about, and of those that are due who leads."""
    rules = venue.unattended.restarts
    worn, lost = read_wear(venue, rules)
    due = dict.fromkeys(item.component for item in due_restarts(rules, worn))
    return Seen(worn, {name: _leaders(venue, name) for name in due}, tuple(lost))


def choose(venue: Venue, seen: Seen, past: Past, asker: Asker, now: datetime) -> Choice:
    """The component whose host has waited longest and may be restarted, else a test that is due.

    One component at a time: what is left is due at the next call.
    """
    plans, kept = due_plans(venue, seen, past, now)
    if not plans:
        return Choice(reasons=kept)
    left = tuple(_left_behind(ledger_of(past.runs)))
    busy = tuple(check.why for check in asker.signals() if check.why)
    choice = Choice(reasons=(*left, *busy))
    if not choice.reasons:
        choice = _first_that_may(venue, past, asker, plans, now)
    return replace(choice, due=tuple(host for plan in plans for host in _hosts(plan)))


def due_plans(
    venue: Venue, seen: Seen, past: Past, now: datetime
) -> tuple[list[Plan], tuple[Message, ...]]:
    """A plan for each component that is due, who waited longest first; why others are not."""
    kept = list(seen.lost)
    hosts: dict[str, list[str]] = {}
    for item in due_restarts(venue.unattended.restarts, seen.worn):
        why = _leads(item, seen.leaders.get(item.component, Leaders()))
        if why:
            kept.append(why)
        else:
            hosts.setdefault(item.component, []).append(item.host)
    plans = [
        plan_idle_restart(venue, venue.components[name], names) for name, names in hosts.items()
    ]
    tests = due_tests(venue.unattended.tests, last_tests(past.runs), now)
    plans += [plan_idle_test(venue, venue.components[name]) for name in tests]
    return plans, tuple(kept)


def _first_that_may(
    venue: Venue, past: Past, asker: Asker, plans: Sequence[Plan], now: datetime
) -> Choice:
    """The first plan that fits into the window and has not failed in it; the asker learns of it."""
    reasons: list[Message] = []
    for plan in plans:
        needed = needed_by_question(plan, past.histories)
        asker.needed = needed
        first = next(iter(needed.values()))
        against = [*_failures(venue, past, plan, now), asker.window(first).why]
        found = [why for why in against if why]
        if not found:
            return Choice(plan)
        reasons += found
    return Choice(reasons=tuple(reasons))


def _leaders(venue: Venue, name: str) -> Leaders:
    gate = gate_step(venue.components[name])
    seen = probe_now(venue, make_plan(venue, "status", (gate,), gives_verdict=False), ())
    return leaders_of(venue, venue.components[name], seen.steps[gate.id].hosts)


def _leads(due: Due, leaders: Leaders) -> Message | None:
    """Why only an operator restarts a host, if so: it is a primary, or may be one."""
    args = {"host": due.host, "component": due.component}
    if due.host in leaders.primaries:
        return Message(
            "%(host)s is the primary of %(component)s, which only an operator restarts", args
        )
    if due.host in leaders.unknown:
        return Message(
            "it could not be found out whether %(host)s is the primary of %(component)s", args
        )
    return None


def _left_behind(left: Ledger) -> Iterator[Message]:
    """Who is out of rotation already cannot stand in for another."""
    text = "%(server)s of %(component)s was left out of rotation: raceday recover"
    for component, server in left.servers:
        yield Message(text, {"server": server, "component": component})
    for front in left.half_open:
        text = "%(component)s was left with sales half open: raceday recover"
        yield Message(text, {"component": front})


def _failures(venue: Venue, past: Past, plan: Plan, now: datetime) -> Iterator[Message]:
    """What went wrong in this window is not tried again in it: an operator looks first."""
    opening = opening_at(venue.calendar, now)
    for state in past.runs:
        recent = isinstance(opening, Opening) and state.started_at >= opening.start
        if recent and _is_failed(state) and _target(state.plan) == _target(plan):
            args = {"component": _target(plan), "run": state.run_id}
            text = "%(component)s failed in this window already; see raceday explain %(run)s"
            yield Message(text, args)


def _is_failed(state: State) -> bool:
    return state.result_state not in {"SUCCESS", "WARNINGS"} and not state.plan.check


def _hosts(plan: Plan) -> dict[str, None]:
    """The hosts that its questions are about."""
    asked = (step for step in plan.steps.values() if step.verb is Verb.QUIET)
    return dict.fromkeys(host for step in asked for host in step.hosts)


def _target(plan: Plan) -> str:
    """The component that an idle run is about; empty for any other run."""
    asked = (step.component for step in plan.steps.values() if step.verb is Verb.QUIET)
    return next(asked, "")
