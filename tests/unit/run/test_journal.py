"""The journal: sealed lines, nothing lost, nothing forgiven."""

import errno
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.errors import RacedayError
from automation.exit_codes import ExitCode
from automation.run.events import (
    Event,
    HostReported,
    HostState,
    RunFinished,
    RunInterrupted,
    StepFinished,
    StepStarted,
)
from automation.run.journal import (
    GENESIS,
    FileSink,
    Journal,
    JournalBroken,
    JournalUnwritable,
    read_journal,
    reopen_journal,
)
from tests.unit.run.paper import Paper

AT = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)
EVENTS: tuple[Event, ...] = (
    StepStarted("database.start", ("db1", "db2")),
    HostReported("database.start", "db1", HostState.OK, evidence={"log": '한글 "quoted"\n\x00'}),
    StepFinished("database.start"),
    RunInterrupted("김철수"),
    RunFinished("CANCELLED"),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "journal.jsonl"
    sink = FileSink(path)
    write(Journal(sink), EVENTS)
    sink.close()
    return path


def write(journal: Journal, events: tuple[Event, ...]) -> None:
    for number, event in enumerate(events):
        journal.append(event, AT + timedelta(seconds=number))


def test_reads_what_was_written(path: Path) -> None:
    """Events and their times come back as they were."""
    times = [AT + timedelta(seconds=number) for number in range(len(EVENTS))]
    assert list(read_journal(path)) == list(zip(EVENTS, times, strict=True))


def test_file_is_private(path: Path) -> None:
    """A journal is readable by the operator only, whatever the umask."""
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_line_can_be_checked_by_hand(path: Path) -> None:
    """`hash` comes last and is SHA-256 over the line without it; `prev` is the hash before."""
    head = GENESIS
    for line in path.read_text(encoding="utf-8").splitlines():
        body, sealed = line.split(',"hash":"')
        record = json.loads(line)
        assert record["prev"] == head
        assert list(record)[:3] == ["seq", "at", "type"]
        head = sha256(f"{body}}}".encode()).hexdigest()
        assert sealed == f'{head}"}}'


def test_head_is_the_last_hash(path: Path) -> None:
    """The journal's head is what a report quotes, so that the whole journal can be verified."""
    paper = Paper()
    journal = Journal(paper)
    write(journal, EVENTS)
    assert journal.head == json.loads(paper.lines[-1])["hash"]
    assert path.read_text(encoding="utf-8").splitlines() == paper.lines


@pytest.mark.parametrize("torn", [b"", b'{"seq":5,"at"'], ids=["whole", "torn"])
def test_goes_on_where_it_stopped(path: Path, torn: bytes) -> None:
    """A journal that is opened again continues its chain; a line torn by a crash is dropped."""
    path.write_bytes(path.read_bytes() + torn)
    reopen_journal(path).append(EVENTS[0], AT)
    assert [event for event, _ in read_journal(path)] == [*EVENTS, EVENTS[0]]


def test_goes_on_with_nothing(tmp_path: Path) -> None:
    """A journal whose very first line was torn begins anew."""
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"seq":0,')
    reopen_journal(path).append(EVENTS[0], AT)
    assert list(read_journal(path)) == [(EVENTS[0], AT)]


def test_does_not_go_on_with_damage(path: Path) -> None:
    """A journal that was changed is not written to any more: it is evidence."""
    changed = path.read_bytes().replace(b'"ok"', b'"no"')
    path.write_bytes(changed)
    with pytest.raises(JournalBroken, match="line 2: "):
        reopen_journal(path)
    assert path.read_bytes() == changed


def _damaged(lines: list[bytes]) -> Iterator[tuple[str, int, list[bytes]]]:
    """Name, the line that must be named, and the damaged file."""
    swapped = [lines[0], lines[2], lines[1], *lines[3:]]
    yield "changed", 2, [lines[0], lines[1].replace(b'"ok"', b'"no"'), *lines[2:]]
    yield "dropped", 2, [lines[0], *lines[2:]]
    yield "first dropped", 1, lines[1:]
    yield "reordered", 2, swapped
    yield "doubled", 2, [lines[0], *lines]
    yield "torn in the middle", 2, [lines[0], lines[1][:40], *lines[2:]]
    yield "emptied", 2, [lines[0], b"", *lines[2:]]
    yield "spaced out", 1, [lines[0].replace(b":", b": ", 1), *lines[1:]]
    yield "not JSON", 1, [b"[]", *lines]
    yield "not UTF-8", 2, [lines[0], lines[1].replace(b'"ok"', b'"\xff"'), *lines[2:]]


@pytest.mark.parametrize("case", range(10))
def test_damage_is_found(path: Path, case: int) -> None:
    """A changed, dropped, moved, doubled or torn line is found, and named."""
    name, line, damaged = list(_damaged(path.read_bytes().split(b"\n")))[case]
    path.write_bytes(b"\n".join(damaged))
    with pytest.raises(JournalBroken, match=f"line {line}: ") as caught:
        list(read_journal(path))
    assert isinstance(caught.value, RacedayError), name
    assert "evidence" in caught.value.hint


@pytest.mark.slow
def test_any_changed_byte_is_found(path: Path) -> None:
    """There is no byte in a journal that can be changed unnoticed."""
    whole = path.read_bytes()
    for place in range(len(whole) - 1):
        other = b"~" if whole[place : place + 1] != b"~" else b"!"
        path.write_bytes(whole[:place] + other + whole[place + 1 :])
        with pytest.raises(JournalBroken):
            list(read_journal(path))


def test_events_before_the_damage_are_read(path: Path) -> None:
    """What stands before the first bad line is verified and still readable."""
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([*lines[:2], b"{}", *lines[3:]]))
    seen: list[Event] = []
    with pytest.raises(JournalBroken):
        seen.extend(event for event, _ in read_journal(path))
    reader = read_journal(path)
    assert [next(reader)[0], next(reader)[0]] == list(EVENTS[:2])


