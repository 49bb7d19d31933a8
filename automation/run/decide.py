"""What to do next: `decide(state, now) -> actions`, pure. Doubt means not ready."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from automation.run.events import HostState, Message
from automation.run.plan import Step, Verb
from automation.run.state import ENDED, PASSED, State, Status, StepState
from automation.run.verdict import Judgement, findings, judge


@dataclass(frozen=True)
class Begin:
    """Release a step on these hosts."""

    step: Step
    hosts: tuple[str, ...]


@dataclass(frozen=True)
class Skip:
    """Do not execute a step, for a reason."""

    step: Step
    reason: Message


@dataclass(frozen=True)
class Abandon:
    """A step is past its bound: end its processes and count silent hosts as unknown."""

    step: Step
    cause: Message


@dataclass(frozen=True)
class Conclude:
    """Everything that feeds the verdict has ended: this is it."""

    judgement: Judgement


@dataclass(frozen=True)
class Finish:
    """The run is over."""

    result_state: str


Action = Begin | Skip | Abandon | Conclude | Finish


def decide(state: State, now: datetime) -> tuple[Action, ...]:
    """Everything that may be done now. Empty while only waiting remains."""
    running = _running(state)
    moves = (*_abandoned(running, now), *_moves(state))
    if moves or running or state.finished_at:
        return moves
    if state.verdict is None and not state.interrupted and not state.plan.check:
        return (Conclude(judge(state, now)),)
    return (Finish(_result_state(state)),)


def overdue_at(state: State) -> datetime | None:
    """When the next running step passes its bound, in UTC; None when nothing runs."""
    return min(map(_bound, _running(state)), default=None)


def _abandoned(running: Sequence[StepState], now: datetime) -> Iterator[Abandon]:
    for item in running:
        if now >= _bound(item):
            args = {"step": item.step.id, "seconds": round(item.step.timeout)}
            yield Abandon(
                item.step, Message("%(step)s did not end within its %(seconds)s seconds", args)
            )


def _running(state: State) -> list[StepState]:
    return [item for item in state.steps.values() if item.status is Status.RUNNING]


def _bound(item: StepState) -> datetime:
    started = item.started_at or datetime.max.replace(tzinfo=UTC)
    return started + timedelta(seconds=item.step.timeout)


def _moves(state: State) -> Iterator[Begin | Skip]:
    ended = frozenset(name for name, item in state.steps.items() if item.status in ENDED)
    for item in state.steps.values():
        if item.status is Status.WAITING:
            move = _move(state, item.step, ended)
            if move is not None:
                yield move


def _move(state: State, step: Step, ended: frozenset[str]) -> Begin | Skip | None:
    if state.interrupted:
        return Skip(step, Message("the operator interrupted the run"))
    if step.on_verdict:
        return _on_verdict(state, step)
    for name in step.needs:
        if name in ended and state.steps[name].status not in PASSED:
            return Skip(step, _blocked(state.steps[name]))
    if ended.issuperset(step.needs) and ended.issuperset(step.after):
        return _released(state, step)
    return None


def _released(state: State, step: Step) -> Begin | Skip:
    if state.plan.check and _is_only_for_real(state, step):
        return Skip(step, Message("check mode changes nothing"))
    forbidden = _sales_forbid(state) if step.is_test else None
    if forbidden:
        return Skip(step, forbidden)
    lost = state.hosts_lost(step.owner)
    hosts = tuple(host for host in step.hosts if host not in lost)
    if len(hosts) >= max(step.min_ready, 1):
        return Begin(step, hosts)
    return Skip(step, _too_few_hosts(step, lost))


def _is_only_for_real(state: State, step: Step) -> bool:
    """A test writes, and a gate knows nothing of what check mode did not start."""
    needed = (state.steps[name].hosts.values() for name in step.needs)
    would = any(result.state is HostState.WOULD for results in needed for result in results)
    return step.is_test or (step.verb is Verb.PROBE and would)


def _too_few_hosts(step: Step, lost: Mapping[str, StepState]) -> Message:
    if not lost:
        return Message("%(step)s has too few hosts to run on", {"step": step.id})
    args = {"hosts": ", ".join(lost), "step": next(iter(lost.values())).step.id}
    return Message("%(step)s failed on %(hosts)s", args)


def _on_verdict(state: State, step: Step) -> Begin | Skip | None:
    """Sales open on GO, and on CONDITIONAL only when somebody accepted it with a reason."""
    if state.plan.check:
        return Skip(step, Message("check mode changes nothing"))
    if state.verdict is None:
        return None
    accepted = state.verdict.result == "CONDITIONAL" and bool(state.plan.accept_reason)
    if state.verdict.result == "GO" or accepted:
        return Begin(step, step.hosts)
    return Skip(step, Message("the verdict is %(verdict)s", {"verdict": state.verdict.result}))


def _blocked(item: StepState) -> Message:
    if item.status is Status.SKIPPED:
        return Message("%(step)s was not executed", {"step": item.step.id})
    return Message("%(step)s failed", {"step": item.step.id})


def _sales_forbid(state: State) -> Message | None:
    """Tests need to know that sales are closed."""
    match state.sales_said():
        case "open":
            return Message("sales are open: a test now would stand among customers' bets")
        case "closed":
            return None
        case _:
            return Message("it is not known whether sales are closed, so no test may run")


def _result_state(state: State) -> str:
    if state.interrupted:
        return "CANCELLED"
    statuses = {item.status for item in state.steps.values()}
    if state.plan.check:
        return "ERRORS" if findings(state) else "SUCCESS"
    if Status.FAILED in statuses or (state.verdict and state.verdict.result == "NO-GO"):
        return "ERRORS"
    return "WARNINGS" if statuses & {Status.DEGRADED, Status.SKIPPED} else "SUCCESS"
