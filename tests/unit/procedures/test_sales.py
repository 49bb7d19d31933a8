"""What opens again once sales were closed: what was in rotation then, and no more."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from automation.execute.simulator import MORNING, Fault, World
from automation.exit_codes import ExitCode
from automation.procedures.morning import plan_morning
from automation.procedures.recover import left_behind, plan_recover
from automation.procedures.restart import plan_emergency, plan_restart
from automation.procedures.sales import plan_close
from automation.procedures.session import exit_code
from automation.procedures.standing import newest_verdict
from automation.run.state import State
from automation.run.verdict import findings, warnings
from automation.venue.site import Venue
from automation.views.i18n import Translator
from automation.views.report import build_report
from automation.views.summary import render_summary
from tests.unit.procedures.desk import Desk
from tests.unit.procedures.test_rotation import BOTH, at_pair, pair, place
from tests.unit.views.test_live import printed

WITHOUT_A = {"bets/b"}
TWO_FRONTS = """
  bets:
    role: service
    unit: bets
    hosts: a
    min_ready: 1
    restart: {serial: 1, behind: {component: front, backend: bets}}
  tickets:
    role: service
    unit: tickets
    hosts: apps
    min_ready: 1
    restart: {serial: 1, behind: {component: side, backend: tickets}}
  front: {role: haproxy, hosts: l1, depends_on: [bets]}
  side: {role: haproxy, hosts: l2, depends_on: [tickets]}
