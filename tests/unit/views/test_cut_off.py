"""Customers who are still buying when the evening stops the servers are told of."""

from pathlib import Path

import pytest

from automation.execute.simulator import Simulator
from automation.procedures.evening import plan_evening
from automation.procedures.sales import plan_close
from automation.run.plan import Plan
from automation.venue.site import Venue
from automation.views.document import Report
from automation.views.html import render_html
from automation.views.i18n import Translator
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


def reported(plan: Plan, tmp_path: Path, sessions: str) -> Report:
    """The report when so many customers were left at the end of the closing."""
    evidence = Simulator._evidence  # noqa: SLF001

    def told(self: Simulator, step: object, *rest: object) -> dict[str, str]:
        said = dict(evidence(self, step, *rest))  # type: ignore[arg-type]
        return {**said, "sessions": sessions} if getattr(step, "verb", "") == "close" else said

    desk = Desk(tmp_path / "runs", SELLING)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Simulator, "_evidence", told)
        state = desk.run(plan)
    return build_report(state, desk.clock.now, "")


def test_their_number_is_in_every_view(venue: Venue, tmp_path: Path) -> None:
    """By load balancer, with what to do another time; the evening itself went well."""
    report = reported(plan_evening(venue), tmp_path, "37")
    assert [str(item.what) for item in report.warnings] == [f"37 {WHAT}"]
    assert report.result_state == "WARNINGS"
    text = printed(render_summary(report, Path("report.html"), Translator("en")))
    assert f"37 {WHAT}" in text
    assert "raceday sales close" in text
    assert f"37 {WHAT}" in render_html(report, Translator("en"))
    assert "고객 37명" in render_html(report, Translator("ko"))


def test_nobody_was_cut_off(venue: Venue, tmp_path: Path) -> None:
    """All had finished, or nothing was stopped after the closing."""
    assert reported(plan_evening(venue), tmp_path / "1", "0").warnings == ()
    assert reported(plan_close(venue), tmp_path / "2", "37").warnings == ()
