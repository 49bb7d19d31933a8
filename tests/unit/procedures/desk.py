"""A desk from which one procedure after the other is run on one simulated venue, and recorded."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from random import Random

from automation.execute.simulator import FakeClock, Faults, Simulator, Truth, World
from automation.procedures.records import JOURNAL
from automation.procedures.sales import plan_open, runs_of_the_day
from automation.procedures.standing import newest_verdict, proven_units
from automation.run.events import Event, RunResumed, StepStarted
from automation.run.journal import FileSink, Journal
from automation.run.loop import Run
from automation.run.plan import Plan
from automation.run.state import State, fold_all
from automation.venue.site import Venue
from tests.unit.run.paper import Paper


class Died(Exception):
    """The process is gone."""


class Desk:
    """Its runs lie in `reports`, each a minute after the one before it."""

    def __init__(self, reports: Path, world: World) -> None:
        self.reports = reports
        self.clock = FakeClock()
        self._world = world
        self.left: Truth | None = None
        self._told: dict[str, list[tuple[Event, datetime]]] = {}
        self._runs = 0
        self.simulator = Simulator(Random(3), {}, self.clock, world)  # noqa: S311  # a simulation

    def run(
        self,
        plan: Plan,
        faults: Faults | None = None,
        *,
        until: str = "",
        of: State | None = None,
        from_step: str = "",
        interrupted_by: str = "",
    ) -> State:
        """Run or resume a plan, until it is killed at the beginning of a step; it is recorded."""
        told: list[tuple[Event, datetime]] = []

        def observe(_state: State, event: Event) -> None:
            told.append((event, self.clock.now))
            if isinstance(event, StepStarted) and event.step == until:
                raise Died

        world, clock = self._world, self.clock
        self.simulator = Simulator(Random(3), faults or {}, clock, world, self.left)  # noqa: S311
        run = Run(Journal(Paper()), self.simulator, clock, [observe])
        folder = self._folder(plan, of)
        begun = self.simulator.truth.begun
        try:
            if of is None:
                run.start(folder.name, "kim", plan, {})
            else:
                run.resume(of, RunResumed("lee", plan.dump(), from_step))
            run.drive(lambda: "kim" if interrupted_by in begun else "")
        except Died:
            pass
        self.left = self.simulator.truth
        return self._recorded(folder, told)

    def open_sales(self, venue: Venue) -> State | None:
        """What `raceday sales open` does on the runs so far; None when it refuses."""
        now, standing = self.clock.now, newest_verdict(self.reports)
        if standing is None or not standing.proves(venue.digest, now):
            return None
        plan = plan_open(venue, standing.verdict.valid_until, runs_of_the_day(self.reports))
        return self.run(replace(plan, standing=proven_units(self.reports, venue.digest, now)))

    def _folder(self, plan: Plan, of: State | None) -> Path:
        if of is not None:
            return self.reports / of.run_id
        self._runs += 1
        number = self._runs
        return self.reports / f"20261121T06{30 + number}00Z-{plan.procedure}-{number:04x}"

    def _recorded(self, folder: Path, told: Sequence[tuple[Event, datetime]]) -> State:
        """A run's journal, whose events so far are kept when it is resumed."""
        folder.mkdir(parents=True, exist_ok=True)
        whole = self._told.setdefault(folder.name, [])
        whole += told
        (folder / JOURNAL).unlink(missing_ok=True)
        journal = Journal(FileSink(folder / JOURNAL))
        for event, at in whole:
            journal.append(event, at)
        journal.close()
        return fold_all(whole)
