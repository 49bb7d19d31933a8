"""The real `raceday` command as its users run it: a process with its own reports."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir
from typing import Any
from uuid import uuid4

import jsonschema

from tests.venue.hands import wait_until

ROOT = Path(__file__).resolve().parents[2]
BESIDE_PYTHON = Path(sys.executable).with_name("raceday")
CALL = "RACEDAY_CALL"  # in the environment of a call and of all that it starts
JOURNALS = "*/2*/journal.jsonl"
SCHEMA = json.loads((ROOT / "schemas" / "report.v1.json").read_text())
# what `raceday status` adds to the keys of a report
OF_STATUS = {"healthy", "standing", "held_by", "out_of_rotation", "closed_by"}


def processes_of(run_id: str) -> set[int]:
    """Every process that carries a run's id in its environment or title, wherever it went.

    The ssh that keeps a connection has written its title over its environment.
    """
    connections = _who_has("cmdline", f"ssh: {gettempdir()}/raceday-{run_id}-")
    return _who_has("environ", f"RACEDAY_RUN={run_id}") | connections


def _who_has(what: str, mark: str) -> set[int]:
    files = Path("/proc").glob(f"[0-9]*/{what}")
    return {int(file.parent.name) for file in files if _has(file, mark.encode())}


def _has(file: Path, mark: bytes) -> bool:
    """Whether the kernel shows the mark of a process; of one that is gone it does not."""
    try:
        return mark in file.read_bytes()
    except OSError:
        return False


@dataclass(frozen=True)
class Result:
    """How one call ended. `report` is the one JSON document on stdout."""

    code: int
    report: Mapping[str, Any]
    stderr: str
    seconds: float
    folder: Path

    @property
    def verdict(self) -> str:
        """GO, CONDITIONAL or NO-GO."""
        return str(self.report["verdict"]["result"])

    @property
    def components(self) -> dict[str, str]:
        """The state of each component."""
        return {item["name"]: item["state"] for item in self.report["components"]}

    @property
    def not_executed(self) -> dict[str, str]:
        """Each step that did not run, and why."""
        return {item["step"]: item["reason"] for item in self.report["not_executed"]}

    @property
    def errors(self) -> set[tuple[str, str, str]]:
        """Host, what and why of every error."""
        return {(item["host"], item["what"], item["why"]) for item in self.report["errors"]}

    def __str__(self) -> str:
        kept = ("verdict", "errors", "not_executed", "error")
        told = {key: self.report[key] for key in kept if key in self.report}
        return (
            f"exit {self.code} in {self.seconds:.1f} s\n{json.dumps(told, indent=1)}\n{self.stderr}"
        )


class Started:
    """A call that is still running, in a process group of its own as in a terminal."""

    def __init__(self, command: list[str], cwd: Path, reports: Path) -> None:
        self._began = time.monotonic()
        self._reports = reports
        self._earlier = set(reports.glob(JOURNALS))
        self._call = f"{CALL}={uuid4()}"
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env=os.environ | {"LC_ALL": "C.UTF-8"} | dict([self._call.split("=")]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @property
    def processes(self) -> set[int]:
        """Itself and all that came from it, also what never got a run's id: a fork that hangs."""
        return _who_has("environ", self._call)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group, as a terminal does."""
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """kill -9 of raceday itself, and of nothing else."""
        self.process.kill()
        self.process.communicate()

    def result(self) -> Result:
        """Wait for its end; each report is held against the schema."""
        output, errors = self.process.communicate(timeout=180)
        document = json.loads(output) if output else {}
        if "schema_version" in document:
            report = {key: document[key] for key in document.keys() - OF_STATUS}
            jsonschema.validate(report, SCHEMA)
        seconds = time.monotonic() - self._began
        folder = self.run_folder(document["run_id"]) if "run_id" in document else self._reports
        return Result(self.process.returncode, document, errors, seconds, folder)

    def run_folder(self, run_id: str) -> Path:
        """Where a run is recorded."""
        return next(self._reports.glob(f"*/{run_id}"), self._reports)

    def journal(self) -> list[dict[str, Any]]:
        """The whole lines this run has written so far, without verification."""
        files = set(self._reports.glob(JOURNALS)) - self._earlier
        text = "".join(file.read_text() for file in files).rpartition("\n")[0]
        return [json.loads(line) for line in text.splitlines()]

    def wait_for(self, kind: str, step: str) -> None:
        """Wait until the journal has an event of a step."""
        wait_until(
            lambda: any(line["type"] == kind and line["step"] == step for line in self._steps()),
            f"{kind} {step}",
            60,
        )

    def _steps(self) -> Iterable[dict[str, Any]]:
        return (line for line in self.journal() if "step" in line)


class Raceday:
    """The command with its global options; call it with the words of a subcommand."""

    def __init__(self, reports: Path, venue: Path, program: Path = BESIDE_PYTHON) -> None:
        self.reports = reports
        self.venue = venue
        self._program = program
        self._begun: list[Started] = []

    def __call__(self, *words: str, venue: Path | None = None, cwd: Path = ROOT) -> Result:
        """Run it to its end."""
        return self.begin(*words, venue=venue, cwd=cwd).result()

    def begin(self, *words: str, venue: Path | None = None, cwd: Path = ROOT) -> Started:
        """Start it."""
        options = ["--reports", str(self.reports), "--format", "json", "--lang", "en"]
        site = ["--venue", str(venue or self.venue)]
        started = Started([str(self._program), *options, *site, *words], cwd, self.reports)
        self._begun.append(started)
        return started

    def end(self) -> None:
        """Interrupt whatever a failed test left running."""
        for started in self._begun:
            if started.process.poll() is None:
                started.signal(signal.SIGINT)
                started.process.communicate()
