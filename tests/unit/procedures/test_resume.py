"""A run that stopped and goes on: what still stands, what is done again, and what is refused."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from automation.errors import RacedayError, Refused, UsageError
from automation.execute.simulator import MORNING, Fault, World
from automation.procedures.evening import plan_evening, with_glass_broken
from automation.procedures.morning import plan_morning
from automation.procedures.records import JOURNAL, run_folders
from automation.procedures.recover import left_behind, plan_recover
from automation.procedures.restart import plan_restart
from automation.procedures.resume import (
    known_step,
    plan_looks,
    plan_resume,
    preview,
    resumable,
    sorted_out,
)
from automation.procedures.sales import plan_close
from automation.run.events import RunResumed
from automation.run.plan import Plan, Verb
from automation.run.state import State
from automation.venue.site import Venue
from tests.unit.procedures.desk import Desk
from tests.unit.procedures.test_restart import HEAD, SELLING, VENUE
from tests.unit.venue.sites import site

RUN_ID = "20261121T063000Z-restart-3f2a"


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    """Two hosts behind a load balancer of one."""
    return site(tmp_path, VENUE, HEAD)


@pytest.fixture
def plan(venue: Venue) -> Plan:
    """Both hosts, although sales are open."""
    return replace(plan_restart(venue, {"wagering": ("w1", "w2")}), break_glass=True)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Where the runs are begun and gone on with, while customers buy."""
    return Desk(tmp_path / "runs", SELLING)


def killed_in_batch_two(desk: Desk, plan: Plan) -> State:
    """The first host is through, the second drained and about to be stopped."""
    return desk.run(plan, until="wagering.stop.2")


def begun(died: State) -> set[str]:
    """What the run had begun when it died."""
    return {name for name, item in died.steps.items() if item.targets}


def go_on(desk: Desk, venue: Venue, died: State, from_step: str = "") -> State:
    """Resume it and let it end."""
    plan = plan_resume(venue, died, MORNING, accept_changes=False)
    return desk.run(plan, of=died, from_step=from_step)


def test_a_batch_that_was_put_back_is_reused(desk: Desk, venue: Venue, plan: Plan) -> None:
    """The second one is done again from its drain; both get customers in the end."""
    died = killed_in_batch_two(desk, plan)
    state = go_on(desk, venue, died)
    found = sorted_out(state, begun(died))
    assert {name.rpartition(".")[2] for name in found.reused} == {"1"}
    assert {"wagering.drain.2", "wagering.stop.2"} <= set(found.again)
    assert state.result_state == "SUCCESS"
    assert desk.simulator.customers() == {"to_wagering/w1", "to_wagering/w2"}
    assert [item.by for item in state.resumed] == ["lee"]


def test_a_unit_that_was_started_by_somebody_since_is_not_believed(
    desk: Desk, venue: Venue, plan: Plan
) -> None:
    """Its batch is done again, but not before the other one, which was drained, is back."""
    died = killed_in_batch_two(desk, plan)
    desk.simulator.truth.invocations["wagering", "w1"] = "by hand"
    state = go_on(desk, venue, died)
    assert not sorted_out(state, begun(died)).reused
    assert "wagering.drain.1" not in desk.simulator.truth.begun
    assert desk.simulator.customers() == {"to_wagering/w1", "to_wagering/w2"}
    assert go_on(desk, venue, state).result_state == "SUCCESS"
    assert desk.simulator.customers() == {"to_wagering/w1", "to_wagering/w2"}


def test_who_was_asked_before_a_batch_that_stands_is_not_asked_again(tmp_path: Path) -> None:
    """Those of the batch, and the others: of these one may be stopped by now."""
    venue = site(tmp_path, "\n  pg: {role: postgresql, hosts: wagering, min_ready: 1}\n", HEAD)
    desk = Desk(tmp_path / "pg", World(up=1.0))
    died = desk.run(plan_restart(venue, {"pg": ("w1", "w2")}), until="pg.stop.2")
    found = sorted_out(go_on(desk, venue, died), begun(died))
    assert {"pg.capacity.1", "pg.leader.1", "pg.stop.1", "pg.start.1"} <= set(found.reused)


