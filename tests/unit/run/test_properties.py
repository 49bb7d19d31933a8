"""What must hold of every run, whatever the venue looks like and whatever goes wrong in it."""

import gc
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

import pytest

from automation.run import decide, journal, loop, state, verdict
from automation.run.events import HostReported, HostState, Message, StepFinished
from automation.run.journal import Journal
from automation.run.loop import Run
from automation.run.plan import Step, Verb
from automation.run.state import State, Status
from tests.unit.run.trials import violations

GRAPHS = int(os.environ.get("RACEDAY_GRAPHS", "10000"))
SEED = int(os.environ.get("RACEDAY_SEED", "0"))
AGAIN = "RACEDAY_SEED={seed} RACEDAY_GRAPHS=1 pytest tests/unit/run/test_properties.py -k random"
CHUNK = 100


@pytest.mark.timeout(max(300, GRAPHS // 20))
def test_random_runs_keep_every_promise(tmp_path: Path) -> None:
    """Random start-up graphs with random faults break none of the invariants in trials.py.

    RACEDAY_GRAPHS and RACEDAY_SEED say how many, and from which seed on; every graph has its own.
    """
    chunks = [range(SEED + at, SEED + min(at + CHUNK, GRAPHS)) for at in range(0, GRAPHS, CHUNK)]
    with ProcessPoolExecutor(max_workers=2, initializer=gc.freeze) as pool:
        found = list(chain.from_iterable(pool.map(partial(_try_all, tmp_path), chunks)))
    assert not found, f"of the seeds {SEED} to {SEED + GRAPHS - 1}:\n" + "\n".join(found)


def _try_all(folder: Path, seeds: range) -> list[str]:
    scratch = folder / f"{os.getpid()}.jsonl"
    return [
        f"{sentence}\n  again: {AGAIN.format(seed=seed)}"
        for seed in seeds
        for sentence in violations(seed, scratch)
    ]
