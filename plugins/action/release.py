"""Hold a play until raceday lets it go on; see plugins/modules/release.py."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

ARGUMENTS = {"path": {"type": "path", "required": True}}


class ActionModule(ActionBase):
    """Reads one line from a FIFO: the hosts the next verb may touch, and which are unready."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return `hosts`, `unready` and when it was. Raises when raceday is gone, not to wait."""
        super().run(tmp, task_vars)
        _, params = self.validate_argument_spec(ARGUMENTS)
        path = Path(params["path"])
        line = await_line(path)
        if not line:
            raise AnsibleError(f"{path}: raceday ended before it released this play.")
        now = time.time()
        return {"changed": False, "stage": path.name, "released_at": now, **json.loads(line)}


def await_line(path: Path) -> str:
    """The next line of a FIFO; empty once nobody has it open for writing, however early that was.

    raceday opens it before it launches the play, so opening must not wait for a writer: there will
    never be one again.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    with os.fdopen(descriptor, encoding="utf-8") as fifo:
        return fifo.readline()
