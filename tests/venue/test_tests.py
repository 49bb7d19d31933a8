"""Functional tests by name, a rehearsal of sales and a failover drill on the demo."""

import signal
from typing import Any

import pytest

from tests.venue.command import Raceday, Result
from tests.venue.hands import UNITS, Venue, wait_until

pytestmark = pytest.mark.long

REHEARSAL = "http://127.0.0.1:18100"
LEFT = {"account": "test-rehearsal-lb1-7", "race": "test-left", "pool": "win", "test": True}
ROLES = ("wagering", "ticketing", "kiosk_gateway")


def limits(p95: float, *roles: str) -> tuple[str, ...]:
    """These roles may be as slow as this; how fast the machine is, is no part of a test."""
    words = (f"{role}_rehearsal_p{share}_seconds={p95}" for role in roles for share in (95, 99))
    return ("-e", " ".join(words))


def flows(result: Result) -> dict[str, dict[str, Any]]:
    """What each channel's load told."""
    loads = [item for item in result.report["steps"] if item["verb"] == "rehearse"]
    told = [host["evidence"] for item in loads for host in item["hosts"]]
    return {item["channel"]: item for item in told if "flow" in item}


def observed(result: Result) -> dict[str, str]:
    """What each check saw."""
    return {item["name"]: item["observed"] for item in result.report["checks"]}


def test_a_bet_is_tested_by_its_name(resting: Venue, desk: Raceday) -> None:
    """Only what takes bets is tested, on the host of --limit and through the load balancer."""
    result = desk("test", "bet", "--limit", "wagering2", "--yes")
    assert result.code == 0, str(result)
    assert set(result.components) == {"wagering", "load_balancer"}
    where = {item["step"]: item["host"] for item in result.report["checks"]}
    assert where == {"wagering.test": "wagering2", "wagering.through": "lb1"}


def test_nothing_is_rehearsed_while_sales_are_open(resting: Venue, desk: Raceday) -> None:
    """At one server is enough: exit 30, and nothing is bought."""
    resting.admin("set server ticketing/ticketing1 state ready")
    assert desk("test", "rehearsal", "--yes").code == 30
    assert desk("test", "drill", "--yes").code == 30


def test_a_rehearsal_is_smooth_and_leaves_nothing(resting: Venue, desk: Raceday) -> None:
    """Every channel takes all that is due; what an earlier one left is found and taken back."""
    resting.ask("lb1", f"{REHEARSAL}/accounts/{LEFT['account']}")
    bet = {**LEFT, "selection": 1, "amount": 100}
    assert resting.ask("lb1", f"{REHEARSAL}/bets", bet)[0] == 201
    words = ("test", "rehearsal", "--rate", "10", "--for", "4s", "--burst", "3", "--yes")
    result = desk(*words, *limits(3, *ROLES))
    assert result.code == 0, f"{result}\n{flows(result)}"
    told = {name: (item["flow"], item["answered"]) for name, item in flows(result).items()}
    assert told == dict.fromkeys(("bet", "ticket", "kiosk"), ("smooth", "56"))
    seen = observed(result)
    assert seen["bet: nothing is left of earlier ones"] == "1 back"
    assert seen["bet: everything is taken back"] == "56 back"
    assert seen["kiosk: balances are as before"] == "50 as before"
    assert resting.in_rotation() == set()


def test_ctrl_c_ends_a_rehearsal_and_takes_everything_back(resting: Venue, desk: Raceday) -> None:
    """Exit 130 with a report; the load on the host is over, long before its time."""
    running = desk.begin("test", "rehearsal", "bet", "--for", "5m", "--yes")
    running.wait_for("step.started", "wagering.rehearse.1")
    wait_until(resting.has_test_items, "somebody has bought")
    running.signal(signal.SIGINT)
    result = running.result()
    assert (result.code, result.report["result_state"]) == (130, "CANCELLED"), str(result)
    assert observed(result)["bet: balances are as before"] == "50 as before"
    assert resting.run("lb1", "ls /run/raceday") == ""


def test_a_slow_server_is_no_rehearsal_to_be_proud_of(resting: Venue, desk: Raceday) -> None:
    """One of two slows every other customer: slow, exit 20, and the check says how slow."""
    resting.switch_fault("ticketing1", "slow=0.3")
    try:
        words = ("test", "rehearsal", "ticket", "--rate", "10", "--for", "3s", "--yes")
        result = desk(*words, *limits(0.2, "ticketing"))
    finally:
        resting.switch_fault("ticketing1", None)
    assert (result.code, result.report["result_state"]) == (20, "ERRORS"), str(result)
    assert flows(result)["ticket"]["flow"] == "slow"
    assert {item["step"] for item in result.report["errors"]} == {"ticketing.rehearse.1"}
    assert float(flows(result)["ticket"]["p95"]) > 0.2


def test_sales_go_on_while_one_of_two_is_down(resting: Venue, desk: Raceday) -> None:
    """The drill stops wagering1, sees bets, tickets and cash sales go on, and brings it back."""
    before = resting.units()
    words = ("test", "drill", "wagering", "--rate", "5", "--yes")
    result = desk(*words, "-e", " ".join(f"{role}_rehearsal_errors_percent=10" for role in ROLES))
    assert result.code == 0, f"{result}\n{flows(result)}"
    after = resting.units()
    assert {host for host in UNITS if after[host] != before[host]} == {"wagering1"}
    assert resting.is_active("wagering1")
    told = flows(result)
    assert told.keys() == {"bet", "ticket", "kiosk"}
    assert all(int(item["since_stop"]) >= 10 for item in told.values()), told
    assert {"wagering2 is sent purchases", "wagering1 is sent purchases"} <= observed(result).keys()


def test_a_drill_without_a_spare_is_refused(resting: Venue, desk: Raceday) -> None:
    """When the other one is down nobody stops the one that is left."""
    resting.systemctl("wagering2", "stop")
    try:
        result = desk("test", "drill", "wagering", "--yes")
        assert (result.code, "wagering2" in result.report["error"]["message"]) == (30, True)
        assert resting.is_active("wagering1")
    finally:
        resting.systemctl("wagering2", "start")
        resting.wait_healthy("wagering2")
