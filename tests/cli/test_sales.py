"""`raceday sales close` stops the sales, whoever holds the venue; real plays on this machine."""

import errno
import json
import os
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from automation.commands import cut, sales
from automation.commands.ask import confirm_change
from automation.commands.explain import explain
from automation.commands.load import venue_of
from automation.commands.sales import close
from automation.errors import RacedayError
from automation.exit_codes import ExitCode
from automation.procedures.evening import plan_evening
from automation.procedures.records import LOCK
from automation.procedures.sales import plan_cut
from automation.procedures.session import Request, run_unrecorded
from automation.procedures.steps import make_plan
from automation.run import lock
from automation.run.journal import FileSink
from automation.settings import Settings
from automation.views.i18n import Translator
from automation.views.times import Clock
from tests.cli.here import write_site
from tests.unit.plugins.test_rotation import Desk, begin_process
from tests.unit.test_history import keep, report, watch_reports

pytestmark = pytest.mark.slow  # processes of their own

__all__ = ["begin_process"]

HOLDER = """
import signal, sys
from datetime import UTC, datetime
from pathlib import Path
from automation.run.lock import hold, this_process

lock, why, venue, stays = sys.argv[1:]
came = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
me = this_process("20261122T010000Z-morning-aaaa", "kim", why, datetime.now(UTC))
with hold(Path(lock), me, Path(venue)):
    print("holding", flush=True)
    while True:
        print(signal.sigwait([signal.SIGINT, signal.SIGTERM]).name, flush=True)
        if stays == "no":
            break
"""
SEOUL = ZoneInfo("Asia/Seoul")
CLOSED = {"wagering/w1": "MAINT", "wagering/w2": "MAINT"}


