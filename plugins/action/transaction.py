"""Do a business transaction on a host; see plugins/modules/transaction.py for its manual."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
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
    "secrets": {"type": "dict"},
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
        known = task_vars or {}
        steps = [self._given(step, known) for step in params["steps"]]
        return run_on_target(self, "transaction", {**params, "steps": steps}, known)

    def _given(self, step: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """A step without what was left out; the script on the target has the defaults."""
        given = {key: value for key, value in step.items() if value is not None}
        secrets = given.pop("secrets", {}).items()
        values = {key: self._value(key, name, task_vars) for key, name in secrets}
        return {**given, "environment": {key: value for key, value in values.items() if value}}

    def _value(self, key: str, name: str, task_vars: Mapping[str, Any]) -> str:
        """What a variable holds, as text; the error tells no name, which may be the secret."""
        if name not in task_vars:
            raise AnsibleActionFail(
                f"What secrets says for {key} is the name of no variable. "
                "Give the name of the Ansible variable that holds it, not its value."
            )
        value = self._templar.template(task_vars[name])
        return "" if value is None else str(value)
