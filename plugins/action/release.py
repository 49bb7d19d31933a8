"""Hold a play until raceday lets it go on; see plugins/modules/release.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Reads one line from a FIFO: the hosts the next verb may touch."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return `hosts`. Raises when the controller is gone, so that no play is left waiting."""
        super().run(tmp, task_vars)
        path = Path(self._task.args["path"])
        with path.open(encoding="utf-8") as fifo:
            line = fifo.readline()
        if not line:
            raise AnsibleError(f"{path}: raceday ended before it released this play.")
        return {"changed": False, "hosts": json.loads(line), "verb": path.name}
