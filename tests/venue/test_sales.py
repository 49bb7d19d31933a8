"""The stop-wagering command on the demo, its opposite, and the logs of what sells."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from tests.venue.command import Raceday, Result
from tests.venue.hands import HEALTH, SERVERS, Venue
from tests.venue.sites import demo_inventory

CLOSE = ("sales", "close", "--yes", "--reason", "stewards' inquiry, race 5")
OPEN = ("sales", "open", "--yes", "--reason", "inquiry closed")
AT_ONCE = 2  # seconds from the run's start until no channel takes a sale any more
PROVEN = 4  # and until a sale that was refused has proven it on each
NOTHING_ELSE: dict[str, object] = {
    "errors": [],
    "held_by": None,
    "out_of_rotation": {},
    "left": [],
    "unserved": {},
}
REFUSALS = {"wagering.refusal", "ticketing.refusal", "kiosk_gateway.refusal"}


def finished_after(result: Result) -> dict[str, float]:
    """Seconds from the run's start to the end of each step, as the journal has them."""
    lines = [json.loads(line) for line in (result.folder / "journal.jsonl").open()]
    began = datetime.fromisoformat(lines[0]["at"])
    return {
        line["step"]: (datetime.fromisoformat(line["at"]) - began).total_seconds()
        for line in lines
        if line["type"] == "step.finished"
    }


def assert_refused(venue: Venue) -> None:
    """A customer is turned away on each channel."""
    order = {"account": "test-x", "race": "test-x", "pool": "win", "selection": 1, "amount": 100}
    assert venue.buy("POST", "/bets", {**order, "test": True})[0] == 503
    ticket = {"card": "test-x", "race": "test-x", "test": True}
    assert venue.buy("POST", "/tickets", ticket)[0] == 503
    assert venue.machine("lb1", 9000, {"op": "heartbeat", "machine": "K1"}) == []


def test_sales_close_at_once_on_every_channel(selling: Venue, desk: Raceday) -> None:
    """Each refuses within two seconds, proven right after; servers stay up; why is recorded."""
    units = selling.units()
    assert desk("sales", "status").report == {"sales": "open", "closed_by": None} | NOTHING_ELSE
    running = desk.begin(*CLOSE)
    running.wait_for("step.finished", "load_balancer.close")
    assert_refused(selling)
    result = running.result()
    assert result.code == 0, str(result)
    told = desk("sales", "status").report
    assert told["closed_by"]["reason"] == CLOSE[-1]
    assert told == {"sales": "closed", "closed_by": told["closed_by"]} | NOTHING_ELSE
    assert (selling.in_rotation(), selling.units()) == (set(), units)
    after = finished_after(result)
    assert after.keys() >= REFUSALS
    assert after["load_balancer.close"] < AT_ONCE, after
    assert max(after[step] for step in REFUSALS) < PROVEN, after
    begun = json.loads((result.folder / "journal.jsonl").read_text().splitlines()[0])
    assert (begun["plan"]["reason"], result.report["sales"]["state"]) == (CLOSE[-1], "closed")


@pytest.mark.long
def test_sales_open_on_a_go_only(selling: Venue, desk: Raceday, tmp_path: Path) -> None:
    """Without a GO on record it is refused and nothing is touched; with one customers get in."""
    selling.close_sales()
    refused = Raceday(tmp_path / "reports", demo_inventory())(*OPEN)
    assert refused.code == 30, str(refused)
    assert selling.in_rotation() == set()
    result = desk(*OPEN)
    assert (result.code, result.verdict) == (0, "GO"), str(result)
    assert selling.in_rotation() == set(SERVERS)
    assert selling.sales_are_open()


@pytest.mark.long
def test_logs_show_what_both_engines_wrote(selling: Venue, desk: Raceday) -> None:
    """Each host's own journal of the unit, up to now."""
    for host in ("wagering1", "wagering2"):
        selling.ask(host, HEALTH[host].replace("health", f"accounts/no-{host}"))
    result = desk("logs", "wagering", "-n", "20")
    assert (result.code, result.report["unit"]) == (0, "wagering"), str(result)
    lines = {host["name"]: host["lines"] for host in result.report["hosts"]}
    assert lines.keys() == {"wagering1", "wagering2"}
    for host, told in lines.items():
        assert any(f"there is no account no-{host}" in line for line in told), told


@pytest.mark.long
def test_sales_do_not_open_over_a_server_that_is_down(selling: Venue, desk: Raceday) -> None:
    """A GO is on record, but a gate is red now: exit 20, and customers stay out."""
    selling.close_sales()
    selling.systemctl("ticketing2", "stop")
    result = desk(*OPEN)
    assert (result.code, result.verdict) == (20, "NO-GO"), str(result)
    assert {host for host, _, _ in result.errors} == {"ticketing2"}
    assert selling.in_rotation() == set()
