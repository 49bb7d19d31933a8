"""Do a business transaction on a host; see plugins/modules/transaction.py for its manual."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.raceday.core.plugins.plugin_utils.remote_python import run_on_target

STEP = {
    "check": {"type": "str"},
    "method": {"type": "str"},
    "url": {"type": "str"},
    "body": {"type": "dict"},
    "status": {"type": "int"},
    "line": {"type": "str"},
    "command": {"type": "list", "elements": "str"},
    "environment": {"type": "dict", "no_log": True},
    "value": {"type": "raw"},
    "contains": {"type": "str"},
    "expect": {"type": "dict"},
    "save": {"type": "dict"},
    "save_when_wrong": {"type": "dict"},
    "cleanup": {"type": "bool"},
    "timeout": {"type": "float"},
    "why": {"type": "str"},
    "next": {"type": "str"},
}
WAYS = ("url", "line", "command", "value")
ARGUMENTS = {
    "component": {"type": "str", "required": True},
    "timeout": {"type": "float", "default": 5.0},
    "steps": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": STEP,
        "required_one_of": [WAYS],
        "mutually_exclusive": [WAYS],
    },
}


class ActionModule(ActionBase):
    """Checks its arguments here, works on the target in one round trip."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return `raceday`: one report with a check for each thing that was proven."""
        super().run(tmp, task_vars)
        _, params = self.validate_argument_spec(ARGUMENTS)
        if self._task.check_mode:
            return {"skipped": True, "msg": "a transaction is never done in check mode"}
        return run_on_target(self, "transaction", _given(params), task_vars or {})


def _given(params: dict[str, Any]) -> dict[str, Any]:
    """The parameters without what was left out; the script on the target has the defaults."""
    steps = [
        {key: value for key, value in step.items() if value is not None} for step in params["steps"]
    ]
    return {**params, "steps": steps}
