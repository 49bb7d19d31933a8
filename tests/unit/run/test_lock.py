"""One run per venue, proven with real processes."""

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from automation.errors import Unwritable, UsageError
from automation.exit_codes import ExitCode
from automation.run.lock import Holder, VenueLocked, hold, read_holder, this_process

pytestmark = pytest.mark.slow  # processes of their own

SINCE = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)

HOLDER_PROCESS = """
import subprocess, sys, time
from datetime import UTC, datetime
from pathlib import Path
from automation.run.lock import VenueLocked, hold, this_process

try:
    with hold(Path(sys.argv[1]), this_process(sys.argv[2], "김철수", "morning", datetime.now(UTC))):
        if sys.argv[3:] == ["with-child"]:
            child = subprocess.Popen(["sleep", "60"], close_fds=False)
            print("child", child.pid, flush=True)
        print("holding", flush=True)
        time.sleep(60)
except VenueLocked as error:
    print("locked", error.holder.run_id if error.holder else "", flush=True)
"""

FORKING_PROCESS = """
import os, sys, time
from datetime import UTC, datetime
from pathlib import Path
from automation.run.lock import hold, this_process

venue_file = Path(sys.argv[2])
me = this_process("dead", "김철수", "morning", datetime.now(UTC))
with hold(Path(sys.argv[1]), me, venue_file):
    if os.fork() == 0:
        print("forked", flush=True)
    time.sleep(60)
"""

LANES_PROCESS = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from automation.run.lock import hold, this_process

def fork(_number):
    pid, terminal = os.forkpty()
    if pid == 0:
        os._exit(0)
    code = os.waitpid(pid, 0)[1]
    os.close(terminal)
    return code

