"""The chain of steps that the run really waited for, from what happened. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from automation.run.state import State, Status, StepState


@dataclass(frozen=True)
class Link:
    """One step of the chain, in seconds: as the run saw it, and as its slowest host spent it."""

    step: str
    seconds: float
    own_seconds: float


def critical_path(state: State) -> tuple[Link, ...]:
    """From the last step that ended back to the first, each time to what ended last before it."""
    ended = [item for item in state.steps.values() if _was_executed(item)]
    last = max(ended, key=_finished, default=None)
    chain = [] if last is None else list(_walk(state, last))
    return tuple(
        Link(item.step.id, _seconds(item), own_seconds(item))
        for item in reversed(chain)
        if _was_executed(item)
    )


def beyond_seconds(state: State, chain: tuple[Link, ...]) -> float | None:
    """What the run took on top of its hosts' own time along the chain; None until it is over.

    None, too, for a run that was resumed: for a while nobody worked on it.
    """
    if state.finished_at is None or state.resumed:
        return None
    wall = (state.finished_at - state.started_at).total_seconds()
    return max(wall - sum(link.own_seconds for link in chain), 0.0)


def own_seconds(item: StepState) -> float:
    """The time that the step's slowest host itself spent."""
    return max((result.seconds for result in item.hosts.values()), default=0.0)


def _walk(state: State, item: StepState) -> Iterator[StepState]:
    current: StepState | None = item
    while current is not None:
        yield current
        current = _waited_for(state, current)


def _waited_for(state: State, item: StepState) -> StepState | None:
    """What ended last of all that the step waited for; a step on the verdict waited for all."""
    begun = item.started_at or _finished(item)
    before = [other for other in _predecessors(state, item) if _ended_by(other, begun)]
    return max(before, key=_finished, default=None)


def _predecessors(state: State, item: StepState) -> Iterator[StepState]:
    if item.step.on_verdict:
        yield from (other for other in state.steps.values() if not other.step.on_verdict)
    for name in (*item.step.needs, *item.step.after):
        yield state.steps[name]


def _ended_by(item: StepState, moment: datetime) -> bool:
    return item.finished_at is not None and item.finished_at <= moment


def _was_executed(item: StepState) -> bool:
    return item.finished_at is not None and item.status is not Status.SKIPPED


def _seconds(item: StepState) -> float:
    return (_finished(item) - (item.started_at or _finished(item))).total_seconds()


def _finished(item: StepState) -> datetime:
    if item.finished_at is None:
        raise ValueError(f"{item.step.id} has not ended")
    return item.finished_at
