"""What a run leaves behind when it is killed, and the plan that puts it back."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from random import Random

import pytest

from automation.execute.simulator import FakeClock, Fault, Faults, Simulator, World
from automation.procedures.recover import plan_recover
from automation.procedures.restart import plan_restart
from automation.procedures.sales import plan_close
from automation.run.events import Event, StepFinished, StepStarted
from automation.run.journal import Journal
from automation.run.ledger import Ledger, ledger_of
from automation.run.loop import Run
from automation.run.plan import Plan, Verb
from automation.run.state import State, fold_all
from automation.venue.site import Venue
from tests.unit.procedures.test_restart import HEAD, SELLING, SERVERS, VENUE
from tests.unit.run.paper import Paper
from tests.unit.venue.sites import site

type Told = Sequence[tuple[Event, datetime]]


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    """Two hosts behind a load balancer of one."""
    return site(tmp_path, VENUE, HEAD)


def drive(plan: Plan, world: World = SELLING, faults: Faults | None = None) -> Told:
    """Everything a simulated run wrote into its journal."""
    told: list[tuple[Event, datetime]] = []
    simulator = Simulator(Random(1), faults or {}, FakeClock(), world)  # noqa: S311  # a simulation
    run = Run(
        Journal(Paper()),
        simulator,
        simulator.clock,
        [lambda _state, event: told.append((event, simulator.clock.now))],
    )
    run.start("run", "kim", plan, {})
    run.drive()
    return told


def killed_after(told: Told, event: Event) -> State:
    """The run as its journal tells it when that event was the last one written."""
    at = next(number for number, (item, _) in enumerate(told) if item == event)
    return fold_all(told[: at + 1])


def rolling(venue: Venue) -> Told:
    """A restart of both hosts while customers buy."""
    return drive(replace(plan_restart(venue, ("w1", "w2"), ("wagering",)), break_glass=True))


def test_a_server_is_in_the_ledger_from_before_its_drain_until_it_is_back(venue: Venue) -> None:
    """Killed at any event of the roll, exactly what is out of rotation is known."""
    told = rolling(venue)
    out: set[str] = set()
    for number, (event, _) in enumerate(told, start=1):
        state = fold_all(told[:number])
        if isinstance(event, StepStarted) and ".drain." in event.step:
            out.update(state.plan.steps[event.step].servers)
        if isinstance(event, StepFinished) and ".undrain." in event.step:
            out.difference_update(state.plan.steps[event.step].servers)
        known = {server for _, server in ledger_of([state]).servers}
        assert known == out
    assert not ledger_of([fold_all(told)])


def test_a_later_run_settles_what_an_earlier_one_left(venue: Venue) -> None:
    """Put back by a recovery, or made irrelevant by a closing of sales."""
    told = rolling(venue)
    dead = killed_after(told, StepStarted("wagering.stop.1", ("w1",)))
    left = ledger_of([dead])
    assert left == Ledger(servers=(("wagering", "w1"),))
    recovered = fold_all(
        drive(plan_recover(venue, left), World(up=1.0, sales_open=True, servers=SERVERS))
    )
    assert recovered.steps["wagering.undrain"].status == "succeeded"
    closed = fold_all(drive(plan_close(venue)))
    assert not ledger_of([closed, dead])


def test_what_is_not_ready_is_not_put_back(venue: Venue) -> None:
    """A server that recovery finds dead stays out, and says why."""
    left = Ledger(servers=(("wagering", "w1"), ("wagering", "w2")))
    faults = {("wagering.gate", "w1"): Fault.FAILS}
    world = World(up=1.0, sales_open=True, servers=SERVERS)
    told = drive(plan_recover(venue, left), world, faults)
    state = fold_all(told)
    assert state.steps["wagering.undrain"].servers == ("w2",)


def test_sales_that_are_half_open_are_closed(venue: Venue) -> None:
    """Doubt means that nobody buys."""
    plan = plan_recover(venue, Ledger(half_open=("ticketing",)))
    assert [(step.id, step.verb) for step in plan.steps.values()] == [
        ("ticketing.close", Verb.CLOSE)
    ]


def test_a_server_that_did_not_come_back_stays_in_the_ledger(venue: Venue) -> None:
    """The last gate says that it is out; what counts is that it was in before."""
    plan = replace(plan_restart(venue, ("w1", "w2"), ("wagering",)), break_glass=True)
    failed = fold_all(drive(plan, faults={("wagering.start.2", "w2"): Fault.FAILS}))
    assert failed.steps["wagering.undrain.2"].status == "skipped"
    assert ledger_of([failed]) == Ledger(servers=(("wagering", "w2"),))