me = this_process("lanes", "김철수", "morning", datetime.now(UTC))
with hold(Path(sys.argv[1]), me), ThreadPoolExecutor(4) as pool:
    print(sum(pool.map(fork, range(2000))), flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "demo" / "lock"


@pytest.fixture
def me() -> Holder:
    return this_process("20261121T063000Z-morning-3f2a", "김철수", "morning", SINCE)


def test_one_holder_at_a_time(path: Path, me: Holder) -> None:
    """A held venue refuses a second run and names who, since when, what, process and run.

    The time is the venue's.
    """
    with (
        hold(path, me),
        pytest.raises(VenueLocked) as refusal,
        hold(path, me, zone="Asia/Seoul"),
    ):
        pytest.fail("two runs hold one venue")
    error = refusal.value
    assert error.exit_code is ExitCode.LOCKED
    assert error.holder == me
    assert error.message == (
        "김철수 holds the venue since 2026-11-21 15:30:00 for morning: "
        f"run {me.run_id}, process {os.getpid()} on {me.host}."
    )
    assert me.run_id in error.hint
    assert "raceday explain" in error.hint


def test_released_after_the_run(path: Path, me: Holder) -> None:
    """A run that ends, or fails, frees the venue and takes its name away."""
    with pytest.raises(RuntimeError, match="boom"), hold(path, me):
        raise RuntimeError("boom")
    assert read_holder(path) is None
    with hold(path, me):
        assert read_holder(path) == me


def test_files_are_private(path: Path, me: Holder) -> None:
    """The lock and the holder's name are readable by the operator only, and no draft stays."""
    with hold(path, me):
        modes = {item.name: item.stat().st_mode & 0o777 for item in path.parent.iterdir()}
    assert modes == {"lock": 0o600, "lock.holder": 0o600}


def test_stale_name_is_replaced(path: Path, me: Holder) -> None:
    """A name without a lock, however fresh, stands in nobody's way."""
    path.parent.mkdir()
    stale = replace(me, run_id="old", pid=1)
    path.with_name("lock.holder").write_text(json.dumps(asdict(stale)))
    with hold(path, me):
        assert read_holder(path) == me


@pytest.mark.parametrize(
    "stale",
    [{"boot_id": "another boot"}, {"pid": 2**22 + 1}, {"began": "1"}],
    ids=["the machine booted since", "no such process", "another process has its number"],
)
def test_dead_name_is_not_told(path: Path, me: Holder, stale: dict[str, object]) -> None:
    """Between taking the lock and saying who, nobody is sent after a run that is long dead."""
    with hold(path, me):
        left_behind = json.dumps({**asdict(me), **stale})
        path.with_name("lock.holder").write_text(left_behind)
        with (
            pytest.raises(VenueLocked, match="does not say here who it is") as refusal,
            hold(path, me),
        ):
            pytest.fail("two runs hold one venue")
    assert refusal.value.holder is None


def test_a_name_without_its_beginning_is_told(path: Path, me: Holder) -> None:
    """An older raceday did not write when its process began; it may live."""
    with hold(path, me):
        written = asdict(me)
        del written["began"]
        path.with_name("lock.holder").write_text(json.dumps(written))
        assert read_holder(path) == replace(me, began="")


@pytest.mark.parametrize("text", ["", "not json", "[]", '{"pid": 1}'])
def test_unreadable_name_is_no_name(path: Path, me: Holder, text: str) -> None:
    """A torn or foreign holder file is no error of its own; the lock alone decides."""
    path.parent.mkdir()
    path.with_name("lock.holder").write_text(text)
    assert read_holder(path) is None
    with hold(path, me):
        assert read_holder(path) == me


def test_another_controllers_name_is_believed(path: Path, me: Holder) -> None:
    """A holder on another machine cannot be asked for, so its name is taken as it is."""
    elsewhere = replace(me, host="other", boot_id="other", pid=2**22 + 1)
    with hold(path, elsewhere):
        assert read_holder(path) == elsewhere


def test_a_child_that_was_only_forked_holds_nothing(path: Path, me: Holder) -> None:
    """It has not become another program yet when its parent is killed: the venue is free."""
    venue_file = path.parent / "site" / "venue.yml"
    venue_file.parent.mkdir(parents=True)
    command = [sys.executable, "-c", FORKING_PROCESS, str(path), str(venue_file)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "forked\n"
            process.kill()
            process.wait()
            with hold(path, me, venue_file):
                assert read_holder(path) == me
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_unusable_place(tmp_path: Path, me: Holder) -> None:
    """A lock that cannot be taken at all is wrong usage that names the place."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="file/lock"), hold(tmp_path / "file" / "lock", me):
        pytest.fail("a file is no directory")


def test_a_place_in_which_nothing_can_be_written(
    path: Path, me: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock file is there and may be locked, its directory is another's: no bug of ours."""

    create = os.open

    def only_open(name: Path, *args: int) -> int:
        if Path(name).exists():
            return create(name, *args)
        raise PermissionError(errno.EACCES, "Permission denied", str(name))

    with hold(path, me):
        pass
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", only_open)
        with pytest.raises(UsageError, match="lock cannot be taken: Permission"), hold(path, me):
            pytest.fail("nobody could say who holds it")
    with hold(path, me):
        assert read_holder(path) == me


def test_a_full_disk_is_no_wrong_usage(
    path: Path, me: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the lock or what is done under it finds no room: nothing is proven, code 20."""

    def no_room(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with pytest.raises(Unwritable, match="the verdict is NO-GO"), hold(path, me):
        no_room()
    monkeypatch.setattr(Path, "mkdir", no_room)
    with pytest.raises(Unwritable, match="No space left") as told, hold(path, me):
        pytest.fail("there is no room for a lock")
    assert told.value.exit_code == ExitCode.NO_GO


def test_a_race_has_one_winner(path: Path) -> None:
    """Of processes that start at the same moment exactly one gets the venue."""
    with ExitStack() as stack:
        racers = [stack.enter_context(_process(path, f"run-{index}")) for index in range(4)]
        words = sorted(_line(racer).split()[0] for racer in racers)
    assert words == ["holding", "locked", "locked", "locked"]


def test_kill_frees_the_venue(path: Path, me: Holder) -> None:
    """kill -9 of the holder frees the venue at once, even while its children live on."""
    with _process(path, "victim", "with-child") as process:
        child = int(_line(process).split()[1])
        assert _line(process) == "holding"
        with pytest.raises(VenueLocked, match="victim"), hold(path, me):
            pytest.fail("the victim still holds it")
        process.kill()
        process.wait()
        try:
            os.kill(child, 0)
            with hold(path, me):
                assert read_holder(path) == me
        finally:
            os.kill(child, signal.SIGKILL)


def test_age_is_no_proof(path: Path, me: Holder) -> None:
    """A lock that has been held for years is held."""
    ancient = replace(me, since="2001-09-01T00:00:00+00:00")
    with hold(path, ancient):
        os.utime(path, (0, 0))
        os.utime(path.with_name("lock.holder"), (0, 0))
        with pytest.raises(VenueLocked, match="2001-09-01"), hold(path, me):
            pytest.fail("age broke the lock")


@contextmanager
def _process(path: Path, *args: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDER_PROCESS, str(path), *args]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    assert line, f"the process ended with {process.poll()}"
    return line


def test_the_venue_file_is_held_whatever_the_reports_directory(tmp_path: Path) -> None:
    """Two operators who keep their reports apart exclude each other, whatever an editor does."""
    venue = tmp_path / "venue.yml"
    venue.write_text("venue: {name: demo}\n")
    venue.chmod(0o444)
    me = this_process("20261121T063000Z-morning-3f2a", "김철수", "morning", SINCE)
    here, there = tmp_path / "here" / ".lock", tmp_path / "there" / ".lock"
    with hold(here, me, venue):
        edited = tmp_path / "venue.yml.new"  # as editors save, in one act
        edited.write_text("venue: {name: demo, title: Edited}\n")
        edited.replace(venue)
        with pytest.raises(VenueLocked, match=str(tmp_path)), hold(there, me, venue):
            pytest.fail("held twice")
        assert read_holder(here) == me
    with hold(there, me, venue):
        assert read_holder(there) == me


def test_lanes_start_programs_at_the_same_time(path: Path) -> None:
    """A lock whose library forbids one thread to fork while another does would end a morning."""
    words = [sys.executable, "-W", "ignore", "-c", LANES_PROCESS, str(path)]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr) == ("0\n", "")
