"""Take servers of HAProxy in and out of rotation; see plugins/modules/rotation.py."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.raceday.core.plugins.plugin_utils.remote_python import run_on_target

ARGUMENTS = {
    "component": {"type": "str", "required": True},
    "socket": {"type": "path", "default": "/run/haproxy/admin.sock"},
    "action": {
        "type": "str",
        "choices": ["undrain", "drain", "close", "serving"],
        "default": "undrain",
    },
    "backends": {"type": "list", "elements": "str", "required": True},
    "servers": {"type": "list", "elements": "str", "default": []},
    "leave_out": {"type": "list", "elements": "str", "default": []},
    "timeout": {"type": "float"},
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
        given = {**params, "check": self._task.check_mode}
        return run_on_target(self, "rotation", given, task_vars or {})
