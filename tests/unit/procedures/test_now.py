"""What the exporter reads: which restarts and tests are due, and which of them have to wait."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from automation.execute.simulator import MORNING, Fault
from automation.idle.record import Decision, Record
from automation.procedures.evening import plan_evening
from automation.procedures.gates import Gates
from automation.procedures.idle import plan_idle_restart, plan_idle_test
from automation.procedures.morning import plan_morning
from automation.procedures.now import read_now
from automation.procedures.records import JOURNAL, LOCK, run_folders
from automation.procedures.restart import plan_restart
from automation.procedures.sales import plan_close
from automation.run.events import Message
from automation.run.lock import hold, this_process
from automation.venue.site import Venue
from automation.views.metrics import Waiting
from tests.unit.idle.remembering import write_record
from tests.unit.procedures.desk import Desk
from tests.unit.procedures.test_idle import CLOSED, SELLING, VENUE
from tests.unit.venue.sites import HEAD, site

BUSY = Message("somebody bets")
BOTH = (("wagering", "w1"), ("wagering", "w2"))
LATER = MORNING + timedelta(hours=3)


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    """Two servers and a database are restarted every week, and the servers tested every day."""
    return site(tmp_path, VENUE, HEAD.replace("}", ", race_card: venue.yml}"))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Where runs of the venue are recorded, while customers bet."""
    return Desk(tmp_path / "demo", SELLING)


def decide(desk: Desk, *reasons: Message, due: tuple[tuple[str, str], ...] = BOTH) -> None:
    """What a call of the timer inside a window came to, just before the desk's next run."""
    decision = Decision(MORNING - timedelta(seconds=1), reasons, due)
    write_record(desk.reports, Record(decision=decision))


def due(venue: Venue, desk: Desk) -> set[tuple[str, str]]:
    """The hosts whose restart is due."""
    found = waiting(venue, desk).due
    assert set(found) == {*BOTH, ("ticketing", "t1"), ("database", "db1")}
    return {place for place, is_due in found.items() if is_due}


def postponed(venue: Venue, desk: Desk) -> set[tuple[str, str]]:
    """Those of them that have to wait."""
    found = waiting(venue, desk).postponed
    return {place for place, waits in found.items() if waits}


def test_before_the_first_call_nothing_is_known(venue: Venue, desk: Desk) -> None:
    """Which is not the same as that nothing is due."""
    assert waiting(venue, desk) == Waiting()


def test_what_had_to_wait_is_due_and_postponed(venue: Venue, desk: Desk) -> None:
    """A host that the inventory does not know any more is nobody's."""
    decide(desk, BUSY, due=(*BOTH, ("wagering", "gone")))
    assert due(venue, desk) == postponed(venue, desk) == set(BOTH)


def test_what_is_being_restarted_is_due_and_not_postponed(venue: Venue, desk: Desk) -> None:
    """As long as the run goes on."""
    decide(desk)
    plan = plan_idle_restart(venue, venue.components["wagering"], ("w2", "w1"))
    run = desk.run(plan, until="wagering.drain.1")
    with hold(desk.reports / LOCK, this_process(run.run_id, "timer", "idle", MORNING)):
        assert due(venue, desk) == set(BOTH)
        assert postponed(venue, desk) == set()


def test_a_second_call_does_not_postpone_what_has_its_turn(venue: Venue, desk: Desk) -> None:
    """The run that it waits for restarts both; what that had done before the call is not due."""
    plan = plan_idle_restart(venue, venue.components["wagering"], ("w2", "w1"))
    run = desk.run(plan, until="wagering.drain.1")
    decision = Decision(desk.clock.now, (BUSY,), (*BOTH, ("database", "db1")))
    write_record(desk.reports, Record(decision=decision))
    with hold(desk.reports / LOCK, this_process(run.run_id, "timer", "idle", MORNING)):
        assert due(venue, desk) == {*BOTH, ("database", "db1")}
        assert postponed(venue, desk) == {("database", "db1")}


def test_what_an_earlier_run_restarts_after_a_call_is_not_due(venue: Venue, desk: Desk) -> None:
    """The call came while that went on."""
    plan = plan_idle_restart(venue, venue.components["wagering"], ("w2", "w1"))
    run = desk.run(plan)
    ended = {item.step.id: item.finished_at for item in run.steps.values()}
    between = ended["wagering.stop.1"]
    assert between
    decision = Decision(between + timedelta(seconds=0.001), (BUSY,), (("wagering", "w1"),))
    write_record(desk.reports, Record(decision=decision))
    assert due(venue, desk) == set()


def test_what_was_restarted_since_is_not_due(venue: Venue, desk: Desk) -> None:
    """The run gave up before its second host, which waits."""
    decide(desk)
    plan = plan_idle_restart(venue, venue.components["wagering"], ("w2", "w1"))
    desk.run(plan, {("wagering.capacity.2", "w2"): Fault.FAILS})
    assert due(venue, desk) == postponed(venue, desk) == {("wagering", "w1")}


def test_a_restart_by_hand_counts_and_a_check_does_not(venue: Venue, desk: Desk) -> None:
    """Whoever did it."""
    decide(desk, BUSY)
    plan = replace(plan_restart(venue, {"wagering": ("w1",)}), break_glass=True)
    desk.run(replace(plan, check=True))
    assert due(venue, desk) == set(BOTH)
    desk.run(plan)
    assert due(venue, desk) == {("wagering", "w2")}


def test_a_test_is_due_until_it_was_done(venue: Venue, tmp_path: Path) -> None:
    """By hand or not; one that is not scheduled any more is nobody's."""
    desk = Desk(tmp_path / "demo", CLOSED)
    assert waiting(venue, desk).tests == {}
    at = MORNING - timedelta(seconds=1)
    decision = Decision(at, (BUSY,), tests=("wagering", "drill gone"))
    write_record(desk.reports, Record(decision=decision))
    assert waiting(venue, desk).tests == {"wagering": True}
    desk.run(plan_idle_test(venue, venue.components["wagering"]))
    assert waiting(venue, desk).tests == {"wagering": False}


def test_a_run_that_cannot_be_read_may_have_left_something(venue: Venue, desk: Desk) -> None:
    """It counts as one thing that is left."""
    desk.run(plan_idle_restart(venue, venue.components["wagering"], ("w2",)))
    gates = Gates(venue, desk.reports, timedelta())
    assert read_now(venue, desk.reports, LATER, gates).left == 0
    journal = run_folders(desk.reports)[0] / JOURNAL
    journal.write_text(journal.read_text().replace("idle", "idol", 1))
    assert read_now(venue, desk.reports, LATER, gates).left == 1


def waiting(venue: Venue, desk: Desk) -> Waiting:
    """What there is to do, as the exporter has it."""
    gates = Gates(venue, desk.reports, timedelta())
    return read_now(venue, desk.reports, LATER, gates).waiting


def test_an_evening_ends_the_verdict(venue: Venue, desk: Desk) -> None:
    """It is on record, and in force no more, as `status` tells it; a morning's is again."""
    gates = Gates(venue, desk.reports, timedelta())

    def is_over() -> bool:
        return read_now(venue, desk.reports, desk.clock.now, gates).is_over

    desk.run(plan_close(venue))
    desk.run(plan_morning(venue, desk.clock.now))
    assert not is_over()
    desk.run(plan_evening(venue))
    assert is_over()
    desk.run(plan_morning(venue, desk.clock.now))
    assert not is_over()
