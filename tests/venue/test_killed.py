"""raceday itself is killed at random moments of a day: nothing that it leaves behind stays behind.

RACEDAY_KILLS says how often (10), `make long-tests`: a hundred times. The moments are others each
time: the seed is printed, and RACEDAY_SEED repeats them.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import gettempdir

import pytest

from tests.venue.command import Raceday, Result, Started, processes_of
from tests.venue.hands import SERVERS, UNITS, Venue

KILLS = int(os.environ.get("RACEDAY_KILLS", "10"))
SEED = int(os.environ.get("RACEDAY_SEED") or time.time())
GLASS = ("--break-glass", "--reason", "kill -9")
DAY = {  # a procedure, and about how many seconds it takes on the demo
    "morning": (("morning", "--yes"), 14),
    "restart": (("restart", "wagering", "--yes", *GLASS), 12),
    "evening": (("evening", "--yes"), 8),
}
DOES = {"start", "stop", "test", "through", "close", "open", "drain", "undrain", "settled"}


def killed(desk: Raceday, words: tuple[str, ...], after: float) -> Started | None:
    """A procedure that was killed after so many seconds; None when it had ended before.

    One that is killed before it wrote anything has done nothing: it is begun again.
    """
    running = desk.begin(*words)
    try:
        running.process.wait(after)
    except subprocess.TimeoutExpired:
        running.kill()
        lines = running.journal()
        if lines and lines[-1]["type"] == "run.finished":
            return None
        return running if lines else killed(desk, words, after + 1)
    running.process.communicate()
    return None


def begun_twice_unseen(lines: list[dict[str, object]]) -> Iterator[str]:
    """Steps that acted a second time before every first look of their process had ended."""
    acted: set[object] = set()
    looks: set[object] = set()
    for line in lines:
        match line["type"], line.get("step"):
            case "run.resumed", _:
                steps = line["plan"]["steps"]  # type: ignore[index]  # a plan as JSON
                looks = {name for name in steps if name.endswith(".look")}
            case "step.finished" | "step.skipped", step:
                looks.discard(step)
            case "step.started", step if str(step).split(".")[1] in DOES:
                if step in acted and looks:
                    yield f"{step} again before {sorted(map(str, looks))}"
                acted.add(step)


def acted_unseen(lines: list[dict[str, object]]) -> Iterator[str]:
    """Steps of a new run that acted before the first look at their own component had ended."""
    planned = lines[0]["plan"]["steps"]  # type: ignore[index]  # a plan as JSON
    looks = {name for name in planned if name.endswith((".preflight", ".look"))}
    for line in lines:
        component, _, verb = str(line.get("step", "")).partition(".")
        if line["type"] in {"step.finished", "step.skipped"}:
            looks.discard(line["step"])
        if line["type"] == "step.started" and verb in DOES:
            own = looks & {f"{component}.preflight", f"{component}.look"}
            yield from (f"{line['step']} before {look}" for look in own)


def assert_right_end(procedure: str, venue: Venue, resumed: Result) -> None:
    """It ends as if nobody had killed it."""
    assert resumed.code == 0, str(resumed)
    if procedure == "morning":
        assert resumed.verdict == "GO", str(resumed)
    if procedure == "evening":
        assert venue.active() == set()
    else:
        assert venue.in_rotation() == set(SERVERS)
        assert venue.active() == set(UNITS)


def assert_nothing_lives(dead: Started, run_id: object) -> None:
    """No process of a dead run, on the controller, and none of its files."""
    assert dead.processes == set()
    assert processes_of(str(run_id)) == set()
    assert list(Path(gettempdir()).glob(f"raceday-{run_id}-*")) == []


def assert_recovered(procedure: str, venue: Venue, desk: Raceday, dead: Started) -> None:
    """Nothing is half open, nothing that a restart took out stays out, twice is safe."""
    recovered = desk("recover", "--yes")
    assert recovered.code == 0, str(recovered)
    assert_nothing_lives(dead, dead.journal()[0]["run_id"])
    if venue.is_active("lb1"):
        assert venue.in_rotation() in (set(), set(SERVERS))
    if procedure == "restart":
        assert venue.in_rotation() == set(SERVERS)
        assert venue.active() == set(UNITS)
    again = desk("recover", "--yes")
    assert (again.code, again.stderr) == (0, ""), str(again)


@pytest.mark.kills
@pytest.mark.timeout(120 * KILLS)
def test_kill_9_at_random_moments_of_the_day(venue: Venue, desk: Raceday) -> None:
    """Morning, restart, evening, each killed and then resumed or recovered, over and over."""
    random, done, tried = Random(SEED), 0, 0  # noqa: S311  # moments, no secrets
    print(f"again: RACEDAY_SEED={SEED} RACEDAY_KILLS={KILLS}")
    while done < KILLS:
        procedure = list(DAY)[tried % len(DAY)]
        words, usual = DAY[procedure]
        moment, resume = random.uniform(0.3, usual), random.choice((True, True, False))
        tried += 1
        print(f"{procedure} killed after {moment:.1f} s, {'resume' if resume else 'recover'}")
        dead = killed(desk, words, moment)
        if dead is None:
            continue
        done += 1
        run_id = dead.journal()[0]["run_id"]
        if resume:
            glass = GLASS if procedure == "restart" else ()
            resumed = desk("resume", run_id, "--yes", *glass)
            assert_nothing_lives(dead, run_id)
            assert_right_end(procedure, venue, resumed)
            assert not list(begun_twice_unseen(dead.journal()))
        else:
            assert_recovered(procedure, venue, desk, dead)
            if procedure != "restart":
                following = desk.begin(*words)
                assert_right_end(procedure, venue, following.result())
                assert not list(acted_unseen(following.journal()))
