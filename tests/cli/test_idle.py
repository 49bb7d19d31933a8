"""`raceday idle`, as the timer calls it: what it remembers, and what it says will be done."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner, Result

from automation.cli import main
from automation.commands import idle as command
from automation.errors import Refused
from automation.execute.simulator import FakeClock, Fault, Faults, Simulator
from automation.execute.simulator import World as Hosts
from automation.idle.due import Wear
from automation.idle.quiet import Moment
from automation.idle.record import read_record
from automation.procedures import session, unattended
from automation.procedures.asking import Asker
from automation.procedures.leaders import Leaders
from automation.procedures.records import LOCK
from automation.run import lock
from automation.run.events import Message
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


class Ansible(Simulator):
    """Hosts that answer at once, so that nobody need be woken."""

    def wake(self) -> None:
        """Nobody waits."""


class World:
    """A clock that only a test moves, and a unit whose memory grows with it."""

    def __init__(self) -> None:
        self.passed = timedelta()
        self.asked = 0
        self.growth = 1.0  # bytes a second
        self.leaders = Leaders()
        self.signals_asked = list[timedelta]()
        self.hosts = Hosts(up=1.0)
        self.faults: Faults = {}

    def ansible(self, _options: Any) -> Simulator:
        """What answers in place of the hosts."""
        return Ansible(Random(1), self.faults, FakeClock(self.now), self.hosts)  # noqa: S311

    @property
    def now(self) -> datetime:
        """What the clock on the wall says."""
        return SATURDAY + self.passed

    def moment(self) -> Moment:
        """The same with the time since this boot."""
        return Moment(self.now, UP + self.passed.total_seconds(), "this boot")

    def nobody_bets(self, *_: Any) -> float:
        """What the signal's command prints."""
        self.signals_asked.append(self.passed)
        return 0.0

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
    asker = partial(Asker, now=made.moment, numbers=made.nobody_bets)
    monkeypatch.setattr(command, "Asker", asker)
    monkeypatch.setattr(unattended, "this_moment", made.moment)
    monkeypatch.setattr(unattended, "read_wear", made.wear)
    monkeypatch.setattr(unattended, "_leaders", lambda *_: {"database": made.leaders})
    monkeypatch.setattr(session, "AnsibleExecutor", made.ansible)
    return made


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A venue whose database is restarted when its memory grows; no process reads it."""
    (tmp_path / "group_vars/all").mkdir(parents=True)
    (tmp_path / "group_vars/all/venue.yml").write_text(FILE)
    found = Inventory(tmp_path, {"all": HOSTS, **GROUPS}, {host: {} for host in HOSTS})
    monkeypatch.setattr(load, "read_inventory", lambda _source: found)
    return tmp_path


@pytest.fixture
def call(place: Path) -> Call:
    """Types `raceday idle` there."""

    def typed(*words: str, output: str = "json") -> Result:
        settings = Settings(venue=str(place), reports=place, lang="en", format=output)
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


def test_what_only_an_operator_restarts_is_in_no_opening(world: World, call: Call) -> None:
    """Nor what may be a primary; stderr says so."""
    a_day(world, call, timedelta(minutes=10))
    world.leaders = Leaders(primaries=("db1",))
    said = call("--next")
    assert [item["due"] for item in json.loads(said.stdout)] == [[]] * 10
    assert "db1 is the primary of database, which only an operator restarts" in said.stderr
    world.leaders = Leaders(unknown=("db1",))
    assert json.loads(call("--next").stdout)[0]["due"] == []


def test_of_a_host_that_cannot_be_asked_nothing_is_foretold(
    world: World, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its restart may be due: it is named, in the list too, and stderr says why."""
    lost = Message("db1 cannot be asked: no route to host")
    monkeypatch.setattr(unattended, "read_wear", lambda *_: ((), [lost]))
    said = call("--next")
    openings = json.loads(said.stdout)
    assert [(item["due"], item["unknown"]) for item in openings] == [([], ["db1"])] * 10
    assert str(lost) in said.stderr
    monkeypatch.setenv("COLUMNS", "140")
    assert call("--next", output="text").stdout.splitlines()[1].endswith("db1 (not known)")


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