@pytest.mark.parametrize("kept", [1, 40, -1])
def test_torn_last_line_is_a_crash(path: Path, kept: int) -> None:
    """A last line without its end was being written when the controller died: it never was."""
    lines = path.read_bytes().split(b"\n")[:-1]
    path.write_bytes(b"\n".join([*lines[:-1], lines[-1][:kept]]))
    assert [event for event, _ in read_journal(path)] == list(EVENTS[:-1])


def test_unknown_event_is_refused(path: Path) -> None:
    """A well sealed line that says what this raceday does not know is not skipped."""
    body = f'{{"at":"{AT.isoformat()}","prev":"{GENESIS}","seq":0,"type":"run.teleported"}}'
    digest = sha256(body.encode()).hexdigest()
    path.write_text(f'{body[:-1]},"hash":"{digest}"}}\n', encoding="utf-8")
    with pytest.raises(JournalBroken, match=r"line 1: .*not know"):
        list(read_journal(path))


@given(st.text(alphabet=st.characters(codec=None)))
def test_any_text_can_be_recorded(text: str) -> None:
    """Whatever a host prints, even bytes that are no text, is written as UTF-8 and sealed."""
    paper = Paper()
    Journal(paper).append(RunInterrupted(text), AT)
    assert paper.lines[0].encode("utf-8").count(b"\n") == 0


def test_undecodable_bytes_survive(tmp_path: Path) -> None:
    """A log line that is not UTF-8 comes back as it was read from the host."""
    event = RunInterrupted(b"caf\xe9".decode("utf-8", "surrogateescape"))
    sink = FileSink(tmp_path / "journal.jsonl")
    Journal(sink).append(event, AT)
    sink.close()
    assert list(read_journal(tmp_path / "journal.jsonl")) == [(event, AT)]


def test_unwritable_journal() -> None:
    """A full disk is told as such, is a NO-GO, and moves neither number nor head."""
    journal = Journal(Paper(room=1))
    journal.append(EVENTS[0], AT)
    head = journal.head
    with pytest.raises(JournalUnwritable, match="No space left on device") as caught:
        journal.append(EVENTS[1], AT)
    assert caught.value.exit_code is ExitCode.NO_GO
    assert journal.head == head


def test_each_line_is_on_disk_before_the_next_act(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every line is fsynced, even when the system takes it in pieces."""
    real_write = os.write
    synced: list[int] = []
    monkeypatch.setattr(os, "write", lambda file, data: real_write(file, data[:7]))
    monkeypatch.setattr(os, "fsync", synced.append)
    sink = FileSink(tmp_path / "journal.jsonl")
    write(Journal(sink), EVENTS)
    sink.close()
    assert [event for event, _ in read_journal(tmp_path / "journal.jsonl")] == list(EVENTS)
    assert len(synced) == len(EVENTS)


def test_disk_full_in_the_middle_of_a_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that only half fits counts as never written."""
    real_write, pieces = os.write, iter([7])

    def half(file: int, data: bytes) -> int:
        size = next(pieces, None)
        if size is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real_write(file, data[:size])

    sink = FileSink(path)
    monkeypatch.setattr(os, "write", half)
    with pytest.raises(JournalUnwritable):
        Journal(sink).append(EVENTS[0], AT)
    sink.close()
    assert [event for event, _ in read_journal(path)] == list(EVENTS)
