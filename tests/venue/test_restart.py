"""A rolling restart on the demo: under load, refused, failing half way, interrupted."""

import json
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime

import pytest

from tests.venue.command import Raceday, Result, Started
from tests.venue.hands import SERVERS, SSH_CONFIG, UNITS, Venue, on_all, wait_until
from tests.venue.load import customers
from tests.venue.plain import REASON, WAGERING, play

pytestmark = pytest.mark.long

GLASS = ("--yes", "--break-glass", "--reason", "memory leak")
WITHIN = 5 + 30  # seconds after Ctrl-C: five, and haproxy_drain_timeout, the command's own bound
ROLLED = {"wagering1", "wagering2", "ticketing1", "ticketing2"}
HOLD = """
import socket, sys

link = socket.create_connection(("127.0.0.1", 18101))
link.sendall(b"POST /bets HTTP/1.1\\r\\nHost: lb1\\r\\nContent-Length: 99\\r\\n\\r\\n{")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held_session() -> Iterator[None]:
    """A customer at wagering1 who is in the middle of a bet, and stays there."""
    command = f"sudo sh -c {shlex.quote(f'exec python3 -c {shlex.quote(HOLD)}')}"
    with subprocess.Popen(
        ["ssh", "-F", str(SSH_CONFIG), "lb1", command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield
        finally:
            process.communicate("")


@contextmanager
def drain_under_way(venue: Venue, desk: Raceday) -> Iterator[Started]:
    """A restart of wagering1 that waits in its drain for the customer who stays."""
    with held_session():
        running = desk.begin("restart", "wagering", "--limit", "wagering1", *GLASS)
        rest = set(SERVERS) - {"wagering/wagering1"}
        wait_until(lambda: venue.in_rotation() == rest, "wagering1 is being drained")
        yield running


def bounced(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """Hosts whose services are not those of before."""
    return {host for host, shown in before.items() if after[host] != shown}


def test_a_restart_is_refused_while_sales_are_open(selling: Venue, desk: Raceday) -> None:
    """Exit 30, and every unit is the one it was."""
    before = selling.units()
    result = desk("restart", "wagering", "--yes")
    assert result.code == 30, str(result)
    assert selling.units() == before
    assert selling.in_rotation() == set(SERVERS)


def test_no_customer_notices_a_rolling_restart(selling: Venue, desk: Raceday) -> None:
    """Thirty purchases a second while wagering and ticketing roll: each is answered with 201."""
    before = selling.units()
    warm_up = selling.warm_up(on_all(ROLLED, "2"))  # without a drain that is two seconds of 503
    try:
        with customers(rate=30) as load:
            result = desk("restart", "wagering", "ticketing", *GLASS)
    finally:
        selling.warm_up(warm_up)
        selling.cancel_tests()
    print(f"{load.sent} requests in {result.seconds:.1f} s: {load}")
    assert result.code == 0, str(result)
    assert load.sent >= 100
    assert load.answers == {"201": load.sent}
    assert load.slowest < 5, "customers waited"
    assert bounced(before, selling.units()) == ROLLED
    assert selling.in_rotation() == set(SERVERS)


def test_a_server_that_does_not_come_back_ends_the_roll(selling: Venue, desk: Raceday) -> None:
    """Exit 20 tells each host's state, one is down; mended, recover and a restart finish it."""
    before = selling.units()
    selling.switch_fault("wagering2", "refuse_start")
    result = desk("restart", "wagering", *GLASS)
    assert result.code == 20, str(result)
    assert {host for host, _, _ in result.errors} == {"wagering2"}, str(result)
    assert selling.in_rotation() == set(SERVERS) - {"wagering/wagering2"}
    assert bounced(before, selling.units()) == {"wagering1", "wagering2"}
    assert_one_after_the_other(result)
    told = {
        host["name"]: host["state"]
        for step in result.report["steps"]
        if step["verb"] == "start"
        for host in step["hosts"]
    }
    assert told == {"wagering1": "ok", "wagering2": "failed"}

    selling.switch_fault("wagering2", None)
    recovered = desk("recover", "--yes")
    assert recovered.code == 0, str(recovered)
    assert selling.in_rotation() == set(SERVERS)
    before = selling.units()
    again = desk("restart", "wagering", *GLASS)
    assert again.code == 0, str(again)
    assert bounced(before, selling.units()) == {"wagering1", "wagering2"}
    assert selling.in_rotation() == set(SERVERS)


