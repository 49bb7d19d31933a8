"""The simulated world keeps its own promises, so that what it proves of the engine holds."""

from datetime import timedelta
from random import Random

import pytest

from automation.execute.simulator import (
    MORNING,
    WHOLE_STEP,
    FakeClock,
    Fault,
    Faults,
    Report,
    Simulator,
    World,
)
from automation.run.decide import Begin
from automation.run.events import HostReported, HostState, StepFinished
from automation.run.plan import Plan, PlannedComponent
from tests.unit.run.plans import plan_of

PLAN = plan_of([PlannedComponent("web", "Web", ("w1", "w2"))])
START, GATE, OPEN = (PLAN.steps[f"web.{name}"] for name in ("start", "gate", "open"))


def simulator(faults: Faults, world: World | None = None, plan: Plan = PLAN) -> Simulator:
    made = Simulator(Random(7), faults, FakeClock(), world)  # noqa: S311  # a simulation
    made.prepare(plan)
    return made


def everything(made: Simulator, patience: float = 1000.0) -> list[Report]:
    """All reports that come while somebody waits."""
    reports = []
    while report := made.report(patience):
        reports.append(report)
    return reports


def states(reports: list[Report]) -> list[tuple[str, HostState]]:
    return [(item.host, item.state) for item in reports if isinstance(item, HostReported)]


def test_a_healthy_step() -> None:
    """Every host reports once, then the step ends; the truth agrees."""
    made = simulator({})
    made.begin(Begin(START, START.hosts))
    reports = everything(made)
    assert sorted(states(reports)) == [("w1", HostState.OK), ("w2", HostState.OK)]
    assert reports[-1] == StepFinished("web.start")
    assert made.truth.begun == {"web.start": ("w1", "w2")}
    assert made.truth.proven == made.truth.answered == {("web.start", "w1"), ("web.start", "w2")}
    assert made.truth.untouched == set()


def test_time_passes_only_by_waiting() -> None:
    """The clock stands at the report that was waited for, or at the end of the patience."""
    made = simulator({})
    assert made.report(30.0) is None
    assert made.clock() == MORNING + timedelta(seconds=30)
    made.begin(Begin(START, ("w1",)))
    assert made.report(0.0) is None
    assert made.clock() == MORNING + timedelta(seconds=30)
    assert made.report(1000.0)
    assert MORNING + timedelta(seconds=30) < made.clock() < MORNING + timedelta(seconds=90)


def test_waiting_for_nothing_is_an_error() -> None:
    """An engine that would hang for ever is told so instead."""
    with pytest.raises(RuntimeError, match="for ever"):
        simulator({}).report(None)


def test_one_seed_is_one_story() -> None:
    """The same seed gives the same reports at the same times."""
    stories = []
    for _ in range(2):
        made = simulator({("web.start", "w1"): Fault.STRAY, ("web.start", "w2"): Fault.TWICE})
        made.begin(Begin(START, START.hosts))
        stories.append((everything(made), made.clock()))
    assert stories[0] == stories[1]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault.SILENT, []),
        (Fault.UNREACHABLE, [HostState.UNREACHABLE]),
        (Fault.FAILS, [HostState.FAILED]),
        (Fault.TWICE, [HostState.OK, HostState.ALREADY]),
        (Fault.TAKES_BACK, [HostState.FAILED, HostState.OK]),
    ],
)
def test_host_faults(fault: Fault, told: list[HostState]) -> None:
    """One host misbehaves, the other does not; only what is true counts as answered."""
    made = simulator({("web.start", "w1"): fault})
    made.begin(Begin(START, START.hosts))
    assert [state for host, state in states(everything(made)) if host == "w1"] == told
    assert (("web.start", "w1") in made.truth.answered) == (fault is Fault.TWICE)
    assert ("web.start", "w2") in made.truth.answered


