"""`raceday explain`: why it is blocked, since when, and what would clear it."""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from automation.commands.load import venue_of
from automation.commands.show import left_now, show
from automation.errors import RacedayError, UsageError
from automation.exit_codes import ExitCode
from automation.idle.record import Record, read_record
from automation.procedures.records import JOURNAL, LOCK, newest_run, run_folders
from automation.procedures.resume import resume_command
from automation.procedures.sales import closed_by, runs_of_the_day
from automation.procedures.session import utc_now
from automation.procedures.standing import Standing, verdict_and_rest
from automation.run.events import Message
from automation.run.journal import read_journal
from automation.run.ledger import Ledger, Rest
from automation.run.lock import read_holder
from automation.run.state import State, fold_all
from automation.settings import Settings
from automation.venue.site import Venue
from automation.views.explain import (
    explain_closing,
    explain_holder,
    explain_idle,
    explain_nothing,
    explain_run,
    explanation_document,
    render_explanation,
)
from automation.views.files import PAGE
from automation.views.i18n import Translator
from automation.views.leftovers import left_by
from automation.views.openings import asked_again
from automation.views.status import Around
from automation.views.telling import Explanation
from automation.views.times import Clock

NEWEST = 3


@click.command()
@click.argument("run", default="", metavar="[RUN]")
@click.pass_obj
def explain(settings: Settings, run: str) -> int:
    """Say why it is blocked, since when, and what would clear it.

    RUN is a run id or any part of it that only one run has; without it, the newest run that was no
    --check. Only reads what is on record: no host is asked.

    \b
    Examples:
      raceday explain             the newest run of the demo venue
      raceday explain 3f2a        the run whose id holds 3f2a
      raceday --lang ko explain
    """
    venue = venue_of(settings)
    reports = settings.reports / venue.name
    folder = find_run(reports, run)
    translate = Translator(settings.lang)
    explanation = _explanation(folder, venue, translate, reports)
    record = read_record(reports)
    if not run and _is_newer(record, folder):
        clock = Clock(venue.time_zone, translate)
        explanation = explain_idle(explanation, record, clock, asked_again(venue.calendar))
    if settings.format == "json":
        document = explanation_document(explanation, translate)
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        page = folder / PAGE if folder else None
        show(render_explanation(explanation, translate, page if page and page.exists() else None))
    return ExitCode.GO


def find_run(reports: Path, part: str) -> Path | None:
    """The one run of a venue whose id is or holds `part`, the newest real one for an empty one.

    None when the venue has no run at all and none was asked for. Raises UsageError.
    """
    if not part:
        return newest_run(reports)
    folders = [folder for folder in run_folders(reports) if (folder / JOURNAL).is_file()]
    found = [item for item in folders if part == item.name] or [
        item for item in folders if part in item.name
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            Message(
                "%(count)s runs have '%(part)s' in their id.", {"count": len(found), "part": part}
            ),
            _newest(found),
        )
    raise UsageError(Message("No run has '%(part)s' in its id.", {"part": part}), _newest(folders))


def _is_newer(record: Record, folder: Path | None) -> bool:
    """Whether the timer has called since a run; run ids begin with the time at which they began."""
    call = record.last_call
    return call is not None and (folder is None or f"{call.at:%Y%m%dT%H%M%SZ}" > folder.name)


def _newest(folders: Sequence[Path]) -> Message:
    names = ", ".join(item.name for item in folders[:NEWEST])
    if not names:
        return Message("This venue has no run yet.")
    return Message("The newest are: %(names)s.", {"names": names})


def _explanation(
    folder: Path | None, venue: Venue, translate: Translator, reports: Path
) -> Explanation:
    holder, clock = read_holder(reports / LOCK), Clock(venue.time_zone, translate)
    if folder is None:
        return explain_holder(holder, clock) if holder else explain_nothing()
    state, left = _read(folder), left_now(reports, holder)
    closed = closed_by(runs_of_the_day(reports))
    if folder != newest_run(reports):
        left = left if left_by(state) else Ledger()  # an earlier run that has left nothing itself
        closed = closed if closed and closed.run_id == state.run_id else None
    standing, rest = verdict_and_rest(reports)
    around = Around(
        holder=holder,
        left=left,
        rest=_bearing_on(folder, rest, standing),
        resume=resume_command(venue, folder, utc_now()),
        is_unproven=_is_unproven(folder, state, standing),
        is_doubted=_is_doubted(state, standing),
    )
    found = explain_run(state, utc_now(), translate, around)
    go_holds = standing is not None and standing.proves(venue.digest, utc_now())
    return explain_closing(found, state, closed, clock, go_holds=go_holds)


def _is_unproven(folder: Path, state: State, standing: Standing | None) -> bool:
    """Whether the newest run ended with sales open, although no verdict holds."""
    is_open = state.finished_at is not None and state.sales_said() == "open"
    holds = standing is not None and standing.holds(utc_now())
    return is_open and not holds and folder == newest_run(folder.parent)


def _is_doubted(state: State, standing: Standing | None) -> bool:
    """Whether the verdict was revoked after a run, so it is not known that all is well since."""
    revoked = standing.verdict.revoked_at if standing else None
    return revoked is not None and state.finished_at is not None and revoked > state.finished_at


def _bearing_on(folder: Path, rest: Rest | None, standing: Standing | None) -> Rest | None:
    """What was stopped on purpose, where a run did that, came after it, or gave what it ended."""
    reports = folder.parent
    if rest is None or folder in {newest_run(reports), reports / rest.run.run_id}:
        return rest
    return rest if standing and folder == standing.folder else None


def _read(folder: Path) -> State:
    try:
        return fold_all(read_journal(folder / JOURNAL))
    except ValueError:
        raise RacedayError(
            Message(
                "The run %(run)s ended before it wrote anything, so nothing was begun.",
                {"run": folder.name},
            ),
            "Run it again.",
        ) from None
