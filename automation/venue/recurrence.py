"""Which recurring events of an .ics file are trusted: those whose rule can mean one thing only.

A list of what is allowed. What RFC 5545 forbids, leaves undefined, or what race days do not need
is refused: a reader would guess, or count through it for ever.
"""

import calendar
import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import icalendar

from automation.run.events import Message

FOLDED = re.compile(r"\r?\n[ \t]")
RULE = re.compile(r"^RRULE[;:].*(?:\n[ \t].*)*", re.IGNORECASE | re.MULTILINE)
ONCE = frozenset({"FREQ", "UNTIL", "COUNT", "INTERVAL", "WKST"})
PARTS = ONCE | {"BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS"}
RANGES = {
    "COUNT": range(1, 10_000),
    "INTERVAL": range(1, 1000),
    "BYMONTH": range(1, 13),
    "BYMONTHDAY": range(-31, 32),
    "BYSETPOS": range(-366, 367),
}
FREQUENCIES = frozenset({"DAILY", "WEEKLY", "MONTHLY", "YEARLY"})
LONG = frozenset({"MONTHLY", "YEARLY"})  # periods in which days can be numbered
RECURS = ("RRULE", "RDATE", "EXDATE")
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
WEEKS = 53  # that a year may touch
YEARS = range(1970, 2200)  # of what recurs: it is counted through from its first day


def kind(moment: dt.date) -> tuple[bool, bool]:
    """Whether it is a time, not a day, and whether it has a time zone."""
    return (isinstance(moment, dt.datetime), bool(getattr(moment, "tzinfo", None)))


def values(event: icalendar.Event, key: str) -> list[Any]:
    """What an event says under this name, which may stand in it more than once."""
    found = event.get(key, [])
    return found if isinstance(found, list) else [found]


def mistyped_rule(text: str) -> tuple[int, str] | None:
    """The first rule that has a part twice or without a value, and its line; readers skip those."""
    for found in RULE.finditer(text):
        _, _, rule = FOLDED.sub("", found[0]).strip().partition(":")
        parts = [part.partition("=") for part in rule.split(";")]
        names = {name.upper() for name, _, _ in parts}
        if len(names) < len(parts) or not all(name and value for name, _, value in parts):
            return text.count("\n", 0, found.start()) + 1, f"RRULE:{rule}"
    return None


def recurrence_mistakes(event: icalendar.Event) -> Iterator[Message]:
    """Why an event's recurrence is not trusted. It has a DTSTART that can be read."""
    start: dt.date = values(event, "DTSTART")[0].dt
    if len(values(event, "RECURRENCE-ID")) > 1:
        yield Message("it has more than one RECURRENCE-ID")
    if any(key in event for key in RECURS):
        if start.year not in YEARS:
            text = "it recurs from a day that is not in the years %(first)s to %(last)s"
            yield Message(text, {"first": YEARS[0], "last": YEARS[-1]})
        if "RECURRENCE-ID" in event:
            yield Message("it stands for one occurrence (RECURRENCE-ID) and recurs itself")
    for key in ("RDATE", "EXDATE"):
        listed = [item.dt for value in values(event, key) for item in value.dts]
        if any(isinstance(day, tuple) or kind(day) != kind(start) for day in listed):
            yield Message("%(key)s is of another type than DTSTART", {"key": key})
    rules = values(event, "RRULE")
    if len(rules) > 1:
        yield Message("it has more than one RRULE")
    for rule in rules:
        yield from _rule_mistakes(rule, start)


def moved_mistakes(event: icalendar.Event, series: Mapping[str, dt.date]) -> Iterator[Message]:
    """Why it is not trusted which occurrence an event stands for; `series`: DTSTART by UID."""
    for item in values(event, "RECURRENCE-ID"):
        first = series.get(str(event.get("UID", "")))
        if first is not None and kind(first) != kind(item.dt):
            yield Message("RECURRENCE-ID is of another type than the DTSTART of its series")
        if item.params.get("RANGE", "THISANDFUTURE").upper() != "THISANDFUTURE":
            yield Message("the RANGE of its RECURRENCE-ID is not THISANDFUTURE")


