"""What must be true of a run that was killed and resumed, whatever happened in between."""

from collections.abc import Iterator

from automation.run.events import RunInterrupted, StepFinished, StepSkipped, StepStarted
from automation.run.plan import Verb
from automation.run.state import State
from tests.unit.run.promises import Promise
from tests.unit.run.trials import Trial

LOOKING = frozenset({Verb.PREFLIGHT, Verb.CLOCKS, Verb.PROBE})


def nothing_twice_unseen(trial: Trial) -> Iterator[str]:
    """What was begun before is begun again only after every host was looked at once more."""
    before = {event.step for event in trial.earlier if isinstance(event, StepStarted)}
    looking = {name for name, step in trial.plan.steps.items() if step.verb in LOOKING}
    looks = {name for name, step in trial.plan.steps.items() if step.is_look}
    for event in trial.events:
        if isinstance(event, RunInterrupted):
            return
        if isinstance(event, StepFinished | StepSkipped):
            looks.discard(event.step)
        if isinstance(event, StepStarted) and event.step in before - looking and looks:
            yield f"{event.step} began again before {sorted(looks)}"


def go_is_for_what_runs(trial: Trial) -> Iterator[str]:
    """A GO rests on tests of the very invocations that run."""
    verdict = trial.state.verdict if trial.state else None
    if verdict is None or verdict.result != "GO":
        return
    for (name, host), tested in trial.simulator.tested.items():
        if trial.simulator.invocation(trial.plan.steps[name], host) != tested:
            yield f"GO, and what {name} tested on {host} runs no more"


def ends_as_if_never_killed(trial: Trial) -> Iterator[str]:
    """A run that nothing befell but being killed ends as one that was never killed.

    Not where it has left a load balancer down: that is put back first, and ends the roll.
    """
    if not (trial.fair and trial.earlier and trial.state) or trial.plan.check:
        return
    ours = trial.plan.procedure in {"restart", "emergency"}
    if ours and not trial.before_last.up >= trial.before_last.rotation.keys():
        return
    resumed, at_once = _end(trial.state), _end(trial.twin())
    if resumed != at_once:
        yield f"resumed it ended {resumed}, and {at_once} when it was not killed"


def _end(state: State) -> str:
    if state.verdict:
        return state.verdict.result
    return "failed" if state.result_state == "ERRORS" else "done"


WHEN_RESUMED: tuple[Promise, ...] = (
    nothing_twice_unseen,
    go_is_for_what_runs,
    ends_as_if_never_killed,
)
