"""Who gets customers after a run is who got them before, at each load balancer and backend."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from automation.execute.lane import SPARE_SECONDS
from automation.execute.simulator import MORNING, ROTATES, Fault, Simulator, World
from automation.procedures.evening import plan_evening
from automation.procedures.morning import plan_morning
from automation.procedures.recover import left_behind, plan_recover
from automation.procedures.restart import plan_emergency, plan_restart
from automation.procedures.sales import plan_close, plan_open
from automation.run.decide import Begin
from automation.run.plan import Plan, Verb
from automation.run.verdict import warnings
from automation.venue.checks import check_document
from automation.venue.document import read_document
from automation.venue.inventory import Inventory
from automation.venue.load import resolve_venue
from automation.venue.site import Venue
from tests.unit.procedures.desk import Desk

HEAD = "venue: {name: demo, time_zone: Asia/Seoul, race_card: venue.yml}\n"
SHARED = """
  bets:
    role: service
    unit: bets
    hosts: apps
    min_ready: 1
    restart: {serial: 1, behind: {component: front, backend: bets}}
  tickets:
    role: service
    unit: tickets
    hosts: apps
    min_ready: 1
    restart: {serial: 1, behind: {component: front, backend: tickets}}
  front: {role: haproxy, hosts: fronts, depends_on: [bets, tickets]}
"""
PAIR = """
  bets:
    role: service
    unit: bets
    hosts: apps
    min_ready: SERIAL
    tests: [{name: sells a bet, command: [sell]}]
    restart: {serial: SERIAL, behind: {component: front, backend: bets}}
  front: {role: haproxy, hosts: fronts, depends_on: [bets]}
"""
BOTH = ("bets/a", "bets/b")


def place(folder: Path, components: str, *fronts: str) -> Venue:
    """A venue with two hosts for what is sold, and these for the load balancer."""
    file = folder / "venue.yml"
    file.write_text(f"{HEAD}components:\n{components}", encoding="utf-8")
    groups = {"all": ("a", "b", *fronts), "apps": ("a", "b"), "fronts": fronts, "ungrouped": ()}
    inventory = Inventory(folder, groups, {host: {} for host in groups["all"]})
    document = read_document(file)
    return resolve_venue(document, check_document(document), inventory)


def pair(folder: Path, serial: int = 1) -> Venue:
    """The same behind a pair of load balancers."""
    return place(folder, PAIR.replace("SERIAL", str(serial)), "l1", "l2")


def selling(folder: Path, *servers: str, **world: object) -> Desk:
    """A desk at a venue that sells through these servers, but for those that `world` takes out."""
    behind = {"front": servers}
    return Desk(folder / "runs", World(up=1.0, sales_open=True, servers=behind, **world))  # type: ignore[arg-type]  # they are a World's fields


def among_customers(plan: Plan) -> Plan:
    """The same, with the glass broken."""
    return replace(plan, break_glass=True, reason="both hang")


def at_pair(desk: Desk) -> Mapping[str, set[str]]:
    """Whom each of a pair of load balancers sends customers to."""
    assert desk.left is not None
    return {host: words for (_, host), words in desk.left.rotation.items()}


@pytest.fixture
def lame(tmp_path: Path) -> Desk:
    """A pair of load balancers, at the second of which an operator took one server out."""
    return selling(tmp_path, *BOTH, taken_out_at={"l2": frozenset({"bets/a"})})


AS_BEFORE = {"l1": {"bets/a", "bets/b"}, "l2": {"bets/b"}}


def test_an_emergency_leaves_out_what_another_component_of_the_host_had_out(
    tmp_path: Path,
) -> None:
    """Two components share their hosts: who sells bets there again need not sell tickets."""
    venue = place(tmp_path, SHARED, "l1")
    rest = ("bets/a", "bets/b", "tickets/b")
    desk = selling(tmp_path, *rest, "tickets/a", taken_out=frozenset({"tickets/a"}))
    desk.run(replace(plan_emergency(venue, ("bets",)), reason="it hangs"))
    assert desk.simulator.customers() == set(rest)


def test_a_restart_puts_nothing_back_that_only_a_neighbour_had_in(tmp_path: Path) -> None:
    """The host got customers for bets, so there is nothing of tickets to be put back."""
    venue = place(tmp_path, SHARED, "l1")
    rest = ("bets/a", "bets/b", "tickets/b")
    desk = selling(tmp_path, *rest, "tickets/a", taken_out=frozenset({"tickets/a"}))
    state = desk.run(among_customers(plan_restart(venue, {"tickets": ("a", "b")})))
    assert state.steps["tickets.undrain.1"].status == "skipped"
    assert desk.simulator.customers() == set(rest)


@pytest.mark.parametrize("kind", ["restart", "emergency"])
def test_what_an_operator_takes_out_meanwhile_stays_out(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was in at the first look, and out when its turn came."""
    venue = pair(tmp_path)
    desk = selling(tmp_path, *BOTH)
    begin = Simulator.begin

    def by_hand(self: Simulator, order: Begin) -> None:
        if order.step.id in {"bets.drain.2", "front.close"}:
            self.truth.rotation["front", "l2"].discard("bets/b")
        begin(self, order)

    monkeypatch.setattr(Simulator, "begin", by_hand)
    restart = plan_restart(venue, {"bets": ("a", "b")})
    plan = plan_emergency(venue, ("bets",)) if kind == "emergency" else restart
    state = desk.run(among_customers(plan))
    assert (state.result_state, at_pair(desk)) == ("SUCCESS", {"l1": set(BOTH), "l2": {"bets/a"}})
    assert not left_behind(desk.reports)