def assert_one_after_the_other(result: Result) -> None:
    """Customers are sent to the first again before the second is taken from them."""
    moments = {step["id"]: step for step in result.report["steps"]}
    back = datetime.fromisoformat(moments["wagering.undrain.1"]["finished_at"])
    assert back <= datetime.fromisoformat(moments["wagering.drain.2"]["started_at"])


def test_ctrl_c_in_a_drain_puts_the_server_back(selling: Venue, desk: Raceday) -> None:
    """Exit 130 with a report; nothing was stopped, and customers are sent to it again."""
    before = selling.units()
    with drain_under_way(selling, desk) as running:
        asked_at = time.monotonic()
        running.signal(signal.SIGINT)
        result: Result = running.result()
        seconds = time.monotonic() - asked_at
        assert selling.in_rotation() == set(SERVERS)
    assert (result.code, result.report["result_state"]) == (130, "CANCELLED"), str(result)
    print(f"{seconds:.1f} s after Ctrl-C")
    assert seconds < WITHIN
    assert json.loads((result.folder / "report.json").read_text()) == result.report
    assert (result.folder / "report.html").exists()
    assert selling.units() == before
    assert result.not_executed["wagering.stop.1"] == "the operator interrupted the run"


def test_sales_close_although_a_restart_is_under_way(selling: Venue, desk: Raceday) -> None:
    """It is interrupted, puts its server back, and then no customer gets in.

    Whether it has stopped its server is a race: closing cuts off whom the drain has waited for.
    """
    with drain_under_way(selling, desk) as running:
        closed = desk("sales", "close", "--yes", "--reason", "stewards' inquiry")
        assert closed.code == 0, str(closed)
        assert not selling.in_rotation()
    assert running.result().code == 130
    assert not selling.in_rotation()
    assert selling.active() == set(UNITS)
    begun = json.loads((closed.folder / "journal.jsonl").read_text().splitlines()[0])
    assert begun["plan"]["reason"] == "stewards' inquiry"
    assert begun["plan"]["closed_at"] < begun["at"]


def test_recover_puts_back_what_a_dead_run_drained(selling: Venue, desk: Raceday) -> None:
    """The load balancer's host needs no Python for it; a second time there is nothing to do."""
    before = selling.units()
    with drain_under_way(selling, desk) as running:
        running.kill()
    with selling.without_python("lb1"):
        recovered = desk("recover", "--yes")
        assert recovered.code == 0, str(recovered)
        assert selling.in_rotation() == set(SERVERS)
    assert selling.units() == before
    again = desk("recover", "--yes")
    assert (again.code, again.stderr, again.report["dead"]) == (0, "", []), str(again)


def test_a_plain_restart_puts_back_whom_customers_do_not_leave(selling: Venue) -> None:
    """The drain has taken the server out and fails in its time: nothing stops, all are back in."""
    before = selling.units()
    rest = set(SERVERS) - {"wagering/wagering1"}
    patience = ("-e", "haproxy_drain_timeout=5")
    with held_session(), ThreadPoolExecutor() as pool:
        restart = pool.submit(play, "restart", *WAGERING, *REASON, *patience)
        wait_until(lambda: selling.in_rotation() == rest, "wagering1 is being drained", 60)
        restarted = restart.result()
    assert restarted.returncode != 0, restarted.stdout
    assert "wagering1 of wagering was not stopped" in restarted.stdout
    assert selling.in_rotation() == set(SERVERS)
    assert selling.units() == before
