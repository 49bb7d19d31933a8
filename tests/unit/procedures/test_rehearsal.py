"""The rehearsal and the drill: what is owed to the venue, whatever goes wrong in the middle."""

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from automation.execute.lane import make_lanes
from automation.execute.simulator import FakeClock, Fault, Faults, Simulator, World
from automation.procedures.recover import left_behind, plan_recover
from automation.procedures.rehearsal import (
    MOST_PURCHASES,
    Drill,
    Profile,
    plan_drill,
    plan_rehearsal,
)
from automation.procedures.test import functional_tests, load_tests, plan_test
from automation.run.events import Message
from automation.run.journal import Journal
from automation.run.loop import Run
from automation.run.plan import Plan, Verb, load_plan
from automation.run.state import State, Status
from automation.venue.loads import drillable, rehearsable
from automation.venue.site import Venue
from automation.views.leftovers import leftovers
from tests.unit.procedures.desk import Desk
from tests.unit.run.paper import Paper
from tests.unit.venue.sites import site

# any file will do for a race card that nobody reads
HEAD = "venue: {name: demo, time_zone: Asia/Seoul, race_card: venue.yml}\n"
VENUE = """
  wagering:
    role: wagering
    min_ready: 1
    restart: {serial: 1, behind: {component: front, backend: bets}}
  gate:
    role: kiosk_gateway
    hosts: t1
    depends_on: [wagering]
    restart: {behind: {component: front, backend: sales}}
  front: {role: haproxy, hosts: db1, depends_on: [wagering, gate]}
  bank: {external: true, hosts: t1, healthcheck: {tcp: "bank.example:443"}}
"""
CLOSED = World(up=1.0, servers={"front": ("bets/w1", "bets/w2", "sales/t1")})
OWED = {"wagering.start", "wagering.tidy.1", "gate.tidy.1"}


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    """Two engines, and a gateway that depends on them, behind one load balancer."""
    return site(tmp_path, VENUE, HEAD)


@pytest.fixture
def drill(venue: Venue) -> Plan:
    """w1 is stopped under load."""
    return plan_drill(venue, [Drill(venue.components["wagering"], "w1")], 20.0)


def run(
    plan: Plan, faults: Faults, interrupted_by: str = "", world: World = CLOSED
) -> tuple[State, Simulator]:
    """A simulated run, interrupted once a step of this name was begun."""
    simulator = Simulator(Random(1), faults, FakeClock(), world)  # noqa: S311  # a simulation
    engine = Run(Journal(Paper()), simulator, simulator.clock)
    engine.start("run", "kim", plan, {})
    begun = simulator.truth.begun
    return engine.drive(lambda: "kim" if interrupted_by in begun else ""), simulator


def test_channels_are_rehearsed_with_what_was_asked(venue: Venue) -> None:
    """From the load balancer's hosts; the journal knows the rate, the time and the burst."""
    plan = plan_rehearsal(venue, ("wagering", "gate"), Profile(50, 10, 3))
    step = load_plan(plan.dump()).steps["wagering.rehearse.1"]
    assert (step.hosts, step.owner, step.is_test) == (("db1",), "front", True)
    assert step.options == {"rate": 50, "seconds": 10, "burst": 3, "judge_latency": True}
    assert "bet: p95" in step.checks
    assert run(plan, {})[0].result_state == "SUCCESS"


def test_a_burst_counts_as_purchases() -> None:
    """A wagering system has only so many numbers a day."""
    assert Profile(10, 100, 3).purchases == pytest.approx(1400)


@pytest.mark.parametrize("fault", [Fault.BAD_CHECK, Fault.FAILS, Fault.SILENT, Fault.MISSING_CHECK])
def test_what_a_failed_rehearsal_bought_is_taken_back(venue: Venue, fault: Fault) -> None:
    """The run fails; the clean-up of every channel is done all the same."""
    plan = plan_rehearsal(venue, ("wagering", "gate"), Profile())
    state, simulator = run(plan, {("wagering.rehearse.1", "db1"): fault})
    assert state.result_state == "ERRORS"
    assert {"wagering.tidy.1", "gate.tidy.1"} <= simulator.truth.begun.keys()


