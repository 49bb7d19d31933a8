"""What an earlier GO is worth after all that came since, and what nobody may forget."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from automation.execute.simulator import MORNING, Fault, Faults, Simulator, World
from automation.procedures.morning import plan_morning
from automation.procedures.records import JOURNAL, run_folders
from automation.procedures.recover import left_behind, plan_recover, unreadable_runs
from automation.procedures.restart import plan_emergency, plan_restart
from automation.procedures.resume import plan_resume
from automation.procedures.sales import plan_close
from automation.procedures.standing import proven_units
from automation.procedures.test import plan_test
from automation.run.plan import Plan, Step
from automation.venue.site import Venue
from tests.unit.procedures.desk import Desk
from tests.unit.procedures.test_restart import HEAD, SELLING, SERVERS, VENUE
from tests.unit.venue.sites import site

NIGHT = World(up=0.0, servers=SERVERS)
BOTH_FAIL: Faults = {("wagering.test", host): Fault.BAD_CHECK for host in ("w1", "w2")}
W1 = ("wagering", "w1")


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    """Two hosts behind a load balancer of one."""
    return site(tmp_path, VENUE, HEAD)


@pytest.fixture
def opened(venue: Venue, tmp_path: Path) -> Desk:
    """A venue that opened on GO and was closed for an inquiry."""
    desk = Desk(tmp_path / "runs", NIGHT)
    morning = desk.run(plan_morning(venue, MORNING))
    assert morning.verdict
    assert morning.verdict.result == "GO"
    desk.run(plan_close(venue))
    return desk


def restart(venue: Venue, *hosts: str, reason: str = "") -> Plan:
    """A roll, with the glass broken if there is a reason."""
    plan = plan_restart(venue, {"wagering": hosts})
    return replace(plan, break_glass=bool(reason), reason=reason)


def verdict_of(desk: Desk, venue: Venue) -> str:
    """What opening sales comes to."""
    state = desk.open_sales(venue)
    return state.verdict.result if state and state.verdict else "refused"


def test_sales_open_again_on_the_go_that_stands(opened: Desk, venue: Venue) -> None:
    """Nothing happened since but the closing."""
    assert verdict_of(opened, venue) == "GO"
    assert opened.simulator.customers() == set(SERVERS["ticketing"])


def test_a_test_that_failed_since_undoes_it_until_one_passes(opened: Desk, venue: Venue) -> None:
    """On the very invocation that the GO had proven."""
    opened.run(plan_test(venue, ("wagering",)), BOTH_FAIL)
    assert verdict_of(opened, venue) == "NO-GO"


def test_a_test_that_passes_proves_it_again(opened: Desk, venue: Venue) -> None:
    """The last word counts."""
    opened.run(plan_test(venue, ("wagering",)), BOTH_FAIL)
    opened.run(plan_test(venue, ("wagering",)))
    assert verdict_of(opened, venue) == "GO"


def test_a_test_through_the_load_balancer_counts_for_all_hosts(opened: Desk, venue: Venue) -> None:
    """An emergency whose last test fails proves nothing."""
    plan = plan_emergency(venue, ("wagering",))
    opened.run(plan, {("wagering.through", "t1"): Fault.BAD_CHECK})
    assert verdict_of(opened, venue) == "NO-GO"


def test_a_restart_by_hand_undoes_it(opened: Desk, venue: Venue) -> None:
    """Nobody has tested what runs now."""
    opened.simulator.truth.invocations[W1] = "by hand"
    assert verdict_of(opened, venue) == "NO-GO"


def test_a_restart_of_ours_that_was_tested_does_not(opened: Desk, venue: Venue) -> None:
    """Started and tested in one run, or in two."""
    opened.run(restart(venue, "w1", "w2"))
    assert verdict_of(opened, venue) == "GO"


def test_what_recovery_has_tested_is_proven(opened: Desk, venue: Venue) -> None:
    """The start was in the run that died, the test in the recovery."""
    opened.run(restart(venue, "w1"), until="wagering.test.1")
    recovered = opened.run(plan_recover(venue, left_behind(opened.reports)))
    assert recovered.steps["wagering.test.1"].status == "succeeded"
    assert verdict_of(opened, venue) == "GO"


def test_a_morning_without_a_verdict_undoes_it(opened: Desk, venue: Venue) -> None:
    """Be it that a NO-GO was resumed and then interrupted."""
    plan = plan_morning(venue, MORNING)
    second = opened.run(plan, BOTH_FAIL)
    assert verdict_of(opened, venue) == "refused"
    again = plan_resume(venue, second, opened.clock.now, accept_changes=False)
    opened.run(again, of=second, interrupted_by="wagering.look")
    assert verdict_of(opened, venue) == "refused"


def test_a_run_that_cannot_be_read_undoes_it_and_is_named(opened: Desk, venue: Venue) -> None:
    """Nobody knows what it did, and what it has left."""
    opened.run(restart(venue, "w1"), until="wagering.stop.1")
    newest = run_folders(opened.reports)[0]
    lines = (newest / JOURNAL).read_text().splitlines(keepends=True)
    (newest / JOURNAL).write_text("".join([*lines[:3], *lines[4:]]))
    assert verdict_of(opened, venue) == "refused"
    assert unreadable_runs(opened.reports) == (newest.name,)


@pytest.fixture
def selling(tmp_path: Path) -> Desk:
    """A venue whose customers buy."""
    return Desk(tmp_path / "runs", SELLING)


def test_a_glass_that_another_run_broke_is_none(selling: Desk, venue: Venue) -> None:
    """Recovery tests among customers only for the reason of the run that died."""
    selling.run(restart(venue, "w1", reason="memory leak"))
    selling.run(restart(venue, "w2", reason="the second one"), until="wagering.test.1")
    left = left_behind(selling.reports)
    assert (left.untested, left.reason) == ((("wagering", "w2"),), "the second one")
    selling.run(plan_recover(venue, left))
    selling.run(restart(venue, "w1"))
    assert left_behind(selling.reports).reason == ""


def test_a_morning_that_did_not_open_settles_no_drain(selling: Desk, venue: Venue) -> None:
    """The drained server gets no customers still."""
    selling.run(restart(venue, "w1", reason="memory leak"), until="wagering.stop.1")
    second = selling.run(plan_morning(venue, MORNING))
    assert second.result_state == "ERRORS"
    assert W1 in left_behind(selling.reports).servers


BOARD = """
  board:
    role: service
    hosts: database
    commands: {start: [start-it], stop: [stop-it], status: [is-up]}
    tests: [{name: shows race 1, command: [look]}]
  wagering:
    role: wagering
    min_ready: 1
    depends_on: [board]
    restart: {serial: 1, behind: {component: ticketing, backend: to_wagering}}
  ticketing: {role: haproxy, depends_on: [wagering]}
