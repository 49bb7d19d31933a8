"""When unattended work may be done: windows less blackouts, in the venue's time zone.

Pure, but for the .ics files: they are read when their events are first wanted. One that cannot be
trusted is a blackout, because what it forbids is not known.

A window starts when the clock on the wall says so and lasts its real minutes. A time that the clock
jumps over in spring counts with the offset before the jump (RFC 5545); one that comes twice in
autumn is its first occurrence. A blackout covers all that its words could mean.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from typing import TYPE_CHECKING

from automation.run.events import Message
from automation.venue.events import Doubt, Events, name_of
from automation.venue.fields import WEEKDAYS, local_time
from automation.venue.unattended import Exclusion, Weekly, Window

if TYPE_CHECKING:
    import icalendar

DAY = dt.timedelta(days=1)
INSTANT = dt.timedelta(microseconds=1)
HORIZON_DAYS = 366  # as far as the next opportunity is looked for


@dataclass(frozen=True)
class Calendar:
    """What the venue file says of time. `events` are of the .ics files."""

    zone: dt.tzinfo = dt.UTC
    windows: tuple[Window, ...] = ()
    blackouts: tuple[Weekly, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    holidays: str = ""
    events: tuple[Events, ...] = ()


@dataclass(frozen=True)
class Opening:
    """A stretch of a window without a blackout, in UTC; nothing is begun from `cutoff` on."""

    name: str
    start: dt.datetime
    end: dt.datetime
    cutoff: dt.datetime


@dataclass(frozen=True)
class Blackout:
    """A stretch in which nothing is done, in UTC, and what it is; or why it may be one: `doubt`."""

    start: dt.datetime
    end: dt.datetime
    what: Message | str
    doubt: bool = False


def opening_at(calendar: Calendar, now: dt.datetime) -> Opening | Blackout | None:
    """The opening that `now` is in, the blackout that forbids it, or None outside every window."""
    black = blackout_at(calendar, now)
    if black:
        return black
    about = _openings(calendar, now, now + INSTANT)
    found = [item for item in about if item.start <= now < item.end]
    return max(found, key=lambda item: item.cutoff, default=None)


def window_at(calendar: Calendar, now: dt.datetime) -> Window | None:
    """The first window that `now` is in, whatever blackouts leave of it."""
    about = (now, now + INSTANT)
    windows = (item for item in calendar.windows if any(_occurrences(calendar, item, *about)))
    return next(windows, None)


def blackout_at(calendar: Calendar, now: dt.datetime) -> Blackout | None:
    """The first blackout that `now` is in."""
    return next(iter(blackouts_between(calendar, now, now + INSTANT)), None)


def next_openings(calendar: Calendar, after: dt.datetime, count: int = 10) -> tuple[Opening, ...]:
    """The next openings, the present one first; at most a year ahead."""
    return tuple(islice(_openings_after(calendar, after), count))


def shown(calendar: Calendar, moment: dt.datetime) -> str:
    """A moment as the venue's clock shows it."""
    return f"{moment.astimezone(calendar.zone):%Y-%m-%d %H:%M}"


def blackouts_between(
    calendar: Calendar, start: dt.datetime, end: dt.datetime
) -> tuple[Blackout, ...]:
    """Every blackout that touches the stretch, in order."""
    found = (
        *_weekly_blackouts(calendar, start, end),
        *_exclusions(calendar),
        *_holidays(calendar, start, end),
        *_events(calendar, start, end),
    )
    touching = (item for item in found if item.start < end and item.end > start)
    return tuple(sorted(touching, key=lambda item: (item.start, item.end)))


def _openings_after(calendar: Calendar, after: dt.datetime) -> Iterator[Opening]:
    """Week by week, so that a year of events is not worked out for tomorrow's."""
    seen: set[tuple[dt.datetime, str]] = set()
    for days in range(0, HORIZON_DAYS, 7):
        week = (after + days * DAY, after + (days + 7) * DAY)
        for item in _openings(calendar, *week):
            useful = item.cutoff > after and item.start < week[1]
            if useful and (item.start, item.name) not in seen:
                seen.add((item.start, item.name))
                yield item


def _openings(calendar: Calendar, start: dt.datetime, end: dt.datetime) -> Iterator[Opening]:
    """The openings of every window that touches the stretch, in order, each one whole."""
    windows = sorted(
        (
            (begins, ends, window)
            for window in calendar.windows
            for begins, ends in _occurrences(calendar, window, start, end)
        ),
        key=lambda item: item[:2],
    )
    if windows:
        reach = (windows[0][0], max(ends for _, ends, _ in windows))
        black = blackouts_between(calendar, *reach)
        for begins, ends, window in windows:
            yield from _pieces(window, begins, ends, black)