"""


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    """Two servers behind a pair of load balancers."""
    return pair(tmp_path)


@pytest.fixture
def desk(tmp_path: Path, venue: Venue) -> Desk:
    """A morning has opened sales, and an operator has taken a server out at the second since."""
    desk = Desk(tmp_path / "runs", World(up=1.0, servers={"front": BOTH}))
    opened = desk.run(plan_morning(venue, MORNING))
    assert opened.verdict
    assert opened.verdict.result == "GO"
    take_out(desk)
    return desk


def take_out(desk: Desk, host: str = "l2", word: str = "bets/a") -> None:
    """By hand."""
    assert desk.left is not None
    desk.left.rotation["front", host].discard(word)


def put_in(desk: Desk) -> None:
    """The same."""
    assert desk.left is not None
    desk.left.rotation["front", "l2"].add("bets/a")


def close(desk: Desk, venue: Venue) -> None:
    """An inquiry."""
    desk.run(replace(plan_close(venue), reason="inquiry"))
    assert at_pair(desk) == {"l1": set(), "l2": set()}


def opened(desk: Desk, venue: Venue) -> State:
    """The inquiry is closed."""
    state = desk.open_sales(venue)
    assert state
    assert state.verdict
    assert state.verdict.result == "GO"
    return state


def said(state: State) -> list[str]:
    """What was not as it was meant to be."""
    return sorted(str(told.problem.what) for told in warnings(state))


def test_what_an_operator_had_out_stays_out_and_is_named(desk: Desk, venue: Venue) -> None:
    """At the load balancer where it was out; what puts it in is said."""
    close(desk, venue)
    state = opened(desk, venue)
    assert at_pair(desk) == {"l1": set(BOTH), "l2": WITHOUT_A}
    (told,) = warnings(state)
    assert str(told.problem.what) == "bets/a stays out of rotation at l2"
    assert "raceday morning" in str(told.problem.next)
    assert state.result_state == "WARNINGS"


def test_a_go_that_runs_out_while_gates_are_probed_opens_nothing(desk: Desk, venue: Venue) -> None:
    """A gate takes up to a minute; until then the verdict ends when the one before it does."""
    close(desk, venue)
    end = morning_ends(desk)
    desk.clock.now = end - timedelta(minutes=5)
    state = opened(desk, venue)
    assert state.verdict
    assert state.verdict.valid_until == end.isoformat()
    close(desk, venue)
    desk.clock.now = end - timedelta(milliseconds=50)
    late = desk.open_sales(venue)
    assert late
    assert late.verdict
    assert (late.verdict.result, late.verdict.valid_until) == ("NO-GO", "")
    assert at_pair(desk) == {"l1": set(), "l2": set()}
    assert exit_code(late) == ExitCode.NO_GO
    report = build_report(late, desk.clock.now, "")
    summary = printed(render_summary(report, Path("report.html"), Translator("en")))
    assert "✗ the GO that it rests on has run out meanwhile: run raceday morning" in summary


def morning_ends(desk: Desk) -> datetime:
    """When its GO does."""
    standing = newest_verdict(desk.reports)
    assert standing
    return datetime.fromisoformat(standing.verdict.valid_until)


def test_a_second_closing_finds_nothing_and_changes_nothing(desk: Desk, venue: Venue) -> None:
    """Closed twice, and opened twice: what counts is the first closing."""
    close(desk, venue)
    close(desk, venue)
    opened(desk, venue)
    opened(desk, venue)
    assert at_pair(desk) == {"l1": set(BOTH), "l2": WITHOUT_A}


def test_what_was_put_in_between_two_closings_opens_again(desk: Desk, venue: Venue) -> None:
    """The second closing comes after an opening, so it is the first one since."""
    close(desk, venue)
    opened(desk, venue)
    put_in(desk)
    close(desk, venue)
    assert not warnings(opened(desk, venue))
    assert at_pair(desk) == {"l1": set(BOTH), "l2": set(BOTH)}


def test_what_a_restart_left_drained_opens_again(desk: Desk, venue: Venue) -> None:
    """A run of ours had taken it out, and not an operator."""
    put_in(desk)
    roll = replace(plan_restart(venue, {"bets": ("a",)}), break_glass=True, reason="leak")
    desk.run(roll, until="bets.drain.1")
    for host in at_pair(desk):
        take_out(desk, host)
    close(desk, venue)
    assert not warnings(opened(desk, venue))
    assert at_pair(desk) == {"l1": set(BOTH), "l2": set(BOTH)}


def test_what_an_emergency_had_closed_opens_as_it_was(desk: Desk, venue: Venue) -> None:
    """It died before it opened again; what hung is proven since."""
    plan = replace(plan_emergency(venue, ("bets",)), reason="both hang")
    desk.run(plan, {("bets.start", "a"): Fault.FAILS, ("bets.start", "b"): Fault.FAILS})
    assert at_pair(desk) == {"l1": set(), "l2": set()}
    desk.run(plan)
    opened(desk, venue)
    assert at_pair(desk) == {"l1": set(BOTH), "l2": WITHOUT_A}


def test_a_morning_opens_all(desk: Desk, venue: Venue) -> None:
    """Whatever was out before it: it has proven everything."""
    close(desk, venue)
    desk.run(plan_morning(venue, MORNING))
    assert at_pair(desk) == {"l1": set(BOTH), "l2": set(BOTH)}


def test_a_load_balancer_with_everything_out_stays_closed(desk: Desk, venue: Venue) -> None:
    """An operator had put it out of use; each of its servers is named."""
    take_out(desk, word="bets/b")
    close(desk, venue)
    state = opened(desk, venue)
    assert at_pair(desk) == {"l1": set(BOTH), "l2": set()}
    assert said(state) == [f"{word} stays out of rotation at l2" for word in BOTH]


def test_once_a_load_balancer_was_opened_what_is_taken_out_since_counts(
    desk: Desk, venue: Venue
) -> None:
    """Also where that is everything, and where the closing before had found it in."""
    close(desk, venue)
    opened(desk, venue)
    take_out(desk, word="bets/b")
    close(desk, venue)
    opened(desk, venue)
    assert at_pair(desk) == {"l1": set(BOTH), "l2": set()}


def test_all_open_where_nothing_was_in_anywhere(desk: Desk, venue: Venue) -> None:
    """Nobody can sell otherwise; nothing is said to stay out."""
    for host in at_pair(desk):
        take_out(desk, host)
        take_out(desk, host, "bets/b")
    close(desk, venue)
    assert not warnings(opened(desk, venue))
    assert at_pair(desk) == {"l1": set(BOTH), "l2": set(BOTH)}


def test_what_raceday_does_not_know_stays_out_and_is_named(tmp_path: Path, venue: Venue) -> None:
    """A server of HAProxy that the venue file does not name: no gate has looked at it."""
    desk = Desk(tmp_path / "strange", World(up=1.0, servers={"front": (*BOTH, "old/x")}))
    desk.run(plan_morning(venue, MORNING))
    assert desk.left is not None
    desk.left.rotation["front", "l1"].add("old/x")
    close(desk, venue)
    state = opened(desk, venue)
    assert at_pair(desk) == {"l1": set(BOTH), "l2": set(BOTH)}
    assert said(state) == [f"old/x stays out of rotation at {host}" for host in ("l1", "l2")]
    assert all("by hand" in str(told.problem.next) for told in warnings(state))


def test_what_a_killed_restart_of_a_load_balancer_had_closed_opens_as_it_was(
    desk: Desk, venue: Venue
) -> None:
    """It came up closed, and recovery closed both: what it had found counts."""
    put_in(desk)
    take_out(desk, "l1")
    roll = replace(plan_restart(venue, {"front": ("l1",)}), break_glass=True, reason="leak")
    desk.run(roll, until="front.undrain.1")
    assert desk.left is not None
    desk.left.rotation["front", "l1"].clear()
    desk.run(plan_recover(venue, left_behind(desk.reports)))
    assert at_pair(desk) == {"l1": set(), "l2": set()}
    opened(desk, venue)
    assert at_pair(desk) == {"l1": WITHOUT_A, "l2": set(BOTH)}


def test_an_older_closing_of_the_day_does_not_count(desk: Desk, venue: Venue) -> None:
    """Sales were opened since; the closing after that could not be recorded."""
    close(desk, venue)
    opened(desk, venue)
    put_in(desk)
    take_out(desk, "l1")
    roll = replace(plan_emergency(venue, ("bets",)), reason="both hang")
    desk.run(roll)
    assert at_pair(desk) == {"l1": WITHOUT_A, "l2": set(BOTH)}
    opened(desk, venue)
    assert at_pair(desk) == {"l1": WITHOUT_A, "l2": set(BOTH)}


def test_what_an_emergency_found_where_it_did_not_open_again_counts(tmp_path: Path) -> None:
    """Of two load balancers it opened one."""
    venue = place(tmp_path, TWO_FRONTS, "l1", "l2")
    behind = {"front": ("bets/a",), "side": ("tickets/a", "tickets/b")}
    desk = Desk(tmp_path / "runs", World(up=1.0, servers=behind))
    desk.run(plan_morning(venue, MORNING))
    assert desk.left is not None
    desk.left.rotation["side", "l2"].discard("tickets/a")
    plan = replace(plan_emergency(venue, ("bets",)), reason="it hangs")
    desk.run(plan, {("side.open", "l2"): Fault.FAILS})
    assert at_pair(desk) == {"l1": {"bets/a"}, "l2": set()}
    opened(desk, venue)
    assert at_pair(desk) == {"l1": {"bets/a"}, "l2": {"tickets/b"}}


def test_ctrl_c_waits_for_an_opening(tmp_path: Path, venue: Venue) -> None:
    """It is known that customers are let in, and nothing is left to be put right."""
    desk = Desk(tmp_path / "interrupted", World(up=1.0, servers={"front": BOTH}))
    state = desk.run(plan_morning(venue, MORNING), interrupted_by="front.open")
    assert (state.result_state, state.sales_said()) == ("CANCELLED", "open")
    assert (findings(state), bool(left_behind(desk.reports))) == ((), False)


def test_ctrl_c_waits_for_a_closing(desk: Desk, venue: Venue) -> None:
    """It is known that customers are kept out; only the proof at each channel is left out."""
    state = desk.run(plan_close(venue), interrupted_by="front.close")
    assert (state.result_state, state.sales_said()) == ("CANCELLED", "closed")
    assert (findings(state), bool(left_behind(desk.reports))) == ((), False)


def test_an_opening_that_is_cut_says_what_to_do(tmp_path: Path, venue: Venue) -> None:
    """A second Ctrl-C ends its process: nobody heard whether customers are let in."""
    desk = Desk(tmp_path / "hurried", World(up=1.0, servers={"front": BOTH}))
    cut = {("front.open", ""): Fault.CRASHES, ("front.open", "l1"): Fault.SILENT}
    state = desk.run(plan_morning(venue, MORNING), cut, interrupted_by="front.open")
    silent = next(item for item in findings(state) if item.host == "l1")
    assert str(silent.problem.next) == (
        "Whether customers can buy there is not known. To ask: raceday sales status. "
        "To put it right: raceday recover"
    )
    assert left_behind(desk.reports).half_open == ("front",)
