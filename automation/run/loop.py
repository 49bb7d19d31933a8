"""The one place where clock, journal and executor meet."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from automation.run.decide import (
    Abandon,
    Action,
    Begin,
    Conclude,
    Finish,
    Reuse,
    Skip,
    decide,
    is_protected,
    overdue_at,
)
from automation.run.events import (
    Event,
    HostReported,
    RunFinished,
    RunInterrupted,
    RunResumed,
    RunStarted,
    StepFinished,
    StepReused,
    StepSkipped,
    StepStarted,
    VerdictDecided,
)
from automation.run.journal import Journal
from automation.run.plan import Plan, Step
from automation.run.state import INTERRUPTED, State, Status, fold

Clock = Callable[[], datetime]
Observer = Callable[[State, Event], None]


class Executor(Protocol):
    """A way to do steps. It reports; it never decides."""

    def prepare(self, plan: Plan) -> None:
        """Get ready whatever can be got ready before its step is begun."""

    def begin(self, order: Begin) -> None:
        """Let a step go on the hosts of the order; returns at once."""

    def skip(self, step: Step) -> None:
        """A step will never be begun; what was got ready for it may go on without it."""

    def abandon(self, step: Step) -> None:
        """End whatever still works on a step."""

    def report(self, timeout: float | None) -> HostReported | StepFinished | None:
        """The next report; None after `timeout` seconds, or when `interrupt` was called."""

    def close(self) -> None:
        """End everything that is still running. No process outlives this call."""


class Run:
    """One execution of a plan: `start` or `resume` writes an event, `drive` goes on to the end."""

    def __init__(
        self, journal: Journal, executor: Executor, clock: Clock, observers: Sequence[Observer] = ()
    ) -> None:
        self._journal = journal
        self._executor = executor
        self._clock = clock
        self._observers = list(observers)
        self._state: State | None = None

    def start(self, run_id: str, operator: str, plan: Plan, versions: Mapping[str, str]) -> State:
        """Write `run.started` and let the executor get ready; if it cannot, it is closed."""
        return self._open(RunStarted(run_id, operator, plan.dump(), versions))

    def resume(self, state: State, event: RunResumed) -> State:
        """The same for a run whose journal tells `state` and ends here."""
        self._state = state
        return self._open(event)

    def _open(self, event: RunStarted | RunResumed) -> State:
        try:
            state = self._record(event)
            self._executor.prepare(state.plan)
        except BaseException:
            self._executor.close()
            raise
        return state

    def drive(self, interrupted_by: Callable[[], str] = str) -> State:
        """Decide, do, record, until the run is over. Everything it did is in the journal."""
        state = self._now()
        try:
            while not state.finished_at:
                who = interrupted_by()
                if who and not state.interrupted:
                    state = self._interrupt(who)
                state = self._advance(state)
        finally:
            self._executor.close()
        return state

    def _advance(self, state: State) -> State:
        actions = decide(state, self._clock())
        for action in actions:
            state = self._perform(action)
        return state if actions else self._wait(state)

    def _perform(self, action: Action) -> State:
        match action:
            case Begin(step, hosts, _, servers):
                state = self._record(StepStarted(step.id, hosts, servers))
                self._executor.begin(action)
                return state
            case Skip(step, reason):
                self._executor.skip(step)
                return self._record(StepSkipped(step.id, reason))
            case Reuse(step):
                self._executor.skip(step)
                return self._record(StepReused(step.id))
            case Abandon(step, cause):
                self._executor.abandon(step)
                return self._record(StepFinished(step.id, cause))
            case Conclude(judgement):
                return self._record(
                    VerdictDecided(judgement.result, judgement.reasons, judgement.valid_until)
                )
            case Finish(result_state):
                return self._record(RunFinished(result_state))

    def _wait(self, state: State) -> State:
        bound = overdue_at(state)
        timeout = None if bound is None else max((bound - self._clock()).total_seconds(), 0.0)
        report = self._executor.report(timeout)
        if report is None or not _is_expected(state, report):
            return state
        return self._record(report)

    def _interrupt(self, who: str) -> State:
        state = self._record(RunInterrupted(who))
        for item in state.steps.values():
            if item.status is Status.RUNNING and not is_protected(item.step):
                self._executor.abandon(item.step)
                state = self._record(StepFinished(item.step.id, INTERRUPTED))
        return state

    def _record(self, event: Event) -> State:
        at = self._clock()
        self._journal.append(event, at)
        self._state = fold(self._state, event, at)
        self._show(self._state, event)
        return self._state

    def _show(self, state: State, event: Event) -> None:
        """A view that cannot write any more is dropped; it never stops a run."""
        for observe in tuple(self._observers):
            try:
                observe(state, event)
            except OSError:
                self._observers.remove(observe)

    def _now(self) -> State:
        if self._state is None:
            raise RuntimeError("drive() needs start() or resume() first")
        return self._state


def _is_expected(state: State, report: HostReported | StepFinished) -> bool:
    """Only a running step may report, and only hosts it was released on; the rest is too late."""
    item = state.steps.get(report.step)
    if item is None or item.status is not Status.RUNNING:
        return False
    return isinstance(report, StepFinished) or report.host in item.targets
