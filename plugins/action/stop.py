"""Stop a component on a host, in one round trip; see plugins/modules/stop.py for its manual."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.raceday.core.plugins.plugin_utils.hot_path import (
    Answer,
    ask,
    message,
    problem,
    result,
)
from ansible_collections.raceday.core.plugins.plugin_utils.reports import no_answer, outcome_report
from ansible_collections.raceday.core.plugins.plugin_utils.spec import (
    component_spec,
    shell_variables,
)

ARGUMENTS = {
    "component": {"type": "str", "required": True},
    "force": {"type": "bool", "default": False},
}
STATES = {"stopped": "ok", "already": "already", "would": "would"}
LOOK = "Log in to %(host)s and end what is left, then run it again: what is down is left alone."


class ActionModule(ActionBase):
    """Stop, then see that the unit is down, its ports are closed and no process is left."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return `raceday`: one report with state, seconds, evidence and, when bad, the problem."""
        super().run(tmp, task_vars)
        _, params = self.validate_argument_spec(ARGUMENTS)
        variables = task_vars or {}
        spec = component_spec(variables, params["component"])
        calls = (
            f"{shell_variables(spec, check=self._task.check_mode)}force={int(params['force'])}",
            "stop_component",
        )
        answer = ask(self, calls)
        report = stop_report(spec, variables["inventory_hostname"], answer)
        changed = bool(answer.components) and answer.components[0]["outcome"] in {
            "stopped",
            "would",
        }
        return {**result([report], changed=changed), **_diff(changed=changed, spec=spec)}


def stop_report(spec: dict[str, Any], host: str, answer: Answer) -> dict[str, Any]:
    """What a host's answer comes to."""
    if answer.problem:
        return no_answer(spec["name"], host, answer)
    seen = answer.components[0]
    outcome = seen["outcome"]
    report = outcome_report(spec, host, seen, STATES)
    if outcome not in STATES:
        what = message("%(unit)s did not stop on %(host)s", unit=_name(spec, seen), host=host)
        why = _why(outcome, host, seen)
        report["problem"] = problem(what, why, message(LOOK, host=host))
    return report


def _diff(*, changed: bool, spec: dict[str, Any]) -> dict[str, Any]:
    after = f"{spec['name']}: down\n"
    return {"diff": {"before": f"{spec['name']}: up\n" if changed else after, "after": after}}


def _name(spec: dict[str, Any], seen: dict[str, str]) -> str:
    return seen["unit"] or str(spec["name"])


def _why(outcome: str, host: str, seen: dict[str, str]) -> dict[str, Any]:
    left = seen["left"]
    match outcome:
        case "no_such_unit":
            return message("systemd on that host knows no unit of this name")
        case "stop_failed":
            return message("the stop command failed (%(left)s)", left=left)
        case "port_open":
            return _listener(host, *left.split(" ", 2))
        case "in_doubt":
            return message(
                "it is not known whether it still runs: its status command does not say (%(left)s)",
                left=left,
            )
        case "process_left" if not left:
            return message("its status command still says that it is up")
        case "process_left":
            return message("these processes of it are still there: %(left)s", left=left)
        case _:
            return message("it is still %(left)s", left=left)


def _listener(host: str, port: str, kind: str, name: str = "") -> dict[str, Any]:
    if kind == "unknown":
        return message(
            "It is not known who listens on port %(port)s of %(host)s: ss gave no answer",
            port=port,
            host=host,
        )
    name = name or "a process that even root cannot see"
    return message("port %(port)s is still listened on by %(name)s", port=port, name=name)
