"""What must be true after `recover`, whatever the runs before it were and wherever they died."""

from collections.abc import Iterator, Mapping

from automation.execute.simulator import FIRST, Truth
from automation.procedures.checks import test_checks
from automation.run.plan import Verb
from automation.run.state import PASSED, server_of
from tests.unit.run.promises import Promise
from tests.unit.run.trials import BY_OTHERS, Place, Recovery, Trial, Watched

GOOD = frozenset({"SUCCESS", "WARNINGS"})
ROLLS = frozenset({"restart", "emergency"})


def success_leaves_nothing(trial: Trial) -> Iterator[str]:
    """After a recovery that says all went well the ledger has nothing for another one."""
    last = trial.recoveries[-1] if trial.recoveries else None
    left = trial.left
    good = last and last.state and last.state.result_state in GOOD
    if good and left and left.is_to_be_done:
        yield f"recovered, and this is still left: {left}"


def nothing_left_is_true(trial: Trial) -> Iterator[str]:
    """When the ledger is empty what was up is up, who was drained is back, nothing is half open."""
    left = trial.left
    if left is None or left.is_to_be_done:
        return
    closed = {*left.closed, *(name for item in trial.recoveries for name in item.left.half_open)}
    now, by_hand = _now(trial).rotation, next(_simulators(trial)).taken_out
    if trial.plan.procedure in ROLLS:
        for place, words in trial.before.rotation.items():
            lost = words - now[place] if place[0] not in closed else set[str]()
            lost -= {word for where, word in by_hand if where == place}
            yield from (f"nothing is left, and {word} is out at {place[1]}" for word in lost)
        yield from (f"nothing is left, and {place} is down" for place in _ours_down(trial))
    for name in _being_opened(trial):
        for place, words in now.items():
            if place[0] == name and words:
                yield f"nothing is left, and {place[1]} is half open"


def only_what_was_in_goes_in(trial: Trial) -> Iterator[str]:
    """A recovery puts nothing in rotation that was not in before the first run."""
    for _, place, word in _put_in(trial):
        if word not in trial.before.rotation.get(place, ()):
            yield f"recovered, {word} at {place[1]} was not in rotation before"


def only_what_is_proven_goes_in(trial: Trial) -> Iterator[str]:
    """What a recovery puts in rotation was seen ready by it, and tested if it was ended before.

    What somebody has started again between two recoveries is theirs.
    """
    for recovery, place, word in _put_in(trial):
        component, host = word.partition("/")[0].removeprefix("to_"), server_of(word)
        if (f"{component}.gate", host) not in recovery.simulator.truth.proven:
            yield f"recovered, {word} went in at {place[1]} and its gate was not proven"
        venue = trial.venue
        if (component, host) in _ended(trial) and test_checks(venue, venue.components[component]):
            runs = _now(trial).invocations.get((component, host), FIRST)
            if runs != BY_OTHERS and not any(
                (component, host, runs) in item.passed for item in _simulators(trial)
            ):
                yield f"recovered, {word} went in at {place[1]} and was not tested"


def nothing_is_closed_unasked(trial: Trial) -> Iterator[str]:
    """A recovery takes customers from nobody but a load balancer that was half open."""
    for recovery, after in _with_after(trial):
        for place, words in recovery.simulator.before.rotation.items():
            lost = words - after[place] if place[0] not in recovery.left.half_open else ()
            yield from (f"recovered, {word} lost its customers at {place[1]}" for word in lost)


def _put_in(trial: Trial) -> Iterator[tuple[Recovery, Place, str]]:
    for recovery, after in _with_after(trial):
        for place, words in after.items():
            for word in sorted(words - recovery.simulator.before.rotation[place]):
                yield recovery, place, word


def _with_after(trial: Trial) -> Iterator[tuple[Recovery, Mapping[Place, set[str]]]]:
    """Each recovery with who got customers after it."""
    afters = [item.simulator.before.rotation for item in trial.recoveries[1:]]
    if trial.recoveries:
        yield from zip(trial.recoveries, [*afters, _now(trial).rotation], strict=True)


def _ended(trial: Trial) -> set[Place]:
    """What any run has stopped or killed."""
    return {
        (step.component, host)
        for simulator in _simulators(trial)
        for step in trial.plan.steps.values()
        if step.verb in {Verb.STOP, Verb.KILL}
        for host in simulator.truth.begun.get(step.id, ())
    }


def _ours_down(trial: Trial) -> Iterator[Place]:
    """What a run took down, and nobody else did since."""
    now = _now(trial)
    for place in sorted(_ended(trial)):
        died = any(item.has_died(place) for item in _simulators(trial))
        others = now.invocations.get(place) == BY_OTHERS
        if place not in now.up and not (died or others):
            yield place


def _being_opened(trial: Trial) -> Iterator[str]:
    """Load balancers that a morning began to open, and that did not come to its end."""
    steps = trial.told.steps.values() if trial.told else ()
    for item in (step.latest for step in steps if step.step.on_verdict):
        if item.targets and item.status not in PASSED:
            yield item.step.component


def _now(trial: Trial) -> Truth:
    """The world after all of it."""
    return next(_simulators(trial)).truth


def _simulators(trial: Trial) -> Iterator[Watched]:
    """Those of all processes, the last one first."""
    part: Watched | None = trial.recoveries[-1].simulator if trial.recoveries else trial.simulator
    while part:
        yield part
        part = part.after


WHEN_RECOVERED: tuple[Promise, ...] = (
    success_leaves_nothing,
    nothing_left_is_true,
    only_what_was_in_goes_in,
    only_what_is_proven_goes_in,
    nothing_is_closed_unasked,
)
