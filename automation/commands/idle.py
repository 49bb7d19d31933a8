"""`raceday idle`: what the timer calls."""

import json
from dataclasses import replace
from pathlib import Path

import click

from automation.commands.load import venue_of
from automation.commands.options import CHECK_HELP
from automation.commands.show import run_and_show, show
from automation.errors import Refused
from automation.exit_codes import ExitCode
from automation.idle.allowed import why_closed, why_unknown
from automation.idle.record import Decision, change_record
from automation.procedures.asking import Asker
from automation.procedures.records import LOCK
from automation.procedures.session import Request, utc_now
from automation.procedures.unattended import (
    Choice,
    choose,
    foresee,
    look,
    postponed,
    read_past,
    watch,
)
from automation.run.events import Message
from automation.run.lock import VenueLocked
from automation.settings import Settings
from automation.venue.site import Venue
from automation.views.aside import say
from automation.views.i18n import Translator
from automation.views.openings import WINDOWS, asked_again, openings_document, render_openings

MEND = Message("Mend it; raceday venue check says whether it can be trusted.")
NOTHING_DUE = Message("Nothing is due; nothing was touched.")


@click.command()
@click.option("--check", is_flag=True, help=CHECK_HELP)
@click.option("--next", "coming", is_flag=True, help="Only list the next ten openings.")
@click.pass_obj
def idle(settings: Settings, check: bool, coming: bool) -> int:
    """Do what is due, if it is allowed and nobody is at it.

    Else change nothing and say why.
    A timer calls it every few minutes; it asks nobody. It acts only inside a window of the venue
    file and in no blackout, when each idle signal was quiet for its whole period and no alert
    fires, and when the work fits before the window ends. All of that is asked again before each
    host is stopped. What is not done then is due again at the next call, who waited longest first.

    \b
    Examples:
      raceday idle             do what is due, or say why not (exit code 30)
      raceday idle --check     what would be done now; changes nothing
      raceday idle --next      the next ten openings, and what is due in each; refused (exit
                               code 30) where a calendar cannot be trusted
    """
    venue = venue_of(settings)
    return _show_next(settings, venue) if coming else _act(settings, venue, check=check)


def _act(settings: Settings, venue: Venue, *, check: bool) -> int:
    reports = settings.reports / venue.name
    asker = Asker(venue, reports, remembers=not check)
    closed = why_closed(venue.calendar, utc_now())
    if closed:
        if not check:
            watch(venue, reports, asker)
            call = Decision(utc_now(), (closed,))
            change_record(reports, lambda record: replace(record, closed=call))
        return _say_why_not(settings, venue, Choice(reasons=(closed,)))
    past = read_past(settings.reports, venue)
    choice = choose(
        venue, look(venue, reports, utc_now(), remembers=not check), past, asker, utc_now()
    )
    _remember(reports, choice, check=check)
    if choice.holder:
        raise VenueLocked(reports / LOCK, choice.holder, venue.time_zone)
    if choice.plan is None:
        return _say_why_not(settings, venue, choice)
    plan = replace(choice.plan, check=check)
    try:
        return run_and_show(settings, venue, plan, Request(answer=asker.answer))
    except VenueLocked as error:
        _remember(reports, postponed(choice, error.holder, venue.calendar), check=check)
        raise


def _remember(reports: Path, choice: Choice, *, check: bool) -> None:
    """What this call came to; a check comes to nothing."""
    if not check:
        decision = Decision(utc_now(), choice.reasons, choice.due, choice.tests)
        change_record(reports, lambda record: replace(record, decision=decision, closed=None))


def _say_why_not(settings: Settings, venue: Venue, choice: Choice) -> int:
    translate = Translator(settings.lang)
    if choice.reasons:
        why = "; ".join(map(translate, choice.reasons))
        said = Message("Not now, and nothing was touched: %(why)s.", {"why": why})
        raise Refused(said, asked_again(venue.calendar))
    if settings.format == "json":
        click.echo(json.dumps({"due": []}))
    else:
        click.echo(translate(NOTHING_DUE))
    return ExitCode.GO


def _show_next(settings: Settings, venue: Venue) -> int:
    unknown = why_unknown(venue.calendar, utc_now())
    if unknown:
        raise Refused(Message("The next openings are not known: %(why)s.", {"why": unknown}), MEND)
    coming, lost = foresee(venue, settings.reports / venue.name, utc_now())
    translate = Translator(settings.lang)
    for reason in lost:
        say(translate(reason))
    if settings.format == "json":
        click.echo(json.dumps(openings_document(coming), ensure_ascii=False, indent=2))
    else:
        show(render_openings(coming, venue.calendar, translate))
        if not venue.calendar.windows:
            click.echo(translate(WINDOWS))
    return ExitCode.GO
