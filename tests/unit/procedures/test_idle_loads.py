"""Scheduled rehearsals and drills: asked before the load, due by the journals, put back."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from automation.execute.simulator import Fault, Simulator
from automation.exit_codes import ExitCode
from automation.history import Duration, History
from automation.idle.due import FUNCTIONAL, last_tests
from automation.idle.record import read_record
from automation.procedures.idle import (
    needed_by_question,
    plan_idle_drill,
    plan_idle_rehearsal,
    plan_idle_test,
)
from automation.procedures.rehearsal import Drill, Profile, plan_drill, plan_rehearsal
from automation.procedures.session import exit_code
from automation.procedures.unattended import Past, Seen, choose, read_past, scheduled_tests
from automation.run.decide import Begin
from automation.run.plan import Plan, Verb
from automation.venue.kinds import DRILL, REHEARSAL
from automation.venue.site import Venue
from tests.unit.procedures.desk import Desk
from tests.unit.procedures.test_idle import CLOSED, NIGHT, SELLING, asker, run
from tests.unit.venue.sites import site

HEAD = "venue: {name: demo, time_zone: Asia/Seoul, race_card: venue.yml}\n"
VENUE = """
  wagering:
    role: wagering
    min_ready: 1
    restart: {serial: 1, behind: {component: front, backend: to_wagering}}
  gate:
    role: kiosk_gateway
    hosts: t1
    depends_on: [wagering]
    restart: {behind: {component: front, backend: to_gate}}
  front: {role: haproxy, hosts: db1, depends_on: [wagering, gate]}
