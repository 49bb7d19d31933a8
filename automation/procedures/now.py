"""What holds of a venue now, from its runs on record; no host is asked."""

from datetime import datetime
from pathlib import Path

from automation.errors import RacedayError
from automation.idle.record import read_record
from automation.procedures.records import JOURNAL, LOCK
from automation.procedures.recover import left_behind
from automation.procedures.standing import newest_verdict
from automation.run.journal import read_journal
from automation.run.lock import Holder, read_holder
from automation.run.state import fold_all
from automation.venue.calendar import next_openings
from automation.venue.site import Venue
from automation.views.forecast import forecast_finish
from automation.views.metrics import Now
from automation.views.report import build_report


def read_now(venue: Venue, reports: Path, at: datetime) -> Now:
    """Of the venue whose folder of runs is `reports`."""
    standing = newest_verdict(reports)
    holder, left = read_holder(reports / LOCK), left_behind(reports)
    openings = next_openings(venue.calendar, at, 1)
    return Now(
        venue=venue.name,
        at=at,
        newest=build_report(standing.state, at, "") if standing else None,
        holder=holder,
        forecast=_forecast(reports, holder, at) if holder else None,
        opening=openings[0] if openings else None,
        decision=read_record(reports).decision,
        left=len(left.places) + len(left.half_open) + len(left.closed) + len(left.bought),
    )


def _forecast(reports: Path, holder: Holder, at: datetime) -> datetime | None:
    try:
        state = fold_all(read_journal(reports / holder.run_id / JOURNAL))
    except (OSError, ValueError, RacedayError):
        return None
    return forecast_finish(state, at)
