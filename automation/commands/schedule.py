"""`raceday schedule`: systemd's timers for the morning and for idle time."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any

import click

from automation.commands.ask import confirm_change
from automation.commands.load import venue_of
from automation.errors import UsageError
from automation.exit_codes import ExitCode
from automation.procedures.schedule import (
    Manager,
    can_stop_timers,
    environment_of,
    find_manager,
    install,
    installed,
    remove,
    remove_settings,
)
from automation.run.events import Message
from automation.settings import Settings
from automation.venue.fields import WEEKDAYS
from automation.venue.site import Venue
from automation.views.aside import say
from automation.views.i18n import Translator
from automation.views.notify import LONGER, ON_CHANGE, TARGETS
from automation.views.targets import read_targets
from automation.views.units import Schedule, unit_names, unit_texts

TIME = click.DateTime(["%H:%M"])
LATEST = "08:00"
LONGEST_MINUTES = 1440  # that a window may have
# What a run asks of the shell; paths among it count from where the shell is.
PATHS = (TARGETS, "ANSIBLE_CONFIG", "ANSIBLE_VAULT_PASSWORD_FILE")
WORDS = (LONGER, ON_CHANGE)
KEPT = "The settings in %(file)s are kept as they are."
NOTHING = "There are no units of %(venue)s in %(folder)s: nothing to remove."
STILL = (
    "systemctl: not installed here, so only files were removed; a timer that still runs ends with "
    "the next boot."
)
NOBODY = "Nobody is told of a missed morning: put RACEDAY_NOTIFY into %(file)s."


def _when(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that say what is called when, which arrive as one `schedule`."""

    @click.option("--morning", type=TIME, metavar="HH:MM", help="When the venue is to be opened.")
    @click.option(
        "--latest",
        type=TIME,
        default=LATEST,
        show_default=True,
        metavar="HH:MM",
        help="A morning that was missed is not begun after this.",
    )
    @click.option(
        "--day",
        "days",
        multiple=True,
        type=click.Choice(WEEKDAYS),
        help="On which days; may be given several times [all of them].",
    )
    @click.option(
        "--every",
        type=click.IntRange(1, 10),
        default=5,
        show_default=True,
        metavar="MINUTES",
        help="How often raceday idle is called.",
    )
    @click.option("--system", is_flag=True, help="For the system's manager [your own].")
    @wraps(command)
    def with_schedule(
        settings: Settings,
        *,
        morning: datetime | None,
        latest: datetime,
        days: tuple[str, ...],
        every: int,
        system: bool,
        **more: Any,
    ) -> Any:
        schedule = Schedule(
            **_place(settings, venue_of(settings), find_manager(system=system)),
            idle_minutes=every,
            days=days,
            morning=f"{morning:%H:%M}" if morning else "",
            latest=f"{latest:%H:%M}",
            user=_who() if system else "",
        )
        if days and not morning:
            raise UsageError(
                "--day says on which days the venue is opened, and --morning at what time.",
                "For instance: --morning 06:30 --day Sat --day Sun",
            )
        if schedule.morning and schedule.latest <= schedule.morning:
            raise UsageError(
                Message(
                    "--latest %(latest)s is not after --morning %(morning)s.",
                    {"latest": schedule.latest, "morning": schedule.morning},
                ),
                "Say until when a morning that was missed may still be begun.",
            )
        return command(settings, schedule, system=system, **more)

    return with_schedule


@click.group()
def schedule() -> None:
    """Let systemd call raceday in the morning and in idle time."""


