"""`raceday schedule`: systemd's timers for the morning and for idle time."""

import json
import os
import sys
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any

import click

from automation.commands.ask import confirm_change
from automation.commands.load import venue_of
from automation.errors import UsageError
from automation.exit_codes import ExitCode
from automation.procedures.schedule import find_manager, install, remove
from automation.run.events import Message
from automation.settings import Settings
from automation.venue.fields import WEEKDAYS
from automation.venue.site import Venue
from automation.views.i18n import Translator
from automation.views.units import Schedule, unit_name, unit_texts

TIME = click.DateTime(["%H:%M"])
LATEST = "08:00"
KINDS = ("timer", "service")


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
            **_place(settings, venue_of(settings)),
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
    One service is never run twice at once, and the venue's lock keeps the two apart; the morning
    waits for an idle call that is under way. A morning that was missed, because the machine was
    off, is begun as soon as it is on, but not after --latest nor on another --day: then it is
    announced, and nothing is started.

    \b
    Examples:
      raceday schedule install --morning 06:30
      raceday schedule install --morning 06:30 --day Fri --day Sat --day Sun --system
    """
    manager, texts = find_manager(system=system), unit_texts(schedule)
    question, args = "Write %(units)s to %(folder)s?", {"folder": manager.folder}
    said = Translator(settings.lang)(question, units=", ".join(texts), **args)
    confirm_change(said, yes=yes)
    install(manager, texts)
    _tell(settings, manager.folder, texts)
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
        click.echo(
            json.dumps({"folder": str(folder), "units": texts}, ensure_ascii=False, indent=2)
        )
        return ExitCode.GO
    for name, text in texts.items():
        click.echo(f"# {folder / name}\n{text}")
    return ExitCode.GO


@schedule.command("remove")
@click.option("--system", is_flag=True, help="From the system's manager [your own].")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before removing them.")
@click.pass_obj
def remove_units(settings: Settings, *, system: bool, yes: bool) -> int:
    """Stop the venue's timers and take its units away.

    \b
    Examples:
      raceday schedule remove
    """
    venue, manager = venue_of(settings), find_manager(system=system)
    question = "Remove the units of %(venue)s from %(folder)s?"
    args = {"venue": venue.name, "folder": manager.folder}
    confirm_change(Translator(settings.lang)(question, **args), yes=yes)
    names = (unit_name(venue.name, what, kind) for what in ("idle", "morning") for kind in KINDS)
    _tell(settings, manager.folder, remove(manager, names))
    return ExitCode.GO


def _tell(settings: Settings, folder: Path, names: Iterable[str]) -> None:
    """The units that were written or removed, and where."""
    if settings.format == "json":
        click.echo(json.dumps({"folder": str(folder), "units": list(names)}, ensure_ascii=False))
    else:
        click.echo(f"{folder}: {', '.join(names) or '-'}")


def _place(settings: Settings, venue: Venue) -> dict[str, Any]:
    return {
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
