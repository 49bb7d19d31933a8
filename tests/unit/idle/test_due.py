"""What is due, and in which order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from automation.idle.due import (
    FUNCTIONAL,
    Scheduled,
    Task,
    Turn,
    Wear,
    due_restarts,
    due_tests,
    forecast,
    forecast_tests,
    in_vain,
)
from automation.venue.calendar import Opening
from automation.venue.fields import span
from automation.venue.kinds import DRILL, REHEARSAL
from automation.venue.unattended import RestartRule

DAY = 86_400
NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


def rule(**keys: Any) -> RestartRule:
    return RestartRule.model_validate({"component": "wagering", **keys})


def wear(host: str = "w1", age: int = 3600, component: str = "wagering", **shown: Any) -> Wear:
    return Wear(component, host, {"active": "active", "age": str(age), **shown})


def daily(kind: str, *components: str) -> Scheduled:
    return Scheduled(Task(kind, components), timedelta(days=1))


def before(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


WEEKLY = rule(every="7d")


@pytest.mark.parametrize(
    ("keys", "shown", "due"),
    [
        ({"every": "1h"}, {}, True),
        ({"every": "61m"}, {}, False),
        ({"when": "memory_over", "above": "80%"}, {"memory": "81", "memory_limit": "100"}, True),
        ({"when": "memory_over", "above": "80%"}, {"memory": "80", "memory_limit": "100"}, False),
        ({"when": "memory_over", "above": "80%"}, {"memory": "81"}, False),
        ({"when": "memory_over", "above": "80%"}, {"memory": "81", "memory_limit": "0"}, False),
        ({"when": "reboot_required"}, {"reboot_required": "60"}, True),
        ({"when": "reboot_required"}, {"reboot_required": "3600"}, False),
        ({"when": "reboot_required"}, {"reboot_required": "no"}, False),
        ({"when": "libraries_deleted"}, {"libraries_deleted": "yes"}, True),
        ({"when": "libraries_deleted"}, {"libraries_deleted": "no"}, False),
        ({"when": "libraries_deleted"}, {}, False),
        ({"when": "configuration_newer", "files": ("/etc/w",)}, {"configuration": "60"}, True),
        ({"when": "configuration_newer", "files": ("/etc/w",)}, {"configuration": "4000"}, False),
        ({"when": "configuration_newer", "files": ("/etc/w",)}, {}, False),
    ],
)
def test_a_host_is_due_by_what_it_shows(
    keys: dict[str, Any], shown: dict[str, Any], due: bool
) -> None:
    """Of an age, or in a condition that came after its start; what is unknown is no reason."""
    found = due_restarts((rule(**keys),), (wear(**shown),))
    assert [item.host for item in found] == (["w1"] if due else [])


@pytest.mark.parametrize(
    ("age", "above", "due"),
    [(24, "20%", True), (24, "25%", True), (24, "26%", False), (23, "20%", False)],
)
def test_memory_that_grows_is_due(age: int, above: str, due: bool) -> None:
    """By so much or more, of one start of the unit; the reason has host, growth and period."""
    growing = tuple((3600.0 * (22 - 4 * place), 100.0 + 5 * place) for place in range(6))
    worn = replace(wear(age=age * 3600), memories=growing)
    found = due_restarts((rule(when="memory_growing", above=above, **{"for": "24h"}),), (worn,))
    sentence = "w1 uses 25 % more memory than 24h ago, and it grew all the time"
    assert [str(item.why) for item in found] == ([sentence] if due else [])


def test_who_waited_longest_comes_first_and_only_once() -> None:
    """Whatever the rules and the order in which the hosts were asked."""
    worn = (wear("w1", 8 * DAY), wear("w2", 9 * DAY), wear("w3", DAY), wear("t1", 99 * DAY, "t"))
    found = due_restarts((WEEKLY, rule(every="1d")), worn)
    assert [item.host for item in found] == ["w2", "w1", "w3"]
    assert str(found[0].why) == "w2 has run for 9.0 days, and is restarted every 7d"


@pytest.mark.parametrize("shown", [{"active": "failed"}, {"active": "inactive"}, {"age": ""}])
def test_a_unit_that_does_not_run_or_says_no_age_is_not_due(shown: dict[str, str]) -> None:
    """What is down at night is an operator's."""
    odd = Wear("wagering", "w1", {"active": "active", "age": str(9 * DAY), **shown})
    assert due_restarts((WEEKLY,), (odd,)) == ()


def test_tests_are_due_by_when_they_were_last_done() -> None:
    """Never is longest ago; a test from the future, after the clock was set, is not due."""
    ago = {"a": 25, "b": 23, "c": 48, "e": -5}
    last = {(FUNCTIONAL, name): before(hours) for name, hours in ago.items()}
    due = due_tests([daily(FUNCTIONAL, name) for name in "abcde"], last, NOW)
    assert [task.words for task in due] == ["d", "c", "a"]


