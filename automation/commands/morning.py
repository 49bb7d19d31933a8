"""`raceday morning`: open the venue."""

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time
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
from automation.settings import Settings
from automation.venue.fields import WEEKDAYS
from automation.venue.site import Venue
from automation.views.i18n import Translator
from automation.views.notices import Notice, Occasion
from automation.views.notify import announce

EARLIEST = "Not before this time of day: then it is refused."
LATEST = "Not after this time of day: then it is refused and announced."
DAY = "Only on this day; may be given several times. On another it is refused and announced."
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
    plan = replace(
        plan_morning(venue, utc_now()),
        check=check,
        accept_conditional=accept_conditional,
        reason=why,
    )
    if not check:
        translate = Translator(settings.lang)
        confirm_change(translate("Open %(venue)s?", venue=venue.title), yes=yes)
    return run_and_show(settings, venue, plan, request)


def _refuse_on_others(settings: Settings, venue: Venue, days: Sequence[str]) -> None:
    """A timer that makes up for the morning of a day that is over opens nothing on another."""
    today = WEEKDAYS[datetime.now(ZoneInfo(venue.time_zone)).weekday()]
    if today in days:
        return
    args = {"venue": venue.title, "today": today, "days": ", ".join(days)}
    text = "%(venue)s was not opened: today is %(today)s, and its days are %(days)s."
    raise _missed(Message(text, args), settings)


def _refuse_before(venue: Venue, earliest: time) -> None:
    """A timer that makes up for yesterday's call at night opens nothing: today's will come."""
    now = datetime.now(ZoneInfo(venue.time_zone))
    if now.time() >= earliest:
        return
    args = {"venue": venue.title, "now": f"{now:%H:%M}", "earliest": f"{earliest:%H:%M}"}
    text = "%(venue)s was not opened: it is %(now)s, before %(earliest)s."
    raise Refused(Message(text, args), OPEN_NOW)


def _refuse_after(settings: Settings, venue: Venue, latest: time) -> None:
    """A timer that comes too late opens nothing by itself: somebody decides, and is told so."""
    now = datetime.now(ZoneInfo(venue.time_zone))
    if now.time() <= latest:
        return
    args = {"venue": venue.title, "now": f"{now:%H:%M}", "latest": f"{latest:%H:%M}"}
    text = "%(venue)s was not opened: it is %(now)s, later than %(latest)s."
    raise _missed(Message(text, args), settings)


def _missed(said: Message, settings: Settings) -> Refused:
    """The refusal of a morning that was missed, once whoever wants to know has been told."""
    translate = Translator(settings.lang)
    notice = Notice(Occasion.FAILURE, "bad", translate(said), translate(OPEN_NOW))
    announce(notice, os.environ)
    return Refused(said, OPEN_NOW)
