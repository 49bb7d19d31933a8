"""The present state of each component: as a run has it, or as the last probe had, or unknown."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from automation.errors import RacedayError
from automation.execute.simulator import MORNING, FakeClock, Fault, Faults, Simulator, World
from automation.procedures.gates import Gates
from automation.procedures.morning import plan_morning
from automation.procedures.now import read_now
from automation.procedures.records import JOURNAL, LOCK
from automation.procedures.restart import plan_restart
from automation.run.journal import Journal
from automation.run.lock import hold, this_process
from automation.run.loop import Observer, Run
from automation.run.plan import Plan
from automation.run.state import State
from automation.venue.site import Venue
from tests.unit.procedures.desk import Desk
from tests.unit.procedures.test_idle import SELLING, VENUE
from tests.unit.run.paper import Paper
from tests.unit.venue.sites import HEAD, site

EVERY = timedelta(minutes=1)
UNKNOWN = dict.fromkeys(("wagering", "ticketing", "database"), "unknown")
READY = dict.fromkeys(UNKNOWN, "ready")


class Venues:
    """A venue that is all up but for its faults, the clock, and how often its hosts were asked."""

    def __init__(self, venue: Venue, reports: Path) -> None:
        self.venue = venue
        self.reports = reports
        self.now = MORNING
        self.faults: Faults = {}
        self.broken: Exception | None = None
        self.asked = 0

    def gates(self, every: timedelta = EVERY) -> Gates:
        """What is known of it."""
        clock = lambda: self.now  # noqa: E731  # it is that short
        return Gates(self.venue, self.reports, every, now=clock, probe=self.probe)

    def probe(self, _venue: Venue, plan: Plan, _observers: Sequence[Observer]) -> State:
        """One look at all hosts."""
        self.asked += 1
        if self.broken:
            raise self.broken
        clock = FakeClock(self.now)
        world = World(up=1.0)
        run = Run(Journal(Paper()), Simulator(Random(1), self.faults, clock, world), clock)  # noqa: S311
        run.start("look", "kim", plan, {})
        return run.drive()

    def states(self, gates: Gates) -> dict[str, str]:
        """What a scrape would find now."""
        now = read_now(self.venue, self.reports, self.now, gates)
        return {name: str(state) for name, state in now.gates.items()}


@pytest.fixture
def here(tmp_path: Path) -> Venues:
    """Two servers behind a load balancer, and a database."""
    venue = site(tmp_path, VENUE, HEAD.replace("}", ", race_card: venue.yml}"))
    return Venues(venue, tmp_path / "demo")


def test_before_the_first_probe_all_is_unknown(here: Venues) -> None:
    """And there is no time at which anything was probed."""
    gates = here.gates()
    assert here.states(gates) == UNKNOWN
    assert gates.probed_at is None


def test_a_probe_tells_the_state_of_each_component(here: Venues) -> None:
    """What failed, too; the time is that of its beginning."""
    gates = here.gates()
    here.faults = {("database.gate", "db1"): Fault.FAILS, ("wagering.gate", "w1"): Fault.FAILS}
    gates.probe()
    found = {"wagering": "degraded", "ticketing": "ready", "database": "failed"}
    assert (here.states(gates), gates.probed_at) == (found, MORNING)


def test_nothing_is_probed_when_that_is_not_wanted(here: Venues) -> None:
    """Then nothing is known."""
    gates = here.gates(timedelta())
    gates.probe()
    assert (here.asked, here.states(gates)) == (0, UNKNOWN)


@pytest.mark.parametrize("error", [RacedayError("no"), OSError(28, "No space left on device")])
def test_after_a_probe_that_failed_all_is_unknown(here: Venues, error: Exception) -> None:
    """Until one succeeds; the time is still that of the last one that did."""
    gates = here.gates()
    gates.probe()
    here.broken, here.now = error, MORNING + EVERY
    with pytest.raises(type(error)):
        gates.probe()
    assert (here.states(gates), gates.probed_at) == (UNKNOWN, MORNING)
    here.broken = None
    gates.probe()
    assert (here.states(gates), gates.probed_at) == (READY, MORNING + EVERY)


@pytest.mark.parametrize(("seconds", "known"), [(180, True), (181, False), (-1, False)])
def test_what_is_older_than_three_intervals_is_unknown(
    here: Venues, seconds: int, known: bool
) -> None:
    """So is what a clock that was set back has made to come."""
    gates = here.gates()
    gates.probe()
    here.now = MORNING + timedelta(seconds=seconds)
    assert here.states(gates) == (READY if known else UNKNOWN)


def test_while_a_run_holds_the_venue_its_journal_is_believed(here: Venues) -> None:
    """And no host is asked."""
    gates = here.gates()
    gates.probe()
    plan = plan_morning(here.venue, MORNING)
    run = Desk(here.reports, World()).run(plan, until="ticketing.start")
    with hold(here.reports / LOCK, this_process(run.run_id, "kim", "morning", MORNING)):
        gates.probe()
        found = here.states(gates)
    assert found == {"wagering": "ready", "ticketing": "starting", "database": "ready"}
    assert here.asked == 1


def test_what_the_run_is_not_about_is_unknown(here: Venues) -> None:
    """Nobody has looked at it since."""
    plan = replace(plan_restart(here.venue, {"database": ("db1",)}), break_glass=True)
    run = Desk(here.reports, SELLING).run(plan, until="database.start.1")
    with hold(here.reports / LOCK, this_process(run.run_id, "kim", "restart", MORNING)):
        assert here.states(here.gates()) == {**UNKNOWN, "database": "starting"}


@pytest.mark.parametrize("text", [None, "", "{"])
def test_a_run_of_which_nothing_is_known_leaves_all_unknown(here: Venues, text: str | None) -> None:
    """It holds the venue, and may do anything to it."""
    gates = here.gates()
    gates.probe()
    folder = here.reports / "20261121T062900Z-morning-0001"
    if text is not None:
        folder.mkdir(parents=True)
        (folder / JOURNAL).write_text(text)
    with hold(here.reports / LOCK, this_process(folder.name, "kim", "morning", MORNING)):
        assert here.states(gates) == UNKNOWN


def test_a_run_that_ended_and_still_holds_the_venue_proves_nothing(here: Venues) -> None:
    """Such as one whose verdict is being revoked."""
    gates = here.gates()
    run = Desk(here.reports, SELLING).run(plan_restart(here.venue, {"wagering": ("w1",)}))
    with hold(here.reports / LOCK, this_process(run.run_id, "kim", "revoking", MORNING)):
        assert here.states(gates) == UNKNOWN


@pytest.mark.parametrize("check", [False, True])
def test_a_probe_from_before_a_run_proves_nothing(here: Venues, check: bool) -> None:
    """Unless it was a check; the next probe does."""
    gates, desk = here.gates(), Desk(here.reports, SELLING)
    plan = replace(plan_restart(here.venue, {"wagering": ("w1",)}), break_glass=True)
    desk.run(plan)
    here.now = desk.clock.now + timedelta(seconds=1)
    gates.probe()
    desk.clock.now = here.now + timedelta(seconds=1)
    desk.run(replace(plan, check=check))
    here.now += timedelta(seconds=30)
    assert here.states(gates) == (READY if check else UNKNOWN)
    gates.probe()
    assert here.states(gates) == READY


@pytest.mark.parametrize(("minutes", "known"), [(29, True), (30, False), (31, False)])
def test_a_run_that_cannot_be_read_was_begun_when_its_name_says(
    here: Venues, minutes: int, known: bool
) -> None:
    """Nobody knows what it did since."""
    gates = here.gates()
    gates.probe()
    folder = here.reports / f"20261121T06{minutes}00Z-restart-0001"
    folder.mkdir(parents=True)
    (folder / JOURNAL).write_text("{")
    here.now = MORNING + timedelta(seconds=90)
    assert here.states(gates) == (READY if known else UNKNOWN)


def test_a_probe_from_before_a_run_was_gone_on_with_proves_nothing(here: Venues) -> None:
    """Its folder is the old one."""
    gates, desk = here.gates(), Desk(here.reports, SELLING)
    plan = replace(plan_restart(here.venue, {"wagering": ("w1",)}), break_glass=True)
    dead = desk.run(plan, until="wagering.drain.1")
    here.now = desk.clock.now + timedelta(seconds=1)
    gates.probe()
    assert here.states(gates) == READY
    desk.clock.now = here.now + timedelta(seconds=1)
    desk.run(plan, of=dead)
    here.now += timedelta(seconds=30)
    assert here.states(gates) == UNKNOWN
