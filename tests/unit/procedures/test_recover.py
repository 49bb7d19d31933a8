"""What a run leaves behind when it is killed, and the plan that puts it back."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from random import Random

import pytest

from automation.execute.lane import make_lanes
from automation.execute.simulator import FakeClock, Fault, Faults, Simulator, World
from automation.exit_codes import ExitCode
from automation.procedures.recover import left_behind, plan_recover
from automation.procedures.restart import plan_emergency, plan_restart
from automation.procedures.sales import plan_close
from automation.procedures.session import exit_code
from automation.run.events import Event, StepFinished, StepStarted
from automation.run.journal import Journal
from automation.run.ledger import Ledger, ledger_of
from automation.run.loop import Run
from automation.run.plan import Plan, Verb
from automation.run.state import State, fold_all, server_of
from automation.venue.site import Venue
from tests.unit.procedures.desk import Desk
from tests.unit.procedures.test_restart import HEAD, SELLING, SERVERS, VENUE
from tests.unit.run.paper import Paper
from tests.unit.venue.sites import site

OPENING = "ticketing.undrain.1"  # in a restart of the load balancer itself

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
    plan = plan_restart(venue, {"wagering": ("w1", "w2")})
    return drive(replace(plan, break_glass=True, reason="memory leak"))


def test_a_server_is_in_the_ledger_from_before_its_drain_until_it_is_back(venue: Venue) -> None:
    """Killed at any event of the roll, exactly what is out of rotation is known."""
    told = rolling(venue)
    out: set[str] = set()
    for number, (event, _) in enumerate(told, start=1):
        state = fold_all(told[:number])
        if isinstance(event, StepStarted) and ".drain." in event.step:
            out.update(map(server_of, state.plan.steps[event.step].servers))
        if isinstance(event, StepFinished) and ".undrain." in event.step:
            out.difference_update(map(server_of, state.plan.steps[event.step].servers))
        known = {server for _, server in ledger_of([state]).servers}
        assert known == out
    assert not ledger_of([fold_all(told)])


def test_a_later_run_settles_what_an_earlier_one_left(venue: Venue) -> None:
    """Put back by a recovery; a closing of sales settles only who gets customers."""
    told = rolling(venue)
    dead = killed_after(told, StepStarted("wagering.stop.1", ("w1",)))
    left = ledger_of([dead])
    w1 = (("wagering", "w1"),)
    assert left == Ledger(servers={w1[0]: ("t1",)}, stopped=w1, reason="memory leak")
    recovered = fold_all(drive(plan_recover(venue, left)))
    assert recovered.steps["wagering.undrain.1"].status == "succeeded"
    assert not ledger_of([recovered, dead])
    closed = fold_all(drive(plan_close(venue)))
    assert ledger_of([closed, dead]) == Ledger(stopped=w1, reason="memory leak")


def test_what_was_started_and_not_tested_is_tested_first(venue: Venue) -> None:
    """Killed before its test: recovery tests it, and one that fails stays out."""
    told = rolling(venue)
    dead = killed_after(told, StepStarted("wagering.test.1", ("w1",)))
    left = ledger_of([dead])
    assert (left.stopped, left.untested) == ((), (("wagering", "w1"),))
    plan = plan_recover(venue, left)
    recovered = fold_all(drive(plan))
    assert recovered.steps["wagering.test.1"].status == "succeeded"
    assert recovered.steps["wagering.undrain.1"].servers == {"t1": ("to_wagering/w1",)}
    assert not ledger_of([recovered, dead])
    failed = fold_all(drive(plan, faults={("wagering.test.1", "w1"): Fault.BAD_CHECK}))
    assert failed.steps["wagering.undrain.1"].status == "skipped"
    assert ledger_of([failed, dead]).untested == (("wagering", "w1"),)


def test_without_a_reason_nothing_is_tested_among_customers(venue: Venue) -> None:
    """Sales were closed when the run died and are open now: what is unproven stays out."""
    dead = killed_after(rolling(venue), StepStarted("wagering.test.1", ("w1",)))
    left = replace(ledger_of([dead]), reason="")
    recovered = fold_all(drive(plan_recover(venue, left)))
    assert recovered.steps["wagering.test.1"].status == "skipped"
    assert recovered.steps["wagering.undrain.1"].status == "skipped"


def test_an_emergency_that_died_has_left_sales_closed(venue: Venue) -> None:
    """Recovery starts and tests what it ended; to open sales again is for somebody to say."""
    told = drive(plan_emergency(venue, ("wagering",)))
    dead = killed_after(told, StepStarted("wagering.kill", ("w1", "w2")))
    left = ledger_of([dead])
    assert left.stopped == (("wagering", "w1"), ("wagering", "w2"))
    assert left.closed == ("ticketing",)
    shut = World(up=0.0, servers=SERVERS)
    recovered = fold_all(drive(plan_recover(venue, left), shut))
    assert recovered.steps["wagering.start"].status == "succeeded"
    assert ledger_of([fold_all(told)]) == Ledger()


def test_a_load_balancer_that_died_while_it_was_opened_again_is_half_open(venue: Venue) -> None:
    """Its word from before the opening says nothing any more; before it, it had come up closed."""
    plan = plan_restart(venue, {"ticketing": ("t1",)})
    told = drive(replace(plan, break_glass=True, reason="upgrade"))
    opening = next(event for event, _ in told if getattr(event, "step", "") == OPENING)
    assert isinstance(opening, StepStarted)
    dead = killed_after(told, opening)
    left = ledger_of([dead])
    assert (left.half_open, left.closed) == (("ticketing",), ())
    assert dead.sales_said() == ""
    before = killed_after(told, StepFinished("ticketing.start.1"))
    assert ledger_of([before]).closed == ("ticketing",)
    assert before.sales_said() == "closed"
    ended = fold_all(told)
    assert (ledger_of([ended]), ended.sales_said()) == (Ledger(), "open")


@pytest.mark.parametrize("fault", [Fault.SILENT, Fault.MUTE])
def test_an_opening_of_which_nobody_heard_is_not_known(venue: Venue, fault: Fault) -> None:
    """It may well have been done: "closed" would be a guess."""
    plan = replace(plan_restart(venue, {"ticketing": ("t1",)}), break_glass=True)
    steps = {name: step for name, step in plan.steps.items() if not name.endswith(".gate")}
    state = fold_all(drive(replace(plan, steps=steps), faults={(OPENING, "t1"): fault}))
    assert state.sales_said() == ""


def test_what_is_not_ready_is_not_put_back(venue: Venue) -> None:
    """A server that recovery finds dead stays out, and says why."""
    left = Ledger(servers={("wagering", "w1"): ("t1",), ("wagering", "w2"): ("t1",)})
    faults = {("wagering.gate", "w1"): Fault.FAILS}
    world = World(up=1.0, sales_open=True, servers=SERVERS)
    state = fold_all(drive(plan_recover(venue, left), world, faults))
    assert state.steps["wagering.undrain.1"].status == "skipped"
    assert state.steps["wagering.undrain.2"].servers == {"t1": ("to_wagering/w2",)}


def test_sales_that_are_half_open_are_closed(venue: Venue) -> None:
    """Doubt means that nobody buys."""
    plan = plan_recover(venue, Ledger(half_open=("ticketing",)))
    assert [step.verb for step in plan.steps.values()] == [Verb.PROBE, Verb.CLOSE]


def test_closing_one_load_balancer_settles_nothing_at_another(tmp_path: Path) -> None:
    """An emergency closed both and died while it opened one: the other one is still told."""
    pair = """
  bets: {role: service, unit: b, hosts: w1, restart: {behind: {component: east, backend: bets}}}
  cash: {role: service, unit: c, hosts: w2, restart: {behind: {component: west, backend: cash}}}
  east: {role: haproxy, hosts: t1, depends_on: [bets]}
  west: {role: haproxy, hosts: db1, depends_on: [cash]}
