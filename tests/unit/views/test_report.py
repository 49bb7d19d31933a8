"""The report as a document: complete from the first second, deterministic, true to its schema."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from automation.run.events import HostReported, HostState
from automation.views.document import Report, Sales
from automation.views.report import build_report, dump_report
from tests.unit.views.samples import (
    BEGAN,
    HEAD,
    LOG,
    STORIES,
    Story,
    conditional,
    failed_check,
    go,
    interrupted,
    morning_plan,
    no_go,
    revoked,
    running,
    second_try,
)

SCHEMA = json.loads(
    (Path(__file__).parents[3] / "schemas" / "report.v1.json").read_text(encoding="utf-8")
)


def report_of(story: Story) -> Report:
    """The report at the moment of the story's last event."""
    return build_report(story.state, story.now, HEAD)


def states(report: Report) -> list[str]:
    """The states of all components, in order."""
    return [item.state for item in report.components]


@pytest.mark.parametrize("name", STORIES)
def test_every_report_matches_the_committed_schema(name: str) -> None:
    """Whatever happened, and at every moment of it, the document matches the schema."""
    story = STORIES[name]()
    validator = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)
    for count in range(1, len(story.events) + 1):
        part = Story(story.plan, events=story.events[:count])
        document = json.loads(dump_report(report_of(part)))
        assert not [error.message for error in validator.iter_errors(document)]


def test_the_schema_itself_is_valid_and_closed() -> None:
    """The schema is draft 2020-12 and every object with fixed keys refuses others."""
    Draft202012Validator.check_schema(SCHEMA)
    closed = [item for item in _objects(SCHEMA) if "properties" in item]
    assert closed
    assert all(item["additionalProperties"] is False for item in closed)
    assert all(item["required"] == sorted(item["properties"]) for item in closed)


def _objects(node: Any) -> list[dict[str, Any]]:
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    own = [node] if isinstance(node, dict) and node.get("type") == "object" else []
    return own + [found for child in children for found in _objects(child)]


def test_the_report_exists_from_the_first_second() -> None:
    """After `run.started` alone it is RUNNING, with every component waiting."""
    report = report_of(Story().begin())
    assert report.result_state == "RUNNING"
    assert report.finished_at is None
    assert report.verdict is None
    assert set(states(report)) == {"waiting"}


