"""Puts a venue's timers where systemd finds them, and takes them away."""

import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from automation.errors import RacedayError, UsageError
from automation.run.events import Message

SYSTEM = Path("/etc/systemd/system")


@dataclass(frozen=True)
class Manager:
    """The system's manager of units, or a user's own: where its units are, how it is spoken to."""

    folder: Path
    options: tuple[str, ...] = ()


def find_manager(*, system: bool) -> Manager:
    """The one that is meant."""
    if system:
        return Manager(SYSTEM)
    config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Manager(Path(config) / "systemd" / "user", ("--user",))


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


def install(manager: Manager, texts: Mapping[str, str]) -> None:
    """Write the units and start their timers; what is there already is replaced."""
    verify(manager, texts)
    try:
        manager.folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            draft = manager.folder / f".{name}.{os.getpid()}"
            draft.write_text(text, encoding="utf-8")
            draft.replace(manager.folder / name)
    except OSError as error:
        raise _unwritable(manager, error) from error
    _systemctl(manager, "daemon-reload")
    _systemctl(manager, "enable", "--now", *_timers(texts))


def remove(manager: Manager, names: Iterable[str]) -> tuple[str, ...]:
    """Stop the timers and take the units away; returns the names of those that were there."""
    there = tuple(name for name in names if (manager.folder / name).exists())
    if there:
        _systemctl(manager, "disable", "--now", *_timers(there))
        try:
            for name in there:
                (manager.folder / name).unlink()
        except OSError as error:
            raise _unwritable(manager, error) from error
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


def _unwritable(manager: Manager, error: OSError) -> UsageError:
    return UsageError(
        Message(
            "The units in %(folder)s cannot be changed: %(why)s.",
            {"folder": manager.folder, "why": error.strerror},
        ),
        "Run it as root, or without --system for your own units.",
    )
