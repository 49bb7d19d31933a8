"""The verdict that stands: the newest one of a venue, and whether it still holds."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from automation.errors import Locked
from automation.history import last_go
from automation.procedures.records import JOURNAL, LOCK, read_run, run_folders, was_begun
from automation.run.events import Message, VerdictRevoked
from automation.run.journal import reopen_journal
from automation.run.ledger import Rest, rest_of
from automation.run.lock import hold, this_process
from automation.run.proofs import proofs_since
from automation.run.state import State, Verdict, fold
from automation.run.verdict import CONDITIONAL, GO, NO_GO
from automation.views.files import PAGE, write_views
from automation.views.i18n import Translator

WORSE = (GO, CONDITIONAL, NO_GO)  # each worse than the one before


@dataclass(frozen=True)
class Standing:
    """A run with a verdict, and where it is recorded.

    The verdict is over when a later run has stopped the venue on purpose: `rest` says which.
    """

    folder: Path
    state: State
    verdict: Verdict
    rest: Rest | None = None

    def holds(self, now: datetime) -> bool:
        """Whether its verdict does."""
        return self.rest is None and self.verdict.holds(now)

    def proves(self, digest: str, now: datetime) -> bool:
        """Whether it is a GO of the very same venue that still holds."""
        same = self.state.plan.digest == digest
        return same and self.verdict.result == GO and self.holds(now)


@dataclass(frozen=True)
class Review:
    """What a probe made of a verdict: `broken` says why it no longer holds, empty while it does.

    Not `recorded` when it should have been revoked, but another run holds the venue.
    """

    standing: Standing
    broken: tuple[Message, ...] = ()
    recorded: bool = True


def newest_verdict(reports: Path) -> Standing | None:
    """The last verdict in a venue's folder of runs, if nothing since has made it doubtful.

    None after a morning that came to no verdict, and after a run that cannot be read.
    """
    return _newest(reports)[0]


def verdict_and_rest(reports: Path) -> tuple[Standing | None, Rest | None]:
    """That, and what runs have stopped on purpose since, and nobody has started again."""
    standing, later = _newest(reports)
    return standing, rest_of(later)


def proven_units(reports: Path, digest: str, now: datetime) -> Mapping[str, str]:
    """Which start of its unit each host was last proven to run, by "component/host".

    That is what the GO that stands saw at its last gates, and what was restarted and tested since.
    Nothing without such a GO.
    """
    standing, later = _newest(reports)
    if standing is None or not standing.proves(digest, now):
        return {}
    return proofs_since(standing.state, reversed(later))


def _newest(reports: Path) -> tuple[Standing | None, Sequence[State]]:
    """The verdict, and the runs after it or after what made it doubtful, the newest first."""
    later: list[State] = []
    for folder in run_folders(reports):
        state = read_run(folder)
        if state is None and was_begun(folder):
            return None, later
        standing = _standing(folder, state)
        if standing:
            return replace(standing, rest=rest_of(later)), later
        if state and state.plan.procedure == "morning" and not state.plan.check:
            return None, later
        later += [state] if state else []
    return None, later


def review(standing: Standing, probe: State, now: datetime, operator: str) -> Review:
    """Whether a verdict still holds after a fresh probe; it is revoked when the probe is worse.

    One that is over because the venue was closed on purpose is not refuted by what is stopped.
    """
    verdict = standing.verdict
    if verdict.revoked_at:
        return Review(standing, verdict.revoked_because)
    if verdict.result == NO_GO or standing.rest:
        return Review(standing)
    if verdict.is_ahead(now):
        return Review(standing, (Message("it is of the future: the clock was set back"),))
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
            current = _standing(standing.folder, read_run(standing.folder)) or standing
            return current if current.verdict.revoked_at else _revoke(current, reasons, now)
    except Locked:
        return None


def _revoke(standing: Standing, reasons: tuple[Message, ...], now: datetime) -> Standing:
    """With the venue held. The page stays in its language, the last GO is what it was."""
    folder, plan = standing.folder, standing.state.plan
    before = last_go(folder.parent.parent, plan)
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


def _standing(folder: Path, state: State | None) -> Standing | None:
    return Standing(folder, state, state.verdict) if state and state.verdict else None
