"""How long things took before: medians and 95th percentiles from the reports of earlier runs."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from statistics import median

from pydantic import AwareDatetime, BaseModel, ValidationError

from automation.run.plan import Plan

RUNS = 20
FAR = 500
FEW = 5  # runs from which on the longest of them is taken for the 95th percentile
MARGIN = 2.0  # before that a step may take so many times the longest
REPORT = "report.json"
SUCCESSFUL = frozenset({"SUCCESS", "WARNINGS"})


@dataclass(frozen=True)
class Duration:
    """Seconds over some runs: the middle one, and the one that 95 of 100 stay under."""

    median: float
    p95: float


@dataclass(frozen=True)
class History:
    """What `runs` earlier runs took, as a whole and per step; `run` is None without any.

    A step that was done fewer than FEW times has MARGIN times its longest as p95: a single night
    says little of how long it may take.
    """

    runs: int = 0
    run: Duration | None = None
    steps: Mapping[str, Duration] = field(default_factory=dict)

    def estimates(self) -> dict[str, float]:
        """Step to median seconds, as a plan wants it."""
        return {step: duration.median for step, duration in self.steps.items()}


def read_history(reports: Path, venue: str, procedure: str, last: int = RUNS) -> History:
    """The last successful runs of a procedure that really started something.

    `reports` is the reports directory. Files that are broken or not ours are passed over.
    """
    runs = list(islice(_successful(reports / venue, procedure), last))
    whole = [run.duration_seconds for run in runs if run.did_work]
    return History(len(runs), duration_of(whole) if whole else None, _steps_of(runs))


def read_steps(reports: Path, venue: str, procedure: str) -> History:
    """How long each step took the last RUNS times, whichever of the procedure's runs had it.

    Runs of one procedure may be about different components: those that are restarted every week
    have a history although others are tested every night. At most FAR runs are read.
    """
    return History(steps=_steps_of(islice(_successful(reports / venue, procedure), FAR)))


def _steps_of(runs: Iterable["PastRun"]) -> dict[str, Duration]:
    """From runs newest first."""
    taken: dict[str, list[float]] = defaultdict(list)
    for run in runs:
        for step in run.steps:
            if step.seconds is not None and step.did_work and len(taken[step.id]) < RUNS:
                taken[step.id].append(step.seconds)
    return {name: _of_step(seconds) for name, seconds in taken.items()}


def last_go(reports: Path, plan: Plan) -> datetime | None:
    """When the plan's newest run that ended in GO was decided; None when there is none.

    Where a plan gives no verdict, nothing is read.
    """
    runs = _runs(reports / plan.venue, plan.procedure) if plan.gives_verdict else ()
    for run in runs:
        if run.verdict and run.verdict.result == "GO":
            return run.verdict.decided_at
    return None


def reports_of(folder: Path, procedure: str) -> list[Path]:
    """The reports of a procedure's runs, newest first; their folders' names tell both (run ids)."""
    return sorted(folder.glob(f"2*Z-{procedure}-????/{REPORT}"), reverse=True)


def duration_of(seconds: Sequence[float]) -> Duration:
    """The 95th percentile by nearest rank: with few runs, simply the longest."""
    ordered = sorted(seconds)
    return Duration(median(ordered), ordered[math.ceil(0.95 * len(ordered)) - 1])


def _of_step(seconds: Sequence[float]) -> Duration:
    known = duration_of(seconds)
    return known if len(seconds) >= FEW else replace(known, p95=MARGIN * max(seconds))


class _Host(BaseModel):
    state: str


class _Step(BaseModel):
    id: str
    verb: str
    status: str
    seconds: float | None
    hosts: tuple[_Host, ...]

    @property
    def did_work(self) -> bool:
        """Not a step that merely found everything as it should be."""
        found = {host.state for host in self.hosts}
        return self.status == "succeeded" and "ok" in found and "would" not in found


class _Verdict(BaseModel):
    result: str
    decided_at: AwareDatetime


class PastRun(BaseModel):
    """What of a report tells how long things take; everything else in it is left alone."""

    procedure: str
    result_state: str
    check: bool
    duration_seconds: float
    verdict: _Verdict | None
    steps: tuple[_Step, ...]

    @property
    def did_work(self) -> bool:
        """Whether any start was more than finding all up; true where nothing starts."""
        starts = [step for step in self.steps if step.verb == "start"]
        return not starts or any(step.did_work for step in starts)


def _successful(folder: Path, procedure: str) -> Iterator[PastRun]:
    for run in _runs(folder, procedure):
        if run.result_state in SUCCESSFUL and not run.check:
            yield run


def _runs(folder: Path, procedure: str) -> Iterator[PastRun]:
    """The readable reports of a procedure, newest first."""
    for path in reports_of(folder, procedure):
        try:
            run = PastRun.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            continue
        if run.procedure == procedure:
            yield run
