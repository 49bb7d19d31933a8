"""A manual restart or test in a blackout: refused before any host is asked."""

from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner, Result

from automation.commands import restart as restart_module
from automation.commands import test as test_module
from automation.commands.idle import idle
from automation.commands.restart import restart
from automation.commands.test import test as raceday_test
from automation.errors import Refused, UsageError, VenueError
from automation.run.plan import Plan
from automation.settings import Settings
from automation.venue import load
from automation.venue.inventory import Inventory

FILE = """\
venue: {name: small, title: Small racecourse, time_zone: Asia/Seoul}
components:
  database: {role: postgresql}
  gateway:
    role: kiosk_gateway
    depends_on: [database]
    restart: {behind: {component: front, backend: sales}}
  front: {role: haproxy, depends_on: [gateway]}
exclusions: [{name: Derby eve, start: 2000-01-01, end: 2999-12-31}]
"""
GROUPS = {"database": ("db1",), "gateway": ("k1", "k2"), "front": ("lb1",)}
HOSTS = ("db1", "k1", "k2", "lb1")
COMMANDS = [
    (restart, "database"),
    (raceday_test, "database"),
    (raceday_test, "rehearsal"),
    (raceday_test, "drill"),
]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A venue that is not to be touched for the next thousand years."""
    (tmp_path / "group_vars/all").mkdir(parents=True)
    (tmp_path / "group_vars/all/venue.yml").write_text(FILE)
    found = Inventory(tmp_path, {"all": HOSTS, **GROUPS}, {host: {} for host in HOSTS})
    monkeypatch.setattr(load, "read_inventory", lambda _source: found)
    return tmp_path


def run(site: Path, command: click.Command, *words: str) -> Result:
    settings = Settings(venue=str(site), reports=site, lang="en", format="text")
    return CliRunner().invoke(command, (*words, "--yes"), obj=settings)


@pytest.mark.parametrize(("command", "word"), COMMANDS)
@pytest.mark.parametrize("option", [(), ("--check",)])
def test_work_by_hand_in_a_blackout_is_refused(
    site: Path, command: click.Command, word: str, option: tuple[str, ...]
) -> None:
    """With its name, its end, and the way past it; a look at what would be done says the same."""
    error = run(site, command, word, *option).exception
    assert isinstance(error, Refused)
    assert error.message == "Derby eve: a blackout until 3000-01-01 00:00; nothing was touched."
    assert "--break-glass" in error.hint


@pytest.mark.parametrize(("command", "word"), COMMANDS)
@pytest.mark.parametrize("option", [("--break-glass",), ("--reason", "the vendor is here")])
def test_breaking_the_glass_wants_a_reason(
    site: Path, command: click.Command, word: str, option: tuple[str, ...]
) -> None:
    """Which is recorded; and a reason alone breaks nothing."""
    assert isinstance(run(site, command, word, *option).exception, UsageError)


@pytest.mark.parametrize("option", [(), ("--check",)])
def test_a_test_among_customers_is_refused(
    site: Path, monkeypatch: pytest.MonkeyPatch, option: tuple[str, ...]
) -> None:
    """However well its reason is known: nobody's bets are to stand beside test bets."""
    selling = SimpleNamespace(sales_said=lambda: "open", steps={})
    monkeypatch.setattr(test_module, "probe_now", lambda *_: selling)
    reason = ("--break-glass", "--reason", "the vendor is here")
    error = run(site, raceday_test, "database", *reason, *option).exception
    assert isinstance(error, Refused)
    assert error.message == "Sales are open; nothing was touched."


@pytest.mark.parametrize("word", ["database", "rehearsal", "drill"])
def test_a_test_with_the_glass_broken_goes_on_and_says_why(
    site: Path, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    """The reason is in the plan, and so in the journal and on the report's first page."""
    begun: list[Plan] = []
    closed = SimpleNamespace(sales_said=lambda: "closed", steps={})
    monkeypatch.setattr(test_module, "probe_now", lambda *_: closed)
    monkeypatch.setattr(test_module, "run_and_show", lambda *args: begun.append(args[2]))
    result = run(site, raceday_test, word, "--break-glass", "--reason", "the vendor is here")
    assert result.exit_code == 0, result.output
    assert [(plan.break_glass, plan.reason) for plan in begun] == [(True, "the vendor is here")]


@pytest.fixture
def doubtful(site: Path) -> Path:
    """The same venue, with a calendar instead in which an event has no beginning."""
    keys = FILE.rpartition("exclusions:")[0]
    window = 'windows: [{name: all day, start_time: "00:00", length_minutes: 1440}]'
    (site / "group_vars/all/venue.yml").write_text(f"{keys}{window}\ncalendars: [races.ics]\n")
    event = ("BEGIN:VEVENT", "SUMMARY:Derby", "END:VEVENT")
    (site / "races.ics").write_text("\r\n".join(("BEGIN:VCALENDAR", *event, "END:VCALENDAR", "")))
    return site


WHY = (
    "because races.ics is no calendar that can be trusted: line 2, Derby: it has no DTSTART; "
    "nothing was touched."
)


@pytest.mark.parametrize(("command", "word"), COMMANDS)
def test_a_calendar_that_cannot_be_trusted_may_forbid_it(
    doubtful: Path, command: click.Command, word: str
) -> None:
    """Work by hand is refused with the file, the line, and the way past it."""
    error = run(doubtful, command, word).exception
    assert isinstance(error, Refused)
    assert error.message == f"It is not known whether this is a blackout, {WHY}"
    assert "--break-glass" in error.hint


def test_idle_work_is_not_begun_on_a_calendar_that_cannot_be_trusted(doubtful: Path) -> None:
    """Exit 30, and the reason."""
    settings = Settings(venue=str(doubtful), reports=doubtful, lang="en", format="text")
    error = CliRunner().invoke(idle, (), obj=settings).exception
    assert isinstance(error, Refused)
    assert error.message.startswith("Not now, and nothing was touched: it is not known whether")
    assert "line 2, Derby: it has no DTSTART" in error.message


@pytest.mark.parametrize("exclusions", ["", FILE.splitlines()[-1]])
def test_the_next_openings_are_not_told_from_a_calendar_that_cannot_be_trusted(
    doubtful: Path, exclusions: str
) -> None:
    """Exit 30, which no list of them has, and the reason; in a blackout that is certain, too."""
    with (doubtful / "group_vars/all/venue.yml").open("a") as file:
        file.write(f"{exclusions}\n")
    settings = Settings(venue=str(doubtful), reports=doubtful, lang="en", format="text")
    result = CliRunner().invoke(idle, ("--next",), obj=settings)
    assert isinstance(result.exception, Refused)
    assert result.exception.message == (
        "The next openings are not known: it is not known whether this is a blackout, because "
        "races.ics is no calendar that can be trusted: line 2, Derby: it has no DTSTART."
    )
    assert "raceday venue check" in result.exception.hint
    assert result.stdout == ""


def test_what_asks_no_calendar_needs_none(doubtful: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An emergency restart, as an example: everything else of the venue file holds."""
    begun: list[Plan] = []
    monkeypatch.setattr(restart_module, "run_and_show", lambda *args: begun.append(args[2]))
    run(doubtful, restart, "gateway", "--emergency", "--reason", "it hangs")
    assert [plan.reason for plan in begun] == ["it hangs"]
    with pytest.raises(VenueError, match=r"calendars\[0\] is races\.ics, which is no calendar"):
        load.load_venue(doubtful, with_calendars=True)
