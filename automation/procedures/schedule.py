"""Puts a venue's timers where systemd finds them, and takes them away."""

import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from automation.errors import RacedayError, UsageError
from automation.run.events import Message
from automation.views.units import Schedule, unit_names, unit_texts

SYSTEM = Path("/etc/systemd/system")
SYSTEM_SETTINGS = Path("/etc/raceday")
OURS = "# Written by raceday schedule install; schedule remove takes it away with this line only."
ESCAPED = re.compile(r'["\\`$]')  # what has a meaning to systemd within quotes
WANTS = "timers.target.wants"  # as [Install] of the timers says
PROGRAMS = ("systemctl", "systemd-analyze")
ELSEWHERE = Message(
    "Nothing was changed. Without systemd let another scheduler, such as cron, call "
    "`raceday idle` and `raceday morning --yes`."
)
OWN = Message(
    "Nothing was changed. Your own systemd runs while you are logged in, or after "
    "`loginctl enable-linger`; --system is for the machine's."
)
AGAIN = Message("Mend that, then run it again: it is safe.")
PUT_BACK = Message("What was there before is put back. Mend that, then run it again.")


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
    are wanted no more, which are removed. What fails before the timers run is taken back.
    """
    _check_manager(manager)
    texts = unit_texts(schedule)
    verify(manager, texts)
    with ExitStack() as undo:
        _make_reports(schedule, undo)
        _write_settings(schedule.environment, settings, undo)
        _write_units(manager, texts, undo)
        _systemctl(manager, "daemon-reload", hint=PUT_BACK)
        _systemctl(manager, "enable", "--now", *_timers(texts), hint=PUT_BACK)
        undo.pop_all()
    return remove(manager, (name for name in unit_names(schedule.venue) if name not in texts))


def _check_manager(manager: Manager) -> None:
    """Raises UsageError where no such systemd is that could take units."""
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing:
        args = {"programs": ", ".join(missing)}
        text = "%(programs)s: not installed here, and systemd's timers are what calls raceday."
        raise UsageError(Message(text, args), ELSEWHERE)
    done = _run("systemctl", *manager.options, "show", "--property=Version")
    if done.returncode:
        said = Message("systemd cannot be reached here: %(said)s", {"said": _said(done)})
        raise UsageError(said, OWN if manager.options else ELSEWHERE)


def _make_reports(schedule: Schedule, undo: ExitStack) -> None:
    """For whom the services run as: systemd starts none whose writable directory is missing."""
    try:
        made = _make_folder(schedule.reports, undo)
        if schedule.user:
            user = pwd.getpwnam(schedule.user)
            for path in made:
                os.chown(path, user.pw_uid, user.pw_gid)
    except OSError as error:
        raise _unwritable(schedule.reports, error) from error


def _make_folder(folder: Path, undo: ExitStack) -> list[Path]:
    """With what is missing above it; returns what was missing, to be gone again after a failure."""
    missing = [path for path in (*reversed(folder.parents), folder) if not path.exists()]
    for path in missing:
        undo.callback(_remove_empty, path)
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):  # somebody has put something into it
        folder.rmdir()


def _write_settings(file: Path, settings: Mapping[str, str], undo: ExitStack) -> None:
    """Each as systemd reads it back, for the owner's eyes only; a file that is there stays."""
    if not settings or file.exists():
        return
    lines = [f'{name}="{ESCAPED.sub(r"\\\g<0>", value)}"' for name, value in settings.items()]
    try:
        _make_folder(file.parent, undo)
        file.touch(mode=0o600, exist_ok=False)
        undo.callback(file.unlink, missing_ok=True)
        file.write_text("\n".join((OURS, *lines, "")), encoding="utf-8")
    except OSError as error:
        raise _unwritable(file.parent, error) from error


def _write_units(manager: Manager, texts: Mapping[str, str], undo: ExitStack) -> None:
    """Each at once as a whole. Undone: timers that were off are off, then the files as before."""
    timers = _timers(texts)
    disabled = [name for name in timers if not _holds(manager, "is-enabled", name)]
    idle = [name for name in timers if not _holds(manager, "is-active", name)]
    try:
        _make_folder(manager.folder, undo)
        undo.callback(_run, "systemctl", *manager.options, "daemon-reload")
        for name, text in texts.items():
            _write_unit(manager.folder / name, text, undo)
    except OSError as error:
        raise _unwritable(manager.folder, error) from error
    if disabled:
        undo.callback(_run, "systemctl", *manager.options, "disable", *disabled)
    if idle:
        undo.callback(_run, "systemctl", *manager.options, "stop", *idle)


def _holds(manager: Manager, question: str, timer: str) -> bool:
    """What systemd answers to is-enabled or is-active; of what it does not know that is no."""
    return _run("systemctl", *manager.options, question, timer).returncode == 0


def _write_unit(file: Path, text: str, undo: ExitStack) -> None:
    if file.exists():
        undo.callback(file.write_bytes, file.read_bytes())
    else:
        undo.callback(file.unlink, missing_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    undo.callback(draft.unlink, missing_ok=True)
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)


def remove_settings(file: Path) -> bool:
    """Take away the file that install wrote; whether it is gone. Somebody else's stays."""
    try:
        if file.exists() and file.read_text(encoding="utf-8").startswith(OURS):
            file.unlink()
    except OSError as error:
        raise _unwritable(file.parent, error) from error
    return not file.exists()


def installed(manager: Manager, names: Iterable[str]) -> tuple[str, ...]:
    """Those of the units that are there."""
    return tuple(name for name in names if (manager.folder / name).exists())


def remove(manager: Manager, names: Iterable[str]) -> tuple[str, ...]:
    """Stop the timers and take the units away; returns the names of those that were there.

    They are there again, with the timers off, until systemd knows it: then it can be done again.
    Without a systemctl only files are taken away.
    """
    there = installed(manager, names)
    if there and not can_stop_timers():
        _unlink_all(manager.folder, there)
    elif there:
        _remove_known(manager, there)
    return there


def can_stop_timers() -> bool:
    """Whether there is a systemctl to do it with."""
    return bool(shutil.which("systemctl"))


def _unlink_all(folder: Path, names: Iterable[str]) -> None:
    """The units, and the links by which they are enabled."""
    try:
        for name in names:
            (folder / WANTS / name).unlink(missing_ok=True)
            (folder / name).unlink()
    except OSError as error:
        raise _unwritable(folder, error) from error


def _remove_known(manager: Manager, there: Iterable[str]) -> None:
    """With systemd's knowledge."""
    timers = _timers(there)
    if timers:
        _systemctl(manager, "disable", "--now", *timers)
    with ExitStack() as undo:
        _unlink(manager.folder, there, undo)
        _systemctl(manager, "daemon-reload")
        undo.pop_all()


def _unlink(folder: Path, names: Iterable[str], undo: ExitStack) -> None:
    try:
        for name in names:
            undo.callback((folder / name).write_bytes, (folder / name).read_bytes())
            (folder / name).unlink()
    except OSError as error:
        raise _unwritable(folder, error) from error


def _timers(names: Iterable[str]) -> list[str]:
    return [name for name in names if name.endswith(".timer")]


def _systemctl(manager: Manager, *words: str, hint: Message = AGAIN) -> None:
    done = _run("systemctl", *manager.options, *words)
    if done.returncode:
        args = {"words": " ".join(words), "said": _said(done)}
        raise RacedayError(Message("systemctl %(words)s: %(said)s", args), hint)


def _said(done: subprocess.CompletedProcess[str]) -> Message | str:
    code = {"code": done.returncode}
    return done.stderr.strip() or Message("it ended with code %(code)s", code)


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
