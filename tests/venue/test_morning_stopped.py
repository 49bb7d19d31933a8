"""A morning that is not alone, is interrupted, or is killed."""

import json
import signal
import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.venue.command import Raceday, processes_of
from tests.venue.hands import Venue, wait_until

SEOUL = ZoneInfo("Asia/Seoul")  # the demo's time zone
HURRY = 30  # seconds: far from what a start may take, and no measure of speed


def test_of_two_mornings_at_once_one_runs(venue: Venue, raceday: Raceday) -> None:
    """The other exits 75 and says who holds the venue, since when, and which run; one goes on."""
    both = [raceday.begin("morning", "--yes"), raceday.begin("morning", "--yes")]
    wait_until(lambda: any(one.process.poll() is not None for one in both), "one has ended", 60)
    first, second = sorted(both, key=lambda one: one.process.poll() is not None)
    refused = second.result()
    assert refused.code == 75, str(refused)
    (begun, *_) = first.journal()
    told = refused.report["error"]["message"]
    since = datetime.fromisoformat(begun["at"]).astimezone(SEOUL)
    assert all(word in told for word in (begun["operator"], begun["run_id"], f"{since:%F %H:%M}"))
    first.wait_for("step.finished", "cache.start")
    first.signal(signal.SIGTERM)
    assert first.result().report["run_id"] == begun["run_id"]


def test_an_interrupted_morning_stops_in_order(venue: Venue, raceday: Raceday) -> None:
    """Exit 130 at once, no new step, a report that says CANCELLED, and no process left."""
    running = raceday.begin("morning", "--yes")
    running.wait_for("step.started", "wagering.start")
    assert processes_of(running.journal()[0]["run_id"])
    asked_at = time.monotonic()
    running.signal(signal.SIGINT)
    result = running.result()
    assert time.monotonic() - asked_at < HURRY
    assert result.code == 130, str(result)
    assert (result.report["result_state"], result.report["verdict"]) == ("CANCELLED", None)
    assert json.loads((result.folder / "report.json").read_text()) == result.report
    kinds = [line["type"] for line in running.journal()]
    assert "step.started" not in kinds[kinds.index("run.interrupted") :]
    assert result.not_executed["load_balancer.open"] == "the operator interrupted the run"
    assert processes_of(result.report["run_id"]) == set()


@pytest.mark.long
def test_a_morning_after_one_that_was_killed_ends_what_is_left_of_it(
    venue: Venue, raceday: Raceday
) -> None:
    """kill -9 leaves the lock free; the next morning ends the dead run's processes and opens."""
    dead = raceday.begin("morning", "--yes")
    dead.wait_for("step.started", "database.start")
    run_id = dead.journal()[0]["run_id"]
    dead.kill()
    left = processes_of(run_id)
    following = raceday.begin("morning", "--yes")
    following.wait_for("step.started", "database.preflight")
    assert processes_of(run_id) == set(), f"of {left}"
    result = following.result()
    assert (result.code, result.verdict) == (0, "GO"), str(result)
    assert venue.sales_are_open()
