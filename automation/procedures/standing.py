"""The verdict that stands: the newest one of a venue, and whether it still holds."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from automation.errors import Locked, RacedayError
from automation.history import last_go
from automation.run.events import Message, VerdictRevoked
from automation.run.journal import read_journal, reopen_journal
from automation.run.lock import hold, this_process
from automation.run.state import State, Verdict, fold, fold_all
from automation.run.verdict import CONDITIONAL, GO, NO_GO
from automation.views.files import PAGE, write_views
from automation.views.i18n import Translator

JOURNAL = "journal.jsonl"
LOCK = ".lock"
WORSE = (GO, CONDITIONAL, NO_GO)  # each worse than the one before


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

    def minutes_left(self, now: datetime) -> float:
        """Until it is past its time."""
        return (datetime.fromisoformat(self.verdict.valid_until) - now).total_seconds() / 60

    def for_plan(self, digest: str, now: datetime) -> Mapping[str, str]:
        """What a plan of the very same venue keeps of a GO that still holds, else nothing.

        That is which start of its unit each host ran at its last gate, by "component/host".
        """
        same = self.state.plan.digest == digest
        if self.verdict.result != "GO" or not same or not self.holds(now):
            return {}
        gates = (item for item in self.state.steps.values() if item.step.id.endswith(".gate"))
        return {
            f"{item.step.component}/{host}": result.evidence["invocation"]
            for item in gates
            for host, result in item.hosts.items()
            if result.evidence.get("invocation")
        }


@dataclass(frozen=True)
class Review:
    """What a probe made of a verdict: `broken` says why it no longer holds, empty while it does.

    Not `recorded` when it should have been revoked, but another run holds the venue.
    """

    standing: Standing
    broken: tuple[Message, ...] = ()
    recorded: bool = True


def newest_verdict(reports: Path) -> Standing | None:
    """The last verdict in a venue's folder of runs; None when there is none that can be read."""
    for folder in sorted(reports.glob("2*"), reverse=True):
        standing = _read(folder)
        if standing is not None:
            return standing
    return None


def review(standing: Standing, probe: State, now: datetime, operator: str) -> Review:
    """Whether a verdict still holds after a fresh probe; it is revoked when the probe is worse."""
    verdict = standing.verdict
    if verdict.revoked_at:
        return Review(standing, verdict.revoked_because)
    if verdict.result == NO_GO:
        return Review(standing)
    if not standing.holds(now):
        return Review(standing, (Message("its time is over"),))
    seen = probe.verdict
    if seen is None or WORSE.index(seen.result) <= WORSE.index(verdict.result):
        return Review(standing)
    revoked = revoke(standing, seen.reasons, now, operator)
    if revoked is None:
        return Review(standing, seen.reasons, recorded=False)
    return Review(revoked, revoked.verdict.revoked_because)


def revoke(
    standing: Standing, reasons: tuple[Message, ...], now: datetime, operator: str
) -> Standing | None:
    """Write into the run's own journal and views that its verdict no longer holds.

    None when another run holds the venue: that run will say what is true.
    """
    holder = this_process(standing.state.run_id, operator, "revoking a verdict", now)
    try:
        with hold(standing.folder.parent / LOCK, holder):
            current = _read(standing.folder) or standing
            return current if current.verdict.revoked_at else _revoke(current, reasons, now)
    except Locked:
        return None


def _revoke(standing: Standing, reasons: tuple[Message, ...], now: datetime) -> Standing:
    """With the venue held. The page stays in its language, the last GO is what it was."""
    folder, plan = standing.folder, standing.state.plan
    before = last_go(folder.parent.parent, plan.venue, plan.procedure)
    journal = reopen_journal(folder / JOURNAL)
    event = VerdictRevoked(reasons)
    journal.append(event, now)
    state = fold(standing.state, event, now)
    translate = Translator(_language(folder))
    write_views(folder, state, now, journal.head, translate=translate, last_go=before)
    return replace(standing, state=state, verdict=state.verdict or standing.verdict)


def _language(folder: Path) -> str:
    """Of the page that is there; English when there is none that can be read."""
    try:
        page = (folder / PAGE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "en"
    found = re.search(r'<html lang="(\w+)">', page)
    return found[1] if found else "en"


def _read(folder: Path) -> Standing | None:
    try:
        state = fold_all(read_journal(folder / JOURNAL))
    except (OSError, ValueError, RacedayError):
        return None
    return Standing(folder, state, state.verdict) if state.verdict else None