@pytest.mark.parametrize("fronts", [("l1",), ("l1", "l2")])
def test_a_load_balancer_opens_again_as_it_was_right_before(
    tmp_path: Path, fronts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is restarted last; by then an operator has taken a server out, also where it is alone."""
    venue = place(tmp_path, PAIR.replace("SERIAL", "1"), *fronts)
    desk = selling(tmp_path, *BOTH)
    begin = Simulator.begin

    def by_hand(self: Simulator, order: Begin) -> None:
        if order.step.id == "bets.undrain.1":
            self.truth.rotation["front", "l1"].discard("bets/b")
        begin(self, order)

    monkeypatch.setattr(Simulator, "begin", by_hand)
    state = desk.run(among_customers(plan_restart(venue, {"bets": ("a",), "front": fronts})))
    expected = {"l1": {"bets/a"}, "l2": set(BOTH)}
    assert state.result_state == "SUCCESS"
    assert at_pair(desk) == {front: expected[front] for front in fronts}


def test_a_load_balancer_that_is_down_is_started_all_the_same(tmp_path: Path) -> None:
    """It says nothing of its servers right before, and has nobody's customers."""
    desk = selling(tmp_path, *BOTH)
    plan = among_customers(plan_restart(pair(tmp_path), {"front": ("l1",)}))
    desk.run(plan, until="front.start.1")
    state = desk.run(plan)
    assert desk.simulator.is_up("front", "l1")
    assert state.steps["front.start.1"].status == "succeeded"
    assert state.result_state != "ERRORS"


@pytest.mark.parametrize("fault", [Fault.UNREACHABLE, Fault.SILENT, Fault.MUTE])
def test_a_load_balancer_that_is_not_heard_right_before_is_not_stopped(
    tmp_path: Path, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator may have taken a server out since it was looked at: nobody could tell."""
    desk = selling(tmp_path, *BOTH)
    begin = Simulator.begin

    def by_hand(self: Simulator, order: Begin) -> None:
        if order.step.id == "front.rotation.1":
            self.truth.rotation["front", "l1"].discard("bets/b")
        begin(self, order)

    monkeypatch.setattr(Simulator, "begin", by_hand)
    plan = among_customers(plan_restart(pair(tmp_path), {"front": ("l1",)}))
    state = desk.run(plan, {("front.rotation.1", "l1"): fault})
    why = "l1 did not say right before whom it sends customers to, so it is not stopped"
    assert str(state.steps["front.stop.1"].reason) == why
    assert at_pair(desk) == {"l1": {"bets/a"}, "l2": set(BOTH)}
    assert state.result_state == "ERRORS"


def test_who_was_only_looked_at_badly_once_is_not_left_out(tmp_path: Path) -> None:
    """The load balancers come up as they were; nothing of that server was stopped."""
    venue, desk = pair(tmp_path), selling(tmp_path, *BOTH)
    plan = among_customers(plan_restart(venue, {"bets": ("a",), "front": ("l1", "l2")}))
    state = desk.run(plan, {("bets.look", "b"): Fault.FAILS})
    assert at_pair(desk) == {"l1": set(BOTH), "l2": set(BOTH)}
    assert [str(item.problem.what) for item in warnings(state)] == 2 * [
        "front sends customers on as before"
    ]


@pytest.fixture
def put_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator puts a server in by hand, between the first look and its own drain."""
    begin = Simulator.begin

    def by_hand(self: Simulator, order: Begin) -> None:
        if order.step.id == "bets.rotation.1":
            for words in self.truth.rotation.values():
                words.add("bets/b")
        begin(self, order)

    monkeypatch.setattr(Simulator, "begin", by_hand)


@pytest.mark.usefixtures("put_in")
@pytest.mark.parametrize(("fault", "result"), [(None, "SUCCESS"), (Fault.SILENT, "ERRORS")])
def test_what_an_operator_puts_in_meanwhile_goes_back(
    tmp_path: Path, fault: Fault | None, result: str
) -> None:
    """It was out at the first look and in when its turn came, even if the drain says nothing."""
    desk = selling(tmp_path, *BOTH, taken_out=frozenset({"bets/b"}))
    plan = among_customers(plan_restart(pair(tmp_path), {"bets": ("a", "b")}))
    state = desk.run(plan, {("bets.drain.2", "l2"): fault} if fault else {})
    assert (state.result_state, at_pair(desk)) == (result, {"l1": set(BOTH), "l2": set(BOTH)})


@pytest.mark.usefixtures("put_in")
@pytest.mark.parametrize("how", ["recover", "resume"])
def test_what_was_put_in_meanwhile_is_known_of_a_dead_run(tmp_path: Path, how: str) -> None:
    """It was drained, and the run killed: going on and recovering put it back."""
    venue = pair(tmp_path)
    desk = selling(tmp_path, *BOTH, taken_out=frozenset({"bets/b"}))
    plan = among_customers(plan_restart(venue, {"bets": ("a", "b")}))
    dead = desk.run(plan, until="bets.stop.2")
    left = left_behind(desk.reports)
    assert left.servers == {("bets", "b"): ("l1", "l2")}
    state = desk.run(plan, of=dead) if how == "resume" else desk.run(plan_recover(venue, left))
    assert state.result_state == "SUCCESS"
    assert at_pair(desk) == {"l1": set(BOTH), "l2": set(BOTH)}
    assert not left_behind(desk.reports)


@pytest.mark.parametrize("hosts", [("a",), ("a", "b")])
def test_a_restart_puts_back_at_each_load_balancer_what_it_sent_to(
    tmp_path: Path, lame: Desk, hosts: tuple[str, ...]
) -> None:
    """One host, and both at once."""
    venue = pair(tmp_path, len(hosts))
    state = lame.run(among_customers(plan_restart(venue, {"bets": hosts})))
    assert (state.result_state, at_pair(lame)) == ("SUCCESS", AS_BEFORE)


def test_an_emergency_puts_back_at_each_load_balancer_what_it_sent_to(
    tmp_path: Path, lame: Desk
) -> None:
    """What it tells each of them is in its record."""
    state = lame.run(among_customers(plan_emergency(pair(tmp_path), ("bets",))))
    assert (state.result_state, at_pair(lame)) == ("SUCCESS", AS_BEFORE)
    assert state.steps["front.open"].servers == {"l1": BOTH, "l2": ("bets/b",)}


def test_a_recovery_puts_back_at_each_load_balancer_what_it_sent_to(
    tmp_path: Path, lame: Desk
) -> None:
    """The run that was killed tells from where a server got customers."""
    venue = pair(tmp_path)
    plan = among_customers(plan_restart(venue, {"bets": ("a",)}))
    lame.run(plan, until="bets.stop.1")
    left = left_behind(lame.reports)
    assert left.servers == {("bets", "a"): ("l1",)}
    state = lame.run(plan_recover(venue, left))
    assert state.steps["bets.undrain.1"].targets == ("l1",)
    assert at_pair(lame) == AS_BEFORE
    assert not left_behind(lame.reports)


def test_a_resumed_run_puts_back_at_each_load_balancer_what_it_sent_to(
    tmp_path: Path, lame: Desk
) -> None:
    """What it took out itself it knows of each of them."""
    plan = among_customers(plan_restart(pair(tmp_path, 2), {"bets": ("a", "b")}))
    dead = lame.run(plan, until="bets.start.1")
    lame.run(plan, of=dead)
    assert at_pair(lame) == AS_BEFORE


def test_what_a_later_run_put_back_at_one_is_still_out_at_the_other(tmp_path: Path) -> None:
    """Somebody put it in at the first by hand; the next restart gives back only that."""
    venue = pair(tmp_path)
    desk = selling(tmp_path, *BOTH)
    plan = among_customers(plan_restart(venue, {"bets": ("a",)}))
    desk.run(plan, {("bets.start.1", "a"): Fault.FAILS})
    assert desk.left is not None
    desk.left.up.add(("bets", "a"))
    desk.left.rotation["front", "l1"].add("bets/a")
    desk.run(plan)
    left = left_behind(desk.reports)
    assert left.servers == {("bets", "a"): ("l2",)}


def test_an_emergency_killed_while_it_opens_has_left_sales_half_open(tmp_path: Path) -> None:
    """One load balancer was told and the other was not: recovery closes both."""
    venue = pair(tmp_path)
    desk = selling(tmp_path, *BOTH)
    desk.run(among_customers(plan_emergency(venue, ("bets",))), until="front.open")
    assert desk.left is not None
    desk.left.rotation["front", "l1"].update(BOTH)
    left = left_behind(desk.reports)
    assert (left.half_open, left.closed) == (("front",), ())
    state = desk.run(plan_recover(venue, left))
    assert [step.verb for step in state.plan.steps.values()] == [Verb.PROBE, Verb.CLOSE]
    assert desk.simulator.customers() == set()
    assert not left_behind(desk.reports)


@pytest.mark.parametrize("interrupted_by", ["", "front.close"])
def test_a_load_balancer_that_an_emergency_closed_unheard_is_not_forgotten(
    tmp_path: Path, interrupted_by: str
) -> None:
    """It never said whom it sent customers to, so only the other one was opened again."""
    desk = selling(tmp_path, *BOTH)
    faults = {("front.look", "l2"): Fault.UNREACHABLE, ("front.close", "l2"): Fault.SILENT}
    plan = among_customers(plan_emergency(pair(tmp_path), ("bets",)))
    desk.run(plan, faults, interrupted_by=interrupted_by)
    assert at_pair(desk) == {"l1": set(BOTH), "l2": set()}
    left = left_behind(desk.reports)
    assert (left.half_open, left.closed) == ((), ("front",))


def test_a_rotation_has_the_time_that_its_plugin_counts_on(
    plugin: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    """What it accepts as a wait ends before the run gives up, whichever procedure it is in."""
    rotation = plugin("plugin_utils.on_target.rotation")
    venue = place(tmp_path, PAIR.replace("SERIAL", "1"), "front1")
    plans = (
        plan_morning(venue, MORNING),
        plan_restart(venue, {"bets": ("a", "b"), "front": ("front1",)}),
        plan_emergency(venue, ("bets",)),
        plan_evening(venue),
        plan_close(venue),
        plan_open(venue, ""),
    )
    steps = [step for plan in plans for step in plan.steps.values() if step.verb in ROTATES]
    assert {step.verb for step in steps} == ROTATES
    assert {step.timeout for step in steps} == {rotation.STEP_SECONDS}
    longest = rotation.MOST_SECONDS + rotation.ENDING_SECONDS
    assert longest < rotation.STEP_SECONDS - SPARE_SECONDS


@pytest.mark.parametrize("procedure", ["morning", "restart"])
def test_a_load_balancer_that_comes_up_open_is_told(tmp_path: Path, procedure: str) -> None:
    """While sales are closed nobody is let in but by a GO; the mend is in the warning."""
    venue = place(tmp_path, PAIR.replace("SERIAL", "1"), "l1")
    up = 1.0 if procedure == "restart" else 0.0
    desk = Desk(tmp_path / "runs", World(up=up, servers={"front": BOTH}, comes_up_open=True))
    restart = plan_restart(venue, {"front": ("l1",)})
    state = desk.run(restart if procedure == "restart" else plan_morning(venue, MORNING))
    (warning,) = warnings(state)
    assert (warning.component, warning.host, state.result_state) == ("front", "l1", "WARNINGS")
    assert "bets/a, bets/b" in str(warning.problem.why)
    assert "`disabled`" in str(warning.problem.next)
    assert desk.simulator.customers() == (set() if procedure == "restart" else set(BOTH))
