"""One trial: a random plan, random faults, and everything that must be true of what came of it."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from automation.execute.simulator import FakeClock, Simulator
from automation.run.events import (
    Event,
    RunInterrupted,
    StepFinished,
    StepSkipped,
    StepStarted,
    VerdictDecided,
)
from automation.run.journal import Journal, JournalUnwritable, read_journal
from automation.run.loop import Run
from automation.run.plan import Plan, PlannedComponent, Verb
from automation.run.state import ENDED, State, Status, fold_all
from tests.unit.run.paper import NEVER, Paper
from tests.unit.run.plans import random_faults, random_plan, random_world


@dataclass(frozen=True)
class Trial:
    """What came of one seed. `state` is None when the journal ran out of room."""

    plan: Plan
    simulator: Simulator
    paper: Paper
    events: tuple[Event, ...]
    state: State | None
    interrupted: bool


def violations(seed: int, scratch: Path) -> tuple[str, ...]:
    """Every invariant that the trial of this seed breaks, as sentences."""
    try:
        trial = conduct(seed)
    except Exception as error:  # noqa: BLE001  # whatever escapes the engine is a finding
        return (f"the engine raised {error!r}",)
    return tuple(sentence for holds in INVARIANTS for sentence in holds(trial)) + tuple(
        _reads_back(trial, scratch)
    )


def conduct(seed: int) -> Trial:
    """Run one random plan to its end; some are interrupted, some lose their disk."""
    random = Random(seed)  # noqa: S311  # a simulation
    plan = random_plan(random)
    simulator = Simulator(random, random_faults(plan, random), FakeClock(), random_world(random))
    disturbance = random.random()
    room = random.randrange(6 * len(plan.steps)) if disturbance < 0.1 else NEVER
    moment = random.randrange(4 * len(plan.steps)) if disturbance > 0.85 else NEVER
    paper = Paper(room)
    state, events = _drive(plan, simulator, paper, moment)
    interrupted = any(isinstance(event, RunInterrupted) for event in events)
    return Trial(plan, simulator, paper, events, state, interrupted)


def _drive(
    plan: Plan, simulator: Simulator, paper: Paper, moment: int
) -> tuple[State | None, tuple[Event, ...]]:
    events: list[Event] = []
    glances = iter(range(NEVER))
    run = Run(
        Journal(paper), simulator, simulator.clock, [lambda _state, event: events.append(event)]
    )
    try:
        run.start("20261121T063000Z-morning-3f2a", "김철수", plan, {"raceday": "0.1.0"})
        state = run.drive(lambda: "김철수" if next(glances) >= moment else "")
    except JournalUnwritable:
        return None, tuple(events)
    return state, tuple(events)


def _starts_wait_for_health(trial: Trial) -> Iterator[str]:
    """Nothing begins before all it needs is healthy and all it comes after has ended."""
    ended: set[str] = set()
    for event in trial.events:
        if isinstance(event, StepStarted):
            step = trial.plan.steps[event.step]
            unhealthy = [name for name in step.needs if not _was_healthy(trial, name)]
            early = {*step.needs, *step.after} - ended
            if unhealthy or early:
                yield f"{step.id} began before {sorted({*unhealthy, *early})}"
        elif isinstance(event, StepFinished | StepSkipped):
            ended.add(event.step)


def _was_healthy(trial: Trial, name: str) -> bool:
    step = trial.plan.steps[name]
    return sum((name, host) in trial.simulator.truth.answered for host in step.hosts) >= (
        step.min_ready
    )


def _no_step_twice(trial: Trial) -> Iterator[str]:
    """A step begins or is skipped, once, and ends once; what is done was written before."""
    started = Counter(event.step for event in trial.events if isinstance(event, StepStarted))
    skipped = Counter(event.step for event in trial.events if isinstance(event, StepSkipped))
    finished = Counter(event.step for event in trial.events if isinstance(event, StepFinished))
    twice = [name for name, count in (started + skipped).items() if count > 1]
    twice += [name for name, count in finished.items() if count > started[name]]
    yield from (f"{name} began or ended twice" for name in twice)
    unwritten = trial.simulator.truth.begun.keys() - started.keys()
    yield from (f"{name} was begun but not written down" for name in unwritten)


def _closed_world(trial: Trial) -> Iterator[str]:
    """Every planned step ends, or is skipped for a reason that is told."""
    if trial.state is None:
        return
    for name, item in trial.state.steps.items():
        if item.status not in ENDED or item.finished_at is None:
            yield f"{name} is still {item.status} at the end"
        if item.status is Status.SKIPPED and not (item.reason and str(item.reason)):
            yield f"{name} was skipped for no reason"
        for host in set(item.targets) - item.hosts.keys():
            yield f"{name} ended and says nothing of {host}"


def _verdict_is_true(trial: Trial) -> Iterator[str]:
    """The verdict is what the world deserves: neither a false GO nor a false alarm."""
    if trial.state is None or trial.plan.check or trial.interrupted:
        return
    said = trial.state.verdict.result if trial.state.verdict else "nothing"
    true = _true_verdict(trial)
    if said != true:
        yield f"the verdict is {said} and the truth {true}"
    if said != "GO" and trial.state.verdict and not trial.state.verdict.reasons:
        yield f"{said} is said without a reason"


def _true_verdict(trial: Trial) -> str:
    results = {_true_result(trial, item) for item in trial.plan.components.values()}
    return next(word for word in ("NO-GO", "CONDITIONAL", "GO") if word in results)


def _true_result(trial: Trial, component: PlannedComponent) -> str:
    truth = trial.simulator.truth
    steps = [
        step
        for step in trial.plan.of_component(component.name)
        if not step.on_verdict and not _is_excused(trial, step.id)
    ]
    if all((step.id, host) in truth.proven for step in steps for host in step.hosts):
        return "GO"
    begun = all(step.id in truth.begun for step in steps)
    half_proven = {name for name, _ in truth.answered - truth.proven}
    flawed = any(step.id in half_proven for step in steps)
    up = sum((f"{component.name}.gate", host) in truth.proven for host in component.hosts)
    if begun and not flawed and up >= component.min_ready:
        return "CONDITIONAL"
    return "NO-GO" if component.critical else "CONDITIONAL"


def _is_excused(trial: Trial, name: str) -> bool:
    """A test left out while sales are open, of a component untouched since a standing GO."""
    step, truth = trial.plan.steps[name], trial.simulator.truth
    if step.verb is not Verb.TEST or name in truth.begun or not trial.plan.standing:
        return False
    if not trial.simulator.world.sales_open or not _front_was_heard(trial):
        return False
    start = f"{step.component}.start"
    return all((start, host) in truth.untouched for host in truth.begun.get(start, ()))


def _sales_open_on_go_only(trial: Trial) -> Iterator[str]:
    """Sales open after GO, or after CONDITIONAL that was accepted for a reason; then always."""
    allowed = False
    opened = False
    for event in trial.events:
        if isinstance(event, VerdictDecided):
            accepted = event.result == "CONDITIONAL" and bool(trial.plan.accept_reason)
            allowed = event.result == "GO" or accepted
        if isinstance(event, StepStarted) and trial.plan.steps[event.step].on_verdict:
            opened = True
            if not allowed:
                yield "sales opened without a verdict that allows it"
    if allowed and not opened and not trial.interrupted and trial.state:
        yield "sales stayed closed although the verdict allows them"


def _no_test_among_customers(trial: Trial) -> Iterator[str]:
    """While customers bet, no test begins: the front was asked first, if it could answer at all."""
    truth = trial.simulator.truth
    if trial.simulator.world.sales_open and _front_was_heard(trial):
        tests = (name for name in truth.begun if trial.plan.steps[name].verb is Verb.TEST)
        yield from (f"{name} began while sales are open" for name in tests)


def _front_was_heard(trial: Trial) -> bool:
    """Some host of the component in front said whether sales are open."""
    *_, front = trial.plan.steps.values()
    answered = trial.simulator.truth.answered
    return any((f"{front.component}.preflight", host) in answered for host in front.hosts)


def _interruption_is_the_end(trial: Trial) -> Iterator[str]:
    """After an interruption nothing begins, nothing is judged, and the run is CANCELLED."""
    late: list[Event] = []
    stopped = False
    for event in trial.events:
        if stopped and isinstance(event, StepStarted | VerdictDecided):
            late.append(event)
        stopped = stopped or isinstance(event, RunInterrupted)
    yield from (f"after the interruption came {event}" for event in late)
    if trial.interrupted and trial.state and trial.state.result_state != "CANCELLED":
        yield f"an interrupted run ended {trial.state.result_state}"


def _executor_is_closed(trial: Trial) -> Iterator[str]:
    """However a run ends, its executor is closed; it ends early only for want of a journal."""
    if not trial.simulator.closed:
        yield "the executor is still open"
    if trial.state is None and len(trial.paper.lines) != trial.paper.room:
        yield "the run gave up although its journal had room"
    if len(trial.paper.lines) != len(trial.events):
        yield "the run went on without a journal"


def _reads_back(trial: Trial, scratch: Path) -> Iterator[str]:
    """The journal, read back and verified, folds to the run's own state, steps in plan order."""
    if trial.state is None:
        return
    told = fold_all(read_journal(trial.paper.copy_to(scratch)))
    if told != trial.state or list(told.steps) != list(trial.state.steps):
        yield "the journal folds to another state than the run's own"


INVARIANTS: tuple[Callable[[Trial], Iterator[str]], ...] = (
    _starts_wait_for_health,
    _no_step_twice,
    _closed_world,
    _verdict_is_true,
    _sales_open_on_go_only,
    _no_test_among_customers,
    _interruption_is_the_end,
    _executor_is_closed,
)
