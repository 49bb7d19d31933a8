"""What a failed host looked like: one small archive per host in the run's folder.

Only the output of the commands below is kept. Every line of it loses its control characters and
whatever looks like a password, a token or a key; an archive is still for colleagues only.
"""

import io
import os
import re
import shlex
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from automation.errors import RacedayError
from automation.execute.access import read_access
from automation.execute.ssh import Answer, HostLost, Session, each
from automation.procedures.logs import unit_of
from automation.redaction import redact
from automation.run.events import Message
from automation.venue.site import Venue
from automation.views.text import printable

HOST_SECONDS = 20.0
COMMAND_SECONDS = 5
LIMIT = 512 * 1024  # bytes of one command's output
ANYWHERE = {
    "time.txt": "date -u; date; uptime",
    "ports.txt": "ss -ltnp",
    "disk.txt": "df -h; df -i",
    "memory.txt": "free",
    "kernel.txt": "journalctl -k -p err -n 50 --no-pager -o short-iso -q || dmesg | tail -n 50",
    "failed-units.txt": "systemctl --failed --no-pager --plain",
}
OF_UNIT = {
    "status-%s.txt": "systemctl status --no-pager --full --lines=0 -- {unit}",
    "journal-%s.txt": "journalctl -u {unit} -n 200 --no-pager -o short-iso -q",
}


@dataclass(frozen=True)
class Evidence:
    """The archives that were written, and a sentence for every host that has none."""

    archives: tuple[Path, ...] = ()
    notes: tuple[Message, ...] = ()


def collect(
    venue: Venue, hosts_by_component: Mapping[str, Sequence[str]], folder: Path
) -> Evidence:
    """Write `evidence-HOST.tar.gz` for each of these hosts, all at once. Raises nothing expected.

    It takes 20 s at the most, however many hosts there are, and is done on what is left to run.
    """
    commands = _commands(venue, hosts_by_component)
    try:
        answers = each(
            read_access(venue, tuple(commands)),
            lambda session: _ask(session, commands[session.host]),
            seconds=HOST_SECONDS,
        )
    except RacedayError as error:
        return Evidence(notes=tuple(_note(host, error.message) for host in commands))
    kept = [_keep(folder, host, answer) for host, answer in answers.items()]
    return Evidence(
        archives=tuple(item for item in kept if isinstance(item, Path)),
        notes=tuple(item for item in kept if isinstance(item, Message)),
    )


def _commands(
    venue: Venue, hosts_by_component: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, str]]:
    """For each host its commands by the name of the file that keeps the output."""
    commands: dict[str, dict[str, str]] = {}
    for name, hosts in hosts_by_component.items():
        unit = unit_of(venue, venue.components[name])
        for host in hosts:
            commands.setdefault(host, {}).update(_of_unit(name, unit) if unit else {})
    return {host: {**of_units, **ANYWHERE} for host, of_units in commands.items()}


def _of_unit(component: str, unit: str) -> dict[str, str]:
    quoted = shlex.quote(unit)
    return {name % component: command.format(unit=quoted) for name, command in OF_UNIT.items()}


def _ask(session: Session, commands: Mapping[str, str]) -> dict[str, str]:
    """The redacted output of each command; the time that is left bounds the later ones."""
    deadline = time.monotonic() + HOST_SECONDS - COMMAND_SECONDS
    said: dict[str, str] = {}
    for name, command in commands.items():
        left = min(deadline - time.monotonic(), COMMAND_SECONDS + 1)
        if left <= 0:
            said[name] = "not asked: the host took too long with the others\n"
        else:
            answer = session.run(_bounded(command), seconds=left, limit=LIMIT)
            said[name] = _text(command, answer)
    return said


def _bounded(command: str) -> str:
    """The newest part of the output; on the host too, nothing hangs and nothing is long."""
    quoted = shlex.quote(f"exec </dev/null 2>&1; {command}")
    return (
        f"if command -v timeout >/dev/null 2>&1; then timeout {COMMAND_SECONDS} sh -c {quoted}; "
        f"else sh -c {quoted}; fi | tail -c {LIMIT}"
    )


def _text(command: str, answer: Answer) -> str:
    lines = answer.output.split("\n")
    if len(answer.output.encode()) >= LIMIT:
        lines[0] = "..."  # its begin is gone, and with it what would tell that it is a secret
    end = "" if answer.code is not None else "\n(no end of it came in time)\n"
    return f"$ {command}\n{redact('\n'.join(map(printable, lines)))}{end}"


def _keep(folder: Path, host: str, answer: dict[str, str] | HostLost) -> Path | Message:
    if isinstance(answer, HostLost):
        return _note(host, answer.problem.why)
    path = folder / f"evidence-{re.sub(r'[^\w.-]', '_', host)}.tar.gz"
    try:
        _write(path, answer)
    except OSError as error:
        return _note(host, error.strerror or str(error))
    return path


def _write(path: Path, files: Mapping[str, str]) -> None:
    """Whole or not at all; mkstemp makes it 0600."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
            for member, content in _members(path.name.removesuffix(".tar.gz"), files):
                archive.addfile(member, io.BytesIO(content))
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _members(folder: str, files: Mapping[str, str]) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    for name, text in files.items():
        content = text.encode(errors="backslashreplace")
        member = tarfile.TarInfo(f"{folder}/{name}")
        member.size, member.mode, member.mtime = len(content), 0o600, int(time.time())
        yield member, content


def _note(host: str, why: Message | str) -> Message:
    return Message("no evidence came from %(host)s: %(why)s", {"host": host, "why": why})
