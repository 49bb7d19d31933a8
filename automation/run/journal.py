"""The append-only record of a run: one event a line, fsynced, each line sealed to the one before.

A line is JSON: `seq`, `at` (UTC ISO 8601), the event, `prev`, and last `hash`, SHA-256 over the
bytes of the line without it. Changing, dropping or moving a line breaks the chain. Keys are
not sorted: the order of the plan's steps is part of the record.
"""

import json
import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from automation.errors import RacedayError, Unwritable
from automation.run.events import Event, Message, dump_event, load_event

GENESIS = "0" * 64
HASH = b',"hash":"'
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=vars)


class Sink(Protocol):
    """Where sealed lines go."""

    def write(self, line: str) -> None:
        """Keep one line for good, or raise OSError."""

    def close(self) -> None:
        """No line comes any more."""


class Journal:
    """Appends events; `head` is the hash of the last line."""

    def __init__(self, sink: Sink, *, seq: int = 0, head: str = GENESIS) -> None:
        self._sink = sink
        self._seq = seq
        self.head = head

    def append(self, event: Event, at: datetime) -> None:
        """Seal and keep one event. Raises JournalUnwritable when the disk will not have it."""
        stamp = {"seq": self._seq, "at": at.isoformat()}
        record = {**stamp, **dump_event(event), "prev": self.head}
        digest, line = _seal(_encode(record))
        try:
            self._sink.write(line.decode())
        except OSError as error:
            raise JournalUnwritable(error) from error
        self._seq += 1
        self.head = digest

    def close(self) -> None:
        """No event comes any more."""
        self._sink.close()


class JournalUnwritable(Unwritable):
    """The journal cannot be written."""


class FileSink:
    """A journal file of mode 0600; every line is on disk before `write` returns."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def write(self, line: str) -> None:
        """Append and fsync."""
        data = line.encode() + b"\n"
        while data:
            data = data[os.write(self._file, data) :]
        os.fsync(self._file)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def reopen_journal(path: Path) -> Journal:
    """A journal to go on with, after all of it was verified; a line torn by a crash is dropped."""
    whole = path.read_bytes().rpartition(b"\n")[0]
    lines = whole.split(b"\n") if whole else []
    head = GENESIS
    for number, line in enumerate(lines, start=1):
        head = _verified(path, number, line, head)["hash"]
    os.truncate(path, len(whole) + 1 if lines else 0)
    return Journal(FileSink(path), seq=len(lines), head=head)


def read_journal(path: Path) -> Iterator[tuple[Event, datetime]]:
    """The verified events of a journal. Raises JournalBroken at the first bad line."""
    head = GENESIS
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):
        record = _verified(path, number, line, head)
        head = record["hash"]
        yield _event(path, number, record), datetime.fromisoformat(record["at"])


class JournalBroken(RacedayError):
    """A journal that was changed, or torn in the middle."""

    def __init__(self, path: Path, line: int, why: Message) -> None:
        super().__init__(
            Message(
                "%(path)s, line %(line)s: %(why)s.",
                {"path": path, "line": line, "why": why},
            ),
            "Do not trust this run; keep the file as evidence.",
        )


def _verified(path: Path, number: int, line: bytes, head: str) -> dict[str, Any]:
    body, mark, _ = line.rpartition(HASH)
    if not mark:
        raise JournalBroken(path, number, Message("this is not a journal line"))
    if _seal(body + b"}")[1] != line:
        raise JournalBroken(path, number, Message("its content does not match its hash"))
    record: dict[str, Any] = json.loads(line)
    if record["prev"] != head or record["seq"] != number - 1:
        raise JournalBroken(path, number, Message("it does not follow the line before it"))
    return record


def _event(path: Path, number: int, record: Mapping[str, Any]) -> Event:
    try:
        return load_event(record)
    except (KeyError, TypeError, ValueError):
        why = Message("it says what this version of raceday does not know")
        raise JournalBroken(path, number, why) from None


def _seal(body: bytes) -> tuple[str, bytes]:
    """The hash of a line, and the line with its hash."""
    digest = sha256(body).hexdigest()
    return digest, body[:-1] + HASH + digest.encode() + b'"}'


def _encode(record: Mapping[str, Any]) -> bytes:
    """UTF-8; bytes that were no text on the host stay readable as JSON's own escapes."""
    return _JSON.encode(record).encode("utf-8", "backslashreplace")