windows: [{name: night, start_time: "01:00", length_minutes: 60, cutoff_minutes: 5}]
idle: [{name: bets, command: [bets], component: wagering, below: 1, for: 1s}]
tests: [{component: gate, every: 7d}, {test: rehearsal, every: 7d}, {test: drill, every: 30d}]
"""
SERVERS = {"front": ("to_wagering/w1", "to_wagering/w2", "to_gate/t1")}
CLOSED = replace(CLOSED, servers=SERVERS)
SELLING = replace(SELLING, servers=SERVERS)
QUESTION, STILL = "wagering.quiet.1", "wagering.quiet.still.1"


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    """Two engines and a gateway behind one load balancer, an hour each night."""
    return site(tmp_path, VENUE, HEAD)


@pytest.fixture
def drill(venue: Venue) -> Plan:
    """w1 is stopped under load."""
    return plan_idle_drill(venue, Drill(venue.components["wagering"], "w1"))


@pytest.fixture
def rehearsal(venue: Venue) -> Plan:
    """Both channels at once."""
    return plan_idle_rehearsal(venue)


def bought(simulator: Simulator) -> bool:
    return any(".rehearse." in name for name in simulator.truth.begun)


def test_a_rehearsal_is_asked_for_once_before_any_load(rehearsal: Plan) -> None:
    """Its own purchases would look like customers who come back."""
    state, simulator = run(rehearsal, world=CLOSED)
    assert (state.result_state, exit_code(state)) == ("SUCCESS", ExitCode.GO)
    begun = list(simulator.truth.begun)
    asked = begun.index("front.quiet.1")
    assert all(begun.index(f"{name}.rehearse.1") > asked for name in ("wagering", "gate"))
    assert sum(".quiet." in name for name in begun) == 1


def test_customers_keep_a_rehearsal_from_being_begun(rehearsal: Plan) -> None:
    """And nothing was touched."""
    state, simulator = run(rehearsal, "front.quiet.1", world=CLOSED)
    assert not bought(simulator)
    assert exit_code(state) is ExitCode.REFUSED


@pytest.mark.parametrize("load", ["drill", "rehearsal"])
@pytest.mark.parametrize("glass", [False, True])
def test_a_load_wants_sales_closed(load: str, glass: bool, request: pytest.FixtureRequest) -> None:
    """A quiet night is not enough, and a drill is no restart, which may meet customers."""
    plan: Plan = replace(request.getfixturevalue(load), break_glass=glass)
    state, simulator = run(plan, world=SELLING)
    assert not bought(simulator)
    assert exit_code(state) is ExitCode.REFUSED


def test_a_drill_is_asked_for_before_the_load_and_before_the_stop(drill: Plan) -> None:
    """The host is up again at the end, and all is taken back."""
    state, simulator = run(drill, world=CLOSED)
    assert (state.result_state, exit_code(state)) == ("SUCCESS", ExitCode.GO)
    begun = list(simulator.truth.begun)
    load = [begun.index(name) for name in ("wagering.rehearse.1", "gate.rehearse.1")]
    assert begun.index("wagering.ready") < begun.index(QUESTION) < min(load)
    assert max(load) < begun.index(STILL) < begun.index("wagering.stop")
    assert {"wagering.start", "wagering.tidy.1", "gate.tidy.1"} <= set(begun)
    assert ("wagering", "w1") in simulator.truth.up


@pytest.mark.parametrize(("question", "load"), [(QUESTION, False), (STILL, True)])
def test_a_no_keeps_the_host_from_being_stopped(drill: Plan, question: str, load: bool) -> None:
    """Before the load nothing was touched; after it has begun what was bought is taken back."""
    state, simulator = run(drill, question, world=CLOSED)
    assert "wagering.stop" not in simulator.truth.begun
    assert bought(simulator) == load
    assert ({"wagering.tidy.1", "gate.tidy.1"} <= simulator.truth.begun.keys()) == load
    assert exit_code(state) is (ExitCode.GO if load else ExitCode.REFUSED)
    assert state.result_state == "WARNINGS"


def test_a_drill_needs_every_host_of_the_component(drill: Plan) -> None:
    """When the other one is down nothing is bought, and nobody is asked."""
    state, simulator = run(drill, faults={("wagering.ready", "w2"): Fault.FAILS}, world=CLOSED)
    assert QUESTION not in simulator.truth.begun
    assert exit_code(state) is ExitCode.REFUSED


def test_right_before_the_stop_signals_are_not_asked(
    venue: Venue, drill: Plan, tmp_path: Path
) -> None:
    """They show the load; the window, other runs and alerts are asked once more."""
    desk = asker(venue, tmp_path)
    desk.needed = needed_by_question(drill, ())
    seen = read_record(tmp_path).looks
    (first,) = desk.answer(Begin(drill.steps[QUESTION], ("w1",)))
    assert [check.name for check in first.checks] == list(drill.steps[QUESTION].checks)
    looks = read_record(tmp_path).looks
    assert len(looks) == len(seen) + 1
    (still,) = desk.answer(Begin(drill.steps[STILL], ("w1",)))
    assert [check.name for check in still.checks] == list(drill.steps[STILL].checks)
    assert "bets" not in drill.steps[STILL].checks
    assert read_record(tmp_path).looks == looks


def test_a_load_needs_the_time_of_its_longest_channel(rehearsal: Plan) -> None:
    """Both are bought on side by side: by the bounds, or by what they took before."""
    tidy, load = rehearsal.steps["gate.tidy.1"].timeout, rehearsal.steps["gate.rehearse.1"].timeout
    (bound,) = needed_by_question(rehearsal, ()).values()
    assert bound == timedelta(seconds=load + 2 * tidy)
    took = {"wagering.rehearse.1": 40.0, "gate.rehearse.1": 50.0, "gate.tidy.1": 3.0}
    past = History(9, None, {name: Duration(1, p95) for name, p95 in took.items()})
    (known,) = needed_by_question(rehearsal, (past,)).values()
    assert known == timedelta(seconds=40 + 2 * tidy)  # of wagering's clean-up nothing is known


def test_a_drill_needs_the_time_of_its_steps_and_not_of_its_load(drill: Plan) -> None:
    """The load lasts as long as they do; a start and a clean-up may be needed once more."""
    bound = {name: step.timeout for name, step in drill.steps.items()}
    looks = sum(bound[f"wagering.{when}"] for when in ("before", "without", "again"))
    back = bound["wagering.start"] + bound["wagering.tidy.1"]
    needed = needed_by_question(drill, ())
    from_stop = bound["wagering.stop"] + 2 * back
    assert needed[QUESTION] == timedelta(seconds=looks + bound[STILL] + from_stop)
    between = bound["wagering.before"] + bound[STILL]
    assert needed[STILL] == needed[QUESTION] - timedelta(seconds=between)


def by_hand(venue: Venue, kind: str, host: str = "w2") -> Plan:
    if kind == DRILL:
        return plan_drill(venue, [Drill(venue.components["wagering"], host)], 20.0)
    return plan_rehearsal(venue, ("wagering", "gate"), Profile())


@pytest.mark.parametrize("kind", [REHEARSAL, DRILL])
@pytest.mark.parametrize("unattended", [True, False])
def test_what_was_done_is_found_whoever_did_it(
    venue: Venue, kind: str, unattended: bool, drill: Plan, rehearsal: Plan
) -> None:
    """By the timer or with `raceday test`; a drill's load is no rehearsal."""
    idle = {DRILL: drill, REHEARSAL: rehearsal}
    state, _ = run(idle[kind] if unattended else by_hand(venue, kind), world=CLOSED)
    done = {DRILL: {"wagering"}, REHEARSAL: {"wagering", "gate"}}
    assert set(last_tests([state])) == {(kind, name) for name in done[kind]}


@pytest.mark.parametrize("kind", [REHEARSAL, DRILL])
def test_what_was_not_done_does_not_count(venue: Venue, kind: str, drill: Plan) -> None:
    """A check, a load while sales were open, a drill that stopped nothing."""
    checked, _ = run(replace(by_hand(venue, kind), check=True), world=CLOSED)
    refused, _ = run(by_hand(venue, kind), world=SELLING)
    given_up, _ = run(drill, STILL, world=CLOSED)
    assert last_tests([checked, refused, given_up]) == {}


def chosen(venue: Venue, folder: Path, *plans: Plan, at: datetime = NIGHT) -> tuple[str, str]:
    """The first step of what is done next, when these plans were run before; else why nothing."""
    past = Past(tuple(run(plan, world=CLOSED)[0] for plan in plans))
    found = choose(venue, Seen(), past, asker(venue, folder, at=at), at)
    steps = found.plan.steps.values() if found.plan else ()
    asked = [step.id for step in steps if step.verb is Verb.QUIET]
    return asked[0] if asked else "", "; ".join(map(str, found.reasons))