def test_the_same_state_gives_the_same_text() -> None:
    """Keys are sorted and nothing but its three arguments feeds the text."""
    text = dump_report(report_of(no_go()))
    assert text == dump_report(report_of(no_go()))
    assert text == json.dumps(json.loads(text), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def test_times_are_utc_and_durations_seconds() -> None:
    """Times are ISO 8601 with a zero offset."""
    document = json.loads(dump_report(report_of(go())))
    assert document["started_at"] == "2026-11-20T23:30:00.000+00:00"
    assert document["duration_seconds"] == pytest.approx(23.695, abs=0.01)


def test_a_good_morning_opens_sales_before_the_deadline() -> None:
    """GO: all ready, sales opened by this run, the deadline met with its margin."""
    report = report_of(go())
    assert report.verdict is not None
    assert report.verdict.result == "GO"
    assert set(states(report)) == {"ready"}
    assert report.sales is not None
    assert report.sales.state == "opened_by_this_run"
    assert report.deadline is not None
    assert report.deadline.met is True
    assert report.deadline.margin_seconds == pytest.approx(1776.3, abs=0.5)


def test_a_verdict_tells_whether_it_was_revoked() -> None:
    """Since when and why; null and nothing while it was not."""
    told = [json.loads(dump_report(report_of(story)))["verdict"] for story in (go(), revoked())]
    pairs = [(item["revoked_at"], item["revoked_because"]) for item in told]
    assert pairs[0] == (None, [])
    assert pairs[1] == (revoked().now.isoformat(timespec="milliseconds"), ["the port is closed"])
    assert {item["result"] for item in told} == {"GO"}


def test_an_unaccepted_conditional_leaves_sales_closed() -> None:
    """One wagering host is lost: the component is degraded and sales stay closed."""
    report = report_of(conditional())
    assert report.verdict is not None
    assert report.verdict.result == "CONDITIONAL"
    assert states(report)[2] == "degraded"
    assert report.components[2].hosts[1].state == "unreachable"
    assert report.sales is not None
    assert (report.sales.state, str(report.sales.reason)) == (
        "closed",
        "the verdict is CONDITIONAL",
    )


def test_an_accepted_conditional_tells_its_reason() -> None:
    """The reason somebody accepted with stands beside the opening."""
    plan = morning_plan(accept_conditional=True, reason="one engine is enough on a Friday")
    report = report_of(Story(plan, conditional().reports).begin().go_on())
    assert report.sales is not None
    assert report.sales.state == "opened_by_this_run"
    assert "one engine is enough" in str(report.sales.reason)


def test_a_dead_service_is_named_with_its_log_and_what_it_kept_from_running() -> None:
    """NO-GO: the culprit, the tail of its log, and everything not executed with a reason."""
    report = report_of(no_go())
    assert states(report) == ["ready", "ready", "failed", "skipped", "skipped", "ready"]
    first = report.errors[0]
    assert (first.host, first.step) == ("wagering1", "wagering.start")
    assert first.log == tuple(LOG.splitlines())
    assert {item.step for item in report.not_executed} == {
        "wagering.test",
        "wagering.gate",
        "ticketing.start",
        "ticketing.test",
        "ticketing.gate",
        "load_balancer.start",
        "load_balancer.gate",
        "load_balancer.undrain",
    }
    assert report.time_saved is None


def test_a_failed_test_fails_its_component_and_a_missing_check_leaves_one_unknown() -> None:
    """What was refuted is failed; what was never reported is unknown and counts as not passed."""
    report = report_of(failed_check())
    assert states(report)[1] == "unknown"
    assert states(report)[3] == "failed"
    bad = [(item.component, item.host, item.observed) for item in report.checks if not item.passed]
    assert bad == [("cache", "cache1", ""), ("ticketing", "ticketing1", "accepted")]


def test_an_interrupted_run_claims_nothing() -> None:
    """No verdict, CANCELLED, and what was not proven is unknown."""
    report = report_of(interrupted())
    assert (report.result_state, report.verdict) == ("CANCELLED", None)
    assert states(report)[:2] == ["unknown", "unknown"]


def test_a_run_under_way_tells_what_is_ready_and_what_starts() -> None:
    """The database is up, the next component starts, the deadline is still to be seen."""
    report = report_of(running())
    assert states(report)[:4] == ["ready", "ready", "starting", "waiting"]
    assert report.deadline is not None
    assert report.deadline.met is None
    assert report.beyond_critical_path_seconds is None


def test_a_second_run_finds_all_up_and_claims_no_time() -> None:
    """What was already up is told so and saves nobody's time."""
    plan = morning_plan()
    starts = [step for step in plan.steps.values() if step.verb in {"start", "undrain"}]
    already = {
        (step.id, host): HostReported(step.id, host, HostState.ALREADY, 0.1)
        for step in starts
        for host in step.hosts
    }
    report = report_of(Story(plan, already).begin().go_on())
    assert states(report)[:5] == ["already_up"] * 5
    assert report.sales == Sales("open", None, None)
    assert report.deadline is None
    assert report.time_saved is None


def test_a_missed_deadline_is_told_with_a_negative_margin() -> None:
    """Sales that open after the deadline missed it by so many seconds."""
    late = morning_plan(deadline=(BEGAN + timedelta(seconds=10)).isoformat())
    report = report_of(Story(late).begin().go_on())
    assert report.deadline is not None
    assert report.deadline.met is False
    assert (report.deadline.margin_seconds or 0) < -10


def test_the_critical_path_is_what_the_run_waited_for() -> None:
    """Each link is the step that ended last before the next could begin."""
    report = report_of(go())
    assert [link.step for link in report.critical_path] == [
        "database.preflight",
        "database.start",
        "wagering.start",
        "ticketing.start",
        "load_balancer.start",
        "ticketing.test",
        "settlement_bank.gate",
        "load_balancer.undrain",
    ]
    own = sum(link.own_seconds for link in report.critical_path)
    assert report.beyond_critical_path_seconds == pytest.approx(report.duration_seconds - own)


def test_a_half_failed_opening_is_not_called_open() -> None:
    """One backend opened and another did not: nobody may read that sales are open."""
    step = "load_balancer.undrain"
    bad = HostReported(step, "load_balancer1", HostState.FAILED, evidence={"sales": "open"})
    report = report_of(Story(morning_plan(), {(step, "load_balancer1"): bad}).begin().go_on())
    assert report.sales is not None
    assert (report.sales.state, str(report.sales.reason)) == ("unknown", f"{step} failed")
    assert report.deadline is None or report.deadline.met is not True


def test_a_start_at_the_second_try_is_a_warning_and_no_error() -> None:
    """The verdict stays what the gates say; the report says what the first try failed with."""
    report = report_of(second_try())
    assert (report.verdict and report.verdict.result, report.result_state) == ("GO", "WARNINGS")
    assert report.errors == ()
    (warning,) = json.loads(dump_report(report))["warnings"]
    assert (warning["component"], warning["host"]) == ("wagering", "wagering1")
    assert warning["what"] == "wagering came up on wagering1 only at try 2"
    assert warning["why"] == (
        "the first failed: wagering.service did not start on wagering1: its process ended with "
        "status 1 (exit-code) before it was ready"
    )
    assert warning["log"] == LOG.splitlines()
