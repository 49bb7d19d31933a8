"""The rolling restart: its batches, what it owes to customers, what one process can do of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from automation.execute.lane import Lane, make_lanes
from automation.execute.simulator import FakeClock, Fault, Faults, Simulator, World
from automation.procedures.restart import batches, plan_restart
from automation.run.journal import Journal
from automation.run.loop import Run
from automation.run.plan import Plan, Verb
from automation.run.state import State, Status
from automation.venue.site import Venue
from automation.views.explain import explain_run
from automation.views.i18n import Translator
from tests.unit.run.paper import Paper
from tests.unit.venue.sites import site

# any file will do for a race card that nobody reads
HEAD = "venue: {name: demo, time_zone: Asia/Seoul, race_card: venue.yml}\n"
VENUE = """
  wagering:
    role: wagering
    min_ready: 1
    restart: {serial: 1, behind: {component: ticketing, backend: to_wagering}}
  ticketing: {role: haproxy, depends_on: [wagering]}
"""
SERVERS = {"ticketing": ("to_wagering/w1", "to_wagering/w2")}
SELLING = World(up=1.0, sales_open=True, servers=SERVERS)


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    """Two hosts behind a load balancer of one."""
    return site(tmp_path, VENUE, HEAD)


@pytest.fixture
def plan(venue: Venue) -> Plan:
    """Both hosts, although sales are open."""
    return replace(plan_restart(venue, {"wagering": ("w1", "w2")}), break_glass=True)


def test_each_try_of_a_start_has_its_time(tmp_path: Path) -> None:
    """What hangs is stopped before the next try, so that costs the time of a stop and a start."""

    def start_bound(retries: int) -> float:
        again = VENUE.replace("min_ready: 1", f"min_ready: 1\n    retries: {retries}")
        folder = tmp_path / str(retries)
        folder.mkdir()
        steps = plan_restart(site(folder, again, HEAD), {"wagering": ("w1",)}).steps
        return steps["wagering.start.1"].timeout

    assert start_bound(2) == 5 * start_bound(0)


def restart(
    plan: Plan,
    faults: Faults,
    world: World = SELLING,
    interrupted_by: str = "",
    meanwhile: Callable[[Simulator], None] = lambda _simulator: None,
) -> tuple[State, Simulator]:
    """A simulated run, interrupted once a step of this name was begun."""
    simulator = Simulator(Random(1), faults, FakeClock(), world)  # noqa: S311  # a simulation
    run = Run(Journal(Paper()), simulator, simulator.clock)
    run.start("run", "kim", plan, {})

    def glance() -> str:
        meanwhile(simulator)
        return "kim" if interrupted_by in simulator.truth.begun else ""

    return run.drive(glance), simulator


@pytest.mark.parametrize(
    ("serial", "hosts", "sizes"),
    [
        ("1", ("w1", "w2"), [1, 1]),
        ("2", ("w1", "w2"), [2]),
        ("50%", ("w2", "w1"), [1, 1]),
        ("10%", ("w1",), [1]),
        ("[1, 2]", ("w1", "w2"), [1, 1]),
        ("1", (), []),
    ],
)
def test_batches(tmp_path: Path, serial: str, hosts: tuple[str, ...], sizes: list[int]) -> None:
    """Hosts go in the order given, as many at a time as `serial` says, at least one."""
    venue = site(tmp_path, f"  wagering: {{role: wagering, restart: {{serial: {serial}}}}}\n", HEAD)
    parts = list(batches(venue.components["wagering"], hosts))
    assert [len(part) for part in parts] == sizes
    assert tuple(host for part in parts for host in part) == hosts


@pytest.mark.parametrize(
    ("serial", "least", "sizes"),
    [
        ("2", 1, [2, 1]),
        ("3", 1, [2, 1]),
        ('"100%"', 2, [1, 1, 1]),
        ('[1, "100%"]', 1, [1, 2]),
        ("2", 3, [2, 1]),
    ],
)
def test_no_batch_takes_more_than_can_be_spared(
    tmp_path: Path, serial: str, least: int, sizes: list[int]
) -> None:
    """At least `min_ready` hosts are left, unless that is all of them: then `serial` alone says."""
    text = f"  wagering: {{role: wagering, restart: {{serial: {serial}}}}}\n"
    hosts = ("w1", "w2", "w3")
    wagering = site(tmp_path, text, HEAD).components["wagering"]
    component = replace(wagering, hosts=hosts, min_ready=least)
    assert [len(part) for part in batches(component, hosts)] == sizes
    assert all(len(part) <= sizes[0] for part in batches(component, hosts[1:]))


def of_databases(tmp_path: Path, *hosts: str) -> Plan:
    """One after the other."""
    venue = site(tmp_path, "  pg: {role: postgresql, hosts: wagering, min_ready: 1}\n", HEAD)
    return plan_restart(venue, {"pg": hosts})


LED = World(up=1.0, leading=frozenset({("pg", "w2")}))


def test_who_leads_when_it_comes_to_it_is_not_stopped(tmp_path: Path) -> None:
    """The standby before it is restarted; the reason names the primary, and how it can be done."""
    plan = of_databases(tmp_path, "w1", "w2")
    state, simulator = restart(plan, {}, LED)
    assert simulator.truth.begun.keys() >= {"pg.stop.1", "pg.start.1"}
    assert simulator.truth.begun.keys().isdisjoint({"pg.stop.2", "pg.start.2"})
    assert "only raceday restart pg --include-primary --reason" in str(
        state.steps["pg.stop.2"].reason
    )
    assert state.result_state == "ERRORS"
    explained = explain_run(state, simulator.clock.now, Translator("en"))
    assert "w2 is the primary of pg now" in str(explained.sentences[0])
    checked, _ = restart(replace(of_databases(tmp_path, "w2"), check=True), {}, LED)
    assert checked.result_state == "ERRORS"
    state, simulator = restart(replace(plan, include_primary=True), {}, LED)
    assert (state.result_state, simulator.truth.led) == ("SUCCESS", {("pg.stop.2", "w2")})


def test_who_was_promoted_after_the_first_look_is_not_stopped(tmp_path: Path) -> None:
    """It is asked again right before."""

    def promote(simulator: Simulator) -> None:
        if "pg.capacity.1" in simulator.truth.begun:
            simulator.truth.leading = {("pg", "w1")}

    state, simulator = restart(of_databases(tmp_path, "w1"), {}, LED, meanwhile=promote)
    assert "w1 is the primary of pg now" in str(state.steps["pg.stop.1"].reason)
    assert "pg.stop.1" not in simulator.truth.begun


def test_who_does_not_say_whether_it_leads_is_not_stopped(tmp_path: Path) -> None:
    """Its word of before does not count; what does not run leads nobody, and may be started."""
    plan = of_databases(tmp_path, "w1")
    state, simulator = restart(plan, {("pg.leader.1", "w1"): Fault.MUTE}, LED)
    assert "could not be found out" in str(state.steps["pg.stop.1"].reason)
    assert "pg.stop.1" not in simulator.truth.begun

    def fall(simulator: Simulator) -> None:
        if "pg.leader.1" in simulator.truth.begun and "pg.start.1" not in simulator.truth.begun:
            simulator.truth.up.discard(("pg", "w1"))

    state, simulator = restart(plan, {}, LED, meanwhile=fall)
    assert "pg.start.1" in simulator.truth.begun


def test_a_restart_among_customers_ends_as_it_began(plan: Plan) -> None:
    """One after the other is drained, restarted and put back; all get customers again."""
    state, simulator = restart(plan, {})
    assert state.result_state == "SUCCESS"
    assert simulator.customers() == set(SERVERS["ticketing"])


OUT = replace(SELLING, taken_out=frozenset({"to_wagering/w1"}))


def test_a_server_that_was_out_stays_out(plan: Plan) -> None:
    """What an operator had taken out of rotation is restarted and not put in."""
    _state, simulator = restart(plan, {}, OUT)
    assert "wagering.start.1" in simulator.truth.begun
    assert simulator.customers() == {"to_wagering/w2"}


def test_the_last_server_that_gets_customers_is_left_alone(plan: Plan) -> None:
    """However ready the other is: nobody is sent there. The reason says so."""
    state, simulator = restart(plan, {}, OUT)
    assert "wagering.drain.2" not in simulator.truth.begun
    assert state.result_state == "ERRORS"
    why = str(state.steps["wagering.capacity.2"].reason)
    assert why == "no customers are sent to w1, and without it too few servers would be left"


SEES_DOWN = replace(SELLING, down=frozenset({("t1", "to_wagering/w2")}))


def test_who_the_load_balancer_sees_down_stands_in_for_nobody(plan: Plan) -> None:
    """However well it finds itself: customers do not get there. The reason says so."""
    state, simulator = restart(plan, {}, SEES_DOWN)
    assert "wagering.drain.1" not in simulator.truth.begun
    assert state.result_state == "ERRORS"
    why = str(state.steps["wagering.capacity.1"].reason)
    assert why == "the load balancer sees w2 down, and without it too few servers would be left"


def test_who_is_seen_down_may_be_restarted(venue: Venue) -> None:
    """Its customers get to the other one already. It goes back where it was, seen down or not."""
    plan = replace(plan_restart(venue, {"wagering": ("w2",)}), break_glass=True)
    _state, simulator = restart(plan, {}, SEES_DOWN)
    assert "wagering.start.1" in simulator.truth.begun
    assert simulator.customers() == set(SERVERS["ticketing"])


def test_who_goes_down_at_the_load_balancer_meanwhile_ends_the_roll(plan: Plan) -> None:
    """It is asked anew before each batch."""

    def fall(simulator: Simulator) -> None:
        if "wagering.undrain.1" in simulator.truth.begun:
            simulator.truth.down.add(("t1", "to_wagering/w1"))

    _state, simulator = restart(plan, {}, meanwhile=fall)
    assert "wagering.start.1" in simulator.truth.begun
    assert "wagering.drain.2" not in simulator.truth.begun


def test_a_server_seen_down_is_no_matter_without_customers(plan: Plan) -> None:
    """While sales are closed nobody is missed."""
    state, _ = restart(plan, {}, replace(SEES_DOWN, sales_open=False))
    assert state.result_state == "SUCCESS"


def test_a_check_run_says_that_a_restart_would_be_refused(plan: Plan) -> None:
    """Nobody is sent to the other host: no SUCCESS for that, and the reason is in the run."""
    check = replace(plan, check=True)
    state, _ = restart(check, {}, replace(SELLING, taken_out=frozenset({"to_wagering/w2"})))
    why = str(state.steps["wagering.capacity.1"].reason)
    assert why == "no customers are sent to w2, and without it too few servers would be left"
    assert state.result_state == "ERRORS"
    state, _ = restart(check, {})
    assert (state.result_state, state.steps["wagering.undrain.1"].reason) == ("SUCCESS", None)


def test_a_check_run_goes_through_every_batch(plan: Plan) -> None:
    """A test is not done, and holds up no batch after it; each stop would be done."""
    state, _ = restart(replace(plan, check=True), {})
    skipped = {name for name, item in state.steps.items() if item.status is Status.SKIPPED}
    assert skipped == {"wagering.test.1", "wagering.test.2"}
    stops = [state.steps[f"wagering.stop.{number}"].hosts for number in (1, 2)]
    assert [result.state for hosts in stops for result in hosts.values()] == ["would", "would"]
    state, _ = restart(replace(plan, check=True), {("wagering.capacity.2", "w1"): Fault.FAILS})
    assert state.result_state == "ERRORS"


def test_customers_of_another_backend_are_others(venue: Venue) -> None:
    """Who is out of rotation in its own stands in for nobody there."""
    plan = replace(plan_restart(venue, {"wagering": ("w2",)}), break_glass=True)
    shared = {"ticketing": (*SERVERS["ticketing"], "other/w1")}
    _state, simulator = restart(plan, {}, replace(OUT, servers=shared))
    assert "wagering.drain.1" not in simulator.truth.begun


def test_who_gets_customers_is_asked_anew_before_each_batch(plan: Plan) -> None:
    """Somebody takes the first server out again as soon as it is back."""

    def take_out(simulator: Simulator) -> None:
        if "wagering.undrain.1" in simulator.truth.begun:
            simulator.truth.rotation["ticketing", "t1"].discard("to_wagering/w1")

    _state, simulator = restart(plan, {}, meanwhile=take_out)
    assert "wagering.start.1" in simulator.truth.begun
    assert "wagering.drain.2" not in simulator.truth.begun


def test_a_large_batch_leaves_customers_a_server(tmp_path: Path) -> None:
    """Both at once would be allowed by `serial`, and not by `min_ready`."""
    venue = site(tmp_path, VENUE.replace("serial: 1", "serial: 2"), HEAD)
    plan = replace(plan_restart(venue, {"wagering": ("w1", "w2")}), break_glass=True)
    state, simulator = restart(plan, {})
    assert state.result_state == "SUCCESS"
    assert simulator.truth.begun["wagering.stop.1"] == ("w1",)
    refused, _ = restart(plan, {}, OUT)
    assert refused.steps["wagering.capacity.2"].reason


@pytest.mark.parametrize("fault", [Fault.UNREACHABLE, Fault.MUTE])
def test_unknown_customers_are_customers(plan: Plan, fault: Fault) -> None:
    """A load balancer that does not say whom it sends them to ends the roll."""
    state, simulator = restart(plan, {("wagering.rotation.2", "t1"): fault})
    assert "wagering.undrain.1" in simulator.truth.begun
    assert "wagering.drain.2" not in simulator.truth.begun
    if fault is Fault.MUTE:
        why = str(state.steps["wagering.capacity.2"].reason)
        assert why == "t1 does not say which servers it sees up, so none stands in for another"


def test_without_customers_nobody_is_missed(plan: Plan) -> None:
    """While sales are closed every server is out of rotation, and all are restarted."""
    state, simulator = restart(plan, {}, replace(SELLING, sales_open=False))
    assert "wagering.start.2" in simulator.truth.begun
    assert state.result_state == "SUCCESS"


@pytest.mark.parametrize(
    ("serial", "least"), [("1", [9, 9, 9]), ('[1, "50%"]', [9, 5, 5]), ('["20%"]', [8, 8, 8])]
)
def test_each_batch_has_its_own_size(tmp_path: Path, serial: str, least: list[int]) -> None:
    """So many others must be ready before it that never more than that are down together."""
    hosts = tuple(f"w{number}" for number in range(1, 11))
    venue = site(tmp_path, VENUE.replace("serial: 1", f"serial: {serial}"), HEAD)
    wagering = replace(venue.components["wagering"], hosts=hosts)
    wide = replace(venue, components={**venue.components, "wagering": wagering})
    steps = plan_restart(wide, {"wagering": hosts}).steps
    assert [steps[f"wagering.capacity.{number}"].min_ready for number in (1, 2, 3)] == least


def test_the_first_failure_ends_the_roll(plan: Plan) -> None:
    """When its test fails the batch stays out, and the next one is left alone."""
    _state, simulator = restart(plan, {("wagering.test.1", "w1"): Fault.FAILS})
    assert "wagering.stop.2" not in simulator.truth.begun
    assert simulator.customers() == {"to_wagering/w2"}


def test_an_interrupted_stop_is_put_back(plan: Plan) -> None:
    """After Ctrl-C during a stop the host is started, and only then put in rotation again."""
    _state, simulator = restart(plan, {}, interrupted_by="wagering.stop.1")
    assert "wagering.start.1" in simulator.truth.begun
    assert simulator.customers() == set(SERVERS["ticketing"])


def test_a_failed_stop_is_put_back(plan: Plan) -> None:
    """A host whose stop failed is started, and only then put in rotation again."""
    _state, simulator = restart(plan, {("wagering.stop.1", "w1"): Fault.FAILS})
    assert "wagering.start.1" in simulator.truth.begun
    assert simulator.customers() == set(SERVERS["ticketing"])


@pytest.mark.parametrize("fault", [Fault.UNREACHABLE, Fault.MUTE])
def test_an_unknown_rotation_is_not_touched(plan: Plan, fault: Fault) -> None:
    """Who does not know who gets customers drains nobody, for it could put nobody back."""
    _state, simulator = restart(plan, {("ticketing.look", "t1"): fault})
    assert simulator.customers() == set(SERVERS["ticketing"])


def test_an_unfinished_test_keeps_a_server_out(plan: Plan) -> None:
    """A check that was promised and never reported is unknown, and unknown is not ready."""
    _state, simulator = restart(plan, {("wagering.test.1", "w1"): Fault.MISSING_CHECK})
    assert simulator.customers() == {"to_wagering/w2"}


def test_what_is_done_together_begins_together(plan: Plan, tmp_path: Path) -> None:
    """A stage of a lane is one play that is released once, so it holds no two batches."""
    stages = [stage for lane in _lanes(plan, tmp_path) for stage in lane.stages]
    mixed = [stage.name for stage in stages if len({step.after for step in stage.steps}) > 1]
    assert mixed == []


def test_what_puts_back_outlives_what_it_undoes(plan: Plan) -> None:
    """A process that dies in a stop or a drain takes no start and no undrain with it."""
    owed = [step for step in plan.steps.values() if step.puts_back]
    assert {step.verb for step in owed} == {Verb.START, Verb.TEST, Verb.UNDRAIN}
    shared = [step.id for step in owed if step.lane == plan.steps[step.puts_back].lane]
    assert shared == []


def _lanes(plan: Plan, folder: Path) -> list[Lane]:
    scratch = folder / "lanes"
    scratch.mkdir()
    return list(make_lanes(plan, scratch).values())
