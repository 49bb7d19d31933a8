"""A morning while sales are open: what it puts back, and what it says of sales and of tests."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from automation.execute.simulator import World
from automation.procedures.morning import plan_morning
from automation.procedures.standing import proven_units
from automation.run.state import State
from automation.venue.site import Venue
from automation.views.document import Sales
from automation.views.explain import explain_run
from automation.views.i18n import Translator
from automation.views.report import build_report
from automation.views.summary import render_summary
from tests.unit.procedures.desk import Desk
from tests.unit.procedures.test_restart import HEAD, SERVERS, VENUE
from tests.unit.venue.sites import site
from tests.unit.views.test_live import printed

W1 = "to_wagering/w1"
CLOSED = World(up=0.0, servers=SERVERS)


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    """Two hosts behind a load balancer of one."""
    return site(tmp_path, VENUE, HEAD)


def morning(desk: Desk, venue: Venue) -> State:
    """One whose deadline is in an hour."""
    now = desk.clock.now
    plan = replace(
        plan_morning(venue, now),
        deadline=(now + timedelta(hours=1)).isoformat(),
        standing=proven_units(desk.reports, venue.digest, now),
    )
    return desk.run(plan)


def said(desk: Desk, state: State) -> str:
    """What stands on the terminal at its end, on one line."""
    report = build_report(state, desk.clock.now, "")
    return " ".join(printed(render_summary(report, Path("page"), Translator())).split())


def test_a_server_that_was_out_among_customers_is_said_to_be_put_back(
    tmp_path: Path, venue: Venue
) -> None:
    """A warning names it and the load balancer; the first morning opens without one."""
    desk = Desk(tmp_path / "runs", CLOSED)
    first = morning(desk, venue)
    assert (first.verdict and first.verdict.result, first.result_state) == ("GO", "SUCCESS")
    assert build_report(first, desk.clock.now, "").warnings == ()
    assert desk.left is not None
    desk.left.rotation["ticketing", "t1"].remove(W1)
    second = morning(desk, venue)
    assert desk.simulator.customers() == set(SERVERS["ticketing"])
    assert (second.verdict and second.verdict.result, second.result_state) == ("GO", "WARNINGS")
    (warning,) = build_report(second, desk.clock.now, "").warnings
    assert (warning.component, warning.host) == ("ticketing", "t1")
    line = f"▲ {W1} was put back in rotation at t1: it was out while sales were open"
    assert line in said(desk, second)


def test_sales_are_open_since_they_were_opened(tmp_path: Path, venue: Venue) -> None:
    """To put a server back opens nothing, and no deadline is kept or missed by it."""
    desk = Desk(tmp_path / "runs", CLOSED)
    first = build_report(morning(desk, venue), desk.clock.now, "")
    assert first.sales is not None
    assert (first.sales.state, first.sales.at is None) == ("opened_by_this_run", False)
    assert desk.left is not None
    desk.left.rotation["ticketing", "t1"].remove(W1)
    state = morning(desk, venue)
    report = build_report(state, desk.clock.now, "")
    assert (report.sales, report.deadline) == (Sales("open", None, None), None)
    assert "Sales were open before this run." in said(desk, state)
    assert "Sales are open since" not in said(desk, state)


def test_what_was_not_tested_among_customers_is_not_called_confirmed(
    tmp_path: Path, venue: Venue
) -> None:
    """At the end and in explain: the GO before stands for it."""
    desk = Desk(tmp_path / "runs", CLOSED)
    first = morning(desk, venue)
    assert "✓ GO Every gate and every check was confirmed." in said(desk, first)
    second = morning(desk, venue)
    untested = "What was not tested, because sales are open, rests on an earlier GO."
    assert f"✓ GO Every gate was confirmed. {untested}" in said(desk, second)
    (lead, _) = explain_run(second, desk.clock.now, Translator()).sentences
    assert str(lead).endswith(f": every gate was confirmed. {untested}")
