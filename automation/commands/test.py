"""`raceday test`: functional tests."""

import json
from collections.abc import Sequence
from dataclasses import replace

import click
from rich.table import Table

from automation.commands.ask import confirm_change, refuse_while_selling
from automation.commands.load import known_component, known_hosts, venue_of
from automation.commands.options import run_options
from automation.commands.show import run_and_show, show
from automation.exit_codes import ExitCode
from automation.procedures.sales import plan_sales_status
from automation.procedures.session import Request, probe_now
from automation.procedures.test import checks_of, plan_test
from automation.settings import Settings
from automation.venue.site import Venue


@click.command()
@click.argument("names", nargs=-1, metavar="[COMPONENT]...")
@click.option("--list", "only_list", is_flag=True, help="Show what would be tested, and stop.")
@click.option("-l", "--limit", multiple=True, metavar="HOST", help="Only these hosts.")
@run_options
@click.pass_obj
def test(  # noqa: PLR0913, PLR0917  # one parameter per option
    settings: Settings,
    names: tuple[str, ...],
    only_list: bool,
    limit: tuple[str, ...],
    check: bool,
    yes: bool,
    request: Request,
) -> int:
    """Test what runs, as a customer would: a bet, a ticket, a sale, a partner's answer.

    Every test cleans up after itself, proves that the balance is as before, and looks for what an
    earlier test may have left. While sales are open it is refused.

    \b
    Examples:
      raceday test --list
      raceday test wagering ticketing
      raceday test wagering --limit wagering2
    """
    venue = venue_of(settings)
    chosen = tuple(known_component(venue, name) for name in names) or _testable(venue)
    if only_list:
        return _show_list(settings, venue, chosen)
    hosts = known_hosts(venue, chosen, limit)
    if not check:
        refuse_while_selling(
            probe_now(venue, plan_sales_status(venue), ()).sales_said(),
            "A test would stand among customers' bets. Close sales first: raceday sales close",
        )
        confirm_change(f"Test {', '.join(chosen)}?", yes=yes)
    plan = replace(plan_test(venue, chosen, hosts), check=check)
    return run_and_show(settings, venue, plan, request)


def _testable(venue: Venue) -> tuple[str, ...]:
    return tuple(name for name, item in venue.components.items() if checks_of(venue, item))


def _show_list(settings: Settings, venue: Venue, names: Sequence[str]) -> int:
    found = {name: list(checks_of(venue, venue.components[name])) for name in names}
    if settings.format == "json":
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return ExitCode.GO
    table = Table("component", "check", box=None, pad_edge=False)
    for name, checks in found.items():
        for number, text in enumerate(checks):
            table.add_row("" if number else name, text)
    show(table)
    return ExitCode.GO