"""
    venue = site(tmp_path, pair, HEAD)
    servers = {"east": ("bets/w1",), "west": ("cash/w2",)}
    desk = Desk(tmp_path / "runs", World(up=1.0, sales_open=True, servers=servers))
    desk.run(replace(plan_emergency(venue, ("bets",)), reason="it hangs"), until="east.open")
    left = left_behind(desk.reports)
    assert (left.half_open, left.closed) == (("east",), ("west",))
    recovered = desk.run(plan_recover(venue, left))
    assert recovered.steps["east.close"].status == "succeeded"
    assert left_behind(desk.reports).closed == ("west",)


CHAIN = """
  database: {role: postgresql}
  wagering: {role: wagering, depends_on: [database]}
  ticketing: {role: ticketing, depends_on: [wagering]}
"""


def test_what_depends_on_another_is_started_after_it(tmp_path: Path) -> None:
    """As in the morning, also when what lies between is up; hosts that are gone are no start."""
    chain = site(tmp_path, CHAIN, HEAD)
    gone, down = ("wagering", "old"), (("ticketing", "t1"), ("database", "db1"))
    steps = plan_recover(chain, Ledger(stopped=(*down, gone))).steps
    assert steps["database.start"].after == ()
    assert steps["ticketing.start"].after == ("database.start",)
    assert steps["ticketing.start"].needs == ()
    all_down = plan_recover(chain, Ledger(stopped=(*down, ("wagering", "w1")))).steps
    assert set(all_down["ticketing.start"].after) == {"database.start", "wagering.start"}


def test_what_depends_on_a_start_that_failed_is_started_all_the_same(tmp_path: Path) -> None:
    """Recovery puts back all it can; the gates say what is ready."""
    left = Ledger(stopped=(("database", "db1"), ("wagering", "w1")))
    plan = plan_recover(site(tmp_path, CHAIN, HEAD), left)
    told = drive(plan, World(up=0.0), {("database.start", "db1"): Fault.FAILS})
    state = fold_all(told)
    assert state.steps["database.start"].status == "failed"
    assert state.steps["wagering.start"].status == "succeeded"
    events = [event for event, _ in told]
    ended = events.index(StepFinished("database.start"))
    assert ended < events.index(StepStarted("wagering.start", ("w1",)))


def test_a_server_that_did_not_come_back_stays_in_the_ledger(venue: Venue) -> None:
    """The last gate says that it is out; what counts is that it was in before."""
    plan = replace(plan_restart(venue, {"wagering": ("w1", "w2")}), break_glass=True)
    failed = fold_all(drive(plan, faults={("wagering.start.2", "w2"): Fault.FAILS}))
    assert failed.steps["wagering.undrain.2"].status == "skipped"
    left = ledger_of([failed])
    assert tuple(left.servers) == left.stopped == (("wagering", "w2"),)


@pytest.mark.parametrize("closed", [False, True])
def test_the_last_servers_are_put_back(tmp_path: Path, *, closed: bool) -> None:
    """Sales look closed by nothing but the dead run's drain, unless they were closed since."""
    both = VENUE.replace("serial: 1", 'serial: "100%"').replace("min_ready: 1", "min_ready: 2")
    venue = site(tmp_path, both, HEAD)
    desk = Desk(tmp_path / "runs", SELLING)
    plan = plan_restart(venue, {"wagering": ("w1", "w2")})
    desk.run(replace(plan, break_glass=True, reason="leak"), until="wagering.undrain.1")
    assert left_behind(desk.reports).emptied == ("t1",)
    if closed:
        desk.run(plan_close(venue))
    state = desk.run(plan_recover(venue, left_behind(desk.reports)))
    assert (state.result_state, exit_code(state)) == ("SUCCESS", ExitCode.GO)
    assert desk.simulator.customers() == (set() if closed else set(SERVERS["ticketing"]))
    assert not left_behind(desk.reports)


