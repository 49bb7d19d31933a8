"""Which start of its unit a run has proven, by "component/host". Pure; an invocation names one."""

from collections.abc import Mapping

from automation.run.plan import Verb
from automation.run.state import State, missing_checks


def at_gates(state: State) -> Mapping[str, str]:
    """What was seen at the last gates."""
    return {
        f"{item.step.component}/{host}": result.evidence["invocation"]
        for item in state.steps.values()
        if item.step.id.endswith(".gate")
        for host, result in item.hosts.items()
        if result.evidence.get("invocation")
    }


def tested_starts(state: State) -> Mapping[str, str]:
    """What was started and then passed every test that was planned for it."""
    proven: dict[str, str] = {}
    for item in state.steps.values():
        for host in item.step.hosts:
            place, result = f"{item.step.component}/{host}", item.hosts.get(host)
            if item.step.verb is Verb.START and result and result.good:
                proven[place] = result.evidence.get("invocation", "")
            passed = result and result.good and not missing_checks(item.step, result)
            if item.step.verb is Verb.TEST and not passed:
                proven.pop(place, None)
    return proven
