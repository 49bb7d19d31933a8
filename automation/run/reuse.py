"""Whether what an earlier part of a resumed run did still stands. Pure; only looks count."""

from collections.abc import Iterator

from automation.run.events import GOOD
from automation.run.plan import Step, Verb
from automation.run.state import ENDED, ROTATION, HostResult, State, Status, StepState, words_of

TAKES_OUT = frozenset({Verb.STOP, Verb.KILL, Verb.DRAIN, Verb.CLOSE})


def has_looked(state: State) -> bool:
    """Whether every first look of the resumed run has ended."""
    return all(item.status in ENDED for item in state.steps.values() if item.step.is_look)


def still_stands(state: State, step: Step) -> bool:
    """Whether a step that succeeded before the run was resumed need not be done again.

    A unit that was started again runs another invocation than the one that was left, and a host
    that was rebooted is another boot. What was stopped or taken out counts as done only once it was
    put back. A test forgets that it passed as soon as what it tested is started or stopped
    (`fold`).
    """
    if step.id in state.again or not _has_succeeded(state, step):
        return False
    if step.verb is Verb.PROBE:
        return _is_needed_no_more(state, step)
    if step.is_test:
        return any(_proves_a_start(state, state.steps[name]) for name in step.needs)
    if step.verb in TAKES_OUT:
        return any(_is_back(state, item.step) for item in _returns(state, step))
    return _is_as_left(state, step)


def _is_needed_no_more(state: State, look: Step) -> bool:
    """A look before something was taken out, which is back again."""
    relying = [item.step for item in state.steps.values() if look.id in item.step.needs]
    taking = [step for step in relying if step.verb in TAKES_OUT]
    return bool(taking) and all(still_stands(state, step) for step in taking)


def _proves_a_start(state: State, needed: StepState) -> bool:
    """A test that rests on a start, or on a test that still stands, is as good as that."""
    stands = needed.reused or still_stands(state, needed.step)
    return needed.step.verb is Verb.START or (needed.step.is_test and stands)


def _has_succeeded(state: State, step: Step) -> bool:
    """Just so, on every host."""
    earlier = state.steps[step.id].earlier
    return earlier is not None and earlier.step == step and earlier.status is Status.SUCCEEDED


def _returns(state: State, step: Step) -> Iterator[StepState]:
    """What puts back what a step takes out; a start is not all of a stop that was drained for."""
    back = (item for item in state.steps.values() if item.step.puts_back == step.id)
    return (item for item in back if item.step.verb in {Verb.START, Verb.UNDRAIN})


def _is_back(state: State, step: Step) -> bool:
    """It was put back, with all that had to come before, and is as it was left.

    What that put back had succeeded too: else it is done again, and needs the drain before it.
    """
    before = (state.steps[name].step for name in step.after)
    done = [other for other in before if other.puts_back and other.verb is not Verb.UNDRAIN]
    steps = (*done, step)
    taken = (state.steps[other.puts_back].step for other in steps)
    return all(_has_succeeded(state, other) for other in (*taken, *steps)) and all(
        other.is_test or _is_as_left(state, other) for other in steps
    )


def _is_as_left(state: State, step: Step) -> bool:
    earlier = state.steps[step.id].earlier
    if earlier is None:
        return False
    if step.verb is Verb.START:
        return all(_runs_on(state, earlier, host) for host in earlier.targets)
    if step.verb is Verb.UNDRAIN and earlier.servers:
        return all(_sends_to(state, earlier, host) for host in earlier.targets)
    return False


def _runs_on(state: State, started: StepState, host: str) -> bool:
    """The unit is ready, and still the invocation that the start has left, in the same boot."""
    seen, left = _seen(state, started.step.owner, host), started.hosts[host]
    if seen is None or seen.state not in GOOD or not left.evidence.get("invocation"):
        return False
    told = [name for name in ("invocation", "boot") if name in left.evidence]
    return all(seen.evidence.get(name) == left.evidence[name] for name in told)


def _sends_to(state: State, undrained: StepState, host: str) -> bool:
    """The load balancer sends customers to every server that was put into rotation."""
    seen = _seen(state, undrained.step.owner, host)
    told = undrained.servers.get(host, ())
    return seen is not None and words_of(seen.evidence.get(ROTATION, "")).issuperset(told)


def _seen(state: State, component: str, host: str) -> HostResult | None:
    looks = (item for item in state.steps.values() if item.step.is_look)
    return next((item.hosts.get(host) for item in looks if item.step.owner == component), None)
