"""What a dead run has left on this machine is found by its id, and nothing else is touched."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from automation.execute.ansible import end_run, runs_here
from automation.execute.processes import MARKER, end_marked

RUN, OTHER = "20261121T063000Z-morning-3f2a", "20261121T063000Z-morning-3f2b"


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A process without a mark, the only one that there is."""
    environment = {key: value for key, value in os.environ.items() if key != MARKER}
    with subprocess.Popen(["sleep", "60"], env=environment) as process:
        seen = [psutil.Process(process.pid)]
        monkeypatch.setattr(psutil, "process_iter", lambda: seen)
        yield process
        process.kill()


@pytest.mark.parametrize("mark", ["", RUN])
def test_who_has_no_mark_is_never_ended(child: subprocess.Popen[bytes], mark: str) -> None:
    """Not for a run, and not for a run without a name."""
    assert end_marked(mark) == 0
    assert child.poll() is None


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
