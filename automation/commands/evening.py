"""`raceday evening`: close the venue."""

from dataclasses import replace

import click

from automation.commands.ask import confirm_change, reason_for
from automation.commands.load import venue_of
from automation.commands.options import run_options
from automation.commands.show import run_and_show
from automation.procedures.evening import kept_running, plan_evening, with_glass_broken
from automation.procedures.session import Request
from automation.settings import Settings
from automation.views.aside import say
from automation.views.i18n import Translator


@click.command()
@click.option("--break-glass", is_flag=True, help="Stop whatever is unsettled; wants --reason.")
@click.option("--reason", default="", metavar="TEXT", help="Why the glass is broken; recorded.")
@run_options
@click.pass_obj
def evening(
    settings: Settings, break_glass: bool, reason: str, check: bool, yes: bool, request: Request
) -> int:
    """Close the venue: sales first, then stop everything in reverse.

    Sales close first, and customers who are in the middle of something are waited for. Then bets
    must be settled and no test item may be left; whatever is not right ends the evening, and what
    is up stays up. Each stop is proven: the unit is inactive, its port closed, no process left.
    What says keep_running, and what that depends on, stays up. Running it twice is safe.

    \b
    Examples:
      raceday evening             asks, then closes the demo venue
      raceday evening --check     what would be done; changes nothing
    """
    why = reason_for({"--break-glass": break_glass}, reason)
    venue = venue_of(settings)
    plan = replace(plan_evening(venue), check=check)
    if break_glass:
        plan = with_glass_broken(plan, why)
    translate = Translator(settings.lang)
    for name in sorted(kept_running(venue)):
        say(translate("%(component)s keeps running.", component=name))
    if not check:
        question = "Close sales and stop %(venue)s?"
        confirm_change(translate(question, venue=venue.title), yes=yes)
    return run_and_show(settings, venue, plan, request)
