"""What must hold of every night, whatever happens in it."""

import gc
import os
from collections.abc import Generator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial

import pytest

from tests.unit.idle.nights import Outcome, conduct
from tests.unit.run.plans import remember_kinds

NIGHTS = int(os.environ.get("RACEDAY_SIMULATE_NIGHTS", "3000"))
SEED = int(os.environ.get("RACEDAY_SEED", "0"))
CHUNK = 20
MOST = 1500  # nights that a mistake may take to show
AGAIN = "RACEDAY_SEED={seed} RACEDAY_SIMULATE_NIGHTS=1 pytest tests/unit/idle/test_nights.py"


def outcomes(count: int, **mistakes: bool) -> Generator[tuple[int, Outcome]]:
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

    Nor anything that is still under way when its window is over, unless a step took too long.

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


def first_nights_with(*sentences: str, **mistakes: bool) -> set[str]:
    """Which of these are found, in as many nights as that takes, at most MOST."""
    found = set[str]()
    with closing(outcomes(MOST, **mistakes)) as nights:
        for _, outcome in nights:
            found |= {text for text in sentences for said in outcome.broken if text in said}
            if len(found) == len(sentences):
                break
    return found


@pytest.mark.mutant
@pytest.mark.parametrize(
    ("mistake", "sentences"),
    [
        ("asks_again", ("outside of every window", "customers are betting", "an alert fires")),
        ("sees_holes", ("nobody knows whether",)),
        ("sees_hosts", (" down since ",)),
        ("sees_ends", ("after the window's end",)),
    ],
)
def test_a_mistake_breaks_them(mistake: str, sentences: tuple[str, ...]) -> None:
    """The same nights with everything asked once before a run, blind for holes, hosts, or time."""
    assert first_nights_with(*sentences, **{mistake: False}) == set(sentences)
