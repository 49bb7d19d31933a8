"""Which start of its unit each host was proven to run. Pure; systemd's InvocationID names one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from automation.run.plan import Verb
from automation.run.state import HostResult, State, StepState, missing_checks

type Place = str  # "component/host"
ENDS = frozenset({Verb.STOP, Verb.KILL})
WITHOUT_TESTS = frozenset({"restart", "emergency", "recover"})


@dataclass
class Proofs:
    """By place: the invocation that was `proven`, or `started` and not yet tested."""

    proven: dict[Place, str] = field(default_factory=dict)
    started: dict[Place, str] = field(default_factory=dict)


def proofs_since(go: State, later: Iterable[State]) -> Mapping[Place, str]:
    """What a GO saw at its last gates, and what became of it in later runs, oldest first."""
    proofs = Proofs(dict(_at_gates(go)))
    for state in later:
        for item in state.steps.values():
            if item.latest.targets and not state.plan.check:
                _add(proofs, state, item.latest)
    return proofs.proven


def _at_gates(state: State) -> Mapping[Place, str]:
    return {
        f"{item.step.component}/{host}": result.evidence["invocation"]
        for item in state.steps.values()
        if item.step.is_gate
        for host, result in item.hosts.items()
        if result.evidence.get("invocation")
    }


def _add(proofs: Proofs, state: State, item: StepState) -> None:
    for host in item.targets:
        place, result = f"{item.step.component}/{host}", item.hosts.get(host)
        if item.step.verb in ENDS:
            proofs.proven.pop(place, None)
            proofs.started.pop(place, None)
        if item.step.verb is Verb.START:
            _start(proofs, state, item, place, result)
        if item.step.verb is Verb.TEST:
            _test(proofs, place, passed=_passed(item, result))
        if item.step.verb is Verb.THROUGH and not _passed(item, result):
            for other in state.plan.components[item.step.component].hosts:
                _test(proofs, f"{item.step.component}/{other}", passed=False)


def _start(
    proofs: Proofs, state: State, item: StepState, place: Place, result: HostResult | None
) -> None:
    invocation = result.evidence.get("invocation", "") if result and result.good else ""
    if proofs.proven.get(place) == invocation:
        return
    proofs.proven.pop(place, None)
    proofs.started.pop(place, None)
    if not invocation:  # what has no unit may have been bounced since, and nobody would know
        return
    proofs.started[place] = invocation
    tests = (other.step for other in state.steps.values() if other.step.verb is Verb.TEST)
    tested = any(step.component == item.step.component for step in tests)
    if not tested and state.plan.procedure in WITHOUT_TESTS:
        _test(proofs, place, passed=True)


def _test(proofs: Proofs, place: Place, *, passed: bool) -> None:
    """What fails its test is not proven any more, and what passes it is."""
    source, target = (proofs.started, proofs.proven) if passed else (proofs.proven, proofs.started)
    if place in source:
        target[place] = source.pop(place)


def _passed(item: StepState, result: HostResult | None) -> bool:
    return result is not None and result.good and not missing_checks(item.step, result)