@schedule.command("install")
@click.pass_obj
@_when
@click.option("-y", "--yes", is_flag=True, help="Do not ask before writing them.")
def install_units(settings: Settings, schedule: Schedule, *, system: bool, yes: bool) -> int:
    """Write the units and start the timers; again is safe.

    Systemd reads them first, and what it does not take is not written.
    One service is never run twice at once, and the venue's lock keeps the two apart; a morning
    that meets a run which holds the venue announces it and waits for it. A morning that was missed,
    because the machine was off, is begun as soon as it is on. After --latest, or on another --day,
    nothing is started, and that is announced.

    What this shell says of messages (RACEDAY_NOTIFY and the like), of Ansible's configuration and
    of its vault's password file goes into a file of settings that the services read, unless there
    is one already: they know nothing of this shell.

    \b
    Examples:
      raceday schedule install --morning 06:30
      raceday schedule install --morning 06:30 --day Fri --day Sat --day Sun --system
    """
    manager, texts = find_manager(system=system), unit_texts(schedule)
    ours = _settings_of(os.environ)
    translate = Translator(settings.lang)
    question, args = "Write %(units)s to %(folder)s?", {"folder": manager.folder}
    confirm_change(translate(question, units=", ".join(texts), **args), yes=yes)
    kept = schedule.environment.exists()
    removed = install(manager, schedule, ours)
    _tell(settings, manager.folder, texts)
    if removed:
        say(translate("Removed: %(units)s", units=", ".join(removed)))
    if kept:
        say(translate(KEPT, file=schedule.environment))
    elif TARGETS not in ours:
        say(translate(NOBODY, file=schedule.environment))
    return ExitCode.GO


@schedule.command()
@click.pass_obj
@_when
def show(settings: Settings, schedule: Schedule, *, system: bool) -> int:
    """Print the units that install would write; changes nothing.

    \b
    Examples:
      raceday schedule show --morning 06:30
    """
    folder, texts = find_manager(system=system).folder, unit_texts(schedule)
    if settings.format == "json":
        document = {
            "folder": str(folder),
            "environment": str(schedule.environment),
            "units": texts,
        }
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return ExitCode.GO
    for name, text in texts.items():
        click.echo(f"# {folder / name}\n{text}")
    return ExitCode.GO


@schedule.command("remove")
@click.option("--system", is_flag=True, help="From the system's manager [your own].")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before removing them.")
@click.pass_obj
def remove_units(settings: Settings, *, system: bool, yes: bool) -> int:
    """Stop the timers and take the units away; again is safe.

    \b
    Examples:
      raceday schedule remove
    """
    venue, manager = venue_of(settings), find_manager(system=system)
    question = "Remove the units of %(venue)s from %(folder)s?"
    args = {"venue": venue.name, "folder": manager.folder}
    translate = Translator(settings.lang)
    names, file = unit_names(venue.name), environment_of(manager, venue.name)
    if installed(manager, names) or file.exists():
        confirm_change(translate(question, **args), yes=yes)
    removed = remove(manager, names)
    if removed or settings.format == "json":
        _tell(settings, manager.folder, removed)
    else:
        click.echo(translate(NOTHING, **args))
    if removed and not can_stop_timers():
        say(translate(STILL))
    if not remove_settings(file):
        say(translate(KEPT, file=file))
    return ExitCode.GO


def _tell(settings: Settings, folder: Path, names: Iterable[str]) -> None:
    """The units that were written or removed, and where."""
    if settings.format == "json":
        click.echo(json.dumps({"folder": str(folder), "units": list(names)}, ensure_ascii=False))
    else:
        click.echo(f"{folder}: {', '.join(names)}")


def _settings_of(environ: Mapping[str, str]) -> Mapping[str, str]:
    """What a run needs of this shell. Raises UsageError when it could tell nobody that way."""
    paths = {name: str(Path(environ[name]).absolute()) for name in PATHS if environ.get(name)}
    if TARGETS in paths:
        read_targets(Path(paths[TARGETS]))
    return paths | {name: environ[name] for name in WORDS if environ.get(name)}


def _place(settings: Settings, venue: Venue, manager: Manager) -> dict[str, Any]:
    lengths = (window.length_minutes for window in venue.calendar.windows)
    return {
        "environment": environment_of(manager, venue.name),
        "idle_longest_minutes": max(lengths, default=LONGEST_MINUTES),
        "venue": venue.name,
        "title": venue.title,
        "time_zone": venue.time_zone,
        "inventory": venue.inventory,
        "reports": settings.reports,
        "program": Path(sys.executable).with_name("raceday"),
    }


def _who() -> str:
    """The person behind sudo: runs belong to them, and so do the SSH keys."""
    return os.environ.get("SUDO_USER") or "root"
