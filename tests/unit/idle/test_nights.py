"""What must hold of every night, whatever happens in it."""

import gc
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import pytest

from tests.unit.idle.nights import Outcome, conduct
from tests.unit.run.plans import remember_kinds

NIGHTS = int(os.environ.get("RACEDAY_SIMULATE_NIGHTS", "3000"))
SEED = int(os.environ.get("RACEDAY_SEED", "0"))
CHUNK = 50
AGAIN = "RACEDAY_SEED={seed} RACEDAY_SIMULATE_NIGHTS=1 pytest tests/unit/idle/test_nights.py"


def outcomes(count: int, **mistakes: bool) -> Iterator[tuple[int, Outcome]]:
    """What came of so many nights, by their seeds."""
    seeds = range(SEED, SEED + count)
    with ProcessPoolExecutor(initializer=_settle) as pool:
        work = partial(conduct, **mistakes)
        yield from zip(seeds, pool.map(work, seeds, chunksize=CHUNK), strict=True)


def _settle() -> None:
    remember_kinds()
    gc.freeze()
    gc.set_threshold(100_000)


@pytest.mark.simulation
@pytest.mark.timeout(max(300, NIGHTS // 20))
def test_no_night_breaks_a_promise() -> None:
    """Not one stop outside a window, among customers, under an alert, or with another host down.

    Nor one when nobody knows whether customers are there, for a while in the signal's whole period.

    Nor a rehearsal's or a drill's load outside a window, among customers, under an alert, or while
    sales are open. RACEDAY_SIMULATE_NIGHTS says how many nights; in one of twenty at least
    something is stopped, and in one of a hundred bought.
    """
    stops, loads, broken = 0, 0, list[str]()
    for seed, outcome in outcomes(NIGHTS):
        stops += outcome.stops
        loads += outcome.loads
        broken += [f"{sentence}\n  again: {AGAIN.format(seed=seed)}" for sentence in outcome.broken]
    print(f"{NIGHTS} nights, {stops} stops, {loads} loads")
    assert not broken, "\n".join(broken)
    assert stops * 20 >= NIGHTS
    assert loads * 100 >= NIGHTS


@pytest.mark.mutant
def test_asking_only_at_the_start_breaks_them() -> None:
    """The same nights with everything asked once before a run: windows and customers are missed."""
    broken = [
        sentence for _, found in outcomes(1000, asks_again=False) for sentence in found.broken
    ]
    assert any("outside of every window" in sentence for sentence in broken)
    assert any("while customers are betting" in sentence for sentence in broken)
    assert any("while an alert fires" in sentence for sentence in broken)


@pytest.mark.mutant
def test_what_prometheus_shows_over_a_hole_is_not_known() -> None:
    """The same nights without a look at the samples: nobody knows what was in the holes."""
    broken = [
        sentence for _, found in outcomes(1000, sees_holes=False) for sentence in found.broken
    ]
    assert any("nobody knows whether" in sentence for sentence in broken)


@pytest.mark.mutant
def test_a_run_that_sees_no_host_down_breaks_them() -> None:
    """The same nights with probes that find all hosts up: what is down is down all the same."""
    broken = [
        sentence for _, found in outcomes(1000, sees_hosts=False) for sentence in found.broken
    ]
    assert any(" down since " in sentence for sentence in broken)
