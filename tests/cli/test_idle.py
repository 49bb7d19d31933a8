"""`raceday idle`, as the timer calls it: what it remembers, and what it says will be done."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from automation.commands import idle as command
from automation.errors import Refused
from automation.idle.due import Wear
from automation.idle.quiet import Moment
from automation.idle.record import read_record
from automation.procedures import unattended
from automation.settings import Settings
from automation.venue import load
from automation.venue.inventory import Inventory
from tests.unit.venue.sites import HEAD, site

FILE = """\
venue: {name: small, title: Small racecourse, time_zone: Asia/Seoul}
components:
  database: {role: postgresql}
windows: [{name: night, days: [Sun], start_time: "01:00", length_minutes: 60}]
idle: [{name: bets, command: [bets], component: database, below: 1}]
restarts: [{component: database, when: memory_growing, above: 20%, for: 24h}]
"""
LOADS = """\
  gateway:
    role: kiosk_gateway
    depends_on: [database]
    restart: {behind: {component: front, backend: sales}}
  front: {role: haproxy, depends_on: [gateway]}
windows: [{name: night, days: [Sun], start_time: "01:00", length_minutes: 60}]
idle: [{name: bets, command: [bets], component: database, below: 1}]
tests: [{test: drill, every: 14d}, {component: database, every: 1d}, {test: rehearsal, every: 7d}]
"""
VENUE = """
  wagering: {role: service, unit: wagering}
  ticketing: {role: service, unit: ticketing}
  database: {role: postgresql}
"""
ADVICE = 'windows: [{name: night, start_time: "01:00", length_minutes: 180}]'

GROUPS = {"database": ("db1",), "gateway": ("k1", "k2"), "front": ("lb1",)}
HOSTS = ("db1", "k1", "k2", "lb1")
SATURDAY = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)  # 01:00 in Seoul, and no window
UP = 100 * 3600.0
type Call = Callable[..., Result]


class World:
    """A clock that only a test moves, and a unit whose memory grows with it."""

    def __init__(self) -> None:
        self.passed = timedelta()
        self.asked = 0
        self.growth = 1.0  # bytes a second

    @property
    def now(self) -> datetime:
        """What the clock on the wall says."""
        return SATURDAY + self.passed

    def moment(self) -> Moment:
        """The same with the time since this boot."""
        return Moment(self.now, UP + self.passed.total_seconds(), "this boot")

    def wear(self, _venue: Any, rules: Sequence[Any]) -> tuple[tuple[Wear, ...], list[Any]]:
        """What the only host shows."""
        assert rules
        self.asked += 1
        seconds = self.passed.total_seconds()
        memory = str(round(100_000 + self.growth * seconds))
        shown = {"active": "active", "age": str(round(UP + seconds)), "memory": memory}
        return (Wear("database", "db1", shown),), []


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Nothing but that clock and that host."""
    made = World()
    monkeypatch.setattr(command, "utc_now", lambda: made.now)
    monkeypatch.setattr(unattended, "this_moment", made.moment)
    monkeypatch.setattr(unattended, "read_wear", made.wear)
    return made


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Types `raceday idle` for a database that is restarted when its memory grows."""
    (tmp_path / "group_vars/all").mkdir(parents=True)
    (tmp_path / "group_vars/all/venue.yml").write_text(FILE)
    found = Inventory(tmp_path, {"all": HOSTS, **GROUPS}, {host: {} for host in HOSTS})
    monkeypatch.setattr(load, "read_inventory", lambda _source: found)

    def typed(*words: str, output: str = "json") -> Result:
        settings = Settings(venue=str(tmp_path), reports=tmp_path, lang="en", format=output)
        return CliRunner().invoke(command.idle, words, obj=settings)

    return typed


def a_day(world: World, call: Call, every: timedelta) -> None:
    """The timer calls all day long, and there is no window."""
    end = world.passed + timedelta(hours=23, minutes=50)
    while world.passed < end:
        assert isinstance(call().exception, Refused)
        world.passed += every


def due(call: Call) -> list[str]:
    """The hosts that are due in the next opening."""
    result = call("--next")
    assert result.exit_code == 0, result.output
    hosts: list[str] = json.loads(result.output)[0]["due"]
    return hosts


def test_memory_is_watched_outside_of_windows_too(world: World, call: Call, tmp_path: Path) -> None:
    """After a day of growth the host is due; it was asked only as often as that needs."""
    a_day(world, call, timedelta(minutes=10))
    assert due(call) == ["db1"]
    assert world.asked == 73
    assert len(read_record(tmp_path / "small").samples) == 72


def test_memory_that_does_not_grow_is_left_alone(world: World, call: Call) -> None:
    """However long it is watched."""
    world.growth = 0.0
    a_day(world, call, timedelta(minutes=20))
    assert due(call) == []


def test_a_timer_that_did_not_call_for_a_slice_proves_nothing(world: World, call: Call) -> None:
    """What happened in the hole nobody knows."""
    a_day(world, call, timedelta(hours=9))
    assert due(call) == []


def test_hosts_are_left_alone_where_no_rule_is_about_growth(
    world: World, call: Call, tmp_path: Path
) -> None:
    """Outside of windows nobody is asked anything."""
    file = tmp_path / "group_vars/all/venue.yml"
    file.write_text(FILE.replace("when: memory_growing, above: 20%, for: 24h", "every: 7d"))
    assert isinstance(call().exception, Refused)
    assert world.asked == 0


def test_the_next_openings_name_the_tests_that_will_be_due(
    world: World, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they are typed; what takes more than a week is left out of every second Sunday."""
    file = tmp_path / "group_vars/all/venue.yml"
    file.write_text(FILE.partition("windows:")[0] + LOADS)
    first, second, third, *_ = json.loads(call("--next").output)
    assert first["tests"] == ["database", "drill gateway", "rehearsal"]
    assert (second["tests"], third["tests"]) == (["database", "rehearsal"], first["tests"])
    monkeypatch.setenv("COLUMNS", "140")
    lines = call("--next", output="text").output.splitlines()
    assert lines[1].endswith("test database, test drill gateway, test rehearsal")
    assert world.asked == 0


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """The command, on a venue without windows, with these words."""

    def run(*words: str, lang: str = "en") -> Result:
        venue = site(tmp_path, VENUE, HEAD)
        monkeypatch.setattr("automation.commands.idle.venue_of", lambda _settings: venue)
        settings = Settings(venue="here", reports=tmp_path, lang=lang, format="text")
        return CliRunner().invoke(command.idle, words, obj=settings)

    return run


def test_without_windows_it_says_which_keys_to_add(typed: Call) -> None:
    """In two lines that can be copied."""
    error = typed().exception
    assert isinstance(error, Refused)
    assert ADVICE in error.hint


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_so_does_the_list_of_openings(typed: Call, lang: str) -> None:
    """In the reader's language, but for the keys."""
    assert ADVICE in typed("--next", lang=lang).output
