"""One trial: a procedure on a random venue, random faults, and what came of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from random import Random
from types import MappingProxyType

from automation.execute.simulator import FIRST, FakeClock, Simulator, Truth
from automation.procedures.recover import plan_recover
from automation.procedures.resume import plan_resume
from automation.run.decide import Begin
from automation.run.events import (
    Event,
    HostReported,
    RunInterrupted,
    RunResumed,
    RunStarted,
    StepReused,
    StepStarted,
)
from automation.run.journal import Journal, JournalUnwritable
from automation.run.ledger import Ledger, ledger_of
from automation.run.loop import Run
from automation.run.plan import Plan, Step, load_plan
from automation.run.state import State, fold_all
from automation.venue.site import Venue
from tests.unit.run.paper import NEVER, Paper
from tests.unit.run.plans import ALL, random_faults, random_task

type Place = tuple[str, str]

BY_OTHERS = "by somebody"  # who started it, as its invocation
RUN_ID, OPERATOR = "20261121T063000Z-morning-3f2a", "김철수"


@dataclass(frozen=True)
class Before:
    """How the world was when a process began: what ran, or hung, and who got customers."""

    up: frozenset[Place]
    rotation: Mapping[Place, set[str]]
    hung: frozenset[Place] = frozenset()


@dataclass(frozen=True)
class Recovery:
    """What was done about what runs had `left`.

    `state` is None when it was killed itself, `told` what its journal tells anyway.
    """

    left: Ledger
    plan: Plan
    simulator: "Watched"
    told: State
    state: State | None


@dataclass(frozen=True)
class Trial:
    """What came of one seed. `state` is None when the journal ran out of room.

    A run that was killed is resumed: `plan`, `simulator` and `events` are those of its last
    process, `earlier` the events of those before. It is `fair` when nothing went wrong but that.

    One that is killed and not resumed, or that failed, is recovered from: its journal has `told`
    what it left, and `left` is what the ledger says after the last of the `recoveries`.
    """

    venue: Venue
    plan: Plan
    before: Before
    simulator: "Watched"
    paper: Paper
    earlier: tuple[Event, ...]
    events: tuple[Event, ...]
    state: State | None
    fair: bool
    told: State | None = None
    recoveries: tuple[Recovery, ...] = ()
    left: Ledger | None = None

    @property
    def truth(self) -> Truth:
        """What really happened."""
        return self.simulator.truth

    def was_begun(self, name: str) -> bool:
        """Whether any process has begun a step."""
        begun = (event for event in (*self.earlier, *self.events) if isinstance(event, StepStarted))
        return any(event.step == name for event in begun)

    @property
    def before_last(self) -> Before:
        """How the world was when the last process began."""
        return self.simulator.before

    def twin(self) -> State:
        """The same run on the same world, when nothing goes wrong and nobody kills it."""
        first = self.earlier[0]
        assert isinstance(first, RunStarted)
        rotation = deepcopy(dict(self.before.rotation))
        left = Truth(
            set(self.before.up),
            set(self.before.hung),
            rotation=rotation,
            down=set(self.simulator.world.down),
            leading=set(self.simulator.world.leading),
        )
        simulator = Watched(Random(0), {}, FakeClock(), self.simulator.world, left)  # noqa: S311
        run = Run(Journal(Paper()), simulator, simulator.clock)
        run.start(RUN_ID, OPERATOR, load_plan(first.plan), {})
        return run.drive()

    @property
    def interrupted(self) -> bool:
        """Whether the last process was asked to stop."""
        return any(isinstance(event, RunInterrupted) for event in self.events)


class Killed(BaseException):
    """The process is gone, like that."""


class Watched(Simulator):
    """A simulator that remembers how its world was at first, and which invocation was tested.

    `passed` are the tests that found nothing wrong: component, host, and what ran there. Where
    there is an operator's `hand`, servers are `put_in` and `taken_out` while a run goes on.
    """

    killed = False
    hand: Random | None = None
    put_in: set[tuple[Place, str]]
    taken_out: set[tuple[Place, str]]
    before = Before(frozenset(), {})
    after: "Watched | None" = None
    tested: Mapping[tuple[str, str], str] = MappingProxyType({})

    def prepare(self, plan: Plan) -> None:
        """Set up the world and keep a copy of it."""
        super().prepare(plan)
        up, hung = frozenset(self.truth.up), frozenset(self.truth.hung)
        self.before = Before(up, deepcopy(self.truth.rotation), hung)
        self.tested, self.passed = {}, set[tuple[str, str, str]]()
        self.put_in = set(self.after.put_in) if self.after else set()
        self.taken_out = set(self.after.taken_out) if self.after else set()

    def begin(self, order: Begin) -> None:
        """Right before a load balancer is looked at, an operator may be at it by hand.

        It may have come to see a server down, too, or up again.
        """
        if self.hand and ".rotation." in order.step.id:
            for host in order.hosts:
                self._by_hand((order.step.component, host), self.hand)
                if self.hand.random() < 0.3:
                    word = self.hand.choice(sorted(self._behind(order.step.component)))
                    self.truth.down ^= {(host, word)}
        super().begin(order)

    def _by_hand(self, place: Place, hand: Random) -> None:
        """One server goes in or out; sales are neither opened nor closed by it."""
        words = self.truth.rotation[place]
        if place not in self.truth.up or not words or hand.random() < 0.5:
            return
        word = hand.choice(sorted(self._behind(place[0])))
        if word not in words:
            words.add(word)
            self.put_in.add((place, word))
            self.taken_out.discard((place, word))
        elif len(words) > 1:
            words.remove(word)
            self.taken_out.add((place, word))
            self.put_in.discard((place, word))

    def drained(self, step: Step) -> frozenset[str]:
        """Who got customers whenever any process began a drain."""
        earlier = self.after.drained(step) if self.after else frozenset[str]()
        return earlier | self.truth.customers.get(step.id, frozenset())

    def last_to_begin(self, *names: str) -> Truth:
        """Of the last process that has begun any of these steps; of the first one if none has."""
        part = self
        while part.after and not part.truth.begun.keys() & set(names):
            part = part.after
        return part.truth

    def answered_before(self, name: str) -> set[Place]:
        """What came of a step in the last process before that has begun it."""
        left = self.after
        while left and name not in left.truth.begun:
            left = left.after
        return left.truth.answered if left else set()

    def close(self) -> None:
        """Who is killed closes nothing."""
        if not self.killed:
            super().close()

    def invocation(self, step: Step, host: str) -> str:
        """Which start of a component runs on a host."""
        return self.truth.invocations.get((step.component, host), FIRST)

    def has_died(self, place: Place) -> bool:
        """Whether it went down by itself after it had reported that all is well."""
        return place in self._deaths

    def was_tested(self, step: Step, host: str) -> bool:
        """Whether any process tested on a host what runs there now."""
        part: Watched | None = self
        while part:
            if part.tested.get((step.id, host)) == self.invocation(step, host):
                return True
            part = part.after
        return False

    def reuse(self, name: str) -> None:
        """A step that is reused counts as it really went in an earlier part."""
        left = self.after
        while left and name not in left.truth.begun:
            left = left.after
        assert left is not None, f"{name} was never begun"
        self.truth.begun[name] = left.truth.begun[name]
        self.truth.customers[name] = left.truth.customers.get(name, frozenset())
        self.truth.answered |= {pair for pair in left.truth.answered if pair[0] == name}
        self.truth.proven |= {pair for pair in left.truth.proven if pair[0] == name}
        self.truth.untouched |= {pair for pair in left.truth.untouched if pair[0] == name}
        reused = {pair: seen for pair, seen in left.tested.items() if pair[0] == name}
        self.tested = {**self.tested, **reused}

    def _learn(self, step: Step, report: HostReported) -> None:
        super()._learn(step, report)
        if step.is_test and not step.hosts_of:
            pair = (step.id, report.host)
            invocation = self.invocation(step, report.host)
            self.tested = {**self.tested, pair: invocation}
            if pair in self.truth.proven:
                self.passed.add((step.component, report.host, invocation))


@dataclass
class Process:
    """A process that works on a run: how many events it lives, how many glances until Ctrl-C."""

    simulator: Watched
    journal: Journal
    lives: int = NEVER
    patience: int = NEVER
    told: list[tuple[Event, datetime]] = field(default_factory=list)

    def work(self, begin: Callable[[Run], State]) -> State | None:
        """Until the run is over; None when it is killed or has no room for its journal."""
        run = Run(self.journal, self.simulator, self.simulator.clock, [self._observe])
        try:
            begin(run)
            return run.drive(self._interrupted_by)
        except (JournalUnwritable, Killed):
            return None

    @property
    def events(self) -> tuple[Event, ...]:
        """What it wrote."""
        return tuple(event for event, _ in self.told)

    def _observe(self, _state: State, event: Event) -> None:
        """The last event it lives to see is on record, and not yet acted upon."""
        self.told.append((event, self.simulator.clock.now))
        if isinstance(event, StepReused):
            self.simulator.reuse(event.step)
        if len(self.told) == self.lives:
            self.simulator.killed = True
            raise Killed

    def _interrupted_by(self) -> str:
        self.patience -= 1
        return OPERATOR if self.patience < 0 else ""


def conduct(seed: int, procedures: Sequence[int] = ALL) -> Trial:
    """Run one random plan to its end; some are interrupted, lose their disk, or are killed.

    What is killed is resumed, or recovered from, as some of those are that ended badly.
    """
    random = Random(seed)  # noqa: S311  # a simulation
    task = random_task(random, procedures)
    steps = len(task.plan.steps)
    faults, disturbance = random_faults(task.plan, random), random.random()
    paper = Paper(random.randrange(6 * steps) if disturbance < 0.1 else NEVER)
    simulator = Watched(random, faults, FakeClock(), task.world)
    hand = Random(f"{seed} by hand")  # noqa: S311  # draws of its own, so that others stay
    simulator.hand = hand if task.plan.procedure == "restart" and hand.random() < 0.3 else None
    process = Process(
        simulator,
        Journal(paper),
        lives=random.randrange(2, 4 * steps) if 0.1 < disturbance < 0.35 else NEVER,
        patience=random.randrange(4 * steps) if disturbance > 0.85 else NEVER,
    )
    state = process.work(partial(_start, task.plan))
    parts, plan = [process], task.plan
    fair = not (faults or task.world.down) and 0.1 < disturbance < 0.85
    while parts[-1].simulator.killed and not plan.check:
        told = fold_all(pair for part in parts for pair in part.told)
        if told.finished_at:
            state = told
            break
        if random.random() < 0.4:
            break
        fair = fair and random.random() < 0.5
        process = _successor(random, parts[-1], told.plan, fair=fair)
        plan = plan_resume(task.venue, told, process.simulator.clock.now, accept_changes=False)
        state = process.work(partial(_resume, told, plan))
        parts.append(process)
    fair = fair and not simulator.hand
    earlier = tuple(event for part in parts[:-1] for event in part.events)
    first, last = parts[0].simulator, parts[-1]
    trial = Trial(
        venue=task.venue,
        plan=plan,
        before=first.before,
        simulator=last.simulator,
        paper=paper,
        earlier=earlier,
        events=last.events,
        state=state,
        fair=fair,
    )
    badly = last.simulator.killed or (state and state.result_state in {"ERRORS", "CANCELLED"})
    return _recovered(random, trial, parts) if badly and not plan.check else trial


def _recovered(random: Random, trial: Trial, parts: Sequence[Process]) -> Trial:
    """What came of it once somebody has recovered from it."""
    told = fold_all(pair for part in parts for pair in part.told)
    recoveries = tuple(_recoveries(random, trial.venue, parts[-1], told))
    runs = [recovery.told for recovery in reversed(recoveries)]
    return replace(trial, told=told, recoveries=recoveries, left=ledger_of([*runs, told]))


def _recoveries(random: Random, venue: Venue, last: Process, told: State) -> Iterator[Recovery]:
    """One after the other, until nothing is left or three were not enough; the third is fair."""
    runs = [told]
    for number in range(1, 4):
        left = ledger_of(runs)
        if not left.is_to_be_done:
            return
        plan = plan_recover(venue, left)
        process = _successor(random, last, plan, fair=number == 3)
        last = replace(process, journal=Journal(Paper()))
        state = last.work(partial(_start, plan))
        recovery = Recovery(left, plan, last.simulator, fold_all(last.told), state)
        runs.insert(0, recovery.told)
        yield recovery


def _start(plan: Plan, run: Run) -> State:
    return run.start(RUN_ID, OPERATOR, plan, {"raceday": "0.1.0"})


def _resume(told: State, plan: Plan, run: Run) -> State:
    return run.resume(told, RunResumed(OPERATOR, plan.dump()))


def _successor(random: Random, dead: Process, plan: Plan, *, fair: bool) -> Process:
    """The process that goes on; meanwhile what ran may have been started again or have ended.

    A standby may lead now.
    """
    died = dead.simulator.die()
    left = Truth(
        set(died.up),
        set(died.hung),
        {**died.invocations},
        deepcopy(died.rotation),
        down=set() if fair else set(died.down),
        leading=set(died.leading),
    )
    for place in sorted(left.up) if not fair else ():
        if place[0] not in plan.fronts and random.random() < 0.1:
            left.invocations[place] = BY_OTHERS
            if random.random() < 0.5:
                left.up.remove(place)
    if not fair:
        left.leading = {_promoted(random, plan, place) for place in sorted(left.leading)}
    faults = {} if fair else random_faults(plan, random)
    simulator = Watched(random, faults, dead.simulator.clock, dead.simulator.world, left)
    lives = random.randrange(2, 4 * len(plan.steps)) if random.random() < 0.3 else NEVER
    simulator.after, simulator.hand = dead.simulator, dead.simulator.hand
    return Process(simulator, dead.journal, lives=lives)


def _promoted(random: Random, plan: Plan, place: Place) -> Place:
    """Who leads now: now and then another one."""
    component, host = place
    others = plan.components[component].hosts if component in plan.components else (host,)
    return (component, random.choice(others) if random.random() < 0.3 else host)