def test_a_standby_that_was_promoted_since_is_not_stopped(tmp_path: Path) -> None:
    """It leads now: whoever began the run left the primary out."""
    venue = site(tmp_path, "\n  pg: {role: postgresql, hosts: wagering, min_ready: 1}\n", HEAD)
    desk = Desk(tmp_path / "pg", World(up=1.0, leading=frozenset({("pg", "w1")})))
    died = desk.run(plan_restart(venue, {"pg": ("w2",)}), until="pg.capacity.1")
    desk.simulator.truth.leading = {("pg", "w2")}
    state = go_on(desk, venue, died)
    assert "w2 is the primary of pg now" in str(state.steps["pg.stop.1"].reason)
    assert ("pg", "w2") not in desk.simulator.truth.invocations
    assert state.result_state == "ERRORS"


def test_sales_that_somebody_closed_since_stay_closed(desk: Desk, venue: Venue, plan: Plan) -> None:
    """Whoever got customers gets none now: nothing is put into rotation, and it is no success."""
    died = killed_in_batch_two(desk, plan)
    for words in desk.simulator.truth.rotation.values():
        words.clear()
    state = go_on(desk, venue, died)
    assert desk.simulator.customers() == frozenset()
    assert state.result_state == "ERRORS"


def test_sales_that_were_opened_since_stay_open(tmp_path: Path, venue: Venue, plan: Plan) -> None:
    """It began while sales were closed; who gets customers now gets them in the end."""
    desk = Desk(tmp_path / "closed", replace(SELLING, sales_open=False))
    died = killed_in_batch_two(desk, plan)
    for words in desk.simulator.truth.rotation.values():
        words.update({"to_wagering/w1", "to_wagering/w2"})
    state = go_on(desk, venue, died)
    assert state.result_state == "SUCCESS"
    assert desk.simulator.customers() == {"to_wagering/w1", "to_wagering/w2"}


def test_a_morning_of_yesterday_is_not_resumed(desk: Desk, venue: Venue) -> None:
    """Its tests were of another day."""
    plan = plan_morning(venue, MORNING)
    died = desk.run(plan, until=next(iter(plan.steps)))
    plan_resume(venue, died, MORNING, accept_changes=False)
    with pytest.raises(Refused, match="not of today"):
        plan_resume(venue, died, MORNING + timedelta(days=1), accept_changes=False)


def test_what_is_told_before_the_question_is_what_is_done(
    desk: Desk, venue: Venue, plan: Plan
) -> None:
    """A unit that somebody started since is tested again, and the operator is told so."""
    died = killed_in_batch_two(desk, plan)
    desk.simulator.truth.invocations["wagering", "w1"] = "by hand"
    again = plan_resume(venue, died, MORNING, accept_changes=False)
    seen = Desk(desk.reports / "look", SELLING)
    seen.left = desk.left
    looked = seen.run(plan_looks(venue, again))
    told = preview(died, RunResumed("lee", again.dump()), looked, desk.clock.now)
    done = go_on(desk, venue, died)
    assert told == sorted_out(done, begun(died))
    assert "wagering.test.1" in told.again


def test_a_host_that_was_rebooted_since_is_named_and_done_again(
    desk: Desk, venue: Venue, plan: Plan
) -> None:
    """By its boot, whatever its units say; the other one is not named."""
    died = killed_in_batch_two(desk, plan)
    desk.simulator.truth.boots["w1"] = "another"
    again = plan_resume(venue, died, MORNING, accept_changes=False)
    seen = Desk(desk.reports / "look", SELLING)
    seen.left = desk.left
    looked = seen.run(plan_looks(venue, again))
    told = preview(died, RunResumed("lee", again.dump()), looked, desk.clock.now)
    assert told.rebooted == ("w1",)
    assert "wagering.start.1" in told.again
    done = go_on(desk, venue, died)
    assert replace(told, rebooted=()) == sorted_out(done, begun(died))