SHORT = """\
venue: {name: small, title: Small racecourse, time_zone: Asia/Seoul}
components:
  database: {role: postgresql}
windows: [{name: night, days: [Sun], start_time: "01:00", length_minutes: 10, cutoff_minutes: 2}]
idle: [{name: bets, command: [bets], component: database, below: 1, for: 1m}]
restarts: [{component: database, every: 1d}]
"""
IN_SUNDAYS_WINDOW = timedelta(days=1, minutes=2)
LONG_ENOUGH = SHORT.replace("length_minutes: 10", "length_minutes: 300")
TOO_LONG = "it may take 46.0 min with room to undo it, and the window night ends in 8.0 min"


@pytest.fixture
def raceday(
    place: Path,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., tuple[int, str]]:
    """Types the whole command for a window of ten minutes: its exit code, and all that it says.

    Nobody bets, and the database's host is no primary.
    """
    (place / "group_vars/all/venue.yml").write_text(SHORT)
    monkeypatch.setenv("COLUMNS", "200")

    def typed(*words: str) -> tuple[int, str]:
        options = ("--venue", str(place), "--reports", str(place), "--lang", "en")
        monkeypatch.setattr(sys, "argv", ["raceday", *options, *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(str(ended.value.code)), said.out + said.err

    return typed


def took_twelve_minutes(reports: Path) -> Path:
    """A restart of the database on record, from the day before."""
    taken = {"stop": 54.0, "start": 540.0, "test": 120.0}
    taken |= {"quiet.still": 3.0, "leader": 3.0}
    steps = [
        {
            "id": f"database.{verb}.1",
            "verb": verb,
            "status": "succeeded",
            "seconds": seconds,
            "hosts": [{"state": "ok"}],
        }
        for verb, seconds in taken.items()
    ]
    report = {"procedure": "restart", "result_state": "SUCCESS", "check": False}
    report |= {"duration_seconds": 720.0, "verdict": None, "steps": steps}
    folder = reports / "small/20261119T160000Z-restart-3f2a"
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(json.dumps(report))
    return folder


def test_why_a_restart_was_not_begun_is_explained_after_its_window_too(
    world: World, raceday: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    """Twice twelve minutes, and as much to undo it, and the window has ten: exit 30."""
    only = took_twelve_minutes(tmp_path)
    world.passed = IN_SUNDAYS_WINDOW - timedelta(minutes=1)
    raceday("idle")
    world.passed = IN_SUNDAYS_WINDOW
    code, said = raceday("idle")
    assert (code, TOO_LONG in said) == (30, True), said
    assert list((tmp_path / "small").glob("2*")) == [only]
    night = f"raceday idle did nothing at Sunday 22 November 2026 01:02:00: {TOO_LONG}."
    code, said = raceday("explain")
    assert (code, night in said) == (0, True), said

    for minutes in (10, 300):
        world.passed = IN_SUNDAYS_WINDOW + timedelta(minutes=minutes)
        code, said = raceday("idle")
        assert (code, "outside of every window" in said) == (30, True)
    code, said = raceday("explain")
    assert code == 0
    night, day = (line for line in said.splitlines() if "raceday idle" in line)
    when = "Sunday 22 November 2026 01:02:00"
    assert night == f"· In its last window raceday idle did nothing, at {when}: {TOO_LONG}."
    assert "did nothing at Sunday 22 November 2026 06:02:00: it is outside of every window" in day


def test_a_check_writes_nothing_that_is_remembered(
    world: World, raceday: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    """Neither outside of every window nor inside: no look, no sample, no decision."""
    growing = "every: 1d}, {component: database, when: memory_growing, above: 20%, for: 24h}"
    (tmp_path / "group_vars/all/venue.yml").write_text(SHORT.replace("every: 1d}", growing))
    for passed in (timedelta(), IN_SUNDAYS_WINDOW):
        world.passed = passed
        code, said = raceday("idle", "--check")
        assert code == 30, said
        assert list(tmp_path.glob("**/*idle.json*")) == []
    assert world.asked == 1  # inside, as without --check; outside there is nothing to learn


@pytest.mark.parametrize("says_who", [True, False])
def test_that_another_run_holds_the_venue_is_explained(
    world: World,
    raceday: Callable[..., tuple[int, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    says_who: bool,
) -> None:
    """Also of one that keeps its reports elsewhere, which is only found out at the lock."""
    monkeypatch.setattr(lock, "PATIENCE", 0.0)
    (tmp_path / "group_vars/all/venue.yml").write_text(LONG_ENOUGH)
    world.passed = IN_SUNDAYS_WINDOW - timedelta(minutes=1)
    raceday("idle")
    world.passed = IN_SUNDAYS_WINDOW
    reports = tmp_path / ("small" if says_who else "elsewhere")
    holder = lock.this_process("20261121T155500Z-restart-3f2a", "kim@ops1", "restart", world.now)
    with lock.hold(reports / LOCK, holder, tmp_path / "group_vars/all/venue.yml"):
        code, said = raceday("idle")
        assert code == 75, said
        assert not says_who or " holds the venue since 2026-11-22 01:02:00 for" in said
    code, said = raceday("explain")
    why = "another run holds the venue and does not say here who it is"
    if says_who:
        why = "kim@ops1 holds the venue since 2026-11-22 01:02 for restart"
        why += " (run 20261121T155500Z-restart-3f2a)"
    told = f"raceday idle did nothing at Sunday 22 November 2026 01:02:00: postponed: {why}."
    assert (code, told in said) == (0, True), said
    assert not list((tmp_path / "small").glob("2*")), "a run was begun"


@pytest.fixture
def began(world: World, monkeypatch: pytest.MonkeyPatch) -> list[timedelta]:
    """When runs were begun, that do nothing here."""
    begun: list[timedelta] = []

    def run(*_: Any) -> int:
        begun.append(world.passed)
        return 0

    monkeypatch.setattr(command, "run_and_show", run)
    return begun


@pytest.mark.parametrize("period", ["15m", "3h", "6h"])
def test_a_signal_becomes_quiet_although_its_period_is_longer_than_the_window(
    world: World,
    raceday: Callable[..., tuple[int, str]],
    tmp_path: Path,
    began: list[timedelta],
    period: str,
) -> None:
    """It is watched for its period before the window opens, and its hosts are left alone else."""
    night = SHORT.replace("length_minutes: 10", "length_minutes: 180").replace("1m}", f"{period}}}")
    (tmp_path / "group_vars/all/venue.yml").write_text(night)
    opens = timedelta(days=1)
    world.passed = timedelta(hours=12)
    while world.passed < opens + timedelta(minutes=100) and not began:
        raceday("idle")
        world.passed += timedelta(minutes=10)
    assert began == [opens]
    length = {"15m": timedelta(minutes=15), "3h": timedelta(hours=3), "6h": timedelta(hours=6)}
    assert opens - world.signals_asked[0] <= length[period] + timedelta(minutes=20)


@pytest.mark.parametrize(("period", "hopeless"), [("5m", False), ("6m", True), ("3h", True)])
def test_a_signal_that_cannot_become_quiet_in_what_is_left_of_the_window_says_so(
    world: World,
    raceday: Callable[..., tuple[int, str]],
    tmp_path: Path,
    period: str,
    hopeless: bool,
) -> None:
    """Seen for the first time six minutes before the cut-off."""
    short = SHORT.replace("for: 1m", f"for: {period}")
    (tmp_path / "group_vars/all/venue.yml").write_text(short)
    world.passed = IN_SUNDAYS_WINDOW
    code, said = raceday("idle")
    assert (code, f"it must be < 1 for {period}" in said) == (30, True), said
    never = "it cannot become quiet in the window night any more"
    assert (never in said) == hopeless


def test_a_signal_is_watched_in_a_window_although_nothing_is_due(
    world: World, raceday: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    """Something may be due later in it."""
    (tmp_path / "group_vars/all/venue.yml").write_text(SHORT.replace("every: 1d", "every: 30d"))
    world.passed = IN_SUNDAYS_WINDOW
    assert raceday("idle")[0] == 0
    assert world.signals_asked == [IN_SUNDAYS_WINDOW]


@contextmanager
def prometheus(world: World, newest: timedelta | None) -> Iterator[str]:
    """A server whose every series is 0 each 15 s and has its newest sample so long ago, or none."""

    class Handler(BaseHTTPRequestHandler):
        def date_time_string(self, timestamp: float | None = None) -> str:
            return format_datetime(world.now if timestamp is None else datetime.now(UTC))

        def do_GET(self) -> None:
            body = json.dumps({"status": "success", "data": self.data()}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def data(self) -> dict[str, Any]:
            if "/rules" in self.path:
                return {"groups": []}
            if newest is None or "ALERTS" in self.path:
                return {"result": []}
            last = (world.now - newest).timestamp()
            values = [[last - 15 * back, "0"] for back in reversed(range(100))]
            return {"result": [{"metric": {}, "values": values}]}

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("newest", "why"),
    [
        (timedelta(0), ""),
        (None, "Prometheus knows nothing of the signal 'bets'"),
        (timedelta(minutes=3), "the newest value of the signal 'bets' is 0:03:00 old"),
    ],
)
def test_what_prometheus_does_not_know_is_not_idle(
    world: World,
    raceday: Callable[..., tuple[int, str]],
    tmp_path: Path,
    began: list[timedelta],
    newest: timedelta | None,
    why: str,
) -> None:
    """No series, and one that has ended: exit code 30 with the reason, and nothing is begun."""
    world.passed = IN_SUNDAYS_WINDOW
    with prometheus(world, newest) as url:
        asked = LONG_ENOUGH.replace("command: [bets], component: database", "prometheus: bets")
        text = f'{asked}prometheus: {{url: "{url}"}}\n'
        (tmp_path / "group_vars/all/venue.yml").write_text(text)
        code, said = raceday("idle")
    assert (code, why in said) == (30 if why else 0, True), said
    assert began == ([] if why else [IN_SUNDAYS_WINDOW])


GATEWAY = LONG_ENOUGH.partition("windows:")
TESTED = f"""{GATEWAY[0]}{LOADS.partition("windows:")[0]}windows:{GATEWAY[2]}"""
SALES_OPEN = "sales are open: a test now would stand among customers' bets"


def a_test_is_due(tmp_path: Path) -> None:
    """Of the gateway, behind a load balancer."""
    text = TESTED.replace("every: 1d}", "every: 30d}")
    text += "tests: [{component: gateway, every: 1d}]\n"
    (tmp_path / "group_vars/all/venue.yml").write_text(text)


@pytest.mark.parametrize("check", [(), ("--check",)])
def test_a_load_balancer_that_cannot_be_reached_begins_no_run(
    world: World,
    raceday: Callable[..., tuple[int, str]],
    tmp_path: Path,
    began: list[timedelta],
    check: tuple[str, ...],
) -> None:
    """Whether sales are closed is not known: not idle, with host and reason in one sentence."""
    a_test_is_due(tmp_path)
    world.faults = {("front.look", "lb1"): Fault.UNREACHABLE}
    world.passed = IN_SUNDAYS_WINDOW - timedelta(minutes=1)
    raceday("idle")
    world.passed = IN_SUNDAYS_WINDOW
    code, said = raceday("idle", *check)
    assert (code, began) == (30, []), said
    assert "lb1" in said
    assert "its unit said" in said
    code, said = raceday("explain")
    assert ("lb1" in said) == (not check), said


def test_sales_that_are_open_begin_no_run_of_tests(
    world: World, raceday: Callable[..., tuple[int, str]], tmp_path: Path, began: list[timedelta]
) -> None:
    """What it would come to is known before; what may be done meanwhile is done."""
    a_test_is_due(tmp_path)
    world.hosts = Hosts(up=1.0, sales_open=True, servers={"front": ("sales/k1", "sales/k2")})
    world.passed = IN_SUNDAYS_WINDOW - timedelta(minutes=1)
    raceday("idle")
    world.passed = IN_SUNDAYS_WINDOW
    code, said = raceday("idle")
    assert (code, SALES_OPEN in said, began) == (30, True, [])
    world.hosts = Hosts(up=1.0)
    code, said = raceday("idle")
    assert (code, began) == (0, [IN_SUNDAYS_WINDOW])