@pytest.mark.parametrize(
    ("ago", "due"),
    [
        ({}, ["a", "drill a", "rehearsal"]),
        ({(FUNCTIONAL, "a"): 23, (DRILL, "a"): 23}, ["rehearsal"]),
        (
            {(FUNCTIONAL, "a"): 25, (REHEARSAL, "a"): 99, (REHEARSAL, "b"): 23},
            ["a", "drill a", "rehearsal"],
        ),
        ({(FUNCTIONAL, "a"): 1, (REHEARSAL, "a"): 1, (REHEARSAL, "b"): 1, (DRILL, "a"): 1}, []),
    ],
)
def test_a_load_comes_after_all_that_it_would_disturb(
    ago: dict[tuple[str, str], float], due: list[str]
) -> None:
    """A rehearsal is of all its channels: the one that waited longest counts."""
    tests = [daily(DRILL, "a"), daily(REHEARSAL, "a", "b"), daily(FUNCTIONAL, "a")]
    last = {task: before(hours) for task, hours in ago.items()}
    assert [task.words for task in due_tests(tests, last, NOW)] == due


def test_a_forecast_of_tests_counts_on_each_that_it_foretells() -> None:
    """Every second night; what is due already comes in the present opening."""
    starts = [NOW + timedelta(days=days, hours=-1) for days in range(4)]
    openings = [Opening("night", at, at + timedelta(hours=3), at) for at in starts]
    drill = Scheduled(Task(DRILL, ("a",)), timedelta(days=2))
    foretold = forecast_tests([drill, daily(FUNCTIONAL, "a")], {}, openings)
    assert [[task.words for task in due] for due in foretold] == [
        ["a", "drill a"],
        ["a"],
        ["a", "drill a"],
        ["a"],
    ]


def test_a_forecast_counts_on_each_restart_that_it_foretells() -> None:
    """Every second day: due in the first opening, and then in every second one."""
    starts = [NOW + timedelta(days=days) for days in range(4)]
    openings = [Opening("night", at, at, at) for at in starts]
    worn = (wear("w1", 3 * DAY), wear("w2", DAY), wear("w3", 60, libraries_deleted="yes"))
    rules = (rule(every="2d"), rule(when="libraries_deleted"))
    due = [hosts for _, hosts in forecast(rules, worn, openings, NOW)]
    assert due == [("w1", "w3"), ("w2",), ("w1", "w3"), ("w2",)]


MINUTE = 60
TURN = Turn(timedelta(minutes=10), timedelta(hours=2))  # open for 10 min, and for 2 h more


@pytest.mark.parametrize(
    ("every", "ago", "due"),
    [
        ("7d", 7 * DAY - 10 * MINUTE, True),  # last week's window, some minutes after its start
        ("7d", 7 * DAY - 119 * MINUTE, True),
        ("7d", 7 * DAY - 120 * MINUTE, False),  # would be over when this window is
        ("7d", 6 * DAY, False),
        ("1h", 9 * MINUTE, False),  # in this very window: it waits in full
        ("1h", 59 * MINUTE, True),
        ("1h", 61 * MINUTE, True),
        ("3h", 80 * MINUTE, False),  # never before half of it is over
        ("3h", 90 * MINUTE, True),
    ],
)
def test_what_would_be_over_before_the_window_ends_is_due(every: str, ago: int, due: bool) -> None:
    """Else work that began some minutes into its weekly window would be left out a week later."""
    restarts = due_restarts((rule(every=every),), (wear(age=ago),), turn=TURN)
    last = {(FUNCTIONAL, "a"): NOW - timedelta(seconds=ago)}
    tests = due_tests([Scheduled(Task(FUNCTIONAL, ("a",)), span(every))], last, NOW, TURN)
    assert (bool(restarts), bool(tests)) == (due, due)


def test_a_forecast_names_every_weekly_window() -> None:
    """Although what was done in the last one began ten minutes after its start."""
    starts = [NOW + timedelta(days=7 * weeks) for weeks in range(1, 4)]
    openings = [Opening("night", at, at + timedelta(hours=3), at) for at in starts]
    worn = (wear("w1", -10 * MINUTE + 3600), wear("w2", 3600))
    due = [hosts for _, hosts in forecast((WEEKLY,), worn, openings, NOW + timedelta(hours=1))]
    assert due == [("w1", "w2")] * 3
    last = {(FUNCTIONAL, "a"): NOW + timedelta(minutes=10)}
    weekly = Scheduled(Task(FUNCTIONAL, ("a",)), timedelta(days=7))
    assert all(forecast_tests([weekly], last, openings))


def test_only_what_a_restart_may_not_end_waits_after_one() -> None:
    """A file that is written again and again restarts nothing every few minutes; an age may."""
    worn = (wear("w1", 3600, libraries_deleted="yes", configuration="60"),)
    deleted = rule(when="libraries_deleted")
    changed = rule(when="configuration_newer", files=("/etc/wagering.env",))
    lately = frozenset({("wagering", "w1")})
    assert due_restarts((deleted, changed), worn, lately) == ()
    assert [due.host for due in due_restarts((changed,), worn)] == ["w1"]
    assert [due.host for due in due_restarts((changed, rule(every="1h")), worn, lately)] == ["w1"]
    assert [due.host for due in due_restarts((deleted,), worn, {("wagering", "w2")})] == ["w1"]
    assert len(tuple(in_vain((deleted, changed), worn, lately))) == 2
    assert tuple(in_vain((deleted, changed), worn, frozenset())) == ()
