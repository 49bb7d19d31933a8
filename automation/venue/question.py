"""One of Ansible's programs, asked about an inventory: a process that costs half a second.

The command line asks for the hosts before it imports the command that wants them, so the two half
seconds are the same. Nothing else of `venue` is imported here: that is what would take so long.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from automation.settings import ansible_config

TIMEOUT_SECONDS = 120
PROGRAM, LIST = "ansible-inventory", "--list"
SETTINGS = {
    "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",  # otherwise it warns and goes on
    "ANSIBLE_HOST_PATTERN_MISMATCH": "error",  # the same
    "ANSIBLE_INVENTORY_EXPORT": "false",
    "ANSIBLE_VERBOSITY": "0",  # its messages would stand among the JSON
    "ANSIBLE_LOAD_CALLBACK_PLUGINS": "false",  # so would those of a site's own callback
    "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_INJECT_FACT_VARS": "true",  # otherwise each host gets an ansible_local of its own
    "LC_ALL": "C.UTF-8",  # Ansible refuses any other encoding
}


class Question:
    """A process under way. An inventory's script that it runs does not outlive raceday."""

    def __init__(self, program: str, source: Path, *options: str) -> None:
        """Raises FileNotFoundError where Ansible is not installed."""
        beside = Path(sys.executable).with_name(program)
        self._process = subprocess.Popen(
            [str(beside if beside.exists() else program), f"--inventory={source}", *options],
            cwd=source if source.is_dir() else source.parent,
            env=os.environ | SETTINGS | {"ANSIBLE_CONFIG": ansible_config()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        )

    def answer(self) -> tuple[int, str, str]:
        """Its exit code, output and errors. Raises TimeoutExpired after TIMEOUT_SECONDS."""
        with self._process as process:
            try:
                output, errors = process.communicate(timeout=TIMEOUT_SECONDS)
            finally:
                self._kill()
        return process.returncode, output, errors

    def end(self) -> None:
        """Nobody wants the answer any more."""
        with self._process:
            self._kill()

    def _kill(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)


_ahead: dict[Path, Question] = {}


def ask_ahead(source: Path) -> Callable[[], None]:
    """Ask for the hosts of an inventory. Returns what ends that if nobody wants to know after all.

    Whoever asks next has this answer; whoever asks again, a new one.
    """
    try:
        _ahead[source] = Question(PROGRAM, source, LIST)
    except OSError:  # whoever asks for the answer is told
        return lambda: None
    return lambda: _end(source)


def ask(program: str, source: Path, *options: str) -> Question:
    """A question of one's own, or the one that was asked ahead."""
    asked = _ahead.pop(source, None) if (program, *options) == (PROGRAM, LIST) else None
    return asked or Question(program, source, *options)


def _end(source: Path) -> None:
    if asked := _ahead.pop(source, None):
        asked.end()
