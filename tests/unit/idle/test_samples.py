"""What is remembered of the memory of units, and when it is time to look again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from automation.idle.due import Wear
from automation.idle.quiet import Moment
from automation.idle.samples import Sample, remembered, wanting, with_memories
from automation.venue.unattended import RestartRule

HOUR = 3600.0
NOW = Moment(datetime(2026, 11, 22, 2, 0, tzinfo=UTC), 1_000_000.0, "this boot")


def rule(**keys: Any) -> RestartRule:
    given = {"component": "wagering", "when": "memory_growing", "above": "20%", "for": "24h"}
    return RestartRule.model_validate({**given, **keys})


DAILY = (rule(),)


def wear(host: str = "w1", hours: float = 99.0, **shown: str) -> Wear:
    """A unit that has run for so many hours."""
    return Wear("wagering", host, {"age": f"{hours * HOUR:.0f}", "memory": "120", **shown})


def sample(hours: float = 20.0, host: str = "w1", **at: Any) -> Sample:
    """One of so many hours ago."""
    ago = Moment(NOW.wall - timedelta(hours=hours), NOW.uptime - hours * HOUR, NOW.boot)
    return Sample("wagering", host, replace(ago, **at), 100.0)


def test_what_hosts_show_is_remembered_and_told_with_its_age() -> None:
    """Each host for itself; what it shows now is the newest."""
    kept = remembered(DAILY, (sample(), sample(host="w2")), (wear(), wear("w3")), NOW)
    assert [(item.host, item.memory) for item in kept] == [
        ("w1", 100.0),
        ("w2", 100.0),
        ("w1", 120.0),
        ("w3", 120.0),
    ]
    (told,) = with_memories((wear(),), (sample(), sample(host="w2")), NOW)
    assert told.memories == ((20 * HOUR, 100.0), (0.0, 120.0))


@pytest.mark.parametrize(
    ("rules", "old", "worn"),
    [
        (DAILY, sample(25), wear()),
        (DAILY, sample(20), wear(hours=19)),
        (DAILY, sample(boot="another boot"), wear()),
        (DAILY, sample(wall=NOW.wall), wear()),
        (DAILY, sample(-1), wear()),
        ((rule(component="ticketing"),), sample(), wear()),
        ((), sample(), wear()),
    ],
)
def test_what_tells_nothing_any_more_is_forgotten(
    rules: tuple[RestartRule, ...], old: Sample, worn: Wear
) -> None:
    """Too old, of an earlier start, from before a boot or a setting of the clock, for no rule."""
    assert old not in remembered(rules, (old,), (worn,), NOW)


def test_a_host_that_says_nothing_loses_nothing() -> None:
    """It was not restarted because nobody could ask it; and nothing is made up."""
    assert remembered(DAILY, (sample(),), (), NOW) == (sample(),)
    silent = Wear("wagering", "w1", {"age": "360000"})
    assert remembered(DAILY, (sample(),), (silent,), NOW) == (sample(),)


@pytest.mark.parametrize(("minutes", "wanted"), [(19, False), (20, True)])
def test_seventy_two_samples_of_a_period_are_enough(minutes: int, wanted: bool) -> None:
    """A look comes every 20 minutes of a day, however often the timer calls."""
    last = sample(minutes / 60)
    assert bool(wanting(DAILY, (last,), NOW)) == wanted
    assert (len(remembered(DAILY, (last,), (wear(),), NOW)) == 2) == wanted


def test_only_rules_about_growth_want_samples() -> None:
    """And each at once, when there is none."""
    weekly = RestartRule.model_validate({"component": "wagering", "every": "7d"})
    assert wanting((weekly, *DAILY), (), NOW) == DAILY