def test_what_an_interrupted_rehearsal_bought_is_taken_back(venue: Venue) -> None:
    """Ctrl-C ends the load; the run waits for the clean-up."""
    plan = plan_rehearsal(venue, ("wagering",), Profile())
    state, _ = run(plan, {}, "wagering.rehearse.1")
    assert state.result_state == "CANCELLED"
    assert state.steps["wagering.tidy.1"].status is Status.SUCCEEDED


@pytest.mark.parametrize("glass", [False, True])
@pytest.mark.parametrize("kind", ["test", "rehearsal", "drill"])
def test_nothing_is_bought_while_sales_are_open(
    venue: Venue, kind: str, drill: Plan, glass: bool
) -> None:
    """Nor is anything stopped, and a run that did nothing of what was asked is no success.

    The glass was broken for a blackout, not for that.
    """
    plans = {
        "test": plan_test(venue, ("wagering",)),
        "rehearsal": plan_rehearsal(venue, ("wagering",), Profile()),
        "drill": drill,
    }
    plan = replace(plans[kind], break_glass=glass, reason="the vendor is here today")
    state, simulator = run(plan, {}, world=World(1.0, sales_open=True, servers=CLOSED.servers))
    verbs = {plan.steps[name].verb for name in simulator.truth.begun}
    assert verbs == {Verb.PROBE}
    assert state.result_state == "ERRORS"


def test_a_drill_ends_as_it_began(drill: Plan) -> None:
    """w1 is stopped only after purchases were seen to flow, started, and seen to get some again."""
    state, simulator = run(drill, {})
    assert state.result_state == "SUCCESS"
    begun = list(simulator.truth.begun)
    order = ["ready", "before", "stop", "without", "start", "again", "tidy.1"]
    assert [name for name in begun if name.removeprefix("wagering.") in order] == [
        f"wagering.{name}" for name in order
    ]
    assert simulator.truth.begun["wagering.stop"] == ("w1",)
    assert ("wagering", "w1") in simulator.truth.up


@pytest.mark.parametrize(
    ("step", "host"),
    [("stop", "w1"), ("without", "db1"), ("again", "db1"), ("rehearse.1", "db1")],
)
def test_a_drill_that_fails_puts_everything_back(drill: Plan, step: str, host: str) -> None:
    """The host that was stopped is started, and what was bought is taken back."""
    state, simulator = run(drill, {(f"wagering.{step}", host): Fault.FAILS})
    assert state.result_state == "ERRORS"
    begun = simulator.truth.begun.keys()
    assert "wagering.stop" not in begun or "wagering.start" in begun
    assert {"wagering.tidy.1", "gate.tidy.1"} <= begun
    assert ("wagering", "w1") in simulator.truth.up


@pytest.mark.parametrize("step", ["wagering.stop", "wagering.without", "wagering.again"])
def test_a_drill_that_is_interrupted_puts_everything_back(drill: Plan, step: str) -> None:
    """Ctrl-C while a host is down does not leave it down."""
    state, simulator = run(drill, {}, step)
    assert state.result_state == "CANCELLED"
    assert simulator.truth.begun.keys() >= OWED
    assert ("wagering", "w1") in simulator.truth.up


def test_a_drill_needs_all_hosts(drill: Plan) -> None:
    """When the other one is not ready nothing is bought, and nothing stopped."""
    state, _ = run(drill, {("wagering.ready", "w2"): Fault.FAILS})
    assert state.steps["wagering.stop"].status is Status.SKIPPED
    blocked = Message("%(step)s failed", {"step": "wagering.ready"})
    assert state.steps["wagering.rehearse.1"].reason == blocked


def test_no_purchases_no_stop(drill: Plan) -> None:
    """Whoever cannot see that sales go on stops nothing."""
    _, simulator = run(drill, {("wagering.before", "db1"): Fault.BAD_CHECK})
    assert "wagering.stop" not in simulator.truth.begun


def test_drills_follow_one_after_the_other(venue: Venue) -> None:
    """The second begins when all of the first is put back, and not at all when it failed."""
    part = venue.components["wagering"]
    more = {**venue.components, "other": part.__class__(**{**vars(part), "name": "other"})}
    both = venue.__class__(**{**vars(venue), "components": more})
    plan = plan_drill(both, [Drill(part, "w1"), Drill(more["other"], "w2")], 20.0)
    _, simulator = run(plan, {})
    begun = list(simulator.truth.begun)
    assert begun.index("wagering.tidy.1") < begun.index("other.ready")
    _, failed = run(plan, {("wagering.without", "db1"): Fault.FAILS})
    assert "other.rehearse.2" not in failed.truth.begun