def test_from_a_step_it_is_done_again(desk: Desk, venue: Venue, plan: Plan) -> None:
    """With all that follows it."""
    died = killed_in_batch_two(desk, plan)
    state = go_on(desk, venue, died, from_step="wagering.test.1")
    found = sorted_out(state, begun(died))
    assert "wagering.test.1" in found.again
    assert "wagering.undrain.1" in found.again
    assert state.result_state == "SUCCESS"


def test_a_step_that_is_not_there_is_named(plan: Plan) -> None:
    """Wrong usage: with the steps there are."""
    with pytest.raises(UsageError, match="no such step") as caught:
        known_step(plan, "wagering.tset")
    assert "wagering.test.1" in caught.value.hint


def test_a_changed_venue_file_is_refused_unless_accepted(
    desk: Desk, tmp_path: Path, venue: Venue, plan: Plan
) -> None:
    """Accepted, the run is planned anew for the same hosts, with the same reason."""
    died = desk.run(plan, until="wagering.capacity.1")
    (tmp_path / "changed").mkdir()
    both = VENUE.replace("serial: 1", "serial: 2").replace("min_ready: 1", "min_ready: 2")
    changed = site(tmp_path / "changed", both, HEAD)
    with pytest.raises(Refused, match="changed since"):
        plan_resume(changed, died, MORNING, accept_changes=False)
    anew = plan_resume(changed, died, MORNING, accept_changes=True)
    assert anew.steps["wagering.stop.1"].hosts == ("w1", "w2")
    assert anew.break_glass
    half = killed_in_batch_two(desk, plan)
    with pytest.raises(Refused, match="has left something") as caught:
        plan_resume(changed, half, MORNING, accept_changes=True)
    assert "raceday recover, then raceday restart" in str(caught.value.hint)


def test_a_changed_venue_file_moves_no_host_to_another_component(
    desk: Desk, tmp_path: Path
) -> None:
    """Two components share their hosts, and only one host of one of them was to be restarted."""
    shared = f"{VENUE}  cache: {{role: redis, hosts: wagering}}\n"
    before = site(tmp_path, shared, HEAD)
    plan = plan_restart(before, {"wagering": ("w1", "w2"), "cache": ("w2",)})
    died = desk.run(plan, until="ticketing.look")
    changed = site(tmp_path, shared.replace("min_ready: 1", "min_ready: 2"), HEAD)
    anew = plan_resume(changed, died, MORNING, accept_changes=True)
    stops = [step for step in anew.steps.values() if step.verb is Verb.STOP]
    assert [(step.component, step.hosts) for step in stops if step.component == "cache"] == [
        ("cache", ("w2",))
    ]
    assert len(stops) == 3


def test_an_evening_that_breaks_the_glass_goes_on_so(tmp_path: Path, venue: Venue) -> None:
    """Planned anew after a change, it still stops whatever is unsettled."""
    desk = Desk(tmp_path / "evening", SELLING)
    plan = replace(plan_evening(venue), break_glass=True, stops_at_failure=False)
    died = desk.run(plan, until="ticketing.look")
    (tmp_path / "changed").mkdir()
    changed = site(tmp_path / "changed", VENUE.replace("serial: 1", "serial: 2"), HEAD)
    anew = plan_resume(changed, died, MORNING, accept_changes=True)
    assert (anew.break_glass, anew.stops_at_failure) == (True, False)


def test_an_evening_that_was_unsettled_goes_on_once_somebody_breaks_the_glass(
    tmp_path: Path, venue: Venue
) -> None:
    """As an evening that began so would: what is unsettled is told, and everything stops."""
    desk = Desk(tmp_path / "evening", SELLING)
    unsettled = {("wagering.settled", "w1"): Fault.BAD_CHECK}
    ended = desk.run(plan_evening(venue), unsettled)
    plan = plan_resume(venue, ended, MORNING, accept_changes=False)
    assert desk.run(plan, unsettled, of=ended).result_state == "ERRORS"
    broken = with_glass_broken(plan, "the bank settles by hand")
    state = desk.run(broken, unsettled, of=ended)
    assert (state.result_state, state.plan.reason) == ("WARNINGS", "the bank settles by hand")
    assert desk.simulator.truth.up == set()


