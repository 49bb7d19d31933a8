"""Where clock, journal and executor meet: what gets into the journal, and what never does."""

from collections.abc import Sequence
from datetime import timedelta
from random import Random

import pytest

from automation.execute.simulator import WHOLE_STEP, FakeClock, Fault, Faults, Simulator, World
from automation.run.decide import Begin
from automation.run.events import (
    Event,
    HostReported,
    HostState,
    RunInterrupted,
    RunStarted,
    StepFinished,
    StepSkipped,
    StepStarted,
)
from automation.run.journal import Journal, JournalUnwritable
from automation.run.loop import Run
from automation.run.plan import Plan, PlannedComponent
from automation.run.state import State, Status
from tests.unit.run.paper import Paper
from tests.unit.run.plans import plan_of

PLAN = plan_of(
    [
        PlannedComponent("bank", "은행", ("probe1",), external=True),
        PlannedComponent("database", "DB", ("db1", "db2"), min_ready=1),
        PlannedComponent("web", "Web", ("web1",), depends_on=("database", "bank")),
    ]
)


class Morning:
    """One simulated run of PLAN with everything that came of it."""

    def __init__(self, faults: Faults, *, world: World | None = None, room: int = 999) -> None:
        self.clock = FakeClock()
        self.simulator = Simulator(Random(1), faults, self.clock, world)  # noqa: S311
        self.events: list[Event] = []
        self.run = Run(Journal(Paper(room)), self.simulator, self.clock, [self._note])

    def drive(self, plan: Plan = PLAN, interrupted_at: int = 999) -> State:
        glances = iter(range(1000))
        self.run.start("run", "kim", plan, {})
        return self.run.drive(lambda: "kim" if next(glances) >= interrupted_at else "")

    def _note(self, _state: State, event: Event) -> None:
        self.events.append(event)


class Scripted(Simulator):
    """A simulator that says these things first, once something runs."""

    script: Sequence[HostReported | StepFinished] = ()

    def report(self, timeout: float | None) -> HostReported | StepFinished | None:
        if self.script:
            first, *self.script = self.script
            return first
        return super().report(timeout)


def test_a_good_morning() -> None:
    """With no fault every step succeeds in the order of the graph, and sales open on GO."""
    morning = Morning({})
    state = morning.drive()
    assert (state.verdict and state.verdict.result, state.result_state) == ("GO", "SUCCESS")
    assert {item.status for item in state.steps.values()} == {Status.SUCCEEDED}
    begun = [event.step for event in morning.events if isinstance(event, StepStarted)]
    assert begun[-1] == "web.open"
    assert begun.index("database.start") < begun.index("web.start") < begun.index("web.gate")


@pytest.mark.parametrize(
    "uninvited",
    [
        HostReported("database.preflight", "stranger", HostState.OK),
        HostReported("database.start", "db1", HostState.FAILED),
        HostReported("nobody.start", "db1", HostState.OK),
        StepFinished("database.gate"),
        StepFinished("nobody.start"),
    ],
    ids=["a host not asked", "a step not begun", "no such step", "an end too early", "no such end"],
)
def test_uninvited_reports_are_not_recorded(uninvited: HostReported | StepFinished) -> None:
    """Only a running step can report, and only of hosts it was released on."""
    morning = Morning({})
    simulator = Scripted(Random(1), {}, morning.clock)  # noqa: S311
    simulator.script = [uninvited]
    run = Run(Journal(Paper()), simulator, morning.clock, [lambda _s, e: morning.events.append(e)])
    run.start("run", "kim", PLAN, {})
    run.drive()
    undisturbed = Morning({})
    undisturbed.drive()
    assert morning.events == undisturbed.events


def test_a_hanging_step_is_given_up_at_its_bound() -> None:
    """A step past its timeout is abandoned then, and says so; what comes later is not recorded."""
    morning = Morning(
        {("database.start", WHOLE_STEP): Fault.HANGS, ("web.test", "web1"): Fault.LATE}
    )
    state = morning.drive()
    for name in ("database.start", "web.test"):
        item = state.steps[name]
        assert item.started_at
        assert item.finished_at == item.started_at + timedelta(seconds=item.step.timeout)
        assert str(item.reason) == f"{name} did not end within its 60 seconds"
    assert state.steps["database.start"].status is Status.SUCCEEDED
    assert state.steps["web.test"].hosts["web1"].state is HostState.UNKNOWN


def test_a_crashed_step_leaves_silent_hosts_unknown() -> None:
    """When the executor loses a step, its cause becomes the reason for every silent host."""
    state = Morning({("web.start", WHOLE_STEP): Fault.CRASHES}).drive()
    result = state.steps["web.start"].hosts["web1"]
    assert result.state is HostState.UNKNOWN
    assert result.problem
    assert str(result.problem.why) == "the process of web.start ended with code 250"


def test_interruption() -> None:
    """Running steps are ended, the others skipped, nothing is judged, the run is CANCELLED."""
    morning = Morning({})
    state = morning.drive(interrupted_at=4)
    place = next(n for n, event in enumerate(morning.events) if isinstance(event, RunInterrupted))
    assert {type(event) for event in morning.events[place + 1 : -1]} == {StepFinished, StepSkipped}
    assert (state.verdict, state.result_state) == (None, "CANCELLED")
    assert morning.simulator.closed


def test_unwritable_journal_ends_the_run() -> None:
    """When a line cannot be kept, what it announces is not done, and the executor is closed."""
    for room in range(20):
        morning = Morning({}, room=room)
        with pytest.raises(JournalUnwritable):
            morning.drive()
        written = {event.step for event in morning.events if isinstance(event, StepStarted)}
        assert morning.simulator.truth.begun.keys() == written
        assert morning.simulator.closed


def test_an_executor_that_cannot_get_ready_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was launched before the failure does not outlive the run."""
    morning = Morning({})

    def fail(_plan: Plan) -> None:
        raise OSError("no such file: ansible-playbook")

    monkeypatch.setattr(morning.simulator, "prepare", fail)
    with pytest.raises(OSError, match="ansible-playbook"):
        morning.drive()
    assert morning.simulator.closed


def test_drive_needs_a_beginning() -> None:
    """A run that was not started has nothing to decide on."""
    with pytest.raises(RuntimeError, match="start"):
        Morning({}).run.drive()


def test_written_before_done() -> None:
    """The first line is the whole plan; a step's line is written before the step is begun."""
    morning = Morning({})
    begun: list[str] = []

    class Watched(Simulator):
        def begin(self, order: Begin) -> None:
            begun.append(order.step.id)
            last = morning.events[-1]
            assert isinstance(last, StepStarted)
            assert (last.step, last.hosts) == (order.step.id, order.hosts)
            super().begin(order)

    simulator = Watched(Random(1), {}, morning.clock)  # noqa: S311
    run = Run(Journal(Paper()), simulator, morning.clock, [lambda _s, e: morning.events.append(e)])
    run.start("run", "kim", PLAN, {"raceday": "0.1.0"})
    run.drive()
    assert morning.events[0] == RunStarted("run", "kim", PLAN.dump(), {"raceday": "0.1.0"})
    assert len(begun) == len(PLAN.steps)