def test_tests_come_first_and_loads_one_at_a_call(
    venue: Venue, tmp_path: Path, drill: Plan, rehearsal: Plan
) -> None:
    """Each as soon as those before are done, until nothing is due."""
    tests = plan_idle_test(venue, venue.components["gate"])
    assert chosen(venue, tmp_path) == ("gate.quiet.1", "")
    assert chosen(venue, tmp_path, tests) == ("front.quiet.1", "")
    assert chosen(venue, tmp_path, rehearsal, tests) == ("wagering.quiet.1", "")
    assert chosen(venue, tmp_path, drill, rehearsal, tests) == ("", "")
    later = NIGHT + timedelta(days=8)
    assert chosen(venue, tmp_path, drill, rehearsal, tests, at=later) == ("gate.quiet.1", "")


@pytest.mark.parametrize(
    ("stopped", "following"),
    [((), "w1"), (("w1",), "w2"), (("w2",), "w1"), (("w1", "w2"), "w1"), (("w2", "w1"), "w2")],
)
def test_a_drill_stops_the_host_that_was_drilled_longest_ago(
    venue: Venue, tmp_path: Path, stopped: tuple[str, ...], following: str
) -> None:
    """By the journals, whoever did it; first one that never was."""
    drills = [
        run(by_hand(venue, DRILL, host), world=CLOSED, at=NIGHT - timedelta(days=90 - number))[0]
        for number, host in enumerate(stopped)
    ]
    rest = (plan_idle_rehearsal(venue), plan_idle_test(venue, venue.components["gate"]))
    past = Past((*(run(plan, world=CLOSED)[0] for plan in rest), *reversed(drills)))
    plan = choose(venue, Seen(), past, asker(venue, tmp_path), NIGHT).plan
    assert plan is not None
    assert plan.steps["wagering.stop"].hosts == (following,)
    assert plan.steps[QUESTION].hosts == (following,)


def test_a_load_that_does_not_fit_is_not_begun(
    venue: Venue, tmp_path: Path, drill: Plan, rehearsal: Plan
) -> None:
    """By its own bound, as there is no history."""
    tests = plan_idle_test(venue, venue.components["gate"])
    late = NIGHT + timedelta(minutes=53)
    asked, why = chosen(venue, tmp_path, drill, tests, at=late)
    assert (asked, why) == ("front.quiet.1", "")
    asked, why = chosen(venue, tmp_path, rehearsal, tests, at=late)
    assert asked == ""
    assert "it may take " in why


def test_a_drill_that_failed_is_not_tried_again_in_the_same_window(
    venue: Venue, tmp_path: Path, drill: Plan
) -> None:
    """Nor is anything else done to that component."""
    failed, _ = run(drill, faults={("wagering.before", "db1"): Fault.FAILS}, world=CLOSED)
    assert failed.result_state == "ERRORS"
    found = choose(venue, Seen(), Past((failed,)), asker(venue, tmp_path), NIGHT)
    assert found.plan is None
    said = [str(reason) for reason in found.reasons]
    assert said[0].startswith("gate failed in this window already; see raceday explain run")
    assert said[1].startswith("wagering, gate failed in this window already")


def test_a_host_that_a_drill_left_stopped_keeps_everything_from_being_done(
    venue: Venue, tmp_path: Path, drill: Plan
) -> None:
    """In any window, until somebody has recovered it."""
    failed, _ = run(drill, faults={("wagering.start", "w1"): Fault.FAILS}, world=CLOSED)
    at = NIGHT + timedelta(days=1)
    found = choose(venue, Seen(), Past((failed,)), asker(venue, tmp_path, at=at), at)
    assert found.plan is None
    (why,) = found.reasons
    assert str(why) == "wagering on w1 was stopped and not started again: raceday recover"


def test_purchases_that_a_dead_rehearsal_left_keep_everything_from_being_done(
    venue: Venue, tmp_path: Path
) -> None:
    """Its load may still go on, and what it bought is still there."""
    desk = Desk(tmp_path / "demo", CLOSED)
    desk.run(plan_rehearsal(venue, ("gate",), Profile()), until="gate.tidy.1")
    past = read_past(tmp_path, venue)
    at = NIGHT + timedelta(days=1)
    found = choose(venue, Seen(), past, asker(venue, tmp_path, at=at), at)
    assert found.plan is None
    (why,) = found.reasons
    assert str(why) == "what a rehearsal bought at gate was not taken back: raceday recover"


def test_a_schedule_names_what_is_done(venue: Venue) -> None:
    """As it is typed after `raceday test`."""
    found = [(item.task.kind, item.task.words, item.every.days) for item in scheduled_tests(venue)]
    assert found == [
        (FUNCTIONAL, "gate", 7),
        (REHEARSAL, "rehearsal", 7),
        (DRILL, "drill wagering", 30),
    ]
