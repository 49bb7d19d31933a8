"""What stands in the way of a GO on the demo, and what the report says of it."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.venue.command import Raceday, Result
from tests.venue.hands import SERVERS, Venue
from tests.venue.sites import copy_venue, hasty, move_host

pytestmark = pytest.mark.long

NEARLY_USED_UP = """
CREATE SEQUENCE wagering.receipts MAXVALUE 100000 START 99000;
SELECT nextval('wagering.receipts');
UPDATE wagering.counters SET used = limit_ / 100 * 99, day = current_date;
UPDATE ticketing.runners SET withdrawn = true WHERE race = '1' AND runner = 2;
"""
AS_BEFORE = """
DROP SEQUENCE wagering.receipts;
UPDATE wagering.counters SET used = :used;
UPDATE ticketing.runners SET withdrawn = false WHERE race = '1' AND runner = 2;
"""
SEQUENCE = "The sequence wagering.receipts has used {} of 100000, that is 99 %"
COUNTER = "The counter bet_numbers has used 99000 of 100000, that is 99 %"
HORSE = "Race 1, horse 2 (한라산길) is withdrawn in ticketing but running on the official race card"
CONNECT_TIMEOUT = 5  # of the demo's venue file
HASTY_TIMEOUT = 2  # where a test waits for it again and again
FALSE = "[Service]\nType=simple\nExecStart=\nExecStart=/bin/false\n"
BEHIND_WAGERING = {
    "wagering.test": "wagering.start failed",
    "ticketing.start": "wagering.start failed",
    "ticketing.test": "ticketing.start was not executed",
    "kiosk_gateway.start": "wagering.start failed",
    "kiosk_gateway.test": "kiosk_gateway.start was not executed",
    "load_balancer.start": "wagering.start failed",
    "wagering.through": "wagering.test was not executed",
    "ticketing.through": "load_balancer.start was not executed",
    "kiosk_gateway.through": "load_balancer.start was not executed",
    "wagering.gate": "wagering.start failed",
    "ticketing.gate": "ticketing.start was not executed",
    "kiosk_gateway.gate": "kiosk_gateway.start was not executed",
    "load_balancer.gate": "load_balancer.start was not executed",
    "load_balancer.open": "the verdict is NO-GO",
}
WITHOUT_WAGERING = {
    "database": "ready",
    "cache": "ready",
    "wagering": "failed",
    "ticketing": "skipped",
    "kiosk_gateway": "skipped",
    "load_balancer": "skipped",
    "settlement_bank": "ready",
}


def test_a_unit_that_only_seems_to_start_is_no_go(venue: Venue, raceday: Raceday) -> None:
    """ExecStart=/bin/false: host and unit named, what relies on it not begun, the rest left up."""
    venue.add_drop_in("wagering1", FALSE)
    result = raceday("morning", "--yes")
    told = {("wagering1", "wagering.service did not start on wagering1")}
    assert_wagering_failed(venue, result, told)
    (error,) = result.report["errors"]
    assert "before it was ready" in error["why"]
    assert any("status=1/FAILURE" in line for line in error["log"])
    assert_explained(raceday, "en", "wagering.service did not start on wagering1")
    assert_explained(raceday, "ko", "wagering1에서 wagering.service 기동 실패")


def assert_explained(raceday: Raceday, language: str, told: str) -> None:
    """`raceday explain` names host and unit in the reader's language."""
    explained = raceday("--lang", language, "explain")
    assert (explained.code, explained.report["verdict"]) == (0, "NO-GO"), str(explained)
    assert any(told in sentence for sentence in explained.report["sentences"]), str(explained)


def test_a_server_that_dies_after_it_was_ready_is_no_go(venue: Venue, raceday: Raceday) -> None:
    """Ready for two seconds only: the same, with its last words."""
    venue.switch_fault("wagering1", "crash_after=2")
    result = raceday("morning", "--yes")
    told = {("wagering1", "wagering.service did not stay up on wagering1")}
    assert_wagering_failed(venue, result, told)
    (error,) = result.report["errors"]
    assert error["why"] == "it was ready, then died within the 3 s it had to stay up"
    assert any("crashing 2 seconds after ready" in line for line in error["log"])