def _rule_mistakes(rule: Mapping[str, Sequence[Any]], start: dt.date) -> Iterator[Message]:
    """Each may rely on those before it not to be there."""
    for name in rule:
        if name.upper() not in PARTS:
            part = {"part": name.upper()}
            yield Message("its RRULE has the part %(part)s, which is not trusted", part)
    for name in sorted(ONCE & set(rule)):
        if len(rule[name]) != 1:
            yield Message("its RRULE has more than one %(part)s", {"part": name})
    frequency = str(next(iter(rule.get("FREQ", ())), "none"))
    if frequency not in FREQUENCIES:
        text = "it recurs by FREQ %(frequency)s, which is not DAILY, WEEKLY, MONTHLY or YEARLY"
        yield Message(text, {"frequency": frequency})
    for name, allowed in RANGES.items():
        if any(int(value) not in allowed or not int(value) for value in rule.get(name, ())):
            yield Message("%(part)s of its RRULE makes no sense", {"part": name})
    yield from _end_mistakes(rule, start)
    yield from _days_mistakes(rule, frequency)
    if not _is_first(rule, frequency, start):
        yield Message("DTSTART is no day of its RRULE")


def _end_mistakes(rule: Mapping[str, Sequence[Any]], start: dt.date) -> Iterator[Message]:
    if "COUNT" in rule and "UNTIL" in rule:
        yield Message("its RRULE has both COUNT and UNTIL")
    for until in rule.get("UNTIL", ()):
        if kind(until) != kind(start):
            yield Message("UNTIL of its RRULE is of another type than DTSTART")
        elif until < start:
            yield Message("UNTIL of its RRULE is before DTSTART")


def _days_mistakes(rule: Mapping[str, Sequence[Any]], frequency: str) -> Iterator[Message]:
    if any(day.relative is not None for day in rule.get("WKST", ())):
        yield Message("WKST of its RRULE is no day of the week")
    numbers = [day.relative for day in rule.get("BYDAY", ()) if day[:-2]]
    if any(not number or abs(number) > WEEKS for number in numbers):
        yield Message("%(part)s of its RRULE makes no sense", {"part": "BYDAY"})
    if numbers and frequency not in LONG:
        yield Message("its RRULE numbers days of the week, and is not MONTHLY or YEARLY")
    if "BYMONTHDAY" in rule and frequency == "WEEKLY":
        yield Message("its RRULE has BYMONTHDAY, and is WEEKLY")
    if "BYSETPOS" in rule and not (frequency in LONG and {"BYDAY", "BYMONTHDAY"} & set(rule)):
        yield Message(
            "its RRULE has BYSETPOS, which is trusted in months and years of named days only"
        )


def _is_first(rule: Mapping[str, Sequence[Any]], frequency: str, start: dt.date) -> bool:
    """Whether DTSTART is an occurrence of the rule; what else is counted is undefined.

    So a rule that never matches anything is none that is counted through.
    """
    day = dt.date(start.year, start.month, start.day)
    if not _matches(rule, frequency, day):
        return False
    if "BYSETPOS" not in rule:
        return True
    period = [other for other in _period(frequency, day) if _matches(rule, frequency, other)]
    place = period.index(day)
    return bool({place + 1, place - len(period)} & {int(value) for value in rule["BYSETPOS"]})


def _matches(rule: Mapping[str, Sequence[Any]], frequency: str, day: dt.date) -> bool:
    length = calendar.monthrange(day.year, day.month)[1]
    month_days = {int(value) for value in rule.get("BYMONTHDAY", ())}
    in_month = not month_days or bool({day.day, day.day - length - 1} & month_days)
    in_year = "BYMONTH" not in rule or day.month in {int(value) for value in rule["BYMONTH"]}
    by_month = frequency == "MONTHLY" or "BYMONTH" in rule
    in_week = "BYDAY" not in rule or any(
        _is_day(named, day, by_month=by_month) for named in rule["BYDAY"]
    )
    return in_month and in_year and in_week


def _is_day(named: Any, day: dt.date, *, by_month: bool) -> bool:
    """Whether it is this day of the week; by its number in the month or the year if it has one."""
    if DAYS[day.weekday()] != named.weekday.upper() or named.relative is None:
        return bool(DAYS[day.weekday()] == named.weekday.upper())
    period = _period("MONTHLY" if by_month else "YEARLY", day)
    place = (day - period[0]).days // 7 + 1
    from_end = -((period[-1] - day).days // 7 + 1)
    return named.relative in {place, from_end}


def _period(frequency: str, day: dt.date) -> Sequence[dt.date]:
    """All days of its month or year."""
    months = (day.month, day.month) if frequency == "MONTHLY" else (1, 12)
    last = dt.date(day.year, months[1], calendar.monthrange(day.year, months[1])[1])
    first = dt.date(day.year, months[0], 1)
    return [first + dt.timedelta(days=count) for count in range((last - first).days + 1)]
