"""What hosts show before a run is begun: all are ready and closed for customers but for faults."""

from collections.abc import Callable, Sequence
from random import Random

from automation.execute.simulator import FakeClock, Faults, Simulator, World
from automation.run.journal import Journal
from automation.run.loop import Observer, Run
from automation.run.plan import Plan
from automation.run.state import State
from automation.venue.site import Venue
from tests.unit.run.paper import Paper

SERVER = ("backend/server",)


def looking(faults: Faults) -> Callable[[Venue, Plan, Sequence[Observer]], State]:
    """What a look at them shows, whatever a run will find."""

    def look(_venue: Venue, plan: Plan, _observers: Sequence[Observer]) -> State:
        world = World(up=1.0, servers=dict.fromkeys(plan.fronts, SERVER))
        clock = FakeClock()
        run = Run(Journal(Paper()), Simulator(Random(1), faults, clock, world), clock)  # noqa: S311
        run.start("look", "timer", plan, {})
        return run.drive()

    return look


all_ready = looking({})
