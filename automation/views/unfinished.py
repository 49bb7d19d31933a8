"""A run without an end: what it waits for, or that its process died. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from automation.run.decide import overdue_at
from automation.run.events import Message
from automation.run.lock import Holder
from automation.run.state import State, Status, StepState
from automation.views.causes import causes
from automation.views.telling import Explanation, Telling, joined
from automation.views.words import HEADLINES


def explain_running(told: Telling, holder: Holder) -> Explanation:
    """What it waits for, for how long, what is wrong so far, and until when it waits."""
    sentences = (_progress(told), *_problems(told), *_given_up(told))
    wait = Message(
        "Wait, or press Ctrl-C where %(operator)s runs it (process %(pid)s on %(host)s).",
        vars(holder),
    )
    return told.explained("", told.state.started_at, sentences, (wait,))


def explain_dead(told: Telling) -> Explanation:
    """When it last wrote something, what it was doing, and how to go on."""
    sentences = (_death(told), *verdict_so_far(told.state), *_problems(told))
    return told.explained("", _last_sign(told.state), sentences, told.go_on(dead=True))


def explain_recovered(told: Telling, at: datetime) -> Explanation:
    """When it died and what it was doing, and since when nothing is left of it."""
    text = "raceday recover put back what it had left; that was recorded at %(time)s."
    back = Message(text, {"time": told.when(at)})
    sentences = (_death(told), *verdict_so_far(told.state), back)
    return told.explained("", at, sentences, told.go_on())


def verdict_so_far(state: State) -> Iterator[Message]:
    """The verdict of a run that stopped before its end, or that there is none where one is due."""
    if state.verdict:
        word = HEADLINES[state.verdict.result].word
        yield Message("The verdict before that was %(verdict)s.", {"verdict": word})
    elif state.plan.gives_verdict:
        yield HEADLINES["RUNNING"].sentence


def waits_for(told: Telling) -> Message:
    """The steps that run, the oldest first, each with the hosts that are silent and its time."""
    return joined([_step(told, item) for item in _going(told)])


def _death(told: Telling) -> Message:
    steps = ", ".join(item.step.id for item in _going(told))
    args = {"time": told.when(_last_sign(told.state)), "steps": steps}
    if not steps:
        return Message("The process of this run died after %(time)s, between two steps.", args)
    text = "The process of this run died after %(time)s, in the middle of %(steps)s."
    return Message(text, args)


def _progress(told: Telling) -> Message:
    began = told.state.started_at
    args = {"time": told.when(began), "passed": told.passed(began), "steps": waits_for(told)}
    if not _going(told):
        return Message("The run goes on since %(time)s (%(passed)s); no step is running.", args)
    return Message("The run goes on since %(time)s (%(passed)s); it waits for %(steps)s", args)


def _step(told: Telling, item: StepState) -> Message:
    silent = [host for host in item.targets if host not in item.hosts] or item.targets
    usual = told.state.plan.estimates.get(item.step.id)
    args = {
        "step": item.step.id,
        "hosts": ", ".join(silent),
        "passed": told.passed(item.started_at or told.now),
        "usual": told.clock.duration(usual or 0),
    }
    if usual is None:
        return Message("%(step)s on %(hosts)s for %(passed)s", args)
    return Message("%(step)s on %(hosts)s for %(passed)s (usually %(usual)s)", args)


def _problems(told: Telling) -> Iterator[Message]:
    found = causes(told.state)
    if found:
        yield Message("Wrong so far: %(causes)s", {"causes": told.listed(found)})


def _given_up(told: Telling) -> Iterator[Message]:
    bound = overdue_at(told.state)
    if bound:
        args = {"time": told.when(bound)}
        yield Message("What has not answered by %(time)s is given up.", args)


def _going(told: Telling) -> Sequence[StepState]:
    running = (item for item in told.state.steps.values() if item.status is Status.RUNNING)
    return sorted(running, key=lambda item: item.started_at or told.now)


def _last_sign(state: State) -> datetime:
    """When the run last wrote something that shows in its state."""
    steps = state.steps.values()
    moments = [moment for item in steps for moment in (item.started_at, item.finished_at) if moment]
    decided = [state.verdict.decided_at] if state.verdict else []
    return max([state.started_at, *moments, *decided])
