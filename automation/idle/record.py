"""What `raceday idle` remembers between two calls: its looks, samples of memory, its decisions.

One small file in the venue's folder of runs. When it is lost or broken, nothing is known, and the
signals must be quiet, and memory must grow, for their whole period anew.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import CLOCK_BOOTTIME, clock_gettime
from typing import Any

from automation.errors import RacedayError
from automation.idle.quiet import Look, Moment
from automation.idle.samples import Sample
from automation.run.events import Message, load_message
from automation.run.ledger import Place
from automation.run.lock import boot_id, holding

FILE = "idle.json"
LOCK = f".{FILE}.lock"
HELD = "Is there a raceday that hangs? End it; what is remembered is whole."
PATIENCE = 10.0  # seconds for another process to write its own


@dataclass(frozen=True)
class Decision:
    """What a call came to: why nothing was done, nothing when something was.

    `due` are the hosts whose restart was due then, each with its component, and `tests` the tests,
    by what is typed for them.
    """

    at: datetime
    reasons: tuple[Message, ...] = ()
    due: tuple[Place, ...] = ()
    tests: tuple[str, ...] = ()


@dataclass(frozen=True)
class Record:
    """Looks in the order of time, the last decision, and samples of the memory of units.

    The decision is the last one that was made inside a window. Calls outside of every window leave
    it as it is: `closed` is the last of them, None when none has come since.
    """

    looks: tuple[Look, ...] = ()
    decision: Decision | None = None
    samples: tuple[Sample, ...] = ()
    closed: Decision | None = None

    @property
    def last_call(self) -> Decision | None:
        """What the last call came to, wherever it was."""
        return self.closed or self.decision


def this_moment() -> Moment:
    """Now, on this controller."""
    return Moment(datetime.now(UTC), clock_gettime(CLOCK_BOOTTIME), boot_id())


def read_record(reports: Path) -> Record:
    """What is remembered of a venue; nothing when it cannot be read."""
    try:
        data = json.loads((reports / FILE).read_text(encoding="utf-8"))
        looks, samples = map(_look, data["looks"]), map(_sample, data.get("samples", ()))
        decision, closed = _decision(data["decision"]), _decision(data.get("closed"))
        return Record(tuple(looks), decision, tuple(samples), closed)
    except (OSError, ValueError, KeyError, TypeError):
        return Record()


def change_record(reports: Path, change: Callable[[Record], Record]) -> Record:
    """Write what `change` makes of what is remembered, while nobody else writes; returns it.

    Raises RacedayError when another process does not let go of it.
    """
    reports.mkdir(parents=True, exist_ok=True)
    path = reports / LOCK
    with holding(path, PATIENCE) as ours:
        if not ours:
            args = {"path": path, "seconds": f"{PATIENCE:g}"}
            text = "%(path)s is held by another process, and was not let go within %(seconds)s s."
            raise RacedayError(Message(text, args), HELD)
        changed = change(read_record(reports))
        _write(reports, changed)
        return changed


def _write(reports: Path, record: Record) -> None:
    """Whole or not at all; only the operator may read it."""
    draft = reports / f".{FILE}.{os.getpid()}"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(vars(record), file, default=_plain, ensure_ascii=False)
    draft.replace(reports / FILE)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else vars(value)


def _look(data: Any) -> Look:
    return Look(str(data["signal"]), _moment(data["at"]), float(data["value"]))


def _sample(data: Any) -> Sample:
    place = (str(data["component"]), str(data["host"]))
    return Sample(*place, _moment(data["at"]), float(data["memory"]))


def _moment(data: Any) -> Moment:
    return Moment(datetime.fromisoformat(data["wall"]), float(data["uptime"]), str(data["boot"]))


def _decision(data: Any) -> Decision | None:
    if data is None:
        return None
    reasons = (load_message(item) for item in data["reasons"])
    known = tuple(item for item in reasons if item)
    due = tuple((str(item[0]), str(item[1])) for item in data["due"] if isinstance(item, list))
    tests = tuple(map(str, data.get("tests", ())))
    return Decision(datetime.fromisoformat(data["at"]), known, due, tests)
