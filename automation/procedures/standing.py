"""The verdict that stands: the newest one of a venue, and whether it still holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from automation.errors import Locked, RacedayError
from automation.run.events import Message, VerdictRevoked
from automation.run.journal import read_journal, reopen_journal
from automation.run.lock import hold, this_process
from automation.run.state import State, Verdict, fold, fold_all
from automation.views.files import write_views
from automation.views.i18n import Translator

JOURNAL = "journal.jsonl"
LOCK = ".lock"


@dataclass(frozen=True)
class Standing:
    """A run with a verdict, and where it is recorded."""

    folder: Path
    state: State
    verdict: Verdict

    def holds(self, now: datetime) -> bool:
        """Not NO-GO, not revoked, not past its time."""
        until = self.verdict.valid_until
        return bool(until) and not self.verdict.revoked_at and now < datetime.fromisoformat(until)

    def for_plan(self, now: datetime) -> Mapping[str, str]:
        """What a plan keeps of it: a GO that still holds, else nothing."""
        if self.verdict.result != "GO" or not self.holds(now):
            return {}
        return {"run_id": self.state.run_id, "valid_until": self.verdict.valid_until}


def newest_verdict(reports: Path) -> Standing | None:
    """The last verdict in a venue's folder of runs; None when there is none that can be read."""
    for folder in sorted(reports.glob("2*"), reverse=True):
        standing = _read(folder)
        if standing is not None:
            return standing
    return None


def revoke(standing: Standing, reasons: tuple[Message, ...], now: datetime, operator: str) -> bool:
    """Write into the run's own journal that its verdict no longer holds.

    False when another run holds the venue: that run will say what is true.
    """
    holder = this_process(standing.state.run_id, operator, "revoking a verdict", now)
    try:
        with hold(standing.folder.parent / LOCK, holder):
            journal = reopen_journal(standing.folder / JOURNAL)
            event = VerdictRevoked(reasons)
            journal.append(event, now)
            state = fold(standing.state, event, now)
            write_views(standing.folder, state, now, journal.head, translate=Translator())
    except Locked:
        return False
    return True


def _read(folder: Path) -> Standing | None:
    try:
        state = fold_all(read_journal(folder / JOURNAL))
    except (OSError, ValueError, RacedayError):
        return None
    return Standing(folder, state, state.verdict) if state.verdict else None
