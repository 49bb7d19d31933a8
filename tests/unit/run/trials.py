"""One trial: a procedure on a random venue, random faults, and what came of it."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from random import Random

from automation.execute.simulator import FakeClock, Simulator, Truth
from automation.run.events import Event, RunInterrupted
from automation.run.journal import Journal, JournalUnwritable
from automation.run.loop import Run
from automation.run.plan import Plan
from automation.run.state import State
from automation.venue.site import Venue
from tests.unit.run.paper import NEVER, Paper
from tests.unit.run.plans import ALL, random_faults, random_task

type Place = tuple[str, str]


@dataclass(frozen=True)
class Before:
    """How the world was when the run had not begun: who got customers."""

    rotation: Mapping[Place, set[str]]


@dataclass(frozen=True)
class Trial:
    """What came of one seed. `state` is None when the journal ran out of room."""

    venue: Venue
    plan: Plan
    before: Before
    simulator: Simulator
    paper: Paper
    events: tuple[Event, ...]
    state: State | None
    interrupted: bool

    @property
    def truth(self) -> Truth:
        """What really happened."""
        return self.simulator.truth


class Watched(Simulator):
    """A simulator that remembers how its world was at first."""

    def prepare(self, plan: Plan) -> None:
        """Set up the world and keep a copy of it."""
        super().prepare(plan)
        self.before = Before(deepcopy(self.truth.rotation))


def conduct(seed: int, procedures: Sequence[int] = ALL) -> Trial:
    """Run one random plan to its end; some are interrupted, some lose their disk."""
    random = Random(seed)  # noqa: S311  # a simulation
    task = random_task(random, procedures)
    plan = task.plan
    simulator = Watched(random, random_faults(plan, random), FakeClock(), task.world)
    disturbance = random.random()
    room = random.randrange(6 * len(plan.steps)) if disturbance < 0.1 else NEVER
    moment = random.randrange(4 * len(plan.steps)) if disturbance > 0.85 else NEVER
    paper = Paper(room)
    events: list[Event] = []
    state = _drive(plan, simulator, paper, moment, events)
    interrupted = any(isinstance(event, RunInterrupted) for event in events)
    before = getattr(simulator, "before", Before({}))
    return Trial(task.venue, plan, before, simulator, paper, tuple(events), state, interrupted)


def _drive(
    plan: Plan, simulator: Simulator, paper: Paper, moment: int, events: list[Event]
) -> State | None:
    glances = iter(range(NEVER))
    run = Run(
        Journal(paper), simulator, simulator.clock, [lambda _state, event: events.append(event)]
    )
    try:
        run.start("20261121T063000Z-morning-3f2a", "김철수", plan, {"raceday": "0.1.0"})
        return run.drive(lambda: "김철수" if next(glances) >= moment else "")
    except JournalUnwritable:
        return None
