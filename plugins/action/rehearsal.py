"""Rehearse sales from the load balancer's host; see plugins/modules/rehearsal.py for its manual."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.raceday.core.plugins.plugin_utils.remote_python import run_on_target

REQUEST = {
    "method": {"type": "str"},
    "url": {"type": "str"},
    "line": {"type": "str"},
    "body": {"type": "dict"},
    "status": {"type": "int"},
    "expect": {"type": "dict"},
    "value": {"type": "str"},
    "count": {"type": "str"},
}
ONE_WAY = {"required_one_of": [("url", "line")], "mutually_exclusive": [("url", "line")]}
LOAD = {
    "rate": {"type": "float", "default": 20.0},
    "seconds": {"type": "float", "default": 30.0},
    "burst": {"type": "float", "default": 1.0},
    "judge_latency": {"type": "bool", "default": True},
}
LIMITS = {
    "errors_percent": {"type": "float", "default": 1.0},
    "p95_seconds": {"type": "float", "default": 0.5},
    "p99_seconds": {"type": "float", "default": 1.0},
}
ARGUMENTS = {
    "component": {"type": "str", "required": True},
    "action": {"type": "str", "choices": ["load", "tidy", "watch"], "default": "load"},
    "channel": {"type": "str"},
    "name": {"type": "str"},
    "buy": {"type": "dict", "options": REQUEST, **ONE_WAY},
    "take_back": {"type": "dict", "options": REQUEST, **ONE_WAY},
    "look": {"type": "dict", "options": REQUEST, **ONE_WAY},
    "load": {"type": "dict", "options": LOAD, "apply_defaults": True},
    "limits": {"type": "dict", "options": LIMITS, "apply_defaults": True},
    "channels": {"type": "dict"},
    "purchases": {"type": "int", "default": 10},
    "mark": {"type": "bool", "default": False},
    "timeout": {"type": "float", "default": 30.0},
    "folder": {"type": "path", "default": "/run/raceday"},
}
SALE = ("channel", "name", "buy", "take_back", "look")
PROOFS = {
    "take_back": ("expect", "the answer when nothing is left"),
    "look": ("value", "the key of the balance in the answer"),
}
NEEDED = [("action", "load", SALE), ("action", "tidy", SALE), ("action", "watch", ("channels",))]


class ActionModule(ActionBase):
    """Checks its arguments here, works on the target in one round trip."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return `raceday`: one report with the checks of the load, the clean-up or the look."""
        super().run(tmp, task_vars)
        _, params = self.validate_argument_spec(ARGUMENTS, required_if=NEEDED)
        _refuse_what_proves_nothing(params)
        if self._task.check_mode:
            return {"skipped": True, "msg": "nothing is bought in check mode"}
        return run_on_target(self, "rehearsal", params, task_vars or {})


def _refuse_what_proves_nothing(params: dict[str, Any]) -> None:
    """Whether a clean-up is complete is told only by an answer that could be another."""
    for name, (key, what) in PROOFS.items():
        if params[name] and not params[name].get(key):
            raise AnsibleActionFail(f"{name} needs {key}, {what}: without it no check can fail.")
