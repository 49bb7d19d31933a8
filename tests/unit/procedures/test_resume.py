"""A run that stopped and goes on: what still stands, what is done again, and what is refused."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from automation.errors import RacedayError, Refused, UsageError
from automation.execute.simulator import MORNING, FakeClock, Simulator, World
from automation.procedures.morning import plan_morning
from automation.procedures.records import JOURNAL
from automation.procedures.restart import plan_restart
from automation.procedures.resume import known_step, plan_resume, resumable, sorted_out
from automation.procedures.sales import plan_close
from automation.run.events import Event, RunFinished, RunResumed, StepStarted
from automation.run.journal import FileSink, Journal
from automation.run.loop import Run
from automation.run.plan import Plan
from automation.run.state import State, fold_all
from automation.venue.site import Venue
from tests.unit.procedures.test_restart import HEAD, SELLING, VENUE
from tests.unit.run.paper import Paper
from tests.unit.venue.sites import site

type Told = Sequence[tuple[Event, datetime]]

RUN_ID = "20261121T063000Z-restart-3f2a"
LATER = "20261121T064500Z-sales-close-11aa"


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    """Two hosts behind a load balancer of one."""
    return site(tmp_path, VENUE, HEAD)


@pytest.fixture
def plan(venue: Venue) -> Plan:
    """Both hosts, although sales are open."""
    return replace(plan_restart(venue, ("w1", "w2"), ("wagering",)), break_glass=True)


class Died(Exception):
    """The process is gone."""


class Night:
    """A simulated world in which a run is begun, dies, and is gone on with."""

    def __init__(self, world: World = SELLING) -> None:
        self.simulator = Simulator(Random(1), {}, FakeClock(), world)  # noqa: S311  # a simulation
        self.world = world
        self.told: list[tuple[Event, datetime]] = []

    def begin(self, plan: Plan, until: Event, run_id: str = RUN_ID) -> State:
        """Run a plan until just before it acts on an event of its own."""
        run = self._run(until)
        with suppress(Died):
            run.start(run_id, "kim", plan, {})
            run.drive()
        assert self.told[-1][0] == until
        return fold_all(self.told)

    def go_on(self, state: State, plan: Plan, from_step: str = "") -> State:
        """Resume it and let it end."""
        left, clock = self.simulator.truth, self.simulator.clock
        self.simulator = Simulator(Random(2), {}, clock, self.world, left)  # noqa: S311
        run = self._run(None)
        run.resume(state, RunResumed("lee", plan.dump(), from_step))
        return run.drive()

    def _run(self, until: Event | None) -> Run:
        def observe(_state: State, event: Event) -> None:
            self.told.append((event, self.simulator.clock.now))
            if event == until:
                raise Died

        return Run(Journal(Paper()), self.simulator, self.simulator.clock, [observe])


def killed_in_batch_two(night: Night, plan: Plan) -> State:
    """The first host is through, the second drained and about to be stopped."""
    return night.begin(plan, StepStarted("wagering.stop.2", ("w2",)))


def test_a_batch_that_was_put_back_is_reused(venue: Venue, plan: Plan) -> None:
    """The second one is done again from its drain; both get customers in the end."""
    night = Night()
    died = killed_in_batch_two(night, plan)
    state = night.go_on(died, plan_resume(venue, died, MORNING, accept_changes=False))
    found = sorted_out(state)
    assert {name.rpartition(".")[2] for name in found.reused} == {"1"}
    assert {"wagering.drain.2", "wagering.stop.2"} <= set(found.again)
    assert state.result_state == "SUCCESS"
    assert night.simulator.customers() == {"to_wagering/w1", "to_wagering/w2"}
    assert [item.by for item in state.resumed] == ["lee"]


def test_a_unit_that_was_started_by_somebody_since_is_not_believed(
    venue: Venue, plan: Plan
) -> None:
    """Its batch is done again."""
    night = Night()
    died = killed_in_batch_two(night, plan)
    night.simulator.truth.invocations["wagering", "w1"] = "by hand"
    state = night.go_on(died, plan_resume(venue, died, MORNING, accept_changes=False))
    assert not sorted_out(state).reused
    assert state.result_state == "SUCCESS"
    assert night.simulator.customers() == {"to_wagering/w1", "to_wagering/w2"}


def test_sales_that_somebody_closed_since_stay_closed(venue: Venue, plan: Plan) -> None:
    """Whoever got customers gets none now: nothing is put into rotation, and it is no success."""
    night = Night()
    died = killed_in_batch_two(night, plan)
    for words in night.simulator.truth.rotation.values():
        words.clear()
    state = night.go_on(died, plan_resume(venue, died, MORNING, accept_changes=False))
    assert night.simulator.customers() == frozenset()
    assert state.result_state == "ERRORS"


def test_sales_that_were_opened_since_stay_open(venue: Venue, plan: Plan) -> None:
    """It began while sales were closed; who gets customers now gets them in the end."""
    night = Night(replace(SELLING, sales_open=False))
    died = killed_in_batch_two(night, plan)
    for words in night.simulator.truth.rotation.values():
        words.update({"to_wagering/w1", "to_wagering/w2"})
    state = night.go_on(died, plan_resume(venue, died, MORNING, accept_changes=False))
    assert state.result_state == "SUCCESS"
    assert night.simulator.customers() == {"to_wagering/w1", "to_wagering/w2"}


def test_a_morning_of_yesterday_is_not_resumed(venue: Venue) -> None:
    """Its tests were of another day."""
    plan = plan_morning(venue, MORNING)
    first = next(iter(plan.steps.values()))
    died = Night(World()).begin(plan, StepStarted(first.id, first.hosts))
    plan_resume(venue, died, MORNING, accept_changes=False)
    with pytest.raises(Refused, match="not of today"):
        plan_resume(venue, died, MORNING + timedelta(days=1), accept_changes=False)


def test_from_a_step_it_is_done_again(venue: Venue, plan: Plan) -> None:
    """With all that follows it."""
    night = Night()
    died = killed_in_batch_two(night, plan)
    again = plan_resume(venue, died, MORNING, accept_changes=False)
    state = night.go_on(died, again, from_step="wagering.test.1")
    found = sorted_out(state)
    assert "wagering.test.1" in found.again
    assert "wagering.undrain.1" in found.again
    assert state.result_state == "SUCCESS"


def test_a_step_that_is_not_there_is_named(plan: Plan) -> None:
    """Wrong usage: with the steps there are."""
    with pytest.raises(UsageError, match="no such step") as caught:
        known_step(plan, "wagering.tset")
    assert "wagering.test.1" in caught.value.hint


def test_a_changed_venue_file_is_refused_unless_accepted(
    tmp_path: Path, venue: Venue, plan: Plan
) -> None:
    """Accepted, the run is planned anew for the same hosts, with the same reason."""
    died = Night().begin(plan, StepStarted("wagering.capacity.1", ("w2",)))
    (tmp_path / "changed").mkdir()
    changed = site(tmp_path / "changed", VENUE.replace("serial: 1", "serial: 2"), HEAD)
    with pytest.raises(Refused, match="changed since"):
        plan_resume(changed, died, MORNING, accept_changes=False)
    anew = plan_resume(changed, died, MORNING, accept_changes=True)
    assert anew.steps["wagering.stop.1"].hosts == ("w1", "w2")
    assert anew.break_glass
    half = killed_in_batch_two(Night(), plan)
    with pytest.raises(Refused, match="has left something"):
        plan_resume(changed, half, MORNING, accept_changes=True)


def record(reports: Path, run_id: str, told: Told) -> Path:
    """A journal in a venue's folder of runs."""
    folder = reports / run_id
    folder.mkdir(parents=True)
    sink = FileSink(folder / JOURNAL)
    journal = Journal(sink)
    for event, at in told:
        journal.append(event, at)
    journal.close()
    return folder


