"""Whether customers leave us alone: each signal quiet for its whole period, no alert. Pure.

What is not known, or is odd in any way, is not quiet.
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from automation.run.events import Check, Message
from automation.venue.document import quoted
from automation.venue.fields import span
from automation.venue.unattended import LONGEST_QUIET, Prometheus, Signal

ALERTS = "no alert fires"
OWN = "RacedayIdle"  # so begin our alerts about idle time; they must not keep it from catching up
LOOK_GAP = 1200.0  # seconds between two looks that leave no hole: twice the timer's longest every
KEPT = LONGEST_QUIET.total_seconds() + LOOK_GAP  # for which a look is remembered
CLOCK_SET = 5.0  # seconds by which the clock on the wall may have moved by itself


@dataclass(frozen=True)
class Reading:
    """What is known of a signal: values by their age in seconds, the oldest first.

    Between two values `max_gap` seconds are no hole, and the newest may be `max_age` old. `behind`
    are the ages of the samples that they were computed from, of each series, the oldest first: of
    these `max_age` holds for all, so that at no time of the period a value was older. A `problem`
    says why nothing is known at all.
    """

    values: tuple[tuple[float, float], ...] = ()
    max_gap: float = 0.0
    max_age: float = 0.0
    behind: tuple[tuple[float, ...], ...] = ()
    problem: Message | None = None


@dataclass(frozen=True)
class Rule:
    """An alert rule: evaluated `age` s ago, every `interval` s; `error` says why it failed."""

    name: str
    age: float
    interval: float
    error: str = ""


@dataclass(frozen=True)
class Alerts:
    """The alerts that there are, by name and state, unless a `problem` keeps us from knowing.

    `rules` are those from which they come.
    """

    found: tuple[tuple[str, str], ...] = ()
    rules: tuple[Rule, ...] = ()
    problem: Message | None = None


def judge_signal(signal: Signal, reading: Reading) -> Check:
    """The signal as a check; it passes when it was quiet for its whole period."""
    why = reading.problem or next(_doubts(signal, reading), None)
    newest = f"{reading.values[-1][1]:g}" if reading.values else "unknown"
    expected = f"{_limit(signal)} for {signal.quiet_for}"
    return Check(signal.name, expected, newest, passed=why is None, why=why)


def quiet_in(signal: Signal, reading: Reading) -> timedelta:
    """How long it takes at least until it can have been quiet for its whole period.

    What was seen stays so: since when it is known, and when it was last not quiet.
    """
    if reading.problem or not reading.values:
        return timedelta()
    known = (reading.values[0][0], *(ages[0] for ages in reading.behind))
    busy = (age for age, value in reading.values if not is_within(signal, value))
    return max(span(signal.quiet_for) - timedelta(seconds=min((*known, *busy))), timedelta())


def judge_alerts(settings: Prometheus, alerts: Alerts) -> Check:
    """No alert fires but our own about idle time and those whose name matches the filter.

    A pending one may count too. Whether one fires whose rule is not evaluated is not known.
    """
    names = tuple(dict.fromkeys(_blocking(settings, alerts)))
    unknown = alerts.problem or next(_unevaluated(settings, alerts.rules), None)
    active = Message("the alert %(alert)s is active", {"alert": ", ".join(names)})
    why = alerts.problem or (active if names else unknown)
    observed = ", ".join(names) or ("unknown" if unknown else "none")
    return Check(ALERTS, "none", observed, passed=why is None, why=why)


@dataclass(frozen=True)
class Moment:
    """What time it is: by the clock on the wall, and in seconds since this boot."""

    wall: datetime
    uptime: float
    boot: str


@dataclass(frozen=True)
class Look:
    """One value of a signal, and when it was seen."""

    signal: str
    at: Moment
    value: float


def reading_of(signal: Signal, looks: Iterable[Look], now: Moment) -> Reading:
    """What earlier looks tell of a signal; those from before the clock was set tell nothing."""
    values = (
        (_age(look, now), look.value)
        for look in looks
        if look.signal == signal.name and is_comparable(look.at, now)
    )
    return Reading(tuple(sorted(values, reverse=True)), LOOK_GAP, LOOK_GAP)


def recent_looks(looks: Iterable[Look], now: Moment) -> tuple[Look, ...]:
    """Those of this boot that may still count, by a clock that nobody sets."""
    return tuple(look for look in looks if look.at.boot == now.boot and 0 <= _age(look, now) < KEPT)


def is_comparable(then: Moment, now: Moment) -> bool:
    """Whether it is known how long ago that was: of the same boot, and the clock was not set."""
    by_wall = (now.wall - then.wall).total_seconds()
    return then.boot == now.boot and abs(by_wall - (now.uptime - then.uptime)) <= CLOCK_SET


def _age(look: Look, now: Moment) -> float:
    return now.uptime - look.at.uptime


def is_within(signal: Signal, value: float) -> bool:
    """Whether this value is on the quiet side of the limit; what is no number is not."""
    if not math.isfinite(value):
        return False
    return value < signal.below if signal.below is not None else value > (signal.above or 0.0)


def _doubts(signal: Signal, reading: Reading) -> Iterator[Message]:
    """Everything that keeps it from being quiet, what is nearest first."""
    args: dict[str, object] = {
        "signal": signal.name,
        "limit": _limit(signal),
        "period": signal.quiet_for,
    }
    if not reading.values:
        yield Message("nothing is known of the signal '%(signal)s'", args)
        return
    known = (*reading.behind, tuple(age for age, _ in reading.values))
    gaps = (*[reading.max_age] * len(reading.behind), reading.max_gap)
    for ages in known:
        yield from _stale(ages, reading.max_age, args)
    period = span(signal.quiet_for).total_seconds()
    for age, value in reversed(_recent(reading.values, period)):
        if not is_within(signal, value):
            args |= {"value": f"{value:g}", "age": _shown(age)}
            yield Message(
                "the signal '%(signal)s' was %(value)s %(age)s ago; it must be %(limit)s for "
                "%(period)s",
                args,
            )
    for ages, gap in zip(known, gaps, strict=True):
        yield from _holes(ages, gap, period, args)


def _stale(ages: Sequence[float], max_age: float, args: dict[str, object]) -> Iterator[Message]:
    if not -1.0 <= ages[-1] <= max_age:
        args["age"] = _shown(ages[-1])
        yield Message("the newest value of the signal '%(signal)s' is %(age)s old", args)


def _holes(
    ages: Sequence[float], max_gap: float, period: float, args: dict[str, object]
) -> Iterator[Message]:
    if ages[0] < period:
        args["known"] = _shown(ages[0])
        yield Message(
            "the signal '%(signal)s' is known for %(known)s only; it must be %(limit)s for "
            "%(period)s",
            args,
        )
    recent = _recent([(age, 0.0) for age in ages], period)
    for (older, _), (newer, _) in pairwise(recent):
        if older - newer > max_gap or older < newer:
            args |= {"older": _shown(older), "newer": _shown(newer)}
            yield Message(
                "nothing is known of the signal '%(signal)s' from %(older)s to %(newer)s ago", args
            )


def _recent(values: Sequence[tuple[float, float]], period: float) -> Sequence[tuple[float, float]]:
    """The values of the period, and the last one before it."""
    before = sum(age >= period for age, _ in values)
    return values[max(before - 1, 0) :]


def _blocking(settings: Prometheus, alerts: Alerts) -> Iterator[str]:
    states = {"firing"} if settings.alert_firing_only else {"firing", "pending"}
    for name, state in alerts.found:
        if state in states and _counts(settings, name):
            yield name


def _unevaluated(settings: Prometheus, rules: Iterable[Rule]) -> Iterator[Message]:
    """A sentence for each rule that says nothing of now."""
    max_age = span(settings.max_age).total_seconds()
    for rule in rules:
        args = {"rule": rule.name, "why": quoted(rule.error), "age": _shown(rule.age)}
        if not _counts(settings, rule.name):
            continue
        if rule.error:
            yield Message("the alert rule %(rule)s cannot be evaluated: %(why)s", args)
        elif not -CLOCK_SET <= rule.age <= rule.interval + max_age:
            yield Message("the alert rule %(rule)s was last evaluated %(age)s ago", args)


def _counts(settings: Prometheus, name: str) -> bool:
    """Whether an alert of this name keeps everything from being done."""
    ignored = settings.alert_filter_regexp
    return not name.startswith(OWN) and not (ignored and re.search(ignored, name))


def _limit(signal: Signal) -> str:
    return f"< {signal.below:g}" if signal.below is not None else f"> {signal.above:g}"


def _shown(seconds: float) -> str:
    """Hours, minutes and seconds, such as 0:15:00 or 36:00:00."""
    minutes, rest = divmod(round(abs(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{'-' if seconds < 0 else ''}{hours}:{minutes:02}:{rest:02}"
