"""Compare the clocks of a component's hosts with each other; see plugins/modules/clocks.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.raceday.core.plugins.plugin_utils.hot_path import check, message, result
from ansible_collections.raceday.core.plugins.plugin_utils.venue import components_here

NAME = "clock against its fellows"
ARGUMENTS = {
    "measured": {"type": "str", "required": True},
    "members": {"type": "dict"},
    "strict": {"type": "bool", "default": True},
}


class ActionModule(ActionBase):
    """Runs once, on the controller, over what preflight measured on each host."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return `raceday`: one check per host of each component."""
        super().run(tmp, task_vars)
        _, params = self.validate_argument_spec(ARGUMENTS)
        variables = task_vars or {}
        limit = float(variables["venue"].get("thresholds", {}).get("clock_seconds", 1.0))
        offsets = _offsets(variables, params["measured"])
        members = params["members"] or _members(variables, offsets)
        reports = [
            _report(component, host, _fellows(hosts, offsets), limit)
            for component, hosts in members.items()
            for host in hosts
            if host in offsets
        ]
        return result(reports, strict=params["strict"])


def _offsets(variables: Mapping[str, Any], measured: str) -> dict[str, float]:
    """Offset per host, in seconds; hosts that did not answer have none."""
    found = {}
    for host in variables["ansible_play_hosts_all"]:
        answer = variables["hostvars"][host].get(measured) or {}
        if "clock_offset" in answer:
            found[host] = float(answer["clock_offset"])
    return found


def _members(variables: Mapping[str, Any], offsets: Mapping[str, float]) -> dict[str, list[str]]:
    members: dict[str, list[str]] = {}
    for host in offsets:
        hostvars = variables["hostvars"][host]
        for name in components_here({**hostvars, "components": variables["components"]}):
            members.setdefault(name, []).append(host)
    return members


def _fellows(hosts: list[str], offsets: Mapping[str, float]) -> dict[str, float]:
    return {host: offsets[host] for host in hosts if host in offsets}


def _report(
    component: str, host: str, offsets: Mapping[str, float], limit: float
) -> dict[str, Any]:
    own = offsets[host]
    other = max(offsets, key=lambda name: abs(offsets[name] - own))
    apart = abs(offsets[other] - own)
    args = {"host": host, "other": other, "apart": f"{apart:.1f}"}
    found = check(
        NAME,
        f"within {limit:g} s",
        f"{apart:.3f} s" if len(offsets) > 1 else "no other host",
        passed=apart <= limit,
        why=message("The clocks of %(host)s and %(other)s are %(apart)s s apart", **args),
        following=message("Set the wrong one and see that time synchronisation runs: timedatectl"),
    )
    return {"component": component, "host": host, "state": "ok", "checks": [found]}
