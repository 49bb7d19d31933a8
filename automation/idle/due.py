"""What is due: restarts by what the hosts show, tests by what the journals say. Pure.

What a host does not show is unknown, and nothing is due because of it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from automation.idle.growth import steady_growth
from automation.run.events import Message
from automation.run.plan import Verb
from automation.run.state import ENDED, State
from automation.venue.calendar import Opening
from automation.venue.fields import span
from automation.venue.unattended import RestartRule, ScheduledTest

NO = "no"


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
class Due:
    """A host to be restarted, and why; `age` is since when its unit runs, in seconds."""

    component: str
    host: str
    why: Message
    age: float


def due_restarts(rules: Sequence[RestartRule], worn: Iterable[Wear]) -> tuple[Due, ...]:
    """Every host that is due, once, those whose unit has run longest first: they waited longest.

    A unit that does not run is not due: it is not ours to bring up at night.
    """
    found: dict[tuple[str, str], Due] = {}
    for wear in worn:
        age = wear.number("age")
        if wear.shown.get("active") == "active" and age is not None:
            for why in _reasons(rules, wear, age):
                due = Due(wear.component, wear.host, why, age)
                found.setdefault((wear.component, wear.host), due)
    return tuple(sorted(found.values(), key=lambda due: -due.age))


def due_tests(
    tests: Sequence[ScheduledTest], last: Mapping[str, datetime], now: datetime
) -> tuple[str, ...]:
    """The components whose tests are due, those that waited longest first."""
    due = [item for item in tests if _is_over(item, last, now)]
    oldest = datetime.min.replace(tzinfo=now.tzinfo)
    due.sort(key=lambda item: last.get(item.component, oldest))
    return tuple(dict.fromkeys(item.component for item in due))


def forecast(
    rules: Sequence[RestartRule],
    worn: Sequence[Wear],
    openings: Sequence[Opening],
    now: datetime,
) -> tuple[tuple[Opening, tuple[str, ...]], ...]:
    """Which hosts will be due in each opening, if they are restarted in the first that comes."""
    waiting = {(due.component, due.host) for due in due_restarts(rules, worn)}
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
            if rule.component == place[0]
            and rule.every
            and opening.start - since >= span(rule.every)
        } | waiting
        started.update(dict.fromkeys(due, opening.start))
        waiting = set()
        foretold.append((opening, tuple(sorted(host for _, host in due))))
    return tuple(foretold)


def last_tests(runs: Iterable[State]) -> dict[str, datetime]:
    """When each component's tests were last done, passed or not, from runs newest first."""
    last: dict[str, datetime] = {}
    for state in runs:
        for item in state.steps.values():
            done = item.step.verb is Verb.TEST and item.targets and item.status in ENDED
            if done and item.finished_at and not state.plan.check:
                last.setdefault(item.step.component, item.finished_at)
    return last


def _is_over(test: ScheduledTest, last: Mapping[str, datetime], now: datetime) -> bool:
    done = last.get(test.component)
    return done is None or now - done >= span(test.every)


def _reasons(rules: Sequence[RestartRule], wear: Wear, age: float) -> Iterator[Message]:
    for rule in rules:
        why = _reason(rule, wear, age) if rule.component == wear.component else None
        if why:
            yield why


def _reason(rule: RestartRule, wear: Wear, age: float) -> Message | None:
    host = {"host": wear.host}
    match rule.when:
        case None:
            return _too_old(rule, host, age)
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


def _too_old(rule: RestartRule, host: dict[str, str], age: float) -> Message | None:
    if not rule.every or age < span(rule.every).total_seconds():
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
