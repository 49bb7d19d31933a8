"""Whether customers leave us alone: what is quiet, and all that is not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf, nan

import pytest
from click import IntRange

from automation.commands.schedule import schedule
from automation.idle.quiet import (
    LOOK_GAP,
    Alerts,
    Look,
    Moment,
    Reading,
    judge_alerts,
    judge_signal,
    quiet_in,
    reading_of,
    recent_looks,
)
from automation.run.events import Message
from automation.venue.unattended import Prometheus, Signal

SIGNAL = Signal.model_validate({"name": "bets", "prometheus": "sum(x)", "below": 0.5, "for": "15m"})
NOW = Moment(datetime(2026, 11, 22, 2, 0, tzinfo=UTC), 100_000.0, "this boot")


def reading(*values: float, step: float = 300.0, newest: float = 0.0) -> Reading:
    """These values, the last one now, one every five minutes."""
    ages = [newest + step * place for place in reversed(range(len(values)))]
    return Reading(tuple(zip(ages, values, strict=True)), max_gap=step, max_age=120.0)


QUIET = reading(0, 0, 0.2, 0)


def said(reading: Reading, signal: Signal = SIGNAL) -> str:
    """Why it is not quiet; nothing when it is."""
    check = judge_signal(signal, reading)
    assert check.passed == (check.why is None)
    return str(check.why or "")


def test_a_signal_is_quiet_when_it_was_for_its_whole_period() -> None:
    """The check shows what was wanted and what the newest value is."""
    check = judge_signal(SIGNAL, QUIET)
    assert (check.passed, check.expected, check.observed) == (True, "< 0.5 for 15m", "0")


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        (Reading(problem=Message("Prometheus does not answer")), "does not answer"),
        (Reading(), "nothing is known"),
        (reading(0, 0, 0, 0.5), "was 0.5 0:00:00 ago"),
        (reading(0, 7, 0, 0), "was 7 0:10:00 ago"),
        (reading(7, 0, 0, 0), "was 7 0:15:00 ago"),
        (reading(0, newest=130_000), "is 36:06:40 old"),
        (reading(0, 0, 0, nan), "was nan"),
        (reading(0, -inf, 0, 0), "was -inf"),
        (reading(0, 0, 0), "is known for 0:10:00 only"),
        (reading(0, 0, 0, 0, newest=121), "is 0:02:01 old"),
        (reading(0, 0, 0, 0, 0, newest=-60), "old"),
        (replace(QUIET, max_gap=299.0), "from 0:15:00 to 0:10:00 ago"),
        (Reading(((900, 0), (0, 0), (60, 0)), 900, 900), "from 0:00:00 to 0:01:00 ago"),
    ],
)
def test_what_is_odd_in_any_way_is_not_quiet(odd: Reading, why: str) -> None:
    """An error, nothing, activity, no number, too little, too old, from the future, a hole."""
    assert why in said(odd)


@pytest.mark.parametrize(
    ("odd", "minutes"),
    [
        (QUIET, 0),
        (reading(0, 0, 0, 0.5), 15),
        (reading(0, 7, 0, 0), 5),
        (reading(7, 7, 0, 0), 5),
        (reading(0, 0), 10),
        (replace(QUIET, behind=((900.0, 0.0), (240.0, 0.0))), 11),
        (Reading(problem=Message("Prometheus does not answer")), 0),
        (Reading(), 0),
    ],
)
def test_what_was_seen_keeps_a_signal_from_being_quiet_for_so_long(
    odd: Reading, minutes: int
) -> None:
    """Since it was last busy, or since when it is known; an error may be over at once."""
    assert quiet_in(SIGNAL, odd) == timedelta(minutes=minutes)


def test_what_was_before_the_period_is_over() -> None:
    """Customers of 20 minutes ago are no matter."""
    assert said(reading(9, 0, 0, 0, 0)) == ""


def test_a_signal_may_have_to_be_above_its_limit() -> None:
    """For instance a target that must be up."""
    up = Signal.model_validate({"name": "up", "prometheus": "up", "above": 0.5, "for": "15m"})
    assert said(reading(1, 1, 1, 1), up) == ""
    assert "was 0 0:05:00 ago" in said(reading(1, 1, 0, 1), up)


def looks(*minutes: float, boot: str = "this boot", moved: float = 0.0) -> list[Look]:
    """Quiet looks so many minutes ago; `moved` is by how much the clock was set since."""
    return [
        Look(
            "bets",
            Moment(NOW.wall - timedelta(minutes=ago, seconds=moved), NOW.uptime - 60 * ago, boot),
            0.0,
        )
        for ago in minutes
    ]


def test_our_own_looks_tell_of_a_signal_that_has_no_history() -> None:
    """Every five minutes for a quarter of an hour is enough."""
    assert said(reading_of(SIGNAL, looks(15, 10, 5, 0), NOW)) == ""


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (looks(10, 5, 0), "is known for 0:10:00 only"),
        (looks(25, 3, 0), "nothing is known of the signal 'bets' from 0:25:00 to 0:03:00 ago"),
        (looks(15, 10, 5, 0, boot="another boot"), "nothing is known"),
        (looks(15, 10, 5, 0, moved=60), "nothing is known"),
        (looks(15, 10, 5, 0, moved=-60), "nothing is known"),
        ([*looks(15, 10, moved=600), *looks(5, 0)], "is known for 0:05:00 only"),
        ([replace(look, signal="tickets") for look in looks(15, 10, 5, 0)], "nothing is known"),
    ],
)
def test_looks_with_a_hole_or_from_before_the_clock_was_set_are_none(
    seen: list[Look], why: str
) -> None:
    """Another boot's uptime and another time's clock measure nothing."""
    assert why in said(reading_of(SIGNAL, seen, NOW))


def test_a_call_at_the_longest_interval_of_the_timer_leaves_no_hole() -> None:
    """Every ten minutes, one a little late, or one lost."""
    (every,) = (item for item in schedule.commands["install"].params if item.name == "every")
    assert isinstance(every.type, IntRange)
    longest = every.type.max
    assert longest
    assert 2 * 60 * longest <= LOOK_GAP
    late = looks(2 * longest + 0.3, longest - 0.7, 0)
    assert said(reading_of(SIGNAL, late, NOW)) == ""
    lost = looks(2 * longest, 0)
    assert said(reading_of(SIGNAL, lost, NOW)) == ""


def test_looks_that_can_count_no_more_are_forgotten() -> None:
    """Of another boot, and of a week ago; the clock on the wall has no say in it."""
    ahead = replace(looks(30)[0], at=replace(looks(30)[0].at, wall=NOW.wall + timedelta(days=400)))
    kept = [*looks(30, 0), *looks(5, moved=3600), ahead]
    week = Moment(NOW.wall, NOW.uptime + 8 * 86_400, NOW.boot)
    assert recent_looks([*kept, *looks(5, boot="another boot")], NOW) == tuple(kept)
    assert recent_looks(kept, week) == ()


def test_the_longest_period_of_a_venue_file_is_remembered() -> None:
    """Looks of a whole week, the last before it, too: such a signal can become quiet."""
    longest = SIGNAL.model_copy(update={"quiet_for": "7d"})
    week = 7 * 24 * 60
    seen = recent_looks(looks(*range(week + 5, -1, -10)), NOW)
    assert said(reading_of(longest, seen, NOW), longest) == ""


FIRING = Alerts((("HostDown", "firing"),))
PENDING = Alerts((("HostDown", "pending"),))
WATCHDOG = Alerts((("Watchdog", "firing"),))


@pytest.mark.parametrize(
    ("alerts", "keys", "passed"),
    [
        (Alerts(), {}, True),
        (FIRING, {}, False),
        (PENDING, {}, True),
        (PENDING, {"alert_firing_only": False}, False),
        (Alerts((("RacedayIdlePostponed", "firing"),)), {}, True),
        (Alerts((("RacedayIdleTestPostponed", "firing"),)), {"alert_filter_regexp": "^W$"}, True),
        (Alerts((("RacedayLeftBehind", "firing"),)), {}, False),
        (Alerts((("NotRacedayIdle", "firing"),)), {}, False),
        (WATCHDOG, {"alert_filter_regexp": "^(Watchdog|InfoInhibitor)$"}, True),
        (FIRING, {"alert_filter_regexp": "^Watchdog$"}, False),
        (Alerts(problem=Message("Prometheus does not answer")), {}, False),
    ],
)
def test_an_alert_that_fires_blocks(alerts: Alerts, keys: dict[str, object], passed: bool) -> None:
    """But for those that the filter names; a pending one only where the site wants it."""
    settings = Prometheus.model_validate({"url": "http://127.0.0.1:9090", **keys})
    check = judge_alerts(settings, alerts)
    assert check.passed == passed
    assert bool(check.why) != passed
