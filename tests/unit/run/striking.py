"""What must be true of emergencies, and of what is said of sales, whatever came of them."""

from collections.abc import Iterator

from automation.run.events import StepFinished, StepReused, StepSkipped, StepStarted
from automation.run.plan import Step, Verb
from automation.run.state import State
from automation.run.verdict import findings
from tests.unit.run.promises import Promise
from tests.unit.run.trials import Trial

PROVES = frozenset({Verb.START, Verb.TEST, Verb.THROUGH})


def opened_only_when_proven(trial: Trial) -> Iterator[str]:
    """After an emergency sales open again only when all that was struck is started and tested.

    When it had to end before it struck, they open as they were.
    """
    ended: set[str] = set()
    is_struck = trial.plan.procedure == "emergency" and not trial.plan.check
    for event in trial.events if is_struck else ():
        if isinstance(event, StepFinished | StepReused | StepSkipped):
            ended.add(event.step)
        elif isinstance(event, StepStarted) and _opens(trial.plan.steps[event.step]):
            wanted = (step for step in trial.plan.steps.values() if step.verb in PROVES)
            struck = (step for step in wanted if trial.was_begun(step.puts_back))
            bad = [step.id for step in struck if step.id not in ended or not _held(trial, step)]
            yield from (f"{event.step} began although {name} was not proven" for name in bad)


def nobody_is_sent_to_the_unproven(trial: Trial) -> Iterator[str]:
    """After an emergency customers are sent to what was struck only where it passed its test."""
    if trial.plan.procedure != "emergency" or trial.state is None:
        return
    for step in trial.plan.steps.values():
        began = step.verb is Verb.TEST and step.id in trial.truth.begun
        sick = [host for host in step.hosts if (step.id, host) not in trial.truth.proven]
        behind = trial.venue.components[step.component].restart.behind
        if began and behind and f"{behind.component}.open" in trial.truth.begun:
            now = {word for words in trial.truth.rotation.values() for word in words}
            bad = {f"{behind.backend}/{host}" for host in sick} & now
            yield from (f"customers are sent to {word}, not proven" for word in sorted(bad))


def what_is_killed_is_started(trial: Trial) -> Iterator[str]:
    """Whatever comes in between."""
    if trial.plan.procedure == "emergency" and trial.state:
        begun = {event.step for event in _all(trial) if isinstance(event, StepStarted | StepReused)}
        for step in trial.plan.steps.values():
            if step.verb is Verb.KILL and step.id in begun:
                back = f"{step.component}.{Verb.START}"
                yield from () if back in begun else [f"{back} was never begun"]


def sales_are_as_before(trial: Trial) -> Iterator[str]:
    """After an emergency that is a success everybody who got customers gets them again."""
    if trial.plan.procedure != "emergency" or trial.plan.check or trial.state is None:
        return
    if trial.state.result_state == "SUCCESS":
        for place, words in trial.before.rotation.items():
            lost = words - trial.truth.rotation[place]
            yield from (f"{word} gets no customers at {place[1]} any more" for word in lost)


def what_is_left_open_is_said(trial: Trial) -> Iterator[str]:
    """After an emergency that failed sales are closed, or opened proven, or it says where not."""
    state = trial.state
    if trial.plan.procedure != "emergency" or trial.plan.check or state is None:
        return
    ok = state.result_state in {"SUCCESS", "WARNINGS"}
    for front, host in () if ok else _selling(trial):
        closed, opened = f"{front}.close", f"{front}.open"
        begun = closed in {event.step for event in _all(trial) if isinstance(event, StepStarted)}
        if begun and (opened, host) not in trial.truth.proven and not _is_said(state, front, host):
            yield f"sales were left open at {host}, and nobody says so"


def closed_is_no_guess(trial: Trial) -> Iterator[str]:
    """Nobody is told that sales are closed while customers buy."""
    if trial.state and trial.state.sales_said() == "closed":
        yield from (f"sales are said to be closed, and {host} sells" for _, host in _selling(trial))


def _opens(step: Step) -> bool:
    return step.verb is Verb.UNDRAIN and step.id.endswith(".open")


def _held(trial: Trial, step: Step) -> bool:
    """Enough hosts did it, and where one bad check is a failure all checks of all were good.

    What counts is the process that has struck, or proven it, last.
    """
    truth = trial.simulator.last_to_begin(step.id, step.puts_back)
    begun = truth.begun.get(step.id, ())
    answered = sum((step.id, host) in truth.answered for host in begun)
    proven = all((step.id, host) in truth.proven for host in begun)
    return bool(begun) and answered >= step.min_ready and (proven or not step.is_strict)


def _selling(trial: Trial) -> Iterator[tuple[str, str]]:
    up = (place for place in trial.truth.rotation if trial.simulator.is_up(*place))
    yield from (place for place in sorted(up) if trial.truth.rotation[place])


def _is_said(state: State, front: str, host: str) -> bool:
    """In the run's list of what is wrong: that it did not close, or what came of the opening."""
    return any(
        item.host == host and item.step in {f"{front}.close", f"{front}.open"}
        for item in findings(state)
    )


def _all(trial: Trial) -> tuple[object, ...]:
    return (*trial.earlier, *trial.events)


WHEN_STRUCK: tuple[Promise, ...] = (
    opened_only_when_proven,
    nobody_is_sent_to_the_unproven,
    what_is_killed_is_started,
    sales_are_as_before,
    what_is_left_open_is_said,
    closed_is_no_guess,
)