@pytest.mark.parametrize("fault", [Fault.BAD_CHECK, Fault.MISSING_CHECK])
def test_bad_and_missing_checks(fault: Fault) -> None:
    """A host with a bad or a missing check has answered and proven nothing."""
    plan = plan_of([PlannedComponent("web", "Web", ("w1",))])
    start = plan.steps["web.start"]
    checked = type(start)(**{**vars(start), "checks": ("headroom",)})
    made = simulator({("web.start", "w1"): fault}, plan=plan)
    made.begin(Begin(checked, ("w1",)))
    everything(made)
    assert (made.truth.answered, made.truth.proven) == ({("web.start", "w1")}, set())


def test_a_host_that_dies_later() -> None:
    """It starts well, and a minute later the gate finds it unreachable."""
    made = simulator({("web.start", "w1"): Fault.DIES})
    made.begin(Begin(START, START.hosts))
    assert set(states(everything(made))) == {("w1", HostState.OK), ("w2", HostState.OK)}
    made.begin(Begin(GATE, GATE.hosts))
    found = dict(states(everything(made)))
    assert found == {"w1": HostState.UNREACHABLE, "w2": HostState.OK}
    assert ("web.gate", "w1") not in made.truth.proven


def test_a_gate_finds_only_what_was_started() -> None:
    """Looking at a unit that nobody started finds it down, unless it was up before."""
    for world, state in ((World(), HostState.FAILED), (World(up=1.0), HostState.OK)):
        made = simulator({}, world)
        made.begin(Begin(GATE, ("w1",)))
        assert states(everything(made)) == [("w1", state)]


def test_what_is_up_is_left_alone() -> None:
    """In a world that is up, a start finds everything already done; sales are told if open."""
    made = simulator({}, World(up=1.0, sales_open=True))
    made.begin(Begin(START, ("w1",)))
    made.begin(Begin(PLAN.steps["web.preflight"], ("w1",)))
    reports = [item for item in everything(made) if isinstance(item, HostReported)]
    by_step = {item.step: item for item in reports}
    assert by_step["web.start"].state is HostState.ALREADY
    assert by_step["web.preflight"].evidence == {"sales": "open"}
    assert made.truth.untouched == {("web.start", "w1")}


def test_a_crash_ends_a_step_before_its_hosts() -> None:
    """A step that crashes ends with a cause; what its hosts say later is true for nobody."""
    made = simulator({("web.start", WHOLE_STEP): Fault.CRASHES})
    made.begin(Begin(START, ("w1",)))
    first, second = everything(made)
    assert isinstance(first, StepFinished)
    assert first.cause
    assert isinstance(second, HostReported)
    assert made.truth.answered == set()


def test_a_hang_never_ends_by_itself() -> None:
    """A hanging step gives no end; once it is abandoned nothing of it counts any more."""
    made = simulator({("web.start", WHOLE_STEP): Fault.HANGS, ("web.start", "w1"): Fault.LATE})
    made.begin(Begin(START, ("w1",)))
    assert made.report(START.timeout) is None
    made.abandon(START)
    assert states(everything(made)) == [("w1", HostState.OK)]
    assert made.truth.answered == set()


def test_stray_reports_are_never_true() -> None:
    """What nobody asked for is of a strange host, or of a step that does not run."""
    for seed in range(50):
        made = Simulator(Random(seed), {("web.start", "w1"): Fault.STRAY}, FakeClock())  # noqa: S311
        made.prepare(PLAN)
        made.begin(Begin(START, ("w1",)))
        true = (("web.start", "w1"), ("web.start", ""))
        told = [(item.step, getattr(item, "host", "")) for item in everything(made)]
        strays = [pair for pair in told if pair not in true]
        assert len(strays) == 2
        assert all(step != "web.start" or host == "stranger" for step, host in strays)


def test_nothing_begins_twice_or_after_the_end() -> None:
    """The simulator refuses what an engine must never do."""
    made = simulator({})
    made.begin(Begin(START, ("w1",)))
    with pytest.raises(RuntimeError, match="twice"):
        made.begin(Begin(START, ("w1",)))
    made.close()
    assert made.closed
    with pytest.raises(RuntimeError, match="after the end"):
        made.begin(Begin(OPEN, ("w1",)))
