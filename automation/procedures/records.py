"""The runs on record: found, read and proven, the broken ones too."""

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from automation.errors import RacedayError, UsageError
from automation.run.events import Message
from automation.run.journal import read_journal
from automation.run.lock import read_holder
from automation.run.state import State, fold_all

JOURNAL, LOCK = "journal.jsonl", ".lock"
RUN_ID = re.compile(r"(\d{8}T\d{6})Z-[a-z][a-z-]*-[0-9a-f]{4}")
A_DAY = timedelta(days=1)  # no venue's clock is further from UTC


@dataclass(frozen=True)
class Record:
    """A run whose journal is whole, and the hash of its last line."""

    folder: Path
    state: State
    head: str

    @property
    def run_id(self) -> str:
        """The folder's name: whatever a journal says of itself, this is where it lies."""
        return self.folder.name


@dataclass(frozen=True)
class Broken:
    """A run whose journal proves nothing, and why not."""

    run_id: str
    why: str


type Run = Record | Broken


@dataclass(frozen=True)
class Month:
    """A month of a venue's own calendar."""

    first: date
    zone: str

    def __contains__(self, moment: datetime) -> bool:
        """Whether a moment was in it, where the venue is."""
        local = moment.astimezone(ZoneInfo(self.zone))
        return (local.year, local.month) == (self.first.year, self.first.month)

    @property
    def before(self) -> "Month":
        """The month before."""
        return Month((self.first - A_DAY).replace(day=1), self.zone)

    @property
    def name(self) -> str:
        """2026-11."""
        return f"{self.first:%Y-%m}"


def month_of(text: str, zone: str) -> Month:
    """The month that was written YYYY-MM. Raises UsageError."""
    try:
        return Month(date.fromisoformat(f"{text}-01"), zone)
    except ValueError:
        raise UsageError(
            Message("--month %(text)s is no month.", {"text": text}), "Write it as 2026-11."
        ) from None


def run_folders(reports: Path) -> list[Path]:
    """The folders of a venue's runs, the newest first. A link is no run of this venue."""
    found = (path for path in reports.glob("2*") if RUN_ID.fullmatch(path.name))
    return sorted((path for path in found if path.is_dir() and not path.is_symlink()), reverse=True)


def read_run(folder: Path) -> State | None:
    """The run that a folder holds; None when there is none that can be read."""
    try:
        return fold_all(read_journal(folder / JOURNAL))
    except (OSError, ValueError, RacedayError):
        return None


def newest_run(reports: Path) -> Path | None:
    """The run that tells most of a venue now: the newest that was more than a check, if any was.

    One that cannot be read may have been; None when no run is on record.
    """
    folders = [folder for folder in run_folders(reports) if (folder / JOURNAL).is_file()]
    real = (folder for folder in folders if not ((run := read_run(folder)) and run.plan.check))
    return next(real, folders[0] if folders else None)


def new_run_id(procedure: str, now: datetime) -> str:
    """A name that sorts by time, such as 20261121T063000Z-morning-3f2a."""
    return f"{now:%Y%m%dT%H%M%SZ}-{procedure}-{secrets.token_hex(2)}"


def next_run_id(reports: Path, procedure: str, now: datetime) -> str:
    """One that sorts after every run on record, although the clock may have been set back."""
    newest = next(iter(run_folders(reports)), None)
    if newest:
        now = max(now, _named_at(newest) + timedelta(seconds=1))
    return new_run_id(procedure, now)


def _named_at(folder: Path) -> datetime:
    found = RUN_ID.fullmatch(folder.name)
    return datetime.strptime(found[1] if found else "", "%Y%m%dT%H%M%S").replace(tzinfo=UTC)


def was_begun(folder: Path) -> bool:
    """Whether a run has written anything; if it cannot be read, nobody knows what it did."""
    journal = folder / JOURNAL
    return journal.is_file() and journal.stat().st_size > 0


def read_runs(reports: Path) -> Iterator[State]:
    """Every run that can be read, the newest first."""
    return (state for folder in run_folders(reports) if (state := read_run(folder)))


def is_dead(folder: Path, state: State) -> bool:
    """Whether a run that has no end has no process any more: nobody holds the venue for it.

    It is read once more after that was asked, because it may have come to its end meanwhile.
    """
    holder = None if state.finished_at else read_holder(folder.parent / LOCK)
    if state.finished_at or (holder and holder.run_id == folder.name):
        return False
    again = read_run(folder)
    return again is not None and not again.finished_at


def runs_after(folder: Path) -> Iterator[State]:
    """Later runs of the same venue but checks, the newest first.

    Raises JournalBroken for one that cannot be read: nobody knows what it did.
    """
    for later in run_folders(folder.parent):
        if later.name > folder.name and was_begun(later):
            state = fold_all(read_journal(later / JOURNAL))
            if not state.plan.check:
                yield state


def read_record(folder: Path) -> Record:
    """A run as its journal tells it. Raises RacedayError when that is not whole."""
    path = folder / JOURNAL
    if path.is_symlink():
        raise RacedayError(
            Message("%(path)s is a link, not the run's own journal.", {"path": path}),
            "Do not trust it.",
        )
    try:
        state = fold_all(read_journal(path))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise RacedayError(
            Message("%(path)s cannot be read: %(why)s.", {"path": path, "why": why}),
            "Nothing proves this run.",
        ) from error
    last = path.read_bytes().rpartition(b"\n")[0].rpartition(b"\n")[2]
    return Record(folder, state, json.loads(last)["hash"])


def read_month(reports: Path, month: Month) -> tuple[tuple[Record, ...], tuple[Broken, ...]]:
    """Every run that began in a month, the oldest first; apart, those that prove nothing.

    Of a broken run only its name says when it began.
    """
    found = [read(folder) for folder in reversed(run_folders(reports)) if _is_near(folder, month)]
    whole = (item for item in found if isinstance(item, Record))
    broken = (item for item in found if isinstance(item, Broken))
    return (
        tuple(item for item in whole if item.state.started_at in month),
        tuple(item for item in broken if began(item.run_id) in month),
    )


def began(run_id: str) -> datetime:
    """When a run began, as its name says."""
    return datetime.strptime(f"{run_id[:15]}+0000", "%Y%m%dT%H%M%S%z")


def read(folder: Path) -> Run:
    """A run, be its journal whole or not."""
    try:
        return read_record(folder)
    except RacedayError as error:
        return Broken(folder.name, error.message.replace(f"{folder}/", ""))


def _is_near(folder: Path, month: Month) -> bool:
    """Whether reading it may be worth while; its name is in UTC."""
    moment = began(folder.name)
    return any(day in month for day in (moment - A_DAY, moment, moment + A_DAY))
