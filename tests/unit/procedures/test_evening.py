"""The evening: sales first, then what nobody needs any more, and a second time without harm."""

from dataclasses import replace
from io import StringIO
from pathlib import Path
from random import Random

import pytest

from automation.execute.simulator import FakeClock, Fault, Faults, Simulator, World
from automation.procedures.evening import kept_running, plan_evening
from automation.run.events import RunFinished
from automation.run.journal import Journal
from automation.run.loop import Run
from automation.run.plan import Plan, Verb
from automation.run.state import ENDED, State
from automation.run.verdict import failed_hosts
from automation.venue.site import Venue
from automation.views.components import view_components
from automation.views.i18n import Translator
from automation.views.watch import PlainView
from tests.unit.run.paper import Paper
from tests.unit.venue.sites import site

# any file will do for a race card that nobody reads
HEAD = "venue: {name: demo, time_zone: Asia/Seoul, race_card: venue.yml}\n"
VENUE = """
  database: {role: postgresql}
  wagering:
    role: wagering
    depends_on: [database]
    restart: {behind: {component: ticketing, backend: to_wagering}}
  ticketing: {role: haproxy, depends_on: [wagering]}
"""
SERVERS = {"ticketing": ("to_wagering/w1", "to_wagering/w2")}
SELLING = World(up=1.0, sales_open=True, servers=SERVERS)


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    """A database, two engines on it, a load balancer before them."""
    return site(tmp_path, VENUE, HEAD)


def evening(plan: Plan, faults: Faults, world: World = SELLING) -> tuple[State, Simulator]:
    simulator = Simulator(Random(1), faults, FakeClock(), world)  # noqa: S311  # a simulation
    run = Run(Journal(Paper()), simulator, simulator.clock)
    run.start("run", "kim", plan, {})
    return run.drive(), simulator


def test_a_good_evening(venue: Venue) -> None:
    """Sales close, then all stops in the reverse order of the start."""
    state, simulator = evening(plan_evening(venue), {})
    steps = [name for name in simulator.truth.begun if not name.endswith((".look", ".settled"))]
    assert steps == ["ticketing.close", "ticketing.stop", "wagering.stop", "database.stop"]
    assert (state.result_state, state.verdict, simulator.truth.up) == ("SUCCESS", None, set())


@pytest.mark.parametrize(
    ("faults", "why"),
    [
        ({("ticketing.close", "t1"): Fault.BAD_CHECK}, "ticketing.close failed"),
        ({("wagering.settled", "w2"): Fault.BAD_CHECK}, "wagering.settled failed"),
        (
            {("ticketing.look", "t1"): Fault.MUTE, ("ticketing.close", "t1"): Fault.MUTE},
            "it is not known whether sales are closed, so no test may run",
        ),
    ],
)
def test_what_is_not_right_ends_it(venue: Venue, faults: Faults, why: str) -> None:
    """While sales may be open, or something is owed, nothing stops, and that is the reason."""
    plan = plan_evening(venue)
    state, simulator = evening(plan, faults)
    stops = [name for name, step in plan.steps.items() if step.verb is Verb.STOP]
    assert not simulator.truth.begun.keys() & set(stops)
    assert str(state.steps[stops[0]].reason) == why


@pytest.mark.parametrize("fault", [{}, {("wagering.settled", "w2"): Fault.BAD_CHECK}])
def test_check_mode_asks_what_is_left_open(venue: Venue, fault: Faults) -> None:
    """That only reads, so it is known before the evening whether it would end there."""
    state, simulator = evening(replace(plan_evening(venue), check=True), fault)
    assert "wagering.settled" in simulator.truth.begun
    assert state.result_state == ("ERRORS" if fault else "SUCCESS")
    assert simulator.truth.up


def test_what_says_so_stays_up(tmp_path: Path) -> None:
    """What keeps running is not stopped, nor is anything it depends on."""
    text = VENUE.replace("role: wagering", "role: wagering\n    keep_running: true")
    venue = site(tmp_path, text, HEAD)
    assert kept_running(venue) == {"wagering", "database"}
    stops = [step.component for step in plan_evening(venue).steps.values() if _stops(step.id)]
    assert stops == ["ticketing"]


@pytest.mark.parametrize("up", [0.0, 0.5])
def test_a_second_evening_is_safe(venue: Venue, up: float) -> None:
    """What an earlier evening has stopped is no failure, and what it left up is stopped."""
    state, simulator = evening(plan_evening(venue), {}, World(up=up, servers=SERVERS))
    assert simulator.truth.up == set()
    assert state.result_state == ("WARNINGS" if up else "SUCCESS")


def test_what_was_closed_already_is_done_and_said_so(venue: Venue) -> None:
    """Nobody is asked for evidence: nothing has failed."""
    state, _simulator = evening(plan_evening(venue), {}, World(up=0.0, servers=SERVERS))
    views = view_components(state)
    assert {(view.word, view.state) for view in views} == {("already_stopped", "stopped")}
    assert failed_hosts(state) == {}
    summary = StringIO()
    PlainView(summary, Translator("en"), FakeClock())(state, RunFinished(state.result_state))
    assert "■ database: already stopped 1/1" in summary.getvalue()


def test_what_was_down_while_the_venue_was_open_is_told(venue: Venue) -> None:
    """It should have been up, so a warning says so, and it is looked at."""
    plan = plan_evening(venue)
    state, _simulator = evening(plan, {}, World(up=0.5, servers=SERVERS))
    assert state.result_state == "WARNINGS"
    assert failed_hosts(state)


def test_a_partner_that_needs_us_keeps_nothing_up(tmp_path: Path) -> None:
    """What is external is never stopped by us, so no stop waits for its stop."""
    bank = '  bank: {external: true, depends_on: [database], healthcheck: {tcp: "bank:443"}'
    venue = site(tmp_path, f"{VENUE}{bank}, hosts: database}}\n", HEAD)
    state, _simulator = evening(plan_evening(venue), {})
    assert {item.status for item in state.steps.values()} <= ENDED


def _stops(name: str) -> bool:
    return name.endswith(".stop")