def newest(desk: Desk) -> Path:
    """The folder of the last run."""
    return run_folders(desk.reports)[0]


def test_only_a_run_that_stopped_is_resumed(desk: Desk, venue: Venue, plan: Plan) -> None:
    """One that did all it was asked has nothing left; check mode never had."""
    died = killed_in_batch_two(desk, plan)
    assert resumable(newest(desk)) == died
    desk.run(replace(plan, check=True), until="ticketing.look")
    with pytest.raises(UsageError, match="check mode"):
        resumable(newest(desk))
    desk.run(plan_close(venue), until="ticketing.close")
    with pytest.raises(UsageError, match="only morning"):
        resumable(newest(desk))
    drained = replace(plan_restart(venue, {"wagering": ("w2",)}), break_glass=True)
    assert desk.run(drained).result_state == "SUCCESS"
    with pytest.raises(UsageError, match="Nothing is left"):
        resumable(newest(desk))


def test_a_run_in_between_forbids_it(desk: Desk, venue: Venue, plan: Plan) -> None:
    """Sales were closed since, or something that nobody can read was done."""
    killed_in_batch_two(desk, plan)
    dead = newest(desk)
    closed = desk.run(plan_close(venue))
    with pytest.raises(Refused, match=closed.run_id):
        resumable(dead)
    (newest(desk) / JOURNAL).write_text("torn by hand\n")
    with pytest.raises(RacedayError, match="not a journal line"):
        resumable(dead)


def test_a_recovery_forbids_it_once_there_was_something_to_put_back(
    desk: Desk, venue: Venue, plan: Plan
) -> None:
    """Else what somebody took out since would go in again; where nothing was left, it may go on."""
    unhurt = desk.run(plan, until="wagering.capacity.1")
    desk.run(plan_recover(venue, left_behind(desk.reports)))
    assert resumable(desk.reports / unhurt.run_id) == unhurt
    half = killed_in_batch_two(desk, replace(plan, reason="memory leak"))
    recovery = desk.run(plan_recover(venue, left_behind(desk.reports)))
    assert desk.simulator.customers() == {"to_wagering/w1", "to_wagering/w2"}
    with pytest.raises(Refused, match=recovery.run_id) as caught:
        resumable(desk.reports / half.run_id)
    assert "Begin a new one" in str(caught.value.hint)


def test_an_empty_record_is_no_run(tmp_path: Path) -> None:
    """It died before it wrote anything."""
    folder = tmp_path / RUN_ID
    folder.mkdir()
    (folder / JOURNAL).touch()
    with pytest.raises(UsageError, match="before it wrote"):
        resumable(folder)


def test_what_was_wrong_before_and_is_not_now_keeps_nobody_out(tmp_path: Path) -> None:
    """A gate of another component on the host was bad; the resumed run has looked anew."""
    agent = "  agent: {role: service, unit: agent, hosts: wagering, depends_on: [wagering]}\n"
    venue = site(tmp_path, f"{VENUE}{agent}", HEAD)
    plan = replace(plan_restart(venue, {"wagering": ("w1", "w2")}), break_glass=True)
    desk = Desk(tmp_path / "runs", SELLING)
    wrong = {("agent.gate", "w2"): Fault.BAD_CHECK, ("wagering.test.2", "w2"): Fault.FAILS}
    failed = desk.run(plan, wrong)
    assert not failed.steps["agent.gate"].hosts["w2"].good
    assert desk.simulator.customers() == {"to_wagering/w1"}
    assert go_on(desk, venue, failed).result_state == "SUCCESS"
    assert desk.simulator.customers() == {"to_wagering/w1", "to_wagering/w2"}
