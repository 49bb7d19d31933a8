"""Take servers of HAProxy in and out of rotation; see plugins/modules/rotation.py."""

from __future__ import annotations

import shlex
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.raceday.core.plugins.plugin_utils.on_target import rotation
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
PERL = """
use IO::Socket::UNIX;
alarm 5;
my $link = IO::Socket::UNIX->new(Peer => shift) or die "$!\\n";
print $link shift, "\\n";
$link->flush;
print while <$link>;
"""  # Debian's packages need perl-base, so it is there when Python is not


class ActionModule(ActionBase):
    """Checks its arguments here, works on the target in one round trip.

    Where the target has no Python it works here, and each question to the socket is a round trip.
    """

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return `raceday`: one report with a check for each thing that was proven."""
        super().run(tmp, task_vars)
        _, params = self.validate_argument_spec(ARGUMENTS)
        given = {**params, "check": self._task.check_mode}
        return run_on_target(
            self, "rotation", given, task_vars or {}, without_python=lambda: self._from_here(given)
        )

    def _from_here(self, given: dict[str, Any]) -> dict[str, Any]:
        ways = {"ask": self._ask, "run": self._run, "see_who_waits": lambda: None}
        return rotation.answer({**given, **ways})

    def _ask(self, socket: str, line: str) -> str:
        """HAProxy's answer to one line. Raises OSError when there is none."""
        try:
            return self._run(["perl", "-e", PERL, socket, line])
        except OSError as error:
            raise OSError(f"{error} (there is no python3, so perl was to ask it)") from error

    def _run(self, argv: list[str]) -> str:
        """What a program on the target says. Raises OSError when it fails."""
        reply = self._low_level_execute_command(shlex.join(argv))
        if reply["rc"]:
            said = (reply["stderr"] or reply["stdout"]).strip().splitlines() or ["no answer"]
            raise OSError(said[-1])
        return str(reply["stdout"])