@pytest.mark.parametrize("rate", [1.0, 20.0, 500.0])
def test_a_drill_buys_only_so_much(venue: Venue, rate: float) -> None:
    """However long a stop and a start may take; a load that is over too soon fails the drill."""
    plan = plan_drill(venue, [Drill(venue.components["wagering"], "w1")], rate)
    load = plan.steps["wagering.rehearse.1"].options
    assert load["rate"] * load["seconds"] <= MOST_PURCHASES


def test_clean_up_outlives_the_load(drill: Plan, tmp_path: Path) -> None:
    """It has a process of its own, and what has options is alone in its play."""
    scratch = tmp_path / "lanes"
    scratch.mkdir()
    lanes = make_lanes(drill, scratch).values()
    steps = {step.id: lane.name for lane in lanes for step in lane.steps}
    owed = [step for step in drill.steps.values() if step.puts_back]
    assert [step.id for step in owed if steps[step.id] == steps[step.puts_back]] == []
    stages = [stage for lane in lanes for stage in lane.stages]
    assert all(len(stage.steps) == 1 for stage in stages if stage.steps[0].options)


def test_what_can_be_rehearsed_and_drilled(venue: Venue) -> None:
    """A role with the verb behind a load balancer; for a drill it has two hosts."""
    assert (rehearsable(venue), drillable(venue)) == (("wagering", "gate"), ("wagering",))


def test_tests_are_named_by_what_customers_get(venue: Venue) -> None:
    """Channels first, then all partners together, then components; loads are apart."""
    tests = functional_tests(venue)
    assert list(tests) == ["bet", "kiosk", "links", "wagering", "gate", "bank"]
    assert tests["bet"] == tests["wagering"]
    assert (tests["links"].components, tests["links"].checks) == (("bank",), ("it answers",))
    loads = load_tests(venue)
    assert loads["rehearsal"].components == ("wagering", "gate")
    assert loads["drill"].checks == ("sales go on while one of wagering is down",)


@pytest.mark.parametrize("until", ["wagering.rehearse.1", "wagering.tidy.1", "gate.tidy.1"])
def test_what_a_killed_rehearsal_bought_is_taken_back(
    venue: Venue, tmp_path: Path, until: str
) -> None:
    """Once its purchases were begun they are in the ledger, until recovery has tidied up."""
    desk = Desk(tmp_path / "runs", CLOSED)
    desk.run(plan_rehearsal(venue, ("wagering", "gate"), Profile()), until=until)
    left = left_behind(desk.reports)
    assert "wagering" in left.bought
    assert any("wagering was not taken back: raceday recover" in str(it) for it in leftovers(left))
    state = desk.run(plan_recover(venue, left))
    assert {f"{name}.tidy.1" for name in left.bought} <= set(state.steps)
    assert state.steps["wagering.tidy.1"].status is Status.SUCCEEDED
    assert state.result_state == "SUCCESS"
    assert not left_behind(desk.reports)


def test_a_killed_drill_is_tidied_up_once_its_host_runs_again(
    drill: Plan, venue: Venue, tmp_path: Path
) -> None:
    """What it bought is taken back by servers that are all up."""
    desk = Desk(tmp_path / "runs", CLOSED)
    desk.run(drill, until="wagering.stop")
    plan = plan_recover(venue, left_behind(desk.reports))
    assert "wagering.start" in plan.steps["gate.tidy.1"].after
    desk.run(plan)
    assert not left_behind(desk.reports)


def test_a_rehearsal_that_ended_has_left_nothing(venue: Venue, tmp_path: Path) -> None:
    """It has taken everything back itself; when that failed, recovery tries again."""
    desk = Desk(tmp_path / "runs", CLOSED)
    plan = plan_rehearsal(venue, ("wagering",), Profile())
    desk.run(plan)
    assert not left_behind(desk.reports)
    desk.run(plan, {("wagering.tidy.1", "db1"): Fault.FAILS})
    assert left_behind(desk.reports).bought == ("wagering",)
    desk.run(plan)
    assert not left_behind(desk.reports)
