"""Start a component on a host, in one round trip; see plugins/modules/start.py for its manual."""

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
    describe_probe,
    shell_variables,
)

STATES = {"started": "ok", "already": "already", "would": "would"}
LOOK = (
    "Read the log lines, mend the cause, then run raceday morning again: what is up is left alone."
)


class ActionModule(ActionBase):
    """Start, wait until the health check answers, and see that it stays the same invocation."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return `raceday`: one report with state, seconds, evidence and, when bad, the problem."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        spec = component_spec(variables, self._task.args["component"])
        calls = (shell_variables(spec, check=self._task.check_mode), "start_component")
        answer = ask(self, calls)
        report = _report(spec, variables["inventory_hostname"], answer)
        changed = bool(answer.components) and answer.components[0]["outcome"] in {
            "started",
            "would",
        }
        return {**result([report], changed=changed), **_diff(changed=changed, spec=spec)}


def _diff(*, changed: bool, spec: dict[str, Any]) -> dict[str, Any]:
    after = f"{spec['name']}: up\n"
    return {"diff": {"before": f"{spec['name']}: down\n" if changed else after, "after": after}}


def _report(spec: dict[str, Any], host: str, answer: Answer) -> dict[str, Any]:
    if answer.problem:
        return no_answer(spec["name"], host, answer)
    seen = answer.components[0]
    outcome = seen["outcome"]
    report = outcome_report(spec, host, seen, STATES)
    if outcome not in STATES:
        report["problem"] = problem(*_problem(outcome, spec, host, seen), message(LOOK))
    return report


def _problem(
    outcome: str, spec: dict[str, Any], host: str, seen: dict[str, str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    args = {
        "unit": seen["unit"] or spec["name"],
        "component": spec["name"],
        "host": host,
        "result": seen["result"] or seen["active"],
        "status": seen["status"],
        "seconds": round(int(seen["took"]) / 100, 1),
        "settle": (spec.get("healthcheck") or {}).get("settle", 1),
        "check": describe_probe(spec),
        "seen": seen["seen"],
    }
    failed = message("%(unit)s did not start on %(host)s", **args)
    unstable = message("%(unit)s did not stay up on %(host)s", **args)
    match outcome:
        case "no_such_unit":
            return failed, message("systemd on that host knows no unit of this name", **args)
        case "masked":
            return failed, message("it is masked; to allow it: systemctl unmask %(unit)s", **args)
        case "start_failed":
            return failed, message("the start command failed (%(result)s)", **args)
        case "died":
            return failed, message(
                "its process ended with status %(status)s (%(result)s) before it was ready", **args
            )
        case "died_settling":
            return unstable, message(
                "it was ready, then died within the %(settle)s s it had to stay up", **args
            )
        case "restarted":
            return unstable, message(
                "it was ready, then systemd had to start it again within %(settle)s s", **args
            )
        case _:
            return message("%(component)s is not ready on %(host)s", **args), message(
                "the health check (%(check)s) still said '%(seen)s' after %(seconds)s s", **args
            )
