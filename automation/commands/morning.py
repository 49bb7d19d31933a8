"""`raceday morning`: open the venue."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from automation.commands.ask import confirm_change, reason_for
from automation.commands.load import venue_of
from automation.commands.options import run_options
from automation.commands.show import run_and_show
from automation.errors import Refused, UsageError
from automation.procedures.morning import plan_morning
from automation.procedures.session import Request, utc_now
from automation.run.events import Message
from automation.run.lock import VenueLocked, wait_until_free
from automation.settings import Settings
from automation.venue.fields import WEEKDAYS
from automation.venue.site import Venue
from automation.views.aside import say
from automation.views.i18n import Translator
from automation.views.notices import Notice, Occasion
from automation.views.notify import announce

EARLIEST = "Not before this time of day: then it is refused."
LATEST = (
    "Not after this time of day: then it is refused and announced. "
    "Until then it waits for a run that holds the venue, and announces that."
)
DAY = "Only on this day; may be given several times. On another it is refused and announced."
LONGEST_WAIT = 60.0  # seconds that a lock is waited for before the clock is looked at again
OPEN_NOW = Message("Nothing was touched. To open it now: raceday morning")


def _refuse_a_part(_context: click.Context, _option: click.Parameter, hosts: Sequence[str]) -> None:
    if hosts:
        raise UsageError(
            "A morning of a part of the venue cannot say GO for all of it; nothing was touched.",
            "What is up is left alone anyway. For a part: raceday restart COMPONENT --limit HOST, "
            "or raceday test COMPONENT --limit HOST.",
        )


@click.command()
@click.option(
    "--accept-conditional",
    is_flag=True,
    help="Open sales on CONDITIONAL too; wants --reason, which is recorded.",
)
@click.option("--reason", default="", metavar="TEXT", help="Why a CONDITIONAL is accepted.")
@click.option(
    "--limit",
    multiple=True,
    metavar="HOST",
    expose_value=False,
    callback=_refuse_a_part,
    help="Refused: a part of the venue proves no GO.",
)
@click.option("--day", "days", multiple=True, type=click.Choice(WEEKDAYS), help=DAY)
@click.option("--earliest", type=click.DateTime(["%H:%M"]), metavar="HH:MM", help=EARLIEST)
@click.option("--latest", type=click.DateTime(["%H:%M"]), metavar="HH:MM", help=LATEST)
@run_options
@click.pass_obj
def morning(  # noqa: PLR0913, PLR0917  # one parameter per option
    settings: Settings,
    accept_conditional: bool,
    reason: str,
    days: tuple[str, ...],
    earliest: datetime | None,
    latest: datetime | None,
    check: bool,
    yes: bool,
    request: Request,
) -> int:
    """Open the venue: start and test all of it, open sales on GO.

    Preflight, start in order, test, verdict.
    What is up is left alone, what is half up is completed; running it twice is safe. Sales open
    only on GO, or on CONDITIONAL with --accept-conditional --reason "...".

    \b
    Examples:
      raceday morning                 asks, then opens the demo venue
      raceday morning --check         what would be done; changes nothing
      raceday --venue seoul morning --yes
    """
    why = reason_for({"--accept-conditional": accept_conditional}, reason)
    venue = venue_of(settings)
    if days:
        _refuse_on_others(settings, venue, days)
    if earliest:
        _refuse_before(venue, earliest.time())
    if latest:
        _refuse_after(settings, venue, latest.time())
    if not check:
        translate = Translator(settings.lang)
        confirm_change(translate("Open %(venue)s?", venue=venue.title), yes=yes)

    def open_venue() -> int:
        plan = replace(
            plan_morning(venue, utc_now()),
            check=check,
            accept_conditional=accept_conditional,
            reason=why,
        )
        return run_and_show(settings, venue, plan, request)

    if check or not latest:
        return open_venue()
    return _open_by(settings, venue, latest.time(), open_venue)


def _open_by(settings: Settings, venue: Venue, latest: time, open_venue: Callable[[], int]) -> int:
    """A timer's morning waits for who holds the venue until it is too late; both are announced.

    Raises VenueLocked when it is.
    """
    args = {"venue": venue.title, "latest": f"{latest:%H:%M}"}
    today = utc_now().astimezone(ZoneInfo(venue.time_zone))
    until = datetime.combine(today, latest, today.tzinfo).astimezone(UTC)
    told = False
    while True:
        try:
            return open_venue()
        except VenueLocked as error:
            locked = error
        if not told:
            text = (
                "%(venue)s is not opened yet: another run holds it. "
                "It is waited for until %(latest)s."
            )
            said = Message(text, args)
            say(Translator(settings.lang)(said))
            _tell_failure(settings, said, locked.told[0])
            told = True
        if not _is_free_by(locked.path, until):
            text = "%(venue)s was not opened: another run held it until after %(latest)s."
            _tell_failure(settings, Message(text, args), OPEN_NOW)
            raise locked


def _is_free_by(path: Path, until: datetime) -> bool:
    """Wait for a lock by the clock on the wall: a machine may sleep meanwhile."""
    while (left := (until - utc_now()).total_seconds()) > 0:
        if wait_until_free(path, min(left, LONGEST_WAIT)):
            return utc_now() <= until
    return False


def _refuse_on_others(settings: Settings, venue: Venue, days: Sequence[str]) -> None:
    """A timer that makes up for the morning of a day that is over opens nothing on another."""
    today = WEEKDAYS[utc_now().astimezone(ZoneInfo(venue.time_zone)).weekday()]
    if today in days:
        return
    args = {"venue": venue.title, "today": today, "days": ", ".join(days)}
    text = "%(venue)s was not opened: today is %(today)s, and its days are %(days)s."
    raise _missed(Message(text, args), settings)


def _refuse_before(venue: Venue, earliest: time) -> None:
    """A timer that makes up for yesterday's call at night opens nothing: today's will come."""
    now = utc_now().astimezone(ZoneInfo(venue.time_zone))
    if now.time() >= earliest:
        return
    args = {"venue": venue.title, "now": f"{now:%H:%M}", "earliest": f"{earliest:%H:%M}"}
    text = "%(venue)s was not opened: it is %(now)s, before %(earliest)s."
    raise Refused(Message(text, args), OPEN_NOW)


def _refuse_after(settings: Settings, venue: Venue, latest: time) -> None:
    """A timer that comes too late opens nothing by itself: somebody decides, and is told so."""
    now = utc_now().astimezone(ZoneInfo(venue.time_zone))
    if now.time() <= latest:
        return
    args = {"venue": venue.title, "now": f"{now:%H:%M}", "latest": f"{latest:%H:%M}"}
    text = "%(venue)s was not opened: it is %(now)s, later than %(latest)s."
    raise _missed(Message(text, args), settings)


def _missed(said: Message, settings: Settings) -> Refused:
    """The refusal of a morning that was missed, once whoever wants to know has been told."""
    _tell_failure(settings, said, OPEN_NOW)
    return Refused(said, OPEN_NOW)


def _tell_failure(settings: Settings, said: Message, more: Message) -> None:
    translate = Translator(settings.lang)
    announce(Notice(Occasion.FAILURE, "bad", translate(said), translate(more)), os.environ)