def assert_wagering_failed(venue: Venue, result: Result, told: set[tuple[str, str]]) -> None:
    """NO-GO for these reasons alone; database, cache and the other engine stay up."""
    assert (result.code, result.verdict) == (20, "NO-GO"), str(result)
    assert {(host, what) for host, what, _ in result.errors} == told
    assert result.components == WITHOUT_WAGERING
    assert result.not_executed == BEHIND_WAGERING
    assert venue.active() == {"db1", "db2", "cache1", "wagering2"}


def test_a_service_that_is_healthy_and_broken_is_found_out(
    venue: Venue, raceday: Raceday, tmp_path: Path
) -> None:
    """Health answers 200 while tickets can be neither voided nor issued: the test says so."""
    venue.switch_fault("ticketing1", "broken")
    result = raceday("morning", "--yes", venue=copy_venue(tmp_path, hasty))
    assert (result.code, result.verdict) == (20, "NO-GO"), str(result)
    assert result.components["ticketing"] == "failed"
    assert {(host, what) for host, what, _ in result.errors} == {
        ("ticketing1", "ticketing1 failed the check 'no leftover test tickets'"),
    }
    told = {why for _, _, why in result.errors}
    said = 'HTTP 500 {"error": "fault switch: broken"}'
    assert told == {f"Tickets of an earlier test could not be voided: {said}"}
    assert not venue.sales_are_open()


def test_a_host_whose_sshd_is_stopped_is_named_at_once(venue: Venue, raceday: Raceday) -> None:
    """NO-GO within the connect timeout and a few seconds; what relies on it is not begun."""
    venue.run_from_console("cache1", "systemctl", "stop", "ssh")
    try:
        result = raceday("morning", "--yes")
    finally:
        venue.run_from_console("cache1", "systemctl", "start", "ssh")
    assert (result.code, result.verdict) == (20, "NO-GO"), str(result)
    assert {(host, what) for host, what, _ in result.errors} == {
        ("cache1", "cache1 cannot be reached")
    }
    assert result.report["duration_seconds"] < CONNECT_TIMEOUT + 10
    assert venue.active() == {"db1", "db2"}


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A port that swallows whatever knocks: its queue of connections is full, so nobody answers."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def test_a_black_holed_host_of_two_is_conditional_and_stays_out_of_rotation(
    venue: Venue, raceday: Raceday, black_hole: int, tmp_path: Path
) -> None:
    """With min_ready: 1 it is told in time and sales stay closed, until somebody accepts it.

    The reason is recorded, and no customer is sent to the server that nobody could look at.
    """
    site = copy_venue(tmp_path, wagering_with_one_of_two)
    move_host(site, "wagering2", black_hole)
    result = raceday("morning", "--yes", venue=site)
    assert (result.code, result.verdict) == (10, "CONDITIONAL"), str(result)
    assert {(host, what) for host, what, _ in result.errors} == {
        ("wagering2", "wagering2 cannot be reached")
    }
    (preflight,) = (step for step in result.report["steps"] if step["id"] == "wagering.preflight")
    assert preflight["seconds"] < HASTY_TIMEOUT + 3
    assert result.components["wagering"] == "degraded"
    assert result.not_executed == {"load_balancer.open": "the verdict is CONDITIONAL"}
    assert not venue.sales_are_open()

    accept = ("--accept-conditional", "--reason", "wagering2 is in repair")
    accepted = raceday("morning", "--yes", *accept, venue=site)
    assert (accepted.code, accepted.verdict) == (10, "CONDITIONAL"), str(accepted)
    assert {host for host, _, _ in accepted.errors} == {"wagering2"}
    assert accepted.report["sales"]["reason"] == "accepted as CONDITIONAL: wagering2 is in repair"
    assert accepted.report["sales"]["state"] == "opened_by_this_run"
    venue.systemctl("wagering2", "start")
    venue.wait_healthy("wagering2")
    assert venue.sales_are_open()
    assert venue.in_rotation() == set(SERVERS) - {"wagering/wagering2"}


