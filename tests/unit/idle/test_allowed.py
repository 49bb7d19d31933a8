"""Whether unattended work may be begun now: each reason against it, and the time it needs."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from automation.history import Duration, History
from automation.idle.allowed import judge_meanwhile, judge_window, needed_for
from automation.run.plan import Step, Verb
from automation.venue.calendar import Calendar
from automation.venue.unattended import Weekly, Window

WINDOW = Window(name="night", start_time="01:00", length_minutes=60, cutoff_minutes=10)
SETTLEMENT = Weekly(name="settlement", start_time="01:30", length_minutes=5)
EARLY = Weekly(name="early", start_time="01:10", length_minutes=10)
ALWAYS = Weekly(name="always", start_time="00:00", length_minutes=1440)
CALENDAR = Calendar(ZoneInfo("Asia/Seoul"), (WINDOW,))


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-22T{clock}+09:00").astimezone(UTC)


@pytest.mark.parametrize(
    ("calendar", "clock", "minutes", "why"),
    [
        (CALENDAR, "01:00", 60, ""),
        (CALENDAR, "01:00", 61, "may take 61.0 min"),
        (CALENDAR, "01:45", 15, ""),
        (CALENDAR, "01:50", 1, "nothing is begun in the window night after 2026-11-22 01:50"),
        (CALENDAR, "02:00", 1, "the next is night at 2026-11-23 01:00"),
        (Calendar(ZoneInfo("Asia/Seoul")), "01:00", 1, "no windows"),
        (Calendar(CALENDAR.zone, (WINDOW,), (ALWAYS,)), "03:00", 1, "always: nothing is done"),
        (
            Calendar(CALENDAR.zone, (WINDOW,), (SETTLEMENT,)),
            "01:31",
            1,
            "settlement: nothing is done until 2026-11-22 01:35",
        ),
        (Calendar(CALENDAR.zone, (WINDOW,), (SETTLEMENT,)), "01:10", 25, "ends in 20.0 min"),
        (
            Calendar(CALENDAR.zone, (WINDOW,), (EARLY,)),
            "01:05",
            1,
            "what blackouts leave of the window night is no longer than its cut-off of 10 min",
        ),
        (Calendar(CALENDAR.zone, (WINDOW,), (EARLY,)), "00:59", 1, "night at 2026-11-22 01:20"),
    ],
)
def test_work_is_begun_only_where_it_fits(
    calendar: Calendar, clock: str, minutes: float, why: str
) -> None:
    """In a window, before its cut-off, and so that it ends before the window or a blackout does."""
    check = judge_window(calendar, at(clock), timedelta(minutes=minutes))
    assert check.passed == (not why)
    assert why in str(check.why or "")


@pytest.mark.parametrize(
    ("before", "now", "passed"),
    [
        ({}, {}, True),
        ({}, {"ours": 5}, True),
        ({"earlier": 900}, {"earlier": 900, "ours": 5}, True),
        ({"earlier": 900}, {"earlier": 900, "another": 70, "ours": 5}, False),
        ({"resumed": 900}, {"resumed": 990, "ours": 5}, False),
        ({"pruned": 900}, {"ours": 5}, True),
    ],
)
def test_what_another_run_did_meanwhile_may_be_what_was_due(
    before: dict[str, int], now: dict[str, int], passed: bool
) -> None:
    """A second timer that waited long for its hosts does not do everything again."""
    assert judge_meanwhile(before, now).passed == passed


def step(verb: Verb, number: int, **keys: Any) -> Step:
    """A step of a batch, bounded at 300 s."""
    return Step(f"wagering.{verb}.{number}", "wagering", verb, ("w1",), "", timeout=300.0, **keys)


def test_what_must_be_undone_takes_its_time_twice() -> None:
    """The p95 of any batch counts, its bound where there is none, and a start once more."""
    history = History(
        9,
        None,
        {
            "wagering.stop.1": Duration(1, 2),
            "wagering.stop.2": Duration(3, 8),
            "wagering.start.1": Duration(20, 30),
            "ticketing.start.1": Duration(900, 900),
        },
    )
    steps = (
        step(Verb.STOP, 3),
        step(Verb.START, 3, puts_back="wagering.stop.3"),
        step(Verb.TEST, 3),
    )
    assert needed_for(steps, (history, History())) == timedelta(seconds=8 + 30 + 300 + 30)
