"""The .ics files of a venue: read when they are first asked, and believed as a whole or not at all.

What a reader of such files would guess is refused: a race day that is read wrongly, or not at all,
would be a day without races.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import icalendar
import recurring_ical_events
from recurring_ical_events import CalendarQuery

from automation.venue.document import printable
from automation.venue.recurrence import (
    kind,
    mistyped_rule,
    moved_mistakes,
    recurrence_mistakes,
    values,
)

DAY = dt.timedelta(days=1)
TIMES = ("DTSTART", "DTEND", "RECURRENCE-ID", "EXDATE", "RDATE")
WHY_LENGTH = 200  # letters that a reason may have


@dataclass(frozen=True)
class Events:
    """The events of a file; `read` gives its text, and is called when they are first wanted."""

    name: str
    read: Callable[[], str]

    def between(self, start: dt.datetime, end: dt.datetime) -> tuple[icalendar.Event, ...]:
        """What may touch these days, as it recurs. Raises ValueError: what to say after the name.

        Whole days are asked for, so that who asks again within the same ones gets what is known.
        """
        return self._believed(lambda: _between(self._query, start.date() - DAY, end.date() + DAY))

    def check(self) -> None:
        """Raises ValueError, as above, when the file cannot be trusted."""
        self._believed(lambda: self._query)

    @cached_property
    def _query(self) -> CalendarQuery:
        return read_events(self.read())

    def _believed[T](self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except OSError as error:
            why = f"cannot be read: {error.strerror}; it is looked for beside the inventory"
            raise ValueError(why) from error
        except Exception as error:  # whatever a reader stumbles over is doubt
            why = printable(str(error).strip().rstrip("."), WHY_LENGTH)
            raise ValueError(f"is no calendar that can be trusted: {why}") from error


def read_events(text: str) -> CalendarQuery:
    """An .ics file. Raises ValueError when it is none, has no events, or one makes no sense.

    RFC 5545 knows no empty calendar; it is what a failed export looks like.
    """
    if not text.strip():
        raise ValueError("it is empty")
    calendar = icalendar.Calendar.from_ical(text)
    if calendar.name != "VCALENDAR":
        raise ValueError("it is no VCALENDAR")
    events = calendar.walk("VEVENT")
    if not events:
        raise ValueError("it has no events; a venue without any needs no calendar")
    if why := mistyped_rule(text):
        raise ValueError(why)
    _check(events, _lines(text))
    return recurring_ical_events.of(calendar)


@lru_cache(maxsize=64)
def _between(query: CalendarQuery, first: dt.date, last: dt.date) -> tuple[icalendar.Event, ...]:
    bounds = (dt.datetime.combine(day, dt.time(), dt.UTC) for day in (first - DAY, last + 2 * DAY))
    return tuple(query.between(*bounds))


def _lines(text: str) -> list[int]:
    """On which line each event begins; a line that goes on with a blank is no line of its own."""
    lines = enumerate(text.split("\n"), 1)
    return [number for number, line in lines if line.rstrip().upper() == "BEGIN:VEVENT"]


def _check(events: list[Any], lines: list[int]) -> None:
    """Raises ValueError for the first event that cannot be meant as it stands."""
    seen: set[tuple[str, dt.date | None]] = set()
    _believe(events, lines, lambda event: next(_mistakes(event), "") or _twice(event, seen))
    series = {
        str(event["UID"]): event["DTSTART"].dt
        for event in events
        if "UID" in event and "RECURRENCE-ID" not in event
    }
    _believe(events, lines, lambda event: next(moved_mistakes(event, series), ""))


def _believe(events: list[Any], lines: list[int], ask: Callable[[icalendar.Event], str]) -> None:
    """Raises ValueError with the first answer that is not empty, and whose it is."""
    for event, line in zip(events, lines, strict=True):
        if why := ask(event):
            what = str(event.get("SUMMARY", "")) or "an event without a name"
            raise ValueError(f"line {line}, {what}: {why}")


def _twice(event: icalendar.Event, seen: set[tuple[str, dt.date | None]]) -> str:
    """Of two events with one identity only one would be counted."""
    if "UID" not in event:
        return ""
    recurrence = event.get("RECURRENCE-ID")
    key = (str(event["UID"]), recurrence.dt if recurrence else None)
    if key in seen:
        return f"another event has its UID {key[0]}"
    seen.add(key)
    return ""


def _mistakes(event: icalendar.Event) -> Iterator[str]:
    """What is wrong with an event; where there is something, the next may be nonsense."""
    if event.errors:
        yield str(event.errors[0][1])
    start, end, length = (event.get(key) for key in ("DTSTART", "DTEND", "DURATION"))
    if start is None:
        yield "it has no DTSTART"
    if any(isinstance(value, list) for value in (start, end, length)):
        yield "it has more than one DTSTART, DTEND or DURATION"
    if end is not None and length is not None:
        yield "it has both DTEND and DURATION"
    for zone in _unknown_zones(event):
        yield f"nobody knows the time zone {zone}"
    yield from recurrence_mistakes(event)
    if end is not None and kind(start.dt) != kind(end.dt):
        yield "DTSTART and DTEND are not both days, both times or both times with a time zone"
    if (end is not None and end.dt < start.dt) or (length is not None and length.dt < 0 * DAY):
        yield "it ends before it starts"


def _unknown_zones(event: icalendar.Event) -> Iterator[str]:
    """Names of time zones that a time was given with and could not be read in."""
    for value in (value for key in TIMES for value in values(event, key)):
        zone = value.params.get("TZID")
        moments = [item.dt for item in getattr(value, "dts", (value,))]
        first = [moment[0] if isinstance(moment, tuple) else moment for moment in moments]
        if zone and not all(getattr(moment, "tzinfo", None) for moment in first):
            yield str(zone)
