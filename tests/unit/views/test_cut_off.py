"""Customers whom a closing of sales has cut off are told of."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from automation.execute.simulator import Simulator
from automation.procedures.evening import plan_evening
from automation.procedures.restart import plan_emergency
from automation.procedures.sales import plan_close
from automation.run.plan import Plan, Step
from automation.run.state import State
from automation.venue.site import Venue
from automation.views.document import Report
from automation.views.html import render_html
from automation.views.i18n import Translator
from automation.views.junit import render_junit
from automation.views.report import build_report
from automation.views.summary import render_summary
from tests.unit.procedures.desk import Desk
from tests.unit.procedures.test_restart import HEAD, SELLING, VENUE
from tests.unit.venue.sites import site
from tests.unit.views.test_live import printed

WHAT = "customers at t1 were cut off"


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    """Two hosts behind a load balancer of one."""
    return site(tmp_path, VENUE, HEAD)


def reported(plan: Plan, tmp_path: Path, **told: str) -> tuple[Report, State]:
    """The report when the closing has this in its evidence."""
    evidence = Simulator._evidence  # noqa: SLF001

    def tell(self: Simulator, step: Step, *rest: object) -> dict[str, str]:
        said = dict(evidence(self, step, *rest))  # type: ignore[arg-type]
        return {**said, **told} if step.verb == "close" else said

    desk = Desk(tmp_path / "runs", SELLING)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Simulator, "_evidence", tell)
        state = desk.run(plan)
    return build_report(state, desk.clock.now, ""), state


def warned(plan: Plan, tmp_path: Path, **told: str) -> list[str]:
    """What the report warns of."""
    report, _ = reported(plan, tmp_path, **told)
    return [str(item.what) for item in report.warnings]


def test_their_number_is_in_every_view(venue: Venue, tmp_path: Path) -> None:
    """By load balancer, with what to do another time; the closing itself went well."""
    report, state = reported(plan_close(venue), tmp_path, cut_off="37", sessions="0")
    assert [str(item.what) for item in report.warnings] == [f"37 {WHAT}"]
    assert report.result_state == "WARNINGS"
    text = printed(render_summary(report, Path("report.html"), Translator("en")))
    assert f"37 {WHAT}" in text
    assert "haproxy_close_timeout" in text
    assert f"37 {WHAT}" in render_html(report, Translator("en"))
    assert "고객 37명" in render_html(report, Translator("ko"))
    suite = ET.fromstring(render_junit(report, state))  # noqa: S314  # our own text
    assert f"37 {WHAT}" in suite.findtext("testsuite[@name='ticketing']/system-out", "")


@pytest.mark.parametrize("plan", [plan_evening, partial(plan_emergency, names=("wagering",))])
def test_whatever_closes_tells_it(
    venue: Venue, tmp_path: Path, plan: Callable[[Venue], Plan]
) -> None:
    """An evening and an emergency too."""
    closes = replace(plan(venue), reason="it hangs")
    assert warned(closes, tmp_path, cut_off="37", sessions="0") == [f"37 {WHAT}"]


def test_who_is_left_when_servers_stop_is_cut_off_by_that(venue: Venue, tmp_path: Path) -> None:
    """Whom the closing did not cut off; as all were before it did so."""
    assert warned(plan_evening(venue), tmp_path / "1", sessions="37") == [f"37 {WHAT}"]
    assert warned(plan_close(venue), tmp_path / "2", sessions="37") == []


def test_whom_an_earlier_closing_cut_off_is_told_with_the_record(
    venue: Venue, tmp_path: Path
) -> None:
    """It could not be recorded at once, and the one on record found nobody."""
    plan = replace(plan_close(venue), cut_off={"t1": 37})
    assert warned(plan, tmp_path, cut_off="0", sessions="0") == [f"37 {WHAT}"]


def test_a_process_of_before_a_reload_is_told(venue: Venue, tmp_path: Path) -> None:
    """How many were at it nobody knows."""
    told = warned(plan_close(venue), tmp_path, cut_off="0", sessions="0", ended="4711")
    assert told == ["Customers of a former process at t1 were cut off"]


def test_nobody_was_cut_off(venue: Venue, tmp_path: Path) -> None:
    """All had finished."""
    assert warned(plan_evening(venue), tmp_path, cut_off="0", sessions="0") == []
