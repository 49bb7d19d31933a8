"""What holds of a venue now, from its runs on record; no host is asked."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from automation.errors import RacedayError
from automation.idle.due import due_tests, last_tests
from automation.idle.record import Decision, read_record
from automation.procedures.records import JOURNAL, LOCK, read_runs
from automation.procedures.standing import newest_verdict
from automation.procedures.unattended import scheduled_tests
from automation.run.journal import read_journal
from automation.run.ledger import TAKES_DOWN, Place, ledger_of
from automation.run.lock import Holder, read_holder
from automation.run.state import ENDED, State, fold_all
from automation.venue.calendar import next_openings
from automation.venue.site import Venue
from automation.views.forecast import forecast_finish
from automation.views.metrics import Now
from automation.views.report import build_report


def read_now(venue: Venue, reports: Path, at: datetime) -> Now:
    """Of the venue whose folder of runs is `reports`."""
    standing, runs = newest_verdict(reports), tuple(read_runs(reports))
    holder, left = read_holder(reports / LOCK), ledger_of(runs)
    openings, idle = next_openings(venue.calendar, at, 1), read_record(reports)
    due = _due(venue, idle.decision, runs) if idle.decision else {}
    acts = holder is not None and idle.decision is not None and not idle.decision.reasons
    return Now(
        venue=venue.name,
        at=at,
        newest=build_report(standing.state, at, "") if standing else None,
        holder=holder,
        forecast=_forecast(reports, holder, at) if holder else None,
        opening=openings[0] if openings else None,
        idle=idle,
        due=due,
        postponed={place: is_due and not acts for place, is_due in due.items()},
        tests=_tests(venue, runs, at),
        left=len(left.places) + len(left.half_open) + len(left.closed),
    )


def _due(venue: Venue, decision: Decision, runs: Iterable[State]) -> Mapping[Place, bool]:
    """Every host of the inventory: whether it was due then, and was not stopped since."""
    waiting = set(decision.due) - set(_stopped(runs, decision.at))
    places = ((item.name, host) for item in venue.components.values() for host in item.hosts)
    return {place: place in waiting for place in places}


def _stopped(runs: Iterable[State], since: datetime) -> Iterator[Place]:
    """The hosts that runs have stopped, for whatever purpose: their units are young again."""
    for state in runs:
        if state.started_at >= since and not state.plan.check:
            for item in state.steps.values():
                if item.step.verb in TAKES_DOWN and item.status in ENDED:
                    yield from ((item.step.component, host) for host in item.targets)


def _tests(venue: Venue, runs: Sequence[State], at: datetime) -> Mapping[str, bool]:
    """Every scheduled test, by what is typed for it: whether it is due."""
    tests = scheduled_tests(venue)
    due = due_tests(tests, last_tests(runs), at)
    return {item.task.words: item.task in due for item in tests}


def _forecast(reports: Path, holder: Holder, at: datetime) -> datetime | None:
    try:
        state = fold_all(read_journal(reports / holder.run_id / JOURNAL))
    except (OSError, ValueError, RacedayError):
        return None
    return forecast_finish(state, at)
