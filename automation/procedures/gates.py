"""The gates of a venue right now: as the run that holds it has them, else as the last probe had."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from automation.errors import RacedayError
from automation.procedures.records import LOCK, began, read_run, run_folders
from automation.procedures.session import probe_now, utc_now
from automation.procedures.status import plan_status
from automation.run.lock import Holder, read_holder
from automation.run.loop import Observer
from automation.run.plan import Plan
from automation.run.state import State
from automation.venue.site import Venue
from automation.views.components import ComponentState, component_state

TRUSTED = 3  # intervals; a probe that is older proves nothing

type States = Mapping[str, ComponentState]
type Probe = Callable[[Venue, Plan, Sequence[Observer]], State]


@dataclass(frozen=True)
class Probed:
    """When the last probe that succeeded was begun, and what it found until another one failed."""

    at: datetime | None = None
    states: States = field(default_factory=dict)


class Gates:
    """Probes the gates when it is told to, and says what is known of each component.

    Zero for `every` means that nothing is ever probed. A probe may be made while another thread
    asks for the states.
    """

    def __init__(
        self,
        venue: Venue,
        reports: Path,
        every: timedelta,
        *,
        now: Callable[[], datetime] = utc_now,
        probe: Probe = probe_now,
    ) -> None:
        self._venue = venue
        self._reports = reports
        self._every = every
        self._now = now
        self._probe = probe
        self._last = Probed()

    @property
    def probed_at(self) -> datetime | None:
        """When the last probe that succeeded was begun."""
        return self._last.at

    def probe(self) -> None:
        """Ask every host as `raceday status` does, unless a run holds the venue.

        Only in the main thread. Raises RacedayError or OSError; then nothing is known any more.
        """
        at = self._now()  # before the look at the lock, so that a run which begins now is later
        if not self._every or read_holder(self._reports / LOCK):
            return
        try:
            seen = self._probe(self._venue, plan_status(self._venue), ())
        except (RacedayError, OSError):
            self._last = replace(self._last, states={})
            raise
        self._last = Probed(at, _states(seen))

    def states(self, at: datetime, holder: Holder | None, run: State | None) -> States:
        """Each component in one word, while a `holder` has the venue by the record of its `run`.

        What nobody knows is unknown: what that run is not about, or all when it has ended already;
        without a run what was probed too long ago, or before the last run was begun.
        """
        known: States = {}
        if run and not run.finished_at:
            known = _states(run)
        elif not holder and self._is_fresh(at):
            known = self._last.states
        return {name: known.get(name, ComponentState.UNKNOWN) for name in self._venue.components}

    def _is_fresh(self, at: datetime) -> bool:
        probed = self._last.at
        if probed is None or not probed <= at <= probed + TRUSTED * self._every:
            return False
        begun = _last_begun(self._reports)
        return begun is None or begun < probed


def _states(state: State) -> States:
    return {name: component_state(state, name) for name in state.plan.components}


def _last_begun(reports: Path) -> datetime | None:
    """When the newest run that was more than a check was begun, or last gone on with.

    One that cannot be read may have been; only its name says when.
    """
    for folder in run_folders(reports):
        run = read_run(folder)
        if run is None:
            return began(folder.name)
        if not run.plan.check:
            return run.resumed[-1].at if run.resumed else run.started_at
    return None