def test_a_server_that_hangs_is_told_when_its_time_is_over(
    venue: Venue, raceday: Raceday, tmp_path: Path
) -> None:
    """It runs, takes connections and answers nothing: NO-GO as soon as its timeout is over."""
    venue.switch_fault("wagering1", "hang")
    result = raceday("morning", "--yes", venue=copy_venue(tmp_path, impatient_with_wagering))
    assert (result.code, result.verdict) == (20, "NO-GO"), str(result)
    ((host, what, why),) = result.errors
    assert (host, what) == ("wagering1", "wagering is not ready on wagering1")
    asked = "the health check (http http://127.0.0.1:8081/health) still said "
    asked += "'no answer within 5 s (connected)' after "
    assert why.startswith(asked)
    assert float(why.removeprefix(asked).removesuffix(" s")) < 3 + 6  # one question may take 5 s


def impatient_with_wagering(document: dict[str, Any]) -> None:
    """Wagering has three seconds."""
    document["components"]["wagering"]["healthcheck"]["timeout"] = 3


def wagering_with_one_of_two(document: dict[str, Any]) -> None:
    """Wagering may open with one engine."""
    hasty(document)
    document["venue"]["connect_timeout"] = HASTY_TIMEOUT
    document["components"]["wagering"]["min_ready"] = 1


@pytest.fixture
def newspaper(venue: Venue) -> Iterator[Venue]:
    """A clock five minutes fast, a sequence and a counter at 99 %, a horse out in one system."""
    venue.shift_clock("wagering2", 300)
    venue.systemctl("db1", "start")
    used = venue.sql("SELECT used FROM wagering.counters")
    venue.sql(NEARLY_USED_UP)
    try:
        yield venue
    finally:
        venue.systemctl("db1", "start")
        venue.sql(AS_BEFORE, used=used)


def test_what_was_in_the_newspapers_is_seen_before_the_gates_open(
    newspaper: Venue, raceday: Raceday, tmp_path: Path
) -> None:
    """Each is told in a sentence of its own, where it was seen, and nothing else is wrong."""
    result = raceday("morning", "--yes", venue=copy_venue(tmp_path, hasty))
    assert (result.code, result.verdict) == (20, "NO-GO"), str(result)
    assert {(host, round_seconds(why)) for host, _, why in result.errors} == {
        ("wagering2", "The clock of wagering2 is 300 s ahead of this controller's"),
        ("wagering1", "The clocks of wagering1 and wagering2 are 300 s apart"),
        ("wagering2", "The clocks of wagering2 and wagering1 are 300 s apart"),
        ("db1", SEQUENCE.format("99000")),
        ("db2", SEQUENCE.format("99032")),  # a standby sees what the primary has set aside
        *((host, COUNTER) for host in ("db1", "db2")),
        *((host, HORSE) for host in ("ticketing1", "ticketing2")),
    }
    assert not newspaper.sales_are_open()


def round_seconds(sentence: str) -> str:
    """The sentence with its seconds rounded to tens: measuring takes time too."""
    return re.sub(r"\d+\.\d+ s", lambda found: f"{round(float(found[0][:-2]), -1):.0f} s", sentence)


FIRST_TRY = "/run/raceday-test-first-try"
NO_LEASE = f"test -e {FIRST_TRY} || {{ touch {FIRST_TRY}; echo no lease yet; exit 1; }}"
FAILS_ONCE = f"[Service]\nExecStartPre=+/bin/sh -c '{NO_LEASE}'\n"


def test_a_start_that_fails_once_is_tried_again_and_told(
    venue: Venue, raceday: Raceday, tmp_path: Path
) -> None:
    """GO as the gates say, and a warning that names component, host, try and the first reason."""
    site = copy_venue(tmp_path, allow_a_second_try)
    venue.run("wagering1", f"rm -f {FIRST_TRY}")
    venue.add_drop_in("wagering1", FAILS_ONCE)
    result = raceday("morning", "--yes", venue=site)
    assert (result.code, result.verdict) == (0, "GO"), str(result)
    assert (result.report["result_state"], result.report["errors"]) == ("WARNINGS", [])
    (warning,) = result.report["warnings"]
    assert warning["what"] == "wagering came up on wagering1 only at try 2"
    assert "wagering.service did not start on wagering1" in warning["why"]
    assert any("no lease yet" in line for line in warning["log"])


def allow_a_second_try(document: dict[str, Any]) -> None:
    """One retry for wagering."""
    document["components"]["wagering"]["retries"] = 1
