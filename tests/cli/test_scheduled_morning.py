"""A timer's morning that meets a run which holds the venue: it waits, and somebody is told."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from time import monotonic

import pytest
from click.testing import CliRunner, Result

from automation.commands import morning as command
from automation.exit_codes import ExitCode
from automation.procedures.records import LOCK
from automation.run.lock import hold, this_process
from automation.settings import Settings
from tests.unit.venue.sites import read_site
from tests.unit.views.test_notify import FOREVER, Post, config, open_post

FILE = """\
venue: {name: small, title: Small racecourse, time_zone: Asia/Seoul}
components:
  wagering: {role: service, unit: bets}
"""
SEVEN = datetime(2026, 11, 21, 22, tzinfo=UTC)  # in Seoul
TIMES = ("--earliest", "06:30", "--latest", "08:00")


class Place:
    """A venue whose clock is set to `now` and goes on; opening it only takes its lock."""

    def __init__(self, folder: Path) -> None:
        self.lock = folder / "runs/small" / LOCK
        self.now = SEVEN
        self._set = monotonic()
        self.post: Post
        self.opened = 0
        self._settings = Settings(str(folder), folder / "runs", lang="en", format="text")

    def clock(self) -> datetime:
        """What it says."""
        return self.now + timedelta(seconds=monotonic() - self._set)

    @contextmanager
    def held(self) -> Iterator[None]:
        """By another run."""
        who = this_process("20261121T213000Z-restart-3f2a", "kim@ops1", "restart", SEVEN)
        with hold(self.lock, who):
            yield

    def open(self, *_: object) -> int:
        """What a run of the plan would do."""
        with hold(self.lock, this_process("run", "timer", "morning", self.now), zone="Asia/Seoul"):
            self.opened += 1
        return ExitCode.GO

    def call(self, *words: str) -> Result:
        """`raceday morning` as the service calls it."""
        return CliRunner().invoke(
            command.morning, ("--yes", *words), obj=self._settings, standalone_mode=False
        )

    def titles(self) -> list[str]:
        """Of the messages that came, up to the colon."""
        return [message["title"].partition(":")[0] for message in self.post.received]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """The venue, and somebody who wants to know of failures."""
    file = tmp_path / "group_vars/all/venue.yml"
    file.parent.mkdir(parents=True)
    file.write_text(FILE)
    made = Place(tmp_path)
    monkeypatch.setattr(command, "venue_of", lambda _settings: read_site(file))
    monkeypatch.setattr(command, "utc_now", made.clock)
    monkeypatch.setattr(command, "run_and_show", made.open)
    with open_post() as made.post:
        monkeypatch.setenv("RACEDAY_NOTIFY", str(config(tmp_path, f"failure={made.post.url}")))
        yield made


def while_held(place: Place, do: Callable[[], Result], until: Callable[[], object]) -> Result:
    """What comes of it when another run holds the venue first, until something has happened."""
    taken = Event()

    def hold_it() -> None:
        with place.held():
            taken.set()
            until()

    with ThreadPoolExecutor() as pool:
        other = pool.submit(hold_it)
        assert taken.wait(FOREVER)
        found = do()
        other.result()
    return found


def test_it_says_so_once_and_opens_when_the_venue_is_free(place: Place) -> None:
    """It names who holds it; what waits for it is no failure of its service."""
    done = while_held(place, lambda: place.call(*TIMES), lambda: place.post.has_come(1))
    assert (done.return_value, place.opened) == (ExitCode.GO, 1)
    assert place.titles() == ["Small racecourse is not opened yet"]
    assert "kim@ops1 holds the venue" in place.post.received[0]["message"]


def test_held_until_it_is_too_late_it_is_announced_as_missed(place: Place) -> None:
    """75, which says who; nothing is opened."""
    place.now = SEVEN + timedelta(hours=1, seconds=-0.1)
    with place.held():
        done = place.call(*TIMES)
    assert getattr(done.exception, "exit_code", None) == ExitCode.LOCKED
    assert place.opened == 0
    assert place.titles() == [
        "Small racecourse is not opened yet",
        "Small racecourse was not opened",
    ]


def test_free_only_after_the_hour_it_is_announced_as_missed(place: Place) -> None:
    """The machine may have slept meanwhile: the clock decides, not how long was waited."""

    def oversleep() -> None:
        place.post.has_come(1)
        place.now = SEVEN + timedelta(hours=2)

    done = while_held(place, lambda: place.call(*TIMES), oversleep)
    assert getattr(done.exception, "exit_code", None) == ExitCode.LOCKED
    assert place.opened == 0
    assert place.titles() == [
        "Small racecourse is not opened yet",
        "Small racecourse was not opened",
    ]


@pytest.mark.parametrize("words", [(), ("--check", *TIMES)])
def test_who_is_no_timer_does_not_wait(place: Place, words: tuple[str, ...]) -> None:
    """A person sees who holds the venue; nobody else is told."""
    with place.held():
        done = place.call(*words)
    assert getattr(done.exception, "exit_code", None) == ExitCode.LOCKED
    assert (place.opened, place.titles()) == (0, [])
