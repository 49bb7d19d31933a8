"""What must be true of every run, and of a morning, whatever came of it."""

from collections import Counter
from collections.abc import Callable, Iterator

from automation.run.decide import CHANGES_NOTHING
from automation.run.events import (
    Event,
    RunInterrupted,
    StepFinished,
    StepReused,
    StepSkipped,
    StepStarted,
    VerdictDecided,
)
from automation.run.plan import PlannedComponent, Verb
from automation.run.state import ENDED, INTERRUPTED, Status
from automation.run.verdict import warnings
from tests.unit.run.trials import Trial

CHANGES_AT_ONCE = frozenset({Verb.STOP, Verb.KILL, Verb.CLOSE, Verb.UNDRAIN})

type Promise = Callable[[Trial], Iterator[str]]


def starts_wait_for_health(trial: Trial) -> Iterator[str]:
    """Nothing begins before all it needs is healthy and all it comes after has ended.

    What would have put back something that was never touched has nothing to be healthy. What an
    earlier process has put back need not be put back again, and check mode does no test.
    """
    ended: set[str] = set()
    for event in trial.events:
        if isinstance(event, StepStarted):
            step = trial.plan.steps[event.step]
            unhealthy = [name for name in step.needs if not _was_healthy(trial, name)]
            early = {*step.needs, *step.after} - ended
            if unhealthy or early:
                yield f"{step.id} began before {sorted({*unhealthy, *early})}"
        elif isinstance(event, StepFinished | StepSkipped | StepReused):
            ended.add(event.step)


def _was_healthy(trial: Trial, name: str) -> bool:
    step = trial.plan.steps[name]
    skipped = (event for event in trial.events if isinstance(event, StepSkipped))
    if any(event.step == name and event.reason == CHANGES_NOTHING for event in skipped):
        return True
    if step.puts_back and not trial.was_begun(step.puts_back):
        return True
    answered = trial.truth.answered
    if step.puts_back and step.puts_back not in trial.truth.begun:
        answered = answered | trial.simulator.answered_before(name)
    return sum((name, host) in answered for host in step.hosts) >= step.min_ready


def no_step_twice(trial: Trial) -> Iterator[str]:
    """A step begins, is skipped or reused, once, and ends once; what is done was written before."""
    reused = Counter(event.step for event in trial.events if isinstance(event, StepReused))
    started = Counter(event.step for event in trial.events if isinstance(event, StepStarted))
    skipped = Counter(event.step for event in trial.events if isinstance(event, StepSkipped))
    finished = Counter(event.step for event in trial.events if isinstance(event, StepFinished))
    twice = [name for name, count in (started + skipped + reused).items() if count > 1]
    twice += [name for name, count in finished.items() if count > started[name]]
    yield from (f"{name} began or ended twice" for name in twice)
    unwritten = trial.truth.begun.keys() - (started + reused).keys()
    yield from (f"{name} was begun but not written down" for name in unwritten)


def closed_world(trial: Trial) -> Iterator[str]:
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


def verdict_is_true(trial: Trial) -> Iterator[str]:
    """The verdict is what the world deserves: neither a false GO nor a false alarm."""
    if trial.state is None or trial.plan.check or trial.interrupted:
        return
    said = trial.state.verdict.result if trial.state.verdict else "nothing"
    true = _true_verdict(trial) if trial.plan.gives_verdict else "nothing"
    if said != true:
        yield f"the verdict is {said} and the truth {true}"
    if said != "GO" and trial.state.verdict and not trial.state.verdict.reasons:
        yield f"{said} is said without a reason"


def _true_verdict(trial: Trial) -> str:
    results = {_true_result(trial, item) for item in trial.plan.components.values()}
    return next(word for word in ("NO-GO", "CONDITIONAL", "GO") if word in results)


