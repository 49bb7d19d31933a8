"""What holds of a venue now, from its runs on record and the last probe; no host is asked."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import takewhile
from pathlib import Path

from automation.idle.due import last_tests
from automation.idle.record import Decision, read_record
from automation.procedures.gates import Gates
from automation.procedures.idle import IDLE
from automation.procedures.records import LOCK, read_run, read_runs
from automation.procedures.recover import left_behind, unreadable_runs
from automation.procedures.standing import newest_verdict
from automation.procedures.unattended import restarts_of, scheduled_tests
from automation.run.ledger import TAKES_DOWN, Ledger, Place
from automation.run.lock import read_holder
from automation.run.state import ENDED, State
from automation.venue.calendar import next_openings
from automation.venue.site import Venue
from automation.views.forecast import forecast_finish
from automation.views.metrics import Now, Waiting
from automation.views.report import build_report


def read_now(venue: Venue, reports: Path, at: datetime, gates: Gates) -> Now:
    """Of the venue whose folder of runs is `reports`."""
    holder, idle = read_holder(reports / LOCK), read_record(reports)
    run = read_run(reports / holder.run_id) if holder else None
    standing, left = newest_verdict(reports), left_behind(reports)
    openings = next_openings(venue.calendar, at, 1)
    return Now(
        venue=venue.name,
        at=at,
        newest=build_report(standing.state, at, "") if standing else None,
        is_over=standing is not None and standing.rest is not None,
        holder=holder,
        forecast=forecast_finish(run, at) if run else None,
        opening=openings[0] if openings else None,
        idle=idle,
        left=_count(left) + len(unreadable_runs(reports)),
        waiting=_waiting(venue, reports, idle.decision, run),
        gates=gates.states(at, holder, run),
        probed=gates.probed_at,
    )


def _count(left: Ledger) -> int:
    fronts = (*left.left_out, *left.half_open, *left.closed)
    return len(left.places) + len(fronts) + len(left.bought)


def _waiting(
    venue: Venue, reports: Path, decision: Decision | None, going: State | None
) -> Waiting:
    """What was due at a call inside a window, and was not done since.

    What an idle run that goes on will restart is not postponed.
    """
    if decision is None:
        return Waiting()
    since = tuple(_ended_after(decision.at, read_runs(reports)))
    left = set(decision.due) - set(_stopped(since, decision.at))
    turn = set(restarts_of(going.plan)) if going and going.plan.procedure == IDLE else set()
    places = ((item.name, host) for item in venue.components.values() for host in item.hosts)
    due = {place: place in left for place in places}
    postponed = {place: is_due and place not in turn for place, is_due in due.items()}
    return Waiting(due, postponed, dict(_tests(venue, decision, since)))


def _ended_after(at: datetime, runs: Iterable[State]) -> Iterator[State]:
    """Runs, newest first, that were not over by then."""
    return takewhile(lambda run: not run.finished_at or run.finished_at >= at, runs)


def _stopped(runs: Iterable[State], after: datetime) -> Iterator[Place]:
    """The hosts that runs have stopped, for whatever purpose: their units are young again."""
    for state in runs:
        for item in state.steps.values():
            stopped = item.step.verb in TAKES_DOWN and item.status in ENDED
            if stopped and not state.plan.check and _is_after(item.finished_at, after):
                yield from ((item.step.component, host) for host in item.targets)


def _tests(venue: Venue, decision: Decision, since: Sequence[State]) -> Iterator[tuple[str, bool]]:
    """Every scheduled test by what is typed for it, and whether it is due."""
    last = last_tests(since)
    for item in scheduled_tests(venue):
        words, done = item.task.words, item.task.last_done(last)
        yield words, words in decision.tests and not _is_after(done, decision.at)


def _is_after(moment: datetime | None, at: datetime) -> bool:
    return moment is not None and moment >= at
