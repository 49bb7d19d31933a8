"""`raceday morning`: open the venue."""

from dataclasses import replace

import click

from automation.commands.ask import confirm_change
from automation.commands.load import venue_of
from automation.commands.show import show_outcome, watching
from automation.errors import UsageError
from automation.procedures.morning import plan_morning
from automation.procedures.session import Request, exit_code, run_plan, utc_now
from automation.settings import Settings


@click.command()
@click.option("--check", is_flag=True, help="Ansible's check mode: nothing is changed on any host.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before starting.")
@click.option(
    "--accept-conditional",
    is_flag=True,
    help="Open sales on CONDITIONAL too; wants --reason, which is recorded.",
)
@click.option("--reason", default="", metavar="TEXT", help="Why a CONDITIONAL is accepted.")
@click.option("--forks", type=click.IntRange(min=1), help="Hosts at a time per step [all of them].")
@click.option("-e", "--extra-vars", multiple=True, metavar="VARS", help="Passed to Ansible.")
@click.option("--keep-artifacts", is_flag=True, help="Keep what ansible-runner wrote per process.")
@click.pass_obj
def morning(  # noqa: PLR0913, PLR0917  # one parameter per option
    settings: Settings,
    check: bool,
    yes: bool,
    accept_conditional: bool,
    reason: str,
    forks: int | None,
    extra_vars: tuple[str, ...],
    keep_artifacts: bool,
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
    if accept_conditional != bool(reason.strip()):
        raise UsageError(
            "--accept-conditional and --reason go together.",
            'Say why, for instance: --accept-conditional --reason "ticketing2 is in repair".',
        )
    venue = venue_of(settings)
    plan = replace(plan_morning(venue, utc_now()), check=check, accept_reason=reason.strip())
    if not check:
        confirm_change(f"Open {venue.title}?", yes=yes)
    request = Request(forks, extra_vars, keep_artifacts or settings.verbose > 0)
    with watching(settings) as view:
        outcome = run_plan(settings, venue, plan, request, [view])
    show_outcome(settings, outcome)
    return exit_code(outcome.state)
