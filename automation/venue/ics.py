"""What is in an .ics file, read with doubt.

What a reader of such files would guess is refused: a race day that is read wrongly, or not at all,
would be a day without races.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import icalendar
import recurring_ical_events
from recurring_ical_events import CalendarQuery

from automation.run.events import Message
from automation.venue.document import printable, quoted
from automation.venue.events import DAY, Doubt, name_of
from automation.venue.recurrence import (
    kind,
    mistyped_rule,
    moved_mistakes,
    recurrence_mistakes,
    values,
)

TIMES = ("DTSTART", "DTEND", "RECURRENCE-ID", "EXDATE", "RDATE")


def read_events(text: str) -> CalendarQuery:
    """An .ics file. Raises Doubt when it has no events, or one makes no sense, else ValueError.

    RFC 5545 knows no empty calendar; it is what a failed export looks like.
    """
    _check_frame(text)
    calendar = icalendar.Calendar.from_ical(text)
    events = calendar.walk("VEVENT")
    if not events:
        raise Doubt("it has no events; a venue without any needs no calendar")
    if found := mistyped_rule(text):
        line, rule = found
        text = "line %(line)s, %(rule)s: a part is there twice or has no value"
        raise Doubt(text, line=line, rule=printable(rule))
    _check(events, _lines(text))
    return recurring_ical_events.of(calendar)


@lru_cache(maxsize=64)
def between(query: CalendarQuery, first: dt.date, last: dt.date) -> tuple[icalendar.Event, ...]:
    bounds = (dt.datetime.combine(day, dt.time(), dt.UTC) for day in (first - DAY, last + 2 * DAY))
    return tuple(query.between(*bounds))


def _check_frame(text: str) -> None:
    """Raises Doubt unless it is one whole calendar from its first line to its last."""
    whole = text.removeprefix("\ufeff").replace("\r", "\n").split("\n")
    lines = [line.rstrip().upper() for line in whole if line.strip()]
    if not lines:
        raise Doubt("it is empty")
    if lines[0] != "BEGIN:VCALENDAR":
        raise Doubt("it is no VCALENDAR: its first line is not BEGIN:VCALENDAR")
    if lines[-1] != "END:VCALENDAR":
        raise Doubt("its last line is not END:VCALENDAR, so a part is missing; export it again")
    if lines.count("BEGIN:VCALENDAR") > 1:
        raise Doubt("it holds more than one VCALENDAR; put each into a file of its own")
    if lines.count("BEGIN:VEVENT") != lines.count("END:VEVENT"):
        raise Doubt("it has not as many END:VEVENT as BEGIN:VEVENT; export it again")


def _lines(text: str) -> list[int]:
    """On which line each event begins; a line that goes on with a blank is no line of its own."""
    lines = enumerate(text.split("\n"), 1)
    return [number for number, line in lines if line.rstrip().upper() == "BEGIN:VEVENT"]


def _check(events: list[Any], lines: list[int]) -> None:
    """Raises Doubt for the first event that cannot be meant as it stands."""
    seen: set[tuple[str, dt.date | None]] = set()
    _believe(events, lines, lambda event: next(_mistakes(event), None) or _twice(event, seen))
    series = {
        str(event["UID"]): event["DTSTART"].dt
        for event in events
        if "UID" in event and "RECURRENCE-ID" not in event
    }
    _believe(events, lines, lambda event: next(moved_mistakes(event, series), None))


def _believe(
    events: list[Any], lines: list[int], ask: Callable[[icalendar.Event], Message | None]
) -> None:
    """Raises Doubt with the first answer, and whose it is."""
    for event, line in zip(events, lines, strict=True):
        if why := ask(event):
            raise Doubt("line %(line)s, %(what)s: %(why)s", line=line, what=name_of(event), why=why)


def _twice(event: icalendar.Event, seen: set[tuple[str, dt.date | None]]) -> Message | None:
    """Of two events with one identity only one would be counted."""
    if "UID" not in event:
        return None
    recurrence = event.get("RECURRENCE-ID")
    key = (str(event["UID"]), recurrence.dt if recurrence else None)
    if key in seen:
        return Message("another event has its UID %(uid)s", {"uid": printable(key[0])})
    seen.add(key)
    return None


def _mistakes(event: icalendar.Event) -> Iterator[Message]:
    """What is wrong with an event; where there is something, the next may be nonsense."""
    if event.errors:
        name, said = event.errors[0]
        args = {"name": printable(name or ""), "why": quoted(str(said))}
        text = "its %(name)s cannot be read: %(why)s" if name else "it cannot be read: %(why)s"
        yield Message(text, args)
    start, end, length = (event.get(key) for key in ("DTSTART", "DTEND", "DURATION"))
    if start is None:
        yield Message("it has no DTSTART")
    if any(isinstance(value, list) for value in (start, end, length)):
        yield Message("it has more than one DTSTART, DTEND or DURATION")
    if end is not None and length is not None:
        yield Message("it has both DTEND and DURATION")
    for name, moment in (("DTSTART", start), ("DTEND", end)):
        if moment is not None and not _is_countable(moment.dt):
            args = {"name": name}
            yield Message("its %(name)s is no day, or one that cannot be counted to", args)
    for zone in _unknown_zones(event):
        yield Message("nobody knows the time zone %(zone)s", {"zone": printable(zone)})
    yield from recurrence_mistakes(event)
    if end is not None and kind(start.dt) != kind(end.dt):
        yield Message(
            "DTSTART and DTEND are not both days, both times or both times with a time zone"
        )
    if (end is not None and end.dt < start.dt) or (length is not None and length.dt < 0 * DAY):
        yield Message("it ends before it starts")


def _is_countable(moment: object) -> bool:
    """A time without a day is not, nor is the last year there is: what follows it is nowhere."""
    return isinstance(moment, dt.date) and moment.year < dt.MAXYEAR


def _unknown_zones(event: icalendar.Event) -> Iterator[str]:
    """Names of time zones that a time was given with and could not be read in."""
    for value in (value for key in TIMES for value in values(event, key)):
        zone = value.params.get("TZID")
        moments = [item.dt for item in getattr(value, "dts", (value,))]
        first = [moment[0] if isinstance(moment, tuple) else moment for moment in moments]
        if zone and not all(getattr(moment, "tzinfo", None) for moment in first):
            yield str(zone)
