"""What stands in the way of a GO on the demo, and what the report says of it."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.venue.command import Raceday, Result
from tests.venue.hands import Venue
from tests.venue.sites import copy_venue, demo_inventory, move_host

FALSE = "[Service]\nType=simple\nExecStart=\nExecStart=/bin/false\n"
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
NEVER_RAN = {
    **dict.fromkeys(
        (f"{name}.{verb}" for name in ("ticketing", "kiosk_gateway") for verb in ("test", "gate")),
        "",
    )
}
BEHIND_WAGERING = {
    "wagering.test": "wagering.start failed",
    "ticketing.start": "wagering.start failed",
    "ticketing.test": "ticketing.start was not executed",
    "kiosk_gateway.start": "wagering.start failed",
    "kiosk_gateway.test": "kiosk_gateway.start was not executed",
    "load_balancer.start": "wagering.start failed",
    "load_balancer.test": "load_balancer.start was not executed",
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


def test_a_server_that_dies_after_it_was_ready_is_no_go(venue: Venue, raceday: Raceday) -> None:
    """Ready for two seconds only: the same, with its last words."""
    venue.switch_fault("wagering1", "crash_after=2")
    result = raceday("morning", "--yes")
    told = {("wagering1", "wagering.service did not stay up on wagering1")}
    assert_wagering_failed(venue, result, told)
    (error,) = result.report["errors"]
    assert error["why"] == "it was ready, then died within the 3 s it had to stay up"
    assert any("crashing 2.0 seconds after ready" in line for line in error["log"])


def assert_wagering_failed(venue: Venue, result: Result, told: set[tuple[str, str]]) -> None:
    """NO-GO for these reasons alone; database, cache and the other engine stay up."""
    assert (result.code, result.verdict) == (20, "NO-GO"), str(result)
    assert {(host, what) for host, what, _ in result.errors} == told
    assert result.components == WITHOUT_WAGERING
    assert result.not_executed == BEHIND_WAGERING
    assert venue.active() == {"db1", "db2", "cache1", "wagering2"}


def test_a_service_that_is_healthy_and_broken_is_found_out(venue: Venue, raceday: Raceday) -> None:
    """Health answers 200 while no ticket can be issued: the functional test says so."""
    venue.switch_fault("ticketing1", "broken")
    result = raceday("morning", "--yes")
    assert (result.code, result.verdict) == (20, "NO-GO"), str(result)
    assert result.components["ticketing"] == "failed"
    assert ("ticketing1", "ticketing1 failed the check 'a test ticket is issued'") in {
        (host, what) for host, what, _ in result.errors
    }
    assert not venue.sales_are_open()