def test_what_is_not_put_back_is_an_error(tmp_path: Path) -> None:
    """Somebody took out all others by hand since the run died: sales look closed on purpose."""
    venue = site(tmp_path, VENUE, HEAD)
    desk = Desk(tmp_path / "runs", SELLING)
    plan = replace(plan_restart(venue, {"wagering": ("w1",)}), break_glass=True, reason="leak")
    desk.run(plan, until="wagering.stop.1")
    assert desk.left is not None
    desk.left.rotation["ticketing", "t1"].clear()
    state = desk.run(plan_recover(venue, left_behind(desk.reports)))
    assert state.steps["wagering.undrain.1"].status == "skipped"
    assert "raceday sales open" in str(state.steps["wagering.undrain.1"].reason)
    assert (state.result_state, exit_code(state)) == ("ERRORS", ExitCode.NO_GO)
    assert tuple(left_behind(desk.reports).servers) == (("wagering", "w1"),)


def test_what_waits_for_other_things_is_no_play_together(venue: Venue, tmp_path: Path) -> None:
    """A play is released once: each component's gate waits for a start of its own."""
    left = Ledger(stopped=(("wagering", "w1"), ("ticketing", "t1")))
    scratch = tmp_path / "lanes"
    scratch.mkdir()
    lanes = make_lanes(plan_recover(venue, left), scratch).values()
    places = {step.id: lane.name for lane in lanes for stage in lane.stages for step in stage.steps}
    assert places["wagering.gate"] != places["ticketing.gate"]
    assert all(
        len({step.after for step in stage.steps}) == 1 for lane in lanes for stage in lane.stages
    )


def test_a_server_that_does_not_start_again_is_an_error(tmp_path: Path) -> None:
    """Also where nothing tests it and the others are enough: it is still to be recovered from."""
    pair = "\n  plain: {role: service, hosts: wagering, unit: plain, min_ready: 1}\n"
    left = Ledger(stopped=(("plain", "w1"), ("plain", "w2")))
    faults = {("plain.start", "w2"): Fault.BAD_CHECK}
    plan = plan_recover(site(tmp_path, pair, HEAD), left)
    start = replace(plan.steps["plain.start"], checks=("the port answers",))
    plan = replace(plan, steps={**plan.steps, start.id: start})
    recovered = fold_all(drive(plan, World(up=0.0), faults))
    assert recovered.result_state == "ERRORS"