def test_only_a_run_that_stopped_is_resumed(tmp_path: Path, venue: Venue, plan: Plan) -> None:
    """One that did all it was asked has nothing left; check mode never had."""
    night = Night()
    killed_in_batch_two(night, plan)
    told = night.told
    dead = record(tmp_path, RUN_ID, told)
    assert resumable(dead) == fold_all(told)
    done = [*told, (RunFinished("SUCCESS"), told[-1][1])]
    with pytest.raises(UsageError, match="Nothing is left"):
        resumable(record(tmp_path / "done", RUN_ID, done))
    checked = Night()
    checked.begin(replace(plan, check=True), StepStarted("ticketing.look", ("t1",)))
    with pytest.raises(UsageError, match="check mode"):
        resumable(record(tmp_path / "check", RUN_ID, checked.told))
    closing = Night()
    closing.begin(plan_close(venue), closing_begun())
    with pytest.raises(UsageError, match="only morning"):
        resumable(record(tmp_path / "closing", RUN_ID, closing.told))


def closing_begun() -> StepStarted:
    """What a closing of sales does first."""
    return StepStarted("ticketing.close", ("t1",))


def test_a_run_in_between_forbids_it(tmp_path: Path, venue: Venue, plan: Plan) -> None:
    """Sales were closed since; a recovery in between only put things back."""
    night = Night()
    killed_in_batch_two(night, plan)
    dead = record(tmp_path, RUN_ID, night.told)
    other = Night()
    other.begin(plan_close(venue), closing_begun(), LATER)
    later = record(tmp_path, LATER, other.told)
    with pytest.raises(Refused, match=LATER):
        resumable(dead)
    (later / JOURNAL).write_text("torn by hand\n")
    with pytest.raises(RacedayError, match="not a journal line"):
        resumable(dead)


def test_an_empty_record_is_no_run(tmp_path: Path) -> None:
    """It died before it wrote anything."""
    folder = tmp_path / RUN_ID
    folder.mkdir()
    (folder / JOURNAL).touch()
    with pytest.raises(UsageError, match="before it wrote"):
        resumable(folder)
