"""`raceday restart`: a rolling restart."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import click

from automation.commands.ask import (
    confirm_change,
    reason_for,
    refuse_in_blackout,
    refuse_while_selling,
)
from automation.commands.load import known_hosts, named_components, venue_of
from automation.commands.options import run_options
from automation.commands.show import run_and_show
from automation.errors import Refused, UsageError
from automation.procedures.leaders import Leaders, leaders_of
from automation.procedures.restart import plan_emergency, plan_restart
from automation.procedures.session import Request, probe_now, utc_now
from automation.procedures.status import plan_status
from automation.settings import Settings
from automation.venue.site import Venue


@click.command()
@click.argument("components", nargs=-1, metavar="[COMPONENT]...")
@click.option("--all", "everything", is_flag=True, help="Every component that is ours to start.")
@click.option("-l", "--limit", multiple=True, metavar="HOST", help="Only these hosts of them.")
@click.option(
    "--include-primary", is_flag=True, help="The primary of a database too; wants --reason."
)
@click.option("--emergency", is_flag=True, help="All at once and without a drain; wants --reason.")
@click.option(
    "--break-glass",
    is_flag=True,
    help="Although sales are open, or it is a blackout; wants --reason.",
)
@click.option("--reason", default="", metavar="TEXT", help="Why; it is recorded.")
@run_options
@click.pass_obj
def restart(  # noqa: PLR0913, PLR0917  # one parameter per option
    settings: Settings,
    components: tuple[str, ...],
    everything: bool,
    limit: tuple[str, ...],
    include_primary: bool,
    emergency: bool,
    break_glass: bool,
    reason: str,
    check: bool,
    yes: bool,
    request: Request,
) -> int:
    """Restart components host by host, without an interruption where they have several.

    In the order of the dependencies and in batches of restart.serial: see that the others can do
    without, drain at the load balancer, stop, start, test that very host, put it back. The first
    failure ends the roll. A standby is restarted, its primary only with --include-primary. While
    sales are open, or in a blackout of the venue file, it is refused, unless --break-glass says
    why.

    --emergency is for what hangs in the middle of the day: sales are closed, all its hosts are
    ended at once and started, tested, and sales opened again.

    \b
    Examples:
      raceday restart wagering
      raceday restart wagering ticketing --break-glass --reason "memory leak, vendor's advice"
      raceday restart wagering --limit wagering2
      raceday restart wagering --emergency --reason "both servers hang"
    """
    venue = venue_of(settings)
    names = named_components(venue, components, everything=everything)
    option = "--emergency, --break-glass or --include-primary"
    why = reason_for(option, reason, wanted=emergency or break_glass or include_primary)
    if emergency and limit:
        raise UsageError(
            "--emergency and --limit do not go together: it takes all hosts at once.",
            "For one host: raceday restart COMPONENT --limit HOST",
        )
    if emergency:
        plan, question = plan_emergency(venue, names), f"End and start all of {', '.join(names)}?"
    else:
        if not (break_glass or check):
            refuse_in_blackout(venue, utc_now())
        hosts = _rolled_hosts(
            venue, names, limit, anyhow=break_glass or check, include_primary=include_primary
        )
        plan, question = plan_restart(venue, hosts), f"Restart {_listed(hosts)}?"
    if not check:
        confirm_change(question, yes=yes)
    plan = replace(plan, check=check, break_glass=break_glass, reason=why)
    return run_and_show(settings, venue, plan, request)


def _rolled_hosts(
    venue: Venue,
    names: Sequence[str],
    limit: Sequence[str],
    *,
    anyhow: bool,
    include_primary: bool,
) -> Mapping[str, tuple[str, ...]]:
    """Each component's hosts in the order of the roll, from what they are right now."""
    chosen = _chosen_hosts(venue, names, limit)
    seen = probe_now(venue, plan_status(venue), ())
    if not anyhow:
        refuse_while_selling(
            seen.sales_said(),
            'Close them (raceday sales close), or say why now: --break-glass --reason "...".',
        )
    looks = {item.step.component: item.hosts for item in seen.steps.values()}
    leaders = {name: leaders_of(venue, venue.components[name], looks[name]) for name in chosen}
    return {
        name: _in_restart_order(name, hosts, leaders[name], include_primary=include_primary)
        for name, hosts in chosen.items()
    }


def _chosen_hosts(
    venue: Venue, names: Sequence[str], limit: Sequence[str]
) -> Mapping[str, tuple[str, ...]]:
    """Hosts per component."""
    hosts = known_hosts(venue, names, limit)
    return {
        name: tuple(host for host in venue.components[name].hosts if not hosts or host in hosts)
        for name in names
    }


def _in_restart_order(
    component: str,
    hosts: Sequence[str],
    leaders: Leaders,
    *,
    include_primary: bool,
) -> tuple[str, ...]:
    """Standbys before their primary, which is left out unless it was asked for.

    So is a host that did not say whether it is the primary.
    """
    primaries = tuple(host for host in hosts if host in leaders.primaries)
    unknown = tuple(host for host in hosts if host in leaders.unknown)
    followers = tuple(host for host in hosts if host not in {*primaries, *unknown})
    if include_primary:
        return (*followers, *unknown, *primaries)
    if not followers:
        raise Refused(
            f"{_why_left_out(component, primaries, unknown)}; nothing was touched.",
            'To restart it is an outage: --include-primary --reason "...".',
        )
    if primaries:
        click.echo(f"{', '.join(primaries)}: the primary of {component} is left out.", err=True)
    if unknown:
        click.echo(f"{_why_left_out(component, (), unknown)}, so it is left out.", err=True)
    return followers


def _why_left_out(component: str, primaries: Sequence[str], unknown: Sequence[str]) -> str:
    if primaries:
        return f"{primaries[0]} is the primary of {component}"
    hosts = " or ".join(unknown)
    return f"It could not be found out whether {hosts} is the primary of {component}"


def _listed(hosts: Mapping[str, Sequence[str]]) -> str:
    """Components with their hosts, for a question."""
    return "; ".join(f"{name} on {', '.join(names)}" for name, names in hosts.items() if names)
