"""The runs of a venue on disk: a folder each, under the venue's own."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from automation.errors import RacedayError
from automation.run.journal import read_journal
from automation.run.state import State, fold_all

JOURNAL = "journal.jsonl"
LOCK = ".lock"


def run_folders(reports: Path) -> Sequence[Path]:
    """The folders of a venue's runs, the newest first: run ids sort by time."""
    return sorted(reports.glob("2*"), reverse=True)


def read_run(folder: Path) -> State | None:
    """The run that a folder holds; None when there is none that can be read."""
    try:
        return fold_all(read_journal(folder / JOURNAL))
    except (OSError, ValueError, RacedayError):
        return None


def read_runs(reports: Path) -> Iterator[State]:
    """Every run that can be read, the newest first."""
    return (state for folder in run_folders(reports) if (state := read_run(folder)))


def runs_after(folder: Path) -> Iterator[State]:
    """Later runs of the same venue that may have changed it, the newest first.

    Raises JournalBroken for one that cannot be read: nobody knows what it did.
    """
    for later in run_folders(folder.parent):
        journal = later / JOURNAL
        if later.name > folder.name and journal.is_file() and journal.stat().st_size:
            state = fold_all(read_journal(journal))
            if not state.plan.check and state.plan.procedure != "recover":
                yield state
