"""`raceday morning`: open the venue."""

from collections.abc import Sequence
from dataclasses import replace

import click

from automation.commands.ask import confirm_change, reason_for
from automation.commands.load import venue_of
from automation.commands.options import run_options
from automation.commands.show import run_and_show
from automation.errors import UsageError
from automation.procedures.morning import plan_morning
from automation.procedures.session import Request, utc_now
from automation.settings import Settings


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
@run_options
@click.pass_obj
def morning(
    settings: Settings,
    accept_conditional: bool,
    reason: str,
    check: bool,
    yes: bool,
    request: Request,
) -> int:
    """Open the venue: preflight, start in order, test, verdict, open sales on GO.

    What is up is left alone, what is half up is completed; running it twice is safe. Sales open
    only on GO, or on CONDITIONAL with --accept-conditional --reason "...".

    \b
    Examples:
      raceday morning                 asks, then opens the demo venue
      raceday morning --check         what would be done; changes nothing
      raceday --venue seoul morning --yes
    """
    why = reason_for("--accept-conditional", reason, wanted=accept_conditional)
    venue = venue_of(settings)
    plan = replace(
        plan_morning(venue, utc_now()),
        check=check,
        accept_conditional=accept_conditional,
        reason=why,
    )
    if not check:
        confirm_change(f"Open {venue.title}?", yes=yes)
    return run_and_show(settings, venue, plan, request)
