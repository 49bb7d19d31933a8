"""Puts a venue's timers where systemd finds them, and takes them away."""

import os
import pwd
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from automation.errors import RacedayError, UsageError
from automation.run.events import Message
from automation.views.units import Schedule, unit_names, unit_texts

SYSTEM = Path("/etc/systemd/system")
SYSTEM_SETTINGS = Path("/etc/raceday")
OURS = "# Written by raceday schedule install; schedule remove takes it away with this line only."
ESCAPED = re.compile(r'["\\`$]')  # what has a meaning to systemd within quotes


@dataclass(frozen=True)
class Manager:
    """The system's manager of units, or a user's own: where its units are, how it is spoken to.

    In `settings` are the files of settings that services read, one per venue.
    """

    folder: Path
    settings: Path
    options: tuple[str, ...] = ()


def find_manager(*, system: bool) -> Manager:
    """The one that is meant."""
    if system:
        return Manager(SYSTEM, SYSTEM_SETTINGS)
    config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Manager(Path(config) / "systemd" / "user", Path(config) / "raceday", ("--user",))


def environment_of(manager: Manager, venue: str) -> Path:
    """The file of settings that a venue's services read."""
    return manager.settings / f"{venue}.env"


def verify(manager: Manager, texts: Mapping[str, str]) -> None:
    """Let systemd itself read the units. Raises UsageError with what it has against them."""
    with tempfile.TemporaryDirectory(prefix="raceday-") as folder:
        files = [Path(folder) / name for name in texts]
        for file in files:
            file.write_text(texts[file.name], encoding="utf-8")
        done = _run("systemd-analyze", *manager.options, "verify", *map(str, files))
        said = (done.stdout + done.stderr).replace(f"{folder}/", "").strip()
    if done.returncode or said:
        raise UsageError(
            Message("systemd does not take these units: %(said)s", {"said": said}),
            "Nothing was changed.",
        )


def install(manager: Manager, schedule: Schedule, settings: Mapping[str, str]) -> tuple[str, ...]:
    """Write the units and start their timers; what is there already is replaced.

    Settings are written where there are none yet. Returns the names of units that were there and
    are wanted no more, which are removed.
    """
    texts = unit_texts(schedule)
    verify(manager, texts)
    _make_reports(schedule)
    _write_settings(schedule.environment, settings)
    names = (name for name in unit_names(schedule.venue) if name not in texts)
    removed = remove(manager, names)
    try:
        manager.folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            draft = manager.folder / f".{name}.{os.getpid()}"
            draft.write_text(text, encoding="utf-8")
            draft.replace(manager.folder / name)
    except OSError as error:
        raise _unwritable(manager.folder, error) from error
    _systemctl(manager, "daemon-reload")
    _systemctl(manager, "enable", "--now", *_timers(texts))
    return removed


def _make_reports(schedule: Schedule) -> None:
    """For whom the services run as: systemd starts none whose writable directory is missing."""
    folder = schedule.reports
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if schedule.user:
            user = pwd.getpwnam(schedule.user)
            for path in missing:
                os.chown(path, user.pw_uid, user.pw_gid)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _write_settings(file: Path, settings: Mapping[str, str]) -> None:
    """Each as systemd reads it back, for the owner's eyes only; a file that is there stays."""
    if not settings or file.exists():
        return
    lines = [f'{name}="{ESCAPED.sub(r"\\\g<0>", value)}"' for name, value in settings.items()]
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600, exist_ok=False)
        file.write_text("\n".join((OURS, *lines, "")), encoding="utf-8")
    except OSError as error:
        raise _unwritable(file.parent, error) from error


def remove_settings(file: Path) -> bool:
    """Take away the file that install wrote; whether it is gone. Somebody else's stays."""
    try:
        if file.exists() and file.read_text(encoding="utf-8").startswith(OURS):
            file.unlink()
    except OSError as error:
        raise _unwritable(file.parent, error) from error
    return not file.exists()


def remove(manager: Manager, names: Iterable[str]) -> tuple[str, ...]:
    """Stop the timers and take the units away; returns the names of those that were there."""
    there = tuple(name for name in names if (manager.folder / name).exists())
    if there:
        _systemctl(manager, "disable", "--now", *_timers(there))
        try:
            for name in there:
                (manager.folder / name).unlink()
        except OSError as error:
            raise _unwritable(manager.folder, error) from error
        _systemctl(manager, "daemon-reload")
    return there


def _timers(names: Iterable[str]) -> list[str]:
    return [name for name in names if name.endswith(".timer")]


def _systemctl(manager: Manager, *words: str) -> None:
    done = _run("systemctl", *manager.options, *words)
    if done.returncode:
        said = done.stderr.strip() or f"it ended with code {done.returncode}"
        raise RacedayError(
            Message("systemctl %(words)s: %(said)s", {"words": " ".join(words), "said": said}),
            "Mend that, then run it again: it is safe.",
        )


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise RacedayError(
            Message(
                "%(command)s cannot be run: %(why)s.",
                {"command": command[0], "why": error.strerror},
            )
        ) from error


def _unwritable(folder: Path, error: OSError) -> UsageError:
    return UsageError(
        Message(
            "What is in %(folder)s cannot be changed: %(why)s.",
            {"folder": folder, "why": error.strerror},
        ),
        "Run it as root, or without --system for your own units.",
    )
