"""When the run will be over, from what is done and what each step took in earlier runs. Pure."""

from datetime import datetime, timedelta

from automation.run.plan import Step
from automation.run.state import ENDED, State


def forecast_finish(state: State, now: datetime) -> datetime | None:
    """The forecast end of the run; None when history does not know a step that is still to come."""
    if state.finished_at is not None:
        return state.finished_at
    to_come = [item.step for item in state.steps.values() if item.status not in ENDED]
    if not to_come or any(step.id not in state.plan.estimates for step in to_come):
        return None
    ends: dict[str, datetime] = {}
    for step in to_come:
        _end(state, step, now, ends)
    return max(ends.values())


def _end(state: State, step: Step, now: datetime, ends: dict[str, datetime]) -> datetime:
    if step.id not in ends:
        ends[step.id] = _forecast_step(state, step, now, ends)
    return ends[step.id]


def _forecast_step(state: State, step: Step, now: datetime, ends: dict[str, datetime]) -> datetime:
    """A running step ends when it usually does, or now if it is late already."""
    item = state.steps[step.id]
    if item.finished_at is not None:
        return item.finished_at
    usual = timedelta(seconds=state.plan.estimates[step.id])
    if item.started_at is not None:
        return max(item.started_at + usual, now)
    names = _waits_for(state, step)
    begins = max((_end(state, state.steps[name].step, now, ends) for name in names), default=now)
    return max(begins, now) + usual


def _waits_for(state: State, step: Step) -> tuple[str, ...]:
    if not step.on_verdict:
        return (*step.needs, *step.after)
    return tuple(item.step.id for item in state.steps.values() if not item.step.on_verdict)
