"""What is due: restarts by what the hosts show, tests by what the journals say. Pure.

What a host does not show is unknown, and nothing is due because of it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from automation.idle.growth import steady_growth
from automation.run.events import Message
from automation.run.ledger import Place
from automation.run.plan import Step, Verb
from automation.run.state import ENDED, State, StepState
from automation.venue.calendar import Opening
from automation.venue.fields import span
from automation.venue.kinds import DRILL, REHEARSAL
from automation.venue.unattended import RestartRule

NO = "no"
FUNCTIONAL = "test"
EARLIEST = 0.5  # of `every`, that must be over in any case
PERSISTING = frozenset(  # a restart may leave it as it was, or it may come back at once
    {"memory_over", "libraries_deleted", "configuration_newer"}
)
REST = timedelta(hours=24)  # from a restart of ours until such a condition asks for another one

type Last = Mapping[tuple[str, str], datetime]  # by kind of test and component


@dataclass(frozen=True)
class Wear:
    """What a host shows of a component's unit, in its own words; ages are in seconds.

    `memories` are what it used before and uses now, in bytes, by their age in seconds.
    """

    component: str
    host: str
    shown: Mapping[str, str]
    memories: tuple[tuple[float, float], ...] = ()

    def number(self, fact: str) -> float | None:
        """A fact as a number; None when it is not shown, or is none."""
        text = self.shown.get(fact, "")
        return float(text) if text.isdecimal() else None


@dataclass(frozen=True)
class Task:
    """Functional tests or a drill of one component, or a rehearsal of several at once."""

    kind: str
    components: tuple[str, ...]

    @property
    def words(self) -> str:
        """What is typed for it after `raceday test`."""
        names = " ".join(self.components)
        return {REHEARSAL: REHEARSAL, DRILL: f"{DRILL} {names}"}.get(self.kind, names)

    def last_done(self, last: Last) -> datetime | None:
        """When it was last done to all of its components; None when it never was to one."""
        done = [last.get((self.kind, name)) for name in self.components]
        known = [at for at in done if at]
        return min(known) if known and len(known) == len(done) else None


@dataclass(frozen=True)
class Scheduled:
    """A task that is to be done this often."""

    task: Task
    every: timedelta


@dataclass(frozen=True)
class Turn:
    """The opening that it is now, as seen from now: how long it is open, and how long it will be.

    Work of last week's window began some minutes into it. For it not to be left out this week, or
    come later every week, it is due as soon as `every` would be over before the opening is. What
    was done in this very opening waits in full.
    """

    since: timedelta = timedelta(0)
    left: timedelta = timedelta(0)

    def is_over(self, age: timedelta, every: timedelta) -> bool:
        """Whether what was done so long ago is to be done again."""
        soon = age > self.since and age + self.left > every
        return age >= every or (soon and age >= EARLIEST * every)


NO_TURN = Turn()


def turn_in(opening: Opening | None, now: datetime) -> Turn:
    """As seen from now; outside of every opening nothing is due early."""
    return Turn(now - opening.start, opening.end - now) if opening else NO_TURN


@dataclass(frozen=True)
class Due:
    """A host to be restarted, and why; `age` is since when its unit runs, in seconds."""

    component: str
    host: str
    why: Message
    age: float


def due_restarts(
    rules: Sequence[RestartRule],
    worn: Iterable[Wear],
    lately: Collection[Place] = (),
    turn: Turn = NO_TURN,
) -> tuple[Due, ...]:
    """Every host that is due, once, those whose unit has run longest first: they waited longest.

    A unit that does not run is not due: it is not ours to bring up at night. Nor is one that was
    restarted `lately` for what that restart has not ended; see in_vain.
    """
    found: dict[Place, Due] = {}
    for wear in worn:
        place = (wear.component, wear.host)
        own = [rule for rule in rules if place not in lately or rule.when not in PERSISTING]
        for why, age in _reasons(own, wear, turn):
            found.setdefault(place, Due(*place, why, age))
    return tuple(sorted(found.values(), key=lambda due: -due.age))


def in_vain(
    rules: Iterable[RestartRule], worn: Iterable[Wear], lately: Collection[Place]
) -> Iterator[Message]:
    """A sentence for each condition that a restart of ours has not ended, though it should have."""
    lasting = [rule for rule in rules if rule.when in PERSISTING]
    for wear in worn:
        if (wear.component, wear.host) in lately:
            for why, _ in _reasons(lasting, wear, NO_TURN):
                args = {"why": why, "hours": round(REST.total_seconds() / 3600)}
                text = (
                    "%(why)s, although it was restarted less than %(hours)s h ago: "
                    "the restart did not help"
                )
                yield Message(text, args)


def restarted_lately(runs: Iterable[State], now: datetime) -> frozenset[Place]:
    """The hosts, with their components, that these runs stopped within REST of now.

    A time that lies ahead, because a clock was set, is as far away as one that lies back.
    """
    return frozenset(
        (item.step.component, host)
        for state in runs
        for item in state.steps.values()
        if item.step.verb is Verb.STOP and item.status in ENDED and not state.plan.check
        if item.finished_at and abs(now - item.finished_at) < REST
        for host in item.targets
    )


def due_tests(
    tests: Iterable[Scheduled], last: Last, now: datetime, turn: Turn = NO_TURN
) -> tuple[Task, ...]:
    """What is due, those that waited longest first; a load comes last, as it counts as customers.

    Of components that are tested together the one that waited longest counts.
    """
    oldest = datetime.min.replace(tzinfo=now.tzinfo)
    waited = {item.task: item.task.last_done(last) or oldest for item in tests}
    due = [item.task for item in tests if turn.is_over(now - waited[item.task], item.every)]
    due.sort(key=lambda task: (task.kind != FUNCTIONAL, waited[task]))
    return tuple(dict.fromkeys(due))


def forecast_tests(
    tests: Sequence[Scheduled], last: Last, openings: Iterable[Opening]
) -> Iterator[tuple[Task, ...]]:
    """Which tests will be due in each opening, if they are done in the first that comes."""
    done = dict(last)
    for opening in openings:
        due = due_tests(tests, done, opening.end)
        done.update({(task.kind, name): opening.start for task in due for name in task.components})
        yield due


def forecast(
    rules: Sequence[RestartRule],
    worn: Sequence[Wear],
    openings: Sequence[Opening],
    now: datetime,
    lately: Collection[Place] = (),
) -> tuple[tuple[Opening, tuple[str, ...]], ...]:
    """Which hosts will be due in each opening, if they are restarted in the first that comes."""
    waiting = {(due.component, due.host) for due in due_restarts(rules, worn, lately)}
    started = {
        (wear.component, wear.host): now - timedelta(seconds=age)
        for wear in worn
        if (age := wear.number("age")) is not None
    }
    foretold = []
    for opening in openings:
        due = {
            place
            for place, since in started.items()
            for rule in rules
            if rule.component == place[0] and rule.every and opening.end - since >= span(rule.every)
        } | waiting
        started.update(dict.fromkeys(due, opening.start))
        waiting = set()
        foretold.append((opening, tuple(sorted(host for _, host in due))))
    return tuple(foretold)


def last_tests(runs: Iterable[State]) -> Last:
    """When what was last done to each component, passed or not, from runs newest first.

    Whoever did it: what counts is what was begun on hosts, whatever the run was called.
    """
    last: dict[tuple[str, str], datetime] = {}
    for kind, item, at in _done(runs):
        last.setdefault((kind, item.step.component), at)
    return last


def last_drills(runs: Iterable[State]) -> Mapping[tuple[str, str], datetime]:
    """When a drill last stopped each host, by component and host, from runs newest first."""
    last: dict[tuple[str, str], datetime] = {}
    for kind, item, at in _done(runs):
        if kind == DRILL:
            for host in item.targets:
                last.setdefault((item.step.component, host), at)
    return last


def _done(runs: Iterable[State]) -> Iterator[tuple[str, StepState, datetime]]:
    """What kind of test was done, with the step that was the heart of it, and when it ended."""
    for state in runs:
        drills = any(step.verb is Verb.FLOW for step in state.plan.steps.values())
        for item in state.steps.values():
            kind = _kind_of(item.step, drills=drills)
            done = item.targets and item.status in ENDED and not state.plan.check
            if kind and done and item.finished_at:
                yield kind, item, item.finished_at


def _kind_of(step: Step, *, drills: bool) -> str:
    """What kind of test a step is the heart of; a drill has a load too, but it measures nothing."""
    if step.verb in {Verb.TEST, Verb.THROUGH}:
        return FUNCTIONAL
    if step.verb is Verb.REHEARSE and not drills:
        return REHEARSAL
    return DRILL if step.verb is Verb.STOP and drills else ""


def _reasons(
    rules: Iterable[RestartRule], wear: Wear, turn: Turn
) -> Iterator[tuple[Message, float]]:
    """Why a unit that runs is due, with its age in seconds."""
    age = wear.number("age")
    if wear.shown.get("active") != "active" or age is None:
        return
    for rule in rules:
        why = _reason(rule, wear, age, turn) if rule.component == wear.component else None
        if why:
            yield why, age


def _reason(rule: RestartRule, wear: Wear, age: float, turn: Turn) -> Message | None:
    host = {"host": wear.host}
    match rule.when:
        case None:
            return _too_old(rule, host, age, turn)
        case "memory_over":
            return _too_large(rule, wear, host)
        case "memory_growing":
            return _grows(rule, wear, host, age)
        case "reboot_required":
            flagged = wear.number("reboot_required")
            since = flagged is not None and flagged < age
            return (
                Message("%(host)s asks for a reboot since after it started", host)
                if since
                else None
            )
        case "libraries_deleted":
            old = wear.shown.get("libraries_deleted", NO) == "yes"
            return Message("%(host)s runs with libraries that were replaced", host) if old else None
        case "configuration_newer":
            changed = wear.number("configuration")
            newer = changed is not None and changed < age
            return Message("%(host)s is older than its configuration", host) if newer else None


def _too_old(rule: RestartRule, host: dict[str, str], age: float, turn: Turn) -> Message | None:
    if not rule.every or not turn.is_over(timedelta(seconds=age), span(rule.every)):
        return None
    args = {**host, "days": f"{age / 86_400:.1f}", "every": rule.every}
    return Message("%(host)s has run for %(days)s days, and is restarted every %(every)s", args)


def _too_large(rule: RestartRule, wear: Wear, host: dict[str, str]) -> Message | None:
    memory, limit = wear.number("memory"), wear.number("memory_limit")
    if not memory or not limit or not rule.above:
        return None
    percent = 100 * memory / limit
    if percent <= _percent(rule.above):
        return None
    args = {**host, "percent": round(percent), "above": rule.above}
    return Message("%(host)s uses %(percent)s %% of its memory, above %(above)s", args)


def _grows(rule: RestartRule, wear: Wear, host: dict[str, str], age: float) -> Message | None:
    """A unit that is younger than the period was started in it, and the start is no growth."""
    if not (rule.growing_for and rule.above):
        return None
    period = span(rule.growing_for).total_seconds()
    grown = steady_growth(wear.memories, period) if age >= period else None
    if grown is None or 100 * grown < _percent(rule.above):
        return None
    args = {**host, "percent": round(100 * grown), "period": rule.growing_for}
    text = "%(host)s uses %(percent)s %% more memory than %(period)s ago, and it grew all the time"
    return Message(text, args)


def _percent(share: str) -> int:
    return int(share.removesuffix("%"))