"""


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Venue:
    """A venue with a component that has no unit, so nobody sees whether it was bounced."""
    evidence = Simulator._evidence  # noqa: SLF001  # what such a host does not say

    def without_unit(
        simulator: Simulator, step: Step, place: tuple[str, str], fault: Fault | None
    ) -> Mapping[str, str]:
        told = dict(evidence(simulator, step, place, fault))
        if place[0] == "board":
            told.pop("invocation", None)
        return told

    monkeypatch.setattr(Simulator, "_evidence", without_unit)
    return site(tmp_path, BOARD, HEAD)


def test_a_restart_proves_nothing_of_what_has_no_unit(board: Venue, tmp_path: Path) -> None:
    """Tested after its restart, then bounced by hand as far as anybody knows."""
    desk = Desk(tmp_path / "runs", NIGHT)
    assert verdict_of_morning(desk, board) == "GO"
    desk.run(plan_close(board))
    desk.run(plan_restart(board, {"board": ("db1",)}))
    assert verdict_of(desk, board) == "NO-GO"


def test_what_has_no_unit_is_not_excused_from_its_test(board: Venue, tmp_path: Path) -> None:
    """It was restarted and tested, and died among customers: a second morning cannot test it."""
    desk = Desk(tmp_path / "runs", NIGHT)
    assert verdict_of_morning(desk, board) == "GO"
    roll = plan_restart(board, {"board": ("db1",)})
    desk.run(replace(roll, break_glass=True, reason="memory leak"))
    assert desk.left
    desk.left.up.discard(("board", "db1"))
    assert verdict_of_morning(desk, board) == "NO-GO"


def verdict_of_morning(desk: Desk, venue: Venue) -> str:
    """What a morning comes to, with what is proven by now."""
    standing = proven_units(desk.reports, venue.digest, desk.clock.now)
    state = desk.run(replace(plan_morning(venue, MORNING), standing=standing))
    return state.verdict.result if state.verdict else ""


def test_a_resumed_morning_is_accepted_anew(tmp_path: Path) -> None:
    """The board was in repair when somebody said yes; now an engine is gone too."""
    aside = BOARD.replace("    depends_on: [board]\n", "")
    venue = site(
        tmp_path, aside.replace("hosts: database", "hosts: database\n    critical: false"), HEAD
    )
    desk = Desk(tmp_path / "runs", NIGHT)
    morning = replace(plan_morning(venue, MORNING), accept_conditional=True, reason="in repair")
    dead = desk.run(morning, until="wagering.test")
    again = plan_resume(venue, dead, desk.clock.now, accept_changes=False)
    steps = ("look", "preflight", "start", "gate")
    gone = {(f"wagering.{step}", "w2"): Fault.UNREACHABLE for step in steps}
    state = desk.run(again, gone, of=dead)
    assert state.verdict
    assert state.verdict.result == "CONDITIONAL"
    assert not desk.simulator.customers()
