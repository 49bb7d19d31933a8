"""One `ansible-playbook` process: how ansible-runner starts it, and how its events are read.

By default ansible-runner forks for a pseudo terminal. In a process with threads such a child may
wait for ever for a lock that another thread held, and never become Ansible. Its other mode lets the
system start the program, but reads what it prints only once it has ended; so it is given a pipe.
"""

import codecs
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_runner.config.command import CommandConfig
from ansible_runner.runner import Runner
from ansible_runner.utils import OutputEventFilter

from automation.redaction import redact
from automation.settings import content_root

OWN_SESSION = "setsid"  # of util-linux: neither Ctrl-C nor a password prompt reaches the process
LAST_WORDS = 300  # characters of an error
LEFT_OVER = 5.0  # seconds for what it had printed when it ended
ALLOWED = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "SSH_AUTH_SOCK", "TZ"}
)
HOST_KEYS = "ANSIBLE_HOST_KEY_CHECKING"
ALLOWED_PREFIXES = ("ANSIBLE_", "RACEDAY_")

type OnEvent = Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True)
class Playbook:
    """What is called. Everything it writes is below `folder` and `artifacts`."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    artifacts: Path
    ident: str

    def run(self, on_event: OnEvent, give_up: Callable[[], None]) -> str:
        """Run it to its end, and how that was.

        Events reach `on_event` as they come, in a thread of their own; whether it returns True says
        if ansible-runner shall keep a file of the event. If it fails, `give_up` has to end the
        process, and its error is raised here.
        """
        reading, writing = os.pipe()
        with Path(os.devnull).open(encoding="utf-8") as nothing:
            config = self._config(nothing, writing)
            runner = Runner(config, event_handler=on_event)
            listener = _Listener(reading, Path(config.artifact_dir), runner.event_callback, give_up)
            listener.start()
            try:
                runner.run()
            finally:
                os.close(writing)
                listener.join(LEFT_OVER)
        if listener.error:
            raise listener.error
        return f"ansible-playbook ended with code {runner.rc} ({runner.status}){listener.said()}"

    def _config(self, stdin: Any, stdout: int) -> CommandConfig:
        config = CommandConfig(
            private_data_dir=str(self.folder),
            artifact_dir=str(self.artifacts),
            host_cwd=str(content_root()),
            ident=self.ident,
            quiet=True,
            suppress_env_files=True,
            settings={"suppress_output_file": True},
            envvars=dict(self.environment),
            input_fd=stdin,
            output_fd=stdout,
            error_fd=stdout,
        )
        config.prepare_run_command(OWN_SESSION, ["ansible-playbook", *self.arguments])
        config.env = _allowed(config.env)
        return config


class _Listener(threading.Thread):
    """Reads what one process prints until nobody can print any more."""

    def __init__(
        self, reading: int, artifacts: Path, on_event: OnEvent, give_up: Callable[[], None]
    ) -> None:
        super().__init__(daemon=True)
        self.error: Exception | None = None
        self._reading = reading
        self._text = artifacts / "stdout"
        self._on_event = on_event
        self._give_up = give_up

    def run(self) -> None:
        try:
            with codecs.open(str(self._text), "w", encoding="utf-8") as text:
                self._read(OutputEventFilter(text, self._on_event, suppress_ansible_output=True))
        except Exception as error:  # noqa: BLE001  # whatever it is, `Playbook.run` raises it
            self.error = error
            self._give_up()
        finally:
            os.close(self._reading)

    def _read(self, events: OutputEventFilter) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while chunk := os.read(self._reading, 1 << 16):
            events.write(decoder.decode(chunk))
        events.close()

    def said(self) -> str:
        """The last error that it printed."""
        text = self._text.read_text(encoding="utf-8", errors="replace")
        wrong = [line for line in text.splitlines() if "ERROR" in line]
        return f": {redact(wrong[-1][:LAST_WORDS])}" if wrong else ""


def _allowed(environment: Mapping[str, str]) -> dict[str, str]:
    """What was added for this process, and of the operator's own only what is on the list.

    ansible-runner turns the check of host keys off where the environment says nothing; whether keys
    are checked is ansible.cfg's business, and Ansible itself checks them.
    """
    return {
        key: value
        for key, value in environment.items()
        if (key in ALLOWED or key.startswith(ALLOWED_PREFIXES) or os.environ.get(key) != value)
        and (key != HOST_KEYS or key in os.environ)
    }
