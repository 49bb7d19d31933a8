"""A morning on the demo: from closed to GO, again over what is up, and half up."""

import json
from collections.abc import Iterator

import pytest

from automation.run.journal import read_journal
from automation.run.state import fold_all
from tests.venue.command import Raceday, Result
from tests.venue.hands import UNITS, Venue
from tests.venue.sites import demo_inventory

FILES = ("journal.jsonl", "report.json", "report.html", "junit.xml", "metrics.prom")
UP = {"settlement_bank": "ready"}
COMPONENTS = ("database", "cache", "wagering", "ticketing", "kiosk_gateway", "load_balancer")


@pytest.fixture(scope="module")
def raceday(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Raceday]:
    """The command on the demo; all tests of this module share its reports."""
    command = Raceday(tmp_path_factory.mktemp("reports"), demo_inventory())
    yield command
    command.end()


@pytest.fixture(scope="module")
def first(hands: Venue, raceday: Raceday) -> Iterator[Result]:
    """The first morning, on a closed venue whose servers really warm up."""
    hands.put_closed()
    try:
        yield raceday("morning", "--yes")
    finally:
        hands.put_closed()


@pytest.fixture
def opened(first: Result, hands: Venue) -> Venue:
    """The venue after its first morning."""
    assert first.code == 0, str(first)
    return hands


def test_a_closed_venue_is_opened_to_go(first: Result, opened: Venue) -> None:
    """Exit 0, everything made ready by this run, and customers get in."""
    assert first.verdict == "GO", str(first)
    assert first.components == {**dict.fromkeys(COMPONENTS, "ready"), **UP}
    assert (first.report["errors"], first.report["not_executed"]) == ([], [])
    assert first.report["sales"]["state"] == "opened_by_this_run"
    assert opened.sales_are_open()


def test_every_planned_check_was_reported_and_passed(first: Result, opened: Venue) -> None:
    """Each host reports each check that the plan names, and each one passed."""
    state = fold_all(read_journal(first.folder / "journal.jsonl"))
    planned = {
        (step.id, host, name)
        for step in state.plan.steps.values()
        for host in step.hosts
        for name in step.checks
    }
    checks = first.report["checks"]
    reported = {(item["step"], item["host"], item["name"]) for item in checks}
    assert planned <= reported
    assert [item for item in checks if not item["passed"]] == []


def test_a_run_leaves_its_files_for_its_owner_only(first: Result) -> None:
    """Journal, report, page, junit and metrics, all of mode 0600, in a folder of mode 0700."""
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in first.folder.iterdir()}
    assert modes == dict.fromkeys(FILES, "0o600")
    assert oct(first.folder.stat().st_mode & 0o777) == "0o700"


def test_the_report_is_what_the_journal_tells(first: Result) -> None:
    """The journal verifies, and its fold has the report's verdict and end."""
    state = fold_all(read_journal(first.folder / "journal.jsonl"))
    assert state.verdict is not None
    assert (state.verdict.result, state.result_state) == ("GO", first.report["result_state"])
    last = (first.folder / "journal.jsonl").read_text().splitlines()[-1]
    assert first.report["journal_head"] in last


def test_the_report_says_what_a_morning_cost_beyond_its_critical_path(first: Result) -> None:
    """The chain of steps that were waited for, and the time on top of the hosts' own."""
    own = sum(link["own_seconds"] for link in first.report["critical_path"])
    beyond = first.report["beyond_critical_path_seconds"]
    assert own > 10
    assert beyond == pytest.approx(first.report["duration_seconds"] - own, abs=0.01)


def test_a_second_morning_bounces_nothing(opened: Venue, raceday: Raceday) -> None:
    """What is up is reported as already up and left alone; sales stay open; exit 0."""
    before = opened.units()
    second = raceday("morning", "--yes")
    assert second.code == 0, str(second)
    assert second.components == {**dict.fromkeys(COMPONENTS, "already_up"), **UP}
    assert opened.units() == before
    assert second.report["sales"]["state"] == "open"
    assert opened.sales_are_open()


@pytest.mark.long
def test_a_venue_that_is_half_up_is_completed(opened: Venue, raceday: Raceday) -> None:
    """Only what is down is started; what is up is not bounced."""
    opened.close_sales()
    opened.systemctl("ticketing1", "stop")
    before = opened.units()
    result = raceday("morning", "--yes")
    assert result.code == 0, str(result)
    assert result.components == {
        **dict.fromkeys(COMPONENTS, "already_up"),
        **UP,
        "ticketing": "ready",
    }
    after = opened.units()
    assert {host for host in UNITS if before[host] != after[host]} == {"ticketing1"}
    assert opened.sales_are_open()


def test_a_status_that_finds_a_gate_red_revokes_the_verdict(
    opened: Venue, raceday: Raceday
) -> None:
    """Exit 20, the last run's journal says since when and why, and it still verifies."""
    healthy = raceday("status")
    assert (healthy.code, healthy.report["verdict"], healthy.report["healthy"]) == (0, None, True)
    assert healthy.report["standing"]["revoked_at"] is None
    opened.systemctl("ticketing2", "stop")
    result = raceday("status")
    assert result.code == 20
    assert result.components["ticketing"] == "failed"
    assert (result.report["verdict"], result.report["healthy"]) == (None, False)
    newest = max(raceday.reports.glob("*/2*"))
    assert "verdict.revoked" in (newest / "journal.jsonl").read_text().splitlines()[-1]
    state = fold_all(read_journal(newest / "journal.jsonl"))
    assert state.verdict is not None
    assert [str(reason) for reason in state.verdict.revoked_because] == [
        "ticketing is not healthy on ticketing2: "
        "the health check (http http://127.0.0.1:8082/health) said 'ticketing.service is inactive'"
    ]
    told, recorded = result.report["standing"], json.loads((newest / "report.json").read_text())
    assert (told["run_id"], told["result"]) == (newest.name, "GO")
    assert told.items() <= {"run_id": newest.name, **recorded["verdict"]}.items()
    assert told["revoked_at"]


def test_status_of_a_closed_venue_says_so(venue: Venue, raceday: Raceday) -> None:
    """Exit 20, every component down but the partner's, nothing started."""
    result = raceday("status")
    assert result.code == 20
    assert result.components == {**dict.fromkeys(COMPONENTS, "failed"), **UP}
    assert venue.active() == set()


@pytest.mark.long
def test_check_mode_changes_nothing(venue: Venue, raceday: Raceday) -> None:
    """Exit 0 on a closed venue, and no service is in another state or invocation after it."""
    before = venue.units()
    result = raceday("morning", "--check")
    assert result.code == 0, str(result)
    assert result.report["verdict"] is None
    assert venue.units() == before