def _true_result(trial: Trial, component: PlannedComponent) -> str:
    truth = trial.truth
    steps = [
        step
        for step in trial.plan.of_component(component.name)
        if not (step.on_verdict or step.is_look or _is_excused(trial, step.id))
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
    step, truth = trial.plan.steps[name], trial.truth
    if not step.is_test or name in truth.begun:
        return False
    if not (trial.plan.standing and truth.told_open):
        return False
    start = f"{step.component}.start"
    return all((start, host) in truth.untouched for host in truth.begun.get(start, ()))


def sales_open_on_go_only(trial: Trial) -> Iterator[str]:
    """Sales open after GO, or CONDITIONAL that was accepted; then wherever anybody is ready."""
    allowed = False
    closed = {step.id for step in trial.plan.steps.values() if step.on_verdict}
    for event in trial.events:
        if isinstance(event, VerdictDecided):
            accepted = event.result == "CONDITIONAL" and trial.plan.accept_conditional
            allowed = event.result == "GO" or accepted
        if isinstance(event, StepStarted) and event.step in closed:
            closed.remove(event.step)
            if not allowed:
                yield "sales opened without a verdict that allows it"
    if allowed and not trial.interrupted and trial.state:
        fronts = {trial.plan.steps[name].component for name in closed}
        able = sorted(name for name in fronts if _has_a_ready_server(trial, name))
        yield from (f"{name} stayed closed although the verdict allows it" for name in able)


def _has_a_ready_server(trial: Trial, front: str) -> bool:
    """One on whose host nothing is doubtful, whichever component it is of."""
    components = trial.venue.components.values()
    return any(
        all(_is_proven(trial, other.name, host) for other in components if host in other.hosts)
        for item in components
        if item.restart.behind and item.restart.behind.component == front
        for host in item.hosts
    )


def _is_proven(trial: Trial, component: str, host: str) -> bool:
    return (f"{component}.gate", host) in trial.truth.proven and all(
        (step.id, host) in trial.truth.proven
        for step in trial.plan.of_component(component)
        if host in step.hosts and step.id in trial.truth.begun and not step.is_look
    )


def no_test_among_customers(trial: Trial) -> Iterator[str]:
    """While customers bet, no test begins, unless somebody broke the glass."""
    for name, customers in trial.truth.customers.items():
        if trial.plan.steps[name].is_test and customers and not trial.plan.break_glass:
            yield f"{name} began while sales are open"


def interruption_is_the_end(trial: Trial) -> Iterator[str]:
    """After an interruption nothing is judged or begun but what puts back; it is CANCELLED."""
    late: list[Event] = []
    stopped = False
    for event in trial.events:
        if stopped and isinstance(event, StepStarted | VerdictDecided):
            puts_back = isinstance(event, StepStarted) and trial.plan.steps[event.step].puts_back
            late += [] if puts_back else [event]
        stopped = stopped or isinstance(event, RunInterrupted)
    yield from (f"after the interruption came {event}" for event in late)
    if trial.interrupted and trial.state and trial.state.result_state != "CANCELLED":
        yield f"an interrupted run ended {trial.state.result_state}"


def no_half_changes(trial: Trial) -> Iterator[str]:
    """An interruption waits for what takes down, opens or closes: it is not cut in the middle."""
    for event in trial.events:
        if isinstance(event, StepFinished) and event.cause == INTERRUPTED:
            step = trial.plan.steps[event.step]
            if step.verb in CHANGES_AT_ONCE or step.puts_back:
                yield f"{step.id} was cut in the middle"


def executor_is_closed(trial: Trial) -> Iterator[str]:
    """However a run ends, its executor is closed; it ends early only for want of a journal."""
    if not (trial.simulator.closed or trial.simulator.killed):
        yield "the executor is still open"
    room = len(trial.paper.lines) < trial.paper.room
    if trial.state is None and room and not trial.simulator.killed:
        yield "the run gave up although its journal had room"
    if len(trial.paper.lines) != len(trial.earlier) + len(trial.events):
        yield "the run went on without a journal"


def what_comes_up_open_is_told(trial: Trial) -> Iterator[str]:
    """Where customers were let in as a load balancer was started, somebody is told, and why."""
    if trial.state is None:
        return
    told = {(item.step, item.host) for item in warnings(trial.state)}
    quiet = sorted(trial.truth.told_let_in - told)
    yield from (f"{name} let customers in at {host}, and nobody says so" for name, host in quiet)
    if trial.truth.told_let_in and trial.state.result_state == "SUCCESS":
        yield "customers were let in at a start, and it is called a success"


ALWAYS: tuple[Promise, ...] = (
    starts_wait_for_health,
    no_step_twice,
    closed_world,
    verdict_is_true,
    sales_open_on_go_only,
    no_test_among_customers,
    interruption_is_the_end,
    no_half_changes,
    executor_is_closed,
    what_comes_up_open_is_told,
)