def _pieces(
    window: Window, start: dt.datetime, end: dt.datetime, black: tuple[Blackout, ...]
) -> Iterator[Opening]:
    """What blackouts leave of a window; the cut-off counts from where it must be over."""
    cutoff = dt.timedelta(minutes=window.cutoff_minutes)
    for item in (*black, Blackout(end, end, "")):
        stop = min(item.start, end)
        if start < stop - cutoff:
            yield Opening(window.name, start, stop, stop - cutoff)
        start = max(start, item.end)


def _occurrences(
    calendar: Calendar, weekly: Weekly, start: dt.datetime, end: dt.datetime
) -> Iterator[tuple[dt.datetime, dt.datetime]]:
    length = dt.timedelta(minutes=weekly.length_minutes)
    for wall in _walls(calendar, weekly, start, end):
        begins = _utc(calendar, wall)
        if begins < end and begins + length > start:
            yield begins, begins + length


def _weekly_blackouts(
    calendar: Calendar, start: dt.datetime, end: dt.datetime
) -> Iterator[Blackout]:
    for weekly in calendar.blackouts:
        length = dt.timedelta(minutes=weekly.length_minutes)
        for wall in _walls(calendar, weekly, start, end):
            begins, ends = _widest(calendar, wall, wall + length)
            yield Blackout(begins, max(ends, _utc(calendar, wall) + length), weekly.name)


def _walls(
    calendar: Calendar, weekly: Weekly, start: dt.datetime, end: dt.datetime
) -> Iterator[dt.datetime]:
    """What the clock on the wall says at each start that may touch the stretch."""
    at = dt.time.fromisoformat(weekly.start_time)
    days = {WEEKDAYS.index(day) for day in weekly.days}
    for day in _days(calendar, start, end):
        if day.weekday() in days:
            yield dt.datetime.combine(day, at)


def _days(calendar: Calendar, start: dt.datetime, end: dt.datetime) -> Iterator[dt.date]:
    """The local days of a stretch, with the ones before that may reach into it."""
    day = start.astimezone(calendar.zone).date() - 2 * DAY
    last = end.astimezone(calendar.zone).date() + DAY
    while day <= last:
        yield day
        day += DAY


def _exclusions(calendar: Calendar) -> Iterator[Blackout]:
    for item in calendar.exclusions:
        end = local_time(item.end)
        whole_days = "T" not in item.end and " " not in item.end
        bounds = _widest(calendar, local_time(item.start), end + DAY if whole_days else end)
        yield Blackout(*bounds, item.name)


def _holidays(calendar: Calendar, start: dt.datetime, end: dt.datetime) -> Iterator[Blackout]:
    if not calendar.holidays:
        return
    years = range(start.year - 1, end.year + 2)
    holidays = import_module("holidays")  # 0.1 s, for few venues
    known = holidays.country_holidays(calendar.holidays, years=years)
    for day in _days(calendar, start, end):
        if day in known:
            midnight = dt.datetime.combine(day, dt.time())
            yield Blackout(*_widest(calendar, midnight, midnight + DAY), str(known[day]))


def _events(calendar: Calendar, start: dt.datetime, end: dt.datetime) -> Iterator[Blackout]:
    """Events as they recur; one that is marked as free counts too, one that is cancelled does not.

    An event without an end lasts to the end of its day.
    """
    for source in calendar.events:
        try:
            for event in source.between(start, end):
                if str(event.get("status", "")).upper() != "CANCELLED":
                    yield _event(calendar, event)
        except Doubt as doubt:
            what = Message("%(file)s %(why)s", {"file": source.name, "why": doubt.why})
            yield Blackout(start, end, what, doubt=True)


def _event(calendar: Calendar, event: "icalendar.Event") -> Blackout:
    begins, ends = event.start, event.end
    if ends <= begins:
        ends = _day_of(calendar, begins) + DAY
    bounds = _bounds(calendar, begins)[0], _bounds(calendar, ends)[1]
    return Blackout(*bounds, name_of(event))


def _day_of(calendar: Calendar, moment: dt.date) -> dt.date:
    if isinstance(moment, dt.datetime):
        return (moment.astimezone(calendar.zone) if moment.tzinfo else moment).date()
    return moment


def _bounds(calendar: Calendar, moment: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """The earliest and the latest instant that a date, or a time with or without zone, can mean."""
    if not isinstance(moment, dt.datetime):
        moment = dt.datetime.combine(moment, dt.time())
    if moment.tzinfo:
        return (moment.astimezone(dt.UTC),) * 2
    return _widest(calendar, moment, moment)


def _widest(
    calendar: Calendar, start: dt.datetime, end: dt.datetime
) -> tuple[dt.datetime, dt.datetime]:
    """From the earliest that one local time can mean to the latest that the other can."""
    return (
        min(_utc(calendar, start, fold=fold) for fold in (0, 1)),
        max(_utc(calendar, end, fold=fold) for fold in (0, 1)),
    )


def _utc(calendar: Calendar, wall: dt.datetime, *, fold: int = 0) -> dt.datetime:
    return wall.replace(tzinfo=calendar.zone, fold=fold).astimezone(dt.UTC)