@dataclass(frozen=True)
class Selling:
    """A venue that sells: two servers in rotation at lb1."""

    folder: Path
    reports: Path

    @property
    def settings(self) -> Settings:
        """The global options, already read."""
        return Settings(str(self.folder), self.reports, "en", "text")

    def close(self, *more: str) -> Result:
        """The command."""
        words = ("--yes", "--reason", "inquiry", *more)
        return CliRunner().invoke(close, words, obj=self.settings, standalone_mode=False)

    def records(self) -> list[tuple[str, dict[str, dict[str, str]]]]:
        """Of each run on record the reason, and how an earlier closing found the servers."""
        journals = sorted(self.reports.glob("small/2*/journal.jsonl"))
        begun = (json.loads(journal.read_text().splitlines()[0]) for journal in journals)
        return [(event["plan"]["reason"], event["plan"]["found"]) for event in begun]

    @contextmanager
    def held(self, why: str, *, stays: bool, reports: Path | None = None) -> Iterator[list[str]]:
        """Another run holds it and ends at a signal, or never; in the end, which signals came.

        It keeps its `reports` elsewhere, or where these are.
        """
        came: list[str] = []
        path = (reports or self.reports) / "small" / LOCK
        words = (path, why, venue_of(self.settings).venue_file)
        with subprocess.Popen(
            [sys.executable, "-c", HOLDER, *map(str, words), "yes" if stays else "no"],
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout
            assert process.stdout.readline() == "holding\n"
            try:
                yield came
            finally:
                process.kill()
                came += process.stdout.read().split()


@pytest.fixture
def selling(
    tmp_path: Path, begin_process: Callable[[], subprocess.Popen[bytes]]
) -> Iterator[Selling]:
    Desk.begin(CLOSED, "UP")
    Desk.pid = begin_process().pid
    path = tmp_path / "admin.sock"
    front = {"haproxy_socket": str(path), "haproxy_evening_timeout": 60}
    write_site(tmp_path / "small", {"w1": {}, "lb1": front})
    with socketserver.ThreadingUnixStreamServer(str(path), Desk) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield Selling(tmp_path / "small", tmp_path / "reports")
        server.shutdown()


def closed_at(selling: Selling) -> str:
    """When the record says that customers were turned away, as the operator reads it."""
    journal = next(selling.reports.glob("small/2*/journal.jsonl"))
    begun = json.loads(journal.read_text().splitlines()[0])
    at = datetime.fromisoformat(begun["plan"]["closed_at"])
    assert at < datetime.fromisoformat(begun["at"])
    clock = Clock("Asia/Seoul", Translator())
    return f"{clock.date(at)} {clock.seconds(at)}"


def error_of(result: Result) -> RacedayError:
    """What the command ended with."""
    assert isinstance(result.exception, RacedayError), result.exception
    return result.exception


def test_sales_close_although_another_run_holds_the_venue(selling: Selling) -> None:
    """Exit 75 says what was done, that it is on no record, who may undo it, what is certain."""
    with selling.held("morning", stays=True) as came:
        error = error_of(selling.close())
    assert (Desk.servers, error.exit_code) == (CLOSED, ExitCode.LOCKED)
    assert error.message.startswith("Sales were closed at lb1, but it is not recorded: kim holds")
    since = error.message.partition(" since ")[2].partition(" for ")[0]
    held_since = datetime.fromisoformat(since).replace(tzinfo=SEOUL)
    assert timedelta() <= datetime.now(SEOUL) - held_since < timedelta(minutes=1)
    assert error.hint.splitlines() == [
        "20261122T010000Z-morning-aaaa may let customers in again. "
        "Interrupt it where it runs, then give this again.",
        "  To be certain until then, on lb1: systemctl stop haproxy",
    ]
    assert (selling.records(), came) == ([], [])


def test_sales_close_although_a_run_with_other_reports_holds_the_venue(
    selling: Selling, tmp_path: Path
) -> None:
    """It does not say here who it is, so nobody is interrupted or waited for."""
    with selling.held("restart", stays=True, reports=tmp_path / "elsewhere") as came:
        error = error_of(selling.close())
    assert (Desk.servers, error.exit_code) == (CLOSED, ExitCode.LOCKED)
    assert error.message.startswith("Sales were closed at lb1, but it is not recorded: Another run")
    assert error.hint.splitlines() == [
        "whoever holds the venue may let customers in again. "
        "Interrupt it where it runs, then give this again.",
        "  To be certain until then, on lb1: systemctl stop haproxy",
    ]
    assert (selling.records(), came) == ([], [])


def test_what_ansible_is_given_is_on_record_without_its_secrets(selling: Selling) -> None:
    """In the journal's plan, and so in every view."""
    assert selling.close("-e", "a=1", "-e", "db_password=canary").return_value == ExitCode.GO
    (journal,) = selling.reports.glob("small/2*/journal.jsonl")
    plan = json.loads(journal.read_text().splitlines()[0])["plan"]
    assert plan["extra_vars"] == ["a=1", "db_password=[redacted]"]
    assert all(b"canary" not in file.read_bytes() for file in journal.parent.iterdir())


def test_sales_close_before_anybody_is_waited_for(
    selling: Selling, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who does not say here who holds the venue has a moment to go, with sales closed already."""
    waited: list[dict[str, str]] = []

    def sleep(seconds: float) -> None:
        waited.append(dict(Desk.servers))
        time.sleep(seconds)

    monkeypatch.setattr(lock, "time", SimpleNamespace(sleep=sleep, monotonic=time.monotonic))
    with selling.held("restart", stays=True, reports=tmp_path / "elsewhere"):
        error = error_of(selling.close())
    assert error.exit_code == ExitCode.LOCKED
    assert (bool(waited), [seen for seen in waited if seen != CLOSED]) == (True, [])


def test_sales_close_at_once_and_on_record_when_a_restart_has_made_way(selling: Selling) -> None:
    """The record tells when customers were turned away in truth, and who got some before."""
    with selling.held("restart", stays=False) as came:
        result = selling.close()
    assert came == ["SIGTERM"]
    assert (result.return_value, Desk.servers) == (ExitCode.GO, CLOSED), result.stderr
    ((reason, found),) = selling.records()
    assert reason == "inquiry"
    told = " ".join(CliRunner().invoke(explain, obj=selling.settings).stdout.split())
    assert f"closed sales at {closed_at(selling)}: inquiry" in told
    assert found == {"lb1": dict.fromkeys(CLOSED, "ready")}


@pytest.mark.parametrize(("why", "asked"), [("restart", ["SIGTERM"]), ("sales-close", [])])
def test_who_does_not_end_is_asked_once(
    selling: Selling, monkeypatch: pytest.MonkeyPatch, why: str, asked: list[str]
) -> None:
    """What a restart may put back meanwhile is closed; another who closes is let alone."""
    monkeypatch.setattr(cut, "TO_END", 0.1)
    with selling.held(why, stays=True) as came:
        error = error_of(selling.close())
    assert (Desk.servers, error.exit_code) == (CLOSED, ExitCode.LOCKED)
    assert came == asked


def test_sales_close_without_reading_what_other_procedures_took(
    selling: Selling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many are on record; of the closings each report is read once."""
    for name in ("morning", "sales-open", "restart", "sales-close"):
        keep(selling.reports, 1, report(procedure=name), name, venue="small")
    opened = watch_reports(monkeypatch)
    assert selling.close().exit_code == ExitCode.GO
    assert opened == ["20261101T233000Z-sales-close-3f2a"]


def no_room(_sink: FileSink, _line: str) -> None:
    """A disk that is full."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "journal.jsonl")


def test_sales_close_although_no_journal_can_be_written(
    selling: Selling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 20 says so, and that it is on no record."""
    monkeypatch.setattr(FileSink, "write", no_room)
    error = error_of(selling.close())
    assert (Desk.servers, error.exit_code) == (CLOSED, ExitCode.NO_GO)
    assert error.message.startswith("Sales were closed at lb1, but it is not recorded: Nothing can")
    assert error.hint.startswith("Free space")


def test_sales_close_although_the_reports_cannot_be_written(selling: Selling) -> None:
    """A folder that cannot be made is no wrong usage when something was done."""
    selling.reports.write_text("a file stands in the way")
    error = error_of(selling.close())
    assert (Desk.servers, error.exit_code) == (CLOSED, ExitCode.NO_GO)
    assert "not recorded: The venue's lock" in error.message


@pytest.mark.parametrize("word", ["open", "close"])
@pytest.mark.parametrize("reason", ["", " "])
def test_an_empty_reason_is_none(tmp_path: Path, word: str, reason: str) -> None:
    """It is wrong usage, said before even the venue is read."""
    settings = Settings(str(tmp_path / "nowhere"), tmp_path, "en", "text")
    words = (word, "--yes", "--reason", reason)
    error = error_of(CliRunner().invoke(sales.sales, words, obj=settings))
    assert (error.exit_code, error.message) == (
        ExitCode.USAGE,
        f"raceday sales {word} wants --reason.",
    )
    assert f'raceday sales {word} --reason "' in error.hint


def test_a_load_balancer_that_does_not_close_is_named(selling: Selling) -> None:
    """Nobody is told that sales are closed there."""
    hosts = selling.folder / "hosts.yml"
    hosts.write_text(hosts.read_text().replace("admin.sock", "nowhere.sock"))
    with selling.held("morning", stays=True):
        error = error_of(selling.close())
    assert error.exit_code == ExitCode.LOCKED
    assert error.message.startswith("Nothing proves that sales are closed, nor is it recorded: kim")
    assert "Customers may still be buying. On lb1: systemctl stop haproxy" in error.hint


def test_who_is_cut_off_before_it_is_recorded_is_told(selling: Selling) -> None:
    """At once when nothing records it, else in the report of the closing that is recorded."""
    Desk.customers, Desk.hanging = {"wagering/w1": 7}, {"wagering/w1"}
    with selling.held("morning", stays=True):
        error = error_of(selling.close())
    assert error.hint.startswith("7 customers at lb1 were cut off: they were still connected")
    Desk.begin(CLOSED, "UP")
    Desk.customers, Desk.hanging = {"wagering/w1": 6}, {"wagering/w1"}
    with selling.held("restart", stays=False):
        result = selling.close()
    assert result.return_value == ExitCode.GO, result.stderr
    assert "6 customers at lb1 were cut off" in result.stdout


def test_customers_have_time_to_finish_in_the_evening_only(selling: Selling) -> None:
    """The stop-wagering command cuts off who is connected at once, whatever the evening gives."""
    venue = venue_of(selling.settings)
    evening = {step.id: step for step in plan_evening(venue).steps.values()}["front.close"]
    in_order = make_plan(venue, "evening", (replace(evening, after=()),), gives_verdict=False)
    cut_off = {}
    for name, plan in (("at once", plan_cut(venue)), ("in order", in_order)):
        Desk.begin(CLOSED, "UP")
        Desk.customers = {"wagering/w1": 20}  # one leaves at each look
        run_unrecorded(venue, plan, Request(), ())
        cut_off[name] = [told for told in Desk.told if told.startswith("shutdown")]
        assert sum(Desk.customers.values()) == 0
    assert cut_off == {"at once": ["shutdown sessions server wagering/w1"], "in order": []}


def test_a_backend_that_the_venue_file_does_not_name_keeps_sales_open(selling: Selling) -> None:
    """Exit 20 names it, and says what to do."""
    Desk.servers["vip/w3"] = "UP"
    result = selling.close()
    assert (result.return_value, Desk.servers) == (ExitCode.NO_GO, {**CLOSED, "vip/w3": "UP"})
    said = " ".join(result.stdout.split())
    assert "customers are let in at vip, which no component" in said
    assert "set server vip/w3 state maint" in said


def test_what_a_colleague_closed_while_the_prompt_stood_is_not_opened(
    selling: Selling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The closing came after the runs were read by which it would have been opened."""

    def meanwhile(_question: str, **_options: bool) -> None:
        monkeypatch.setattr(sales, "confirm_change", confirm_change)
        assert selling.close().return_value == ExitCode.GO

    monkeypatch.setattr(sales, "_end_of_the_go", lambda *_: "2126-11-21T00:00:00+00:00")
    monkeypatch.setattr(sales, "confirm_change", meanwhile)
    words = ("--reason", "inquiry closed")
    error = error_of(CliRunner().invoke(sales.open_, words, obj=selling.settings))
    assert (Desk.servers, error.exit_code) == (CLOSED, ExitCode.REFUSED)
    assert error.message.startswith("Another run has changed the venue meanwhile")
    assert len(selling.records()) == 1
