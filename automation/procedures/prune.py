"""Which old runs may go, and their removal. What somebody may still need stays, with the reason."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from automation.idle.due import last_tests
from automation.procedures.records import LOCK, Broken, Record, Run, began, read, run_folders
from automation.procedures.standing import Standing
from automation.run.events import Message
from automation.run.ledger import ledger_of, settles_all
from automation.run.lock import Holder, hold
from automation.venue.site import Venue

GOING = ".pruned-"  # a folder on its way out is no run any more, whatever happens to us meanwhile
BROKEN = Message("its journal is not whole, and that is evidence")
UNFINISHED = Message("it never came to its end: raceday recover")
STANDING = Message("it holds the newest verdict")
FOLLOWS = Message("it came last, so no run before it may be resumed")
MORNING = Message("it is the last morning")
SETTLED = Message("it settled what the runs before it had left")
SINCE = Message("it came after the verdict that still holds")
OWING = Message("what it took is not put back yet: raceday recover")


@dataclass(frozen=True)
class Rule:
    """What is old: all but the newest `keep`, or what began longer ago than `older_than`."""

    keep: int | None = None
    older_than: timedelta | None = None


@dataclass(frozen=True)
class Kept:
    """A run that is old and stays all the same."""

    run_id: str
    why: Message


@dataclass(frozen=True)
class Pruning:
    """The folders that may go, those that stay although they are old, and the space it gives."""

    folders: tuple[Path, ...]
    kept: tuple[Kept, ...]
    size: int


def plan_pruning(reports: Path, rule: Rule, now: datetime) -> Pruning:
    """What a rule comes to; nothing is removed."""
    runs = [read(folder) for folder in run_folders(reports)]
    whole = [item for item in runs if isinstance(item, Record)]
    needed = _needed(whole, now)
    kept: dict[str, Message] = {}
    loose: list[Record] = []
    for item in _old(runs, rule, now):
        if isinstance(item, Broken):
            kept[item.run_id] = BROKEN
        elif item.state.finished_at is None:
            kept[item.run_id] = UNFINISHED
        elif item.run_id in needed:
            kept[item.run_id] = needed[item.run_id] if _settled([item], whole) else OWING
        else:
            loose.append(item)
    free = _settled(loose, whole)
    kept |= {item.run_id: OWING for item in loose if item not in free}
    return Pruning(
        tuple(item.folder for item in free),
        tuple(Kept(name, why) for name, why in sorted(kept.items())),
        sum(_size(item.folder) for item in free),
    )


def prune(reports: Path, planned: Pruning, rule: Rule, holder: Holder, venue: Venue) -> Pruning:
    """Remove what was planned, as far as it still may go now that nobody else can begin a run."""
    with hold(reports / LOCK, holder, venue.venue_file, zone=venue.time_zone):
        now = datetime.fromisoformat(holder.since)
        still = plan_pruning(reports, rule, now)
        folders = tuple(folder for folder in planned.folders if folder in still.folders)
        size = sum(map(_size, folders))
        for folder in folders:
            folder.rename(reports / f"{GOING}{folder.name}")
        for left in reports.glob(f"{GOING}*"):
            shutil.rmtree(left)
    return Pruning(folders, still.kept, size)


def _old(runs: Sequence[Run], rule: Rule, now: datetime) -> Sequence[Run]:
    if rule.older_than is None:
        return runs[rule.keep :]
    before = now - rule.older_than
    return [item for item in runs if began(item.run_id) < before]


def _needed(whole: Sequence[Record], now: datetime) -> Mapping[str, Message]:
    """The runs that a later command reads, and what for: nothing else says the same."""
    real = [item for item in whole if not item.state.plan.check]
    decided = next((item for item in whole if item.state.verdict), None)
    found = {item.run_id: SINCE for item in real if decided and _came_since(item, decided, now)}
    seen: set[tuple[str, str]] = set()
    for item in real:
        fresh = sorted(set(last_tests([item.state])) - seen)
        seen.update(fresh)
        if fresh:
            args = {"components": ", ".join(dict.fromkeys(name for _, name in fresh))}
            found[item.run_id] = Message("it holds the last test of %(components)s", args)
    for why, those in (
        (SETTLED, (item for item in whole if settles_all(item.state))),
        (FOLLOWS, (item for item in real if item.state.plan.procedure != "recover")),
        (MORNING, (item for item in real if item.state.plan.procedure == "morning")),
        (STANDING, filter(None, [decided])),
    ):
        found |= {item.run_id: why for item in islice(those, 1)}
    return found


def _came_since(item: Record, decided: Record, now: datetime) -> bool:
    """Whether it may have undone what a verdict that still holds has proven."""
    verdict = decided.state.verdict
    holds = verdict and Standing(decided.folder, decided.state, verdict).holds(now)
    return bool(holds) and item.run_id > decided.run_id


def _settled(loose: Sequence[Record], whole: Sequence[Record]) -> list[Record]:
    """The oldest first, those without which the ledger says the same."""
    left, free = list(whole), []
    owed = ledger_of(item.state for item in whole)
    for item in reversed(loose):
        rest = [other for other in left if other is not item]
        if ledger_of(other.state for other in rest) == owed:
            left = rest
            free.append(item)
    return free


def _size(folder: Path) -> int:
    """Bytes of its files; links count for themselves."""
    walked = ((Path(place) / name) for place, _, names in os.walk(folder) for name in names)
    return sum(path.lstat().st_size for path in walked)
