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

from automation.run.events import Message
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
WHY_LENGTH = 200  # letters that a reader's reason may have


class Doubt(ValueError):
    """Why a file is not believed: `why` is what to say after its name, or of what is in it."""

    def __init__(self, text: str, **named: Any) -> None:
        self.why = Message(text, named)
        super().__init__(str(self.why))


@dataclass(frozen=True)
class Events:
    """The events of a file; `read` gives its text, and is called when they are first wanted."""

    name: str
    read: Callable[[], str]

    def between(self, start: dt.datetime, end: dt.datetime) -> tuple[icalendar.Event, ...]:
        """What may touch these days, as it recurs. Raises Doubt: what to say after the name.

        Whole days are asked for, so that who asks again within the same ones gets what is known.
        """
        return self._believed(lambda: _between(self._query, start.date() - DAY, end.date() + DAY))

    def check(self) -> None:
        """Raises Doubt, as above, when the file cannot be trusted."""
        self._believed(lambda: self._query)

    @cached_property
    def _query(self) -> CalendarQuery:
        return read_events(self.read())

    def _believed[T](self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except OSError as error:
            text = "cannot be read: %(why)s; it is looked for beside the inventory"
            raise Doubt(text, why=error.strerror) from error
        except Exception as error:  # whatever a reader stumbles over is doubt
            said = printable(str(error).strip().rstrip("."), WHY_LENGTH)
            why = error.why if isinstance(error, Doubt) else said
            raise Doubt("is no calendar that can be trusted: %(why)s", why=why) from error


def read_events(text: str) -> CalendarQuery:
    """An .ics file. Raises Doubt when it has no events, or one makes no sense, else ValueError.

    RFC 5545 knows no empty calendar; it is what a failed export looks like.
    """
    if not text.strip():
        raise Doubt("it is empty")
    calendar = icalendar.Calendar.from_ical(text)
    if calendar.name != "VCALENDAR":
        raise Doubt("it is no VCALENDAR")
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
def _between(query: CalendarQuery, first: dt.date, last: dt.date) -> tuple[icalendar.Event, ...]:
    bounds = (dt.datetime.combine(day, dt.time(), dt.UTC) for day in (first - DAY, last + 2 * DAY))
    return tuple(query.between(*bounds))


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


def name_of(event: icalendar.Event) -> Message | str:
    """What an event is called."""
    return printable(str(event.get("SUMMARY", ""))) or Message("an event without a name")


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
        why = printable(str(event.errors[0][1]), WHY_LENGTH)
        yield Message("it cannot be read: %(why)s", {"why": why})
    start, end, length = (event.get(key) for key in ("DTSTART", "DTEND", "DURATION"))
    if start is None:
        yield Message("it has no DTSTART")
    if any(isinstance(value, list) for value in (start, end, length)):
        yield Message("it has more than one DTSTART, DTEND or DURATION")
    if end is not None and length is not None:
        yield Message("it has both DTEND and DURATION")
    for zone in _unknown_zones(event):
        yield Message("nobody knows the time zone %(zone)s", {"zone": printable(zone)})
    yield from recurrence_mistakes(event)
    if end is not None and kind(start.dt) != kind(end.dt):
        yield Message(
            "DTSTART and DTEND are not both days, both times or both times with a time zone"
        )
    if (end is not None and end.dt < start.dt) or (length is not None and length.dt < 0 * DAY):
        yield Message("it ends before it starts")


def _unknown_zones(event: icalendar.Event) -> Iterator[str]:
    """Names of time zones that a time was given with and could not be read in."""
    for value in (value for key in TIMES for value in values(event, key)):
        zone = value.params.get("TZID")
        moments = [item.dt for item in getattr(value, "dts", (value,))]
        first = [moment[0] if isinstance(moment, tuple) else moment for moment in moments]
        if zone and not all(getattr(moment, "tzinfo", None) for moment in first):
            yield str(zone)
