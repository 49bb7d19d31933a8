"""Look at every component of a host, in one round trip; see plugins/modules/probe.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.raceday.core.plugins.plugin_utils.hot_path import (
    ask,
    message,
    problem,
    result,
)
from ansible_collections.raceday.core.plugins.plugin_utils.reports import (
    evidence,
    no_answer,
    nothing_here,
    told,
)
from ansible_collections.raceday.core.plugins.plugin_utils.spec import (
    component_spec,
    describe_probe,
    shell_variables,
)
from ansible_collections.raceday.core.plugins.plugin_utils.venue import (
    components_here,
    partners_here,
)

ARGUMENTS = {
    "components": {"type": "list", "elements": "str"},
    "patient": {"type": "bool", "default": False},
    "unhurried": {"type": "bool", "default": False},
}


class ActionModule(ActionBase):
    """Ask unit and health check once, or a partner until it answers well; change nothing."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return `raceday`: one report per component on this host."""
        super().run(tmp, task_vars)
        _, params = self.validate_argument_spec(ARGUMENTS)
        variables = task_vars or {}
        host, names = variables["inventory_hostname"], params["components"]
        if names is None:
            names = [*components_here(variables), *partners_here(variables)]
        if not names:
            return nothing_here(host)
        specs = [component_spec(variables, name) for name in names]
        answer = ask(self, [_call(spec, params) for spec in specs])
        if answer.problem:
            return result([no_answer(spec["name"], host, answer) for spec in specs])
        pairs = zip(specs, answer.components, strict=True)
        return result([_report(spec, host, seen) for spec, seen in pairs])


def _call(spec: Mapping[str, Any], params: Mapping[str, Any]) -> str:
    function = "probe_from_outside" if spec.get("external") else "probe_component"
    pace = f"patient={int(params['patient'])}\nunhurried={int(params['unhurried'])}"
    return f"{shell_variables(spec, check=True)}{pace}\n{function}"


def _report(spec: Mapping[str, Any], host: str, seen: Mapping[str, str]) -> dict[str, Any]:
    ready = seen["outcome"] == "ready"
    report = {
        "component": spec["name"],
        "host": host,
        "state": "ok" if ready else "failed",
        "seconds": int(seen["took"]) / 100,
        "evidence": evidence(seen),
    }
    if not ready:
        args = {"component": spec["name"], "host": host, "seen": told(seen["seen"])}
        report["problem"] = problem(*_problem(spec, args), _following(spec, args))
    return report


def _problem(
    spec: Mapping[str, Any], args: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    args = {**args, "check": describe_probe(spec)}
    why = message("the health check (%(check)s) said '%(seen)s'", **args)
    if spec.get("external"):
        return message("%(component)s does not answer as seen from %(host)s", **args), why
    return message("%(component)s is not healthy on %(host)s", **args), why


def _following(spec: Mapping[str, Any], args: dict[str, Any]) -> dict[str, Any]:
    if spec.get("external"):
        return message("It is not ours to start: call the partner's operator.")
    return message("Look at its unit and its log on %(host)s.", **args)
