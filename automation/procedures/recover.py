"""Put back what dead or failed runs have left: servers out of rotation, sales half open."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from automation.errors import RacedayError
from automation.procedures.checks import closing_checks
from automation.procedures.standing import JOURNAL, LOCK
from automation.procedures.steps import (
    ROTATION_SECONDS,
    gate_step,
    look_step,
    make_plan,
    make_step,
)
from automation.run.events import RunRecovered
from automation.run.journal import read_journal, reopen_journal
from automation.run.ledger import Ledger, ledger_of
from automation.run.lock import Holder, hold
from automation.run.plan import Plan, Step, Verb
from automation.run.state import State, fold_all
from automation.venue.site import Venue


def left_behind(reports: Path) -> Ledger:
    """What the runs in a venue's folder have taken and not put back."""
    return ledger_of(read_runs(reports))


def dead_runs(reports: Path) -> tuple[Path, ...]:
    """The folders of runs that never came to an end. Only with the venue held are they dead."""
    found = ((folder, _read(folder)) for folder in _folders(reports))
    return tuple(folder for folder, state in found if state and not state.finished_at)


def plan_recover(venue: Venue, left: Ledger) -> Plan:
    """Servers that are ready go back into rotation; sales that are half open are closed.

    What the venue file does not know any more is nobody's to put back.
    """
    known = tuple(pair for pair in left.servers if pair[0] in venue.components)
    half_open = tuple(name for name in left.half_open if name in venue.components)
    left = Ledger(known, half_open)
    return make_plan(venue, "recover", _steps(venue, left), gives_verdict=False)


def mark_recovered(reports: Path, holder: Holder) -> None:
    """Write the end into every dead run's journal. Raises Locked when another run has begun."""
    with hold(reports / LOCK, holder):
        for folder in dead_runs(reports):
            journal = reopen_journal(folder / JOURNAL)
            journal.append(RunRecovered(holder.run_id), datetime.fromisoformat(holder.since))


def _steps(venue: Venue, left: Ledger) -> Iterator[Step]:
    fronts = {
        behind.component
        for name, _ in left.servers
        if (behind := venue.components[name].restart.behind)
    }
    yield from (look_step(venue.components[name]) for name in sorted(fronts))
    for name in left.half_open:
        front = venue.components[name]
        yield make_step(
            front,
            Verb.CLOSE,
            name,
            checks=closing_checks(venue, front),
            timeout=ROTATION_SECONDS,
        )
    looks = tuple(f"{name}.look" for name in sorted(fronts))
    for name in dict.fromkeys(component for component, _ in left.servers):
        component = venue.components[name]
        behind = component.restart.behind
        if behind and behind.component not in left.half_open:
            front = venue.components[behind.component]
            yield gate_step(component)
            yield make_step(
                component,
                Verb.UNDRAIN,
                f"{name}.{Verb.UNDRAIN}",
                hosts=front.hosts,
                hosts_of=front.name,
                after=(*looks, f"{name}.gate"),
                servers=tuple(server for owner, server in left.servers if owner == name),
                min_ready=len(front.hosts),
                timeout=ROTATION_SECONDS,
            )


def read_runs(reports: Path) -> Iterator[State]:
    """Every run that can be read, the newest first."""
    return (state for folder in _folders(reports) if (state := _read(folder)))


def _folders(reports: Path) -> list[Path]:
    return sorted(reports.glob("2*"), reverse=True)


def _read(folder: Path) -> State | None:
    try:
        return fold_all(read_journal(folder / JOURNAL))
    except (OSError, ValueError, RacedayError):
        return None
