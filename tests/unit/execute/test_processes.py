"""What a dead run has left on this machine is found by its id, and nothing else is touched."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from automation.execute.ansible import (
    OWNER_FILE,
    AnsibleExecutor,
    Options,
    dead_owners,
    end_owners,
    end_run,
    runs_here,
)
from automation.execute.owner import Owner, read_owner, this_owner
from automation.execute.processes import MARKER, OWNER, end_marked, interrupt
from automation.run.lock import began

RUN, OTHER = "20261121T063000Z-morning-3f2a", "20261121T063000Z-morning-3f2b"


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A process without a mark, the only one that there is."""
    environment = {key: value for key, value in os.environ.items() if key != MARKER}
    with started(environment) as process:
        seen = [psutil.Process(process.pid)]
        monkeypatch.setattr(psutil, "process_iter", lambda: seen)
        yield process
        process.kill()


@pytest.mark.parametrize("mark", ["", RUN])
def test_who_has_no_mark_is_never_ended(child: subprocess.Popen[bytes], mark: str) -> None:
    """Not for a run, and not for a run without a name."""
    assert end_marked(mark) == 0
    assert child.poll() is None


def test_a_connection_that_is_kept_ends_with_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ssh has written its title over its environment: where its socket lies tells whose it is."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    kept = {run: tmp_path / f"raceday-{run}-x1" / "cp" / "0c4a [mux]" for run in (RUN, OTHER)}
    for socket in kept.values():
        socket.parent.mkdir(parents=True)
    with ExitStack() as ending:
        sshs = [
            ending.enter_context(
                subprocess.Popen([f"ssh: {socket}", "60"], executable=shutil.which("sleep"), env={})
            )
            for socket in kept.values()
        ]
        ending.callback(sshs[1].kill)
        end_run(RUN)
        sshs[0].wait(5)
        assert sshs[1].poll() is None


def test_only_the_process_that_is_meant_is_interrupted(child: subprocess.Popen[bytes]) -> None:
    """Whoever has its number now is left alone, and so is one whose beginning nobody knows."""
    assert interrupt(child.pid, "1")
    assert not interrupt(child.pid, "")
    assert child.poll() is None
    assert interrupt(child.pid, began(child.pid))
    assert child.wait(5) == -signal.SIGTERM


def test_the_files_of_a_run_are_removed_and_no_others(
    child: subprocess.Popen[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folders of another run, and of whoever else names his so, stay."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in (f"raceday-{RUN}-x1", f"raceday-{OTHER}-x1", "raceday-2x1k", "raceday-"):
        (tmp_path / name / "lane").mkdir(parents=True)
    assert runs_here() == {RUN, OTHER}
    assert end_run(RUN) == 0
    kept = {f"raceday-{OTHER}-x1", "raceday-2x1k", "raceday-"}
    assert {path.name for path in tmp_path.iterdir()} == kept


@contextmanager
def started(environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives until it is ended; the kernel shows its environment."""
    with subprocess.Popen(
        ["sh", "-c", "echo up; read _"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stdout.readline()
        yield process


def dead_owner(venue: Path) -> Owner:
    """A raceday process of this venue that has ended."""
    with subprocess.Popen(["true"]) as process:
        gone = process.pid
    return replace(this_owner(venue), pid=gone, since="1")


def leave(scratch: Path, name: str, owner: object) -> None:
    """A scratch folder of an owner."""
    folder = scratch / f"raceday-{RUN}-{name}"
    (folder / "lane").mkdir(parents=True)
    (folder / OWNER_FILE).write_text(str(owner), encoding="utf-8")


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize("whose", ["dead", "alive", "another venue's", "unreadable"])
def test_only_what_a_dead_process_of_the_venue_left_is_ended(
    whose: str, scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its run was called and wherever its reports are: its processes and its files."""
    owner = {
        "dead": dead_owner(tmp_path),
        "alive": this_owner(tmp_path),
        "another venue's": dead_owner(tmp_path / "other"),
        "unreadable": "{",
    }[whose]
    leave(scratch, "x1", owner)
    environment = {**os.environ, OWNER: str(owner)}
    with started(environment) as process:
        seen = [psutil.Process(process.pid)]
        monkeypatch.setattr(psutil, "process_iter", lambda: seen)
        try:
            end_owners(dead_owners(tmp_path))
            assert (process.poll() is not None) is (whose == "dead")
            assert bool(list(scratch.iterdir())) is (whose != "dead")
        finally:
            process.kill()


@pytest.mark.parametrize("changed", [{"space": "pid:[1]"}, {"since": ""}, {"boot": ""}])
def test_who_cannot_be_looked_at_may_live(
    changed: dict[str, Any], scratch: Path, tmp_path: Path
) -> None:
    """Another process namespace, or a system that does not say when a process began."""
    leave(scratch, "x1", replace(dead_owner(tmp_path), **changed))
    assert dead_owners(tmp_path) == frozenset()


def test_who_was_before_the_last_boot_is_dead(scratch: Path, tmp_path: Path) -> None:
    """Although its number may be another's now."""
    leave(scratch, "x1", replace(this_owner(tmp_path), boot="another boot"))
    assert len(dead_owners(tmp_path)) == 1


def test_an_executor_says_whose_its_files_are(scratch: Path, tmp_path: Path) -> None:
    """From its beginning to its end."""
    options = Options(tmp_path / "hosts.yml", RUN, {}, venue=tmp_path)
    with closing(AnsibleExecutor(options)):
        (folder,) = scratch.iterdir()
        owner = read_owner((folder / OWNER_FILE).read_text(encoding="utf-8"))
        assert owner == this_owner(tmp_path)
        assert dead_owners(tmp_path) == frozenset()
    assert not list(scratch.iterdir())
