"""`raceday sales`: whether customers can buy, and the commands that stop and start it."""

import json
from dataclasses import replace

import click

from automation.commands.ask import confirm_change
from automation.commands.load import venue_of
from automation.commands.options import run_options
from automation.commands.show import run_and_show
from automation.errors import Refused, UsageError
from automation.exit_codes import ExitCode
from automation.procedures.sales import plan_close, plan_open, plan_sales_status
from automation.procedures.session import Request, probe_now, utc_now
from automation.procedures.standing import newest_verdict
from automation.procedures.steps import fronts
from automation.settings import Settings
from automation.venue.site import Venue
from automation.views.i18n import Translator
from automation.views.sentences import NOW


@click.group()
def sales() -> None:
    """Whether customers can buy; stop that at once, or let them again."""


@sales.command()
@click.pass_obj
def status(settings: Settings) -> int:
    """Ask every load balancer whether sales are open; nothing is changed.

    Exit code 0 when it is known, 20 when not.
    """
    venue = _with_front(settings)
    said = probe_now(venue, plan_sales_status(venue), ()).sales_said()
    if settings.format == "json":
        click.echo(json.dumps({"sales": said or "unknown"}))
    else:
        click.echo(Translator(settings.lang)(NOW[said]))
    return ExitCode.GO if said else ExitCode.NO_GO


@sales.command()
@click.option("--reason", required=True, metavar="TEXT", help="Why; it is recorded.")
@run_options
@click.pass_obj
def close(settings: Settings, reason: str, check: bool, yes: bool, request: Request) -> int:
    """Stop every sale at once, on every channel, and prove it with a sale that is refused.

    Who did it, when and why are in the journal and the report.

    \b
    Example:
      raceday sales close --yes --reason "stewards' inquiry, race 5"
    """
    venue = _with_front(settings)
    plan = replace(plan_close(venue), check=check, reason=reason.strip())
    if not check:
        confirm_change(f"Stop all sales of {venue.title} now?", yes=yes)
    return run_and_show(settings, venue, plan, request)


@sales.command(name="open")
@click.option("--reason", required=True, metavar="TEXT", help="Why; it is recorded.")
@run_options
@click.pass_obj
def open_(settings: Settings, reason: str, check: bool, yes: bool, request: Request) -> int:
    """Open sales again. A GO that still holds is needed, and every gate is probed before.

    \b
    Example:
      raceday sales open --reason "inquiry closed"
    """
    venue = _with_front(settings)
    plan = replace(plan_open(venue, _minutes_left(settings, venue)), check=check)
    if not check:
        confirm_change(f"Open sales of {venue.title}?", yes=yes)
    return run_and_show(settings, venue, replace(plan, reason=reason.strip()), request)


def _minutes_left(settings: Settings, venue: Venue) -> float:
    """How long the GO that stands is still good. Raises Refused when there is none."""
    now = utc_now()
    standing = newest_verdict(settings.reports / venue.name)
    if standing is None or not standing.proves(venue.digest, now):
        raise Refused(
            "There is no GO that still holds for this venue; nothing was touched.",
            "Run raceday morning: it opens sales on GO.",
        )
    return standing.minutes_left(now)


def _with_front(settings: Settings) -> Venue:
    venue = venue_of(settings)
    if not fronts(venue):
        raise UsageError(
            f"{venue.title} has no load balancer that raceday could open or close.",
            "Say which component stands behind which: restart: {behind: {component: ...}}.",
        )
    return venue
