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
from automation.commands.load import chosen_hosts, named_components, venue_of
from automation.commands.options import run_options
from automation.commands.show import run_and_show
from automation.errors import Refused, UsageError
from automation.exit_codes import ExitCode
from automation.procedures.leaders import UNKNOWN, Leaders, leaders_of
from automation.procedures.restart import plan_emergency, plan_restart
from automation.procedures.session import Request, probe_now, utc_now
from automation.procedures.standing import newest_verdict, verdict_and_rest
from automation.procedures.status import plan_status
from automation.procedures.steps import fronts
from automation.run.events import Message
from automation.run.leading import DOWN
from automation.settings import Settings
from automation.venue.site import Venue
from automation.views.aside import say
from automation.views.i18n import Translator
from automation.views.sentences import rest_sentence
from automation.views.times import Clock
from automation.views.words import UNPROVEN

NOTHING_RUNS = Message("Nothing was touched: what does not run cannot be restarted.")
PRIMARY = "%(host)s is the primary of %(component)s"


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
    """Restart components host by host, without an interruption.

    Where they have one host only, there is one.
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
    options = {
        "--emergency": emergency,
        "--break-glass": break_glass,
        "--include-primary": include_primary,
    }
    why = reason_for(options, reason)
    if emergency and limit:
        raise UsageError(
            "--emergency and --limit do not go together: it takes all hosts at once.",
            "For one host: raceday restart COMPONENT --limit HOST",
        )
    named = {"--all": names} if everything else {name: (name,) for name in names}
    chosen = chosen_hosts(venue, named, limit)
    _refuse_at_rest(settings, venue, chosen)
    if emergency:
        plan = plan_emergency(venue, names)
        question, touched = "End and start all of %(names)s?", ", ".join(names)
    else:
        if not break_glass:
            refuse_in_blackout(venue, utc_now())
        hosts = _rolled_hosts(
            settings, venue, chosen, anyhow=break_glass, include_primary=include_primary
        )
        plan, question = plan_restart(venue, hosts), "Restart %(names)s?"
        touched = _listed(hosts)
    if not check:
        translate = Translator(settings.lang)
        confirm_change(translate(question, names=touched), yes=yes)
    plan = replace(
        plan, check=check, break_glass=break_glass, include_primary=include_primary, reason=why
    )
    code = run_and_show(settings, venue, plan, request)
    if emergency and not check and code == ExitCode.GO:
        _warn_without_go(settings, venue)
    return code


def _refuse_at_rest(
    settings: Settings, venue: Venue, chosen: Mapping[str, tuple[str, ...]]
) -> None:
    """Raises Refused where an evening has stopped what is meant, and nobody has started it since.

    What somebody started by hand may be restarted, so it is looked at before that is said.
    """
    rest = verdict_and_rest(settings.reports / venue.name)[1]
    meant = {(name, host) for name, hosts in chosen.items() for host in hosts}
    if rest is None or not meant & rest.places:
        return
    seen = probe_now(venue, plan_status(venue), ()).steps.values()
    facts = {(item.step.component, host): item.hosts[host] for item in seen for host in item.hosts}
    down = {place for place, result in facts.items() if result.evidence.get("active") in DOWN}
    if meant & rest.places & down:
        clock = Clock(venue.time_zone, Translator(settings.lang))
        raise Refused(rest_sentence(rest, clock), NOTHING_RUNS)


def _warn_without_go(settings: Settings, venue: Venue) -> None:
    """Somebody may have looked while it hung, which revoked the GO: sales are open without one."""
    standing = newest_verdict(settings.reports / venue.name)
    if fronts(venue) and not (standing and standing.holds(utc_now())):
        click.echo(Translator(settings.lang)(UNPROVEN), err=True)


def _rolled_hosts(  # what is meant, and what may be done to it
    settings: Settings,
    venue: Venue,
    chosen: Mapping[str, tuple[str, ...]],
    *,
    anyhow: bool,
    include_primary: bool,
) -> Mapping[str, tuple[str, ...]]:
    """Each component's hosts in the order of the roll, from what they are right now."""
    seen = probe_now(venue, plan_status(venue), ())
    if not anyhow:
        refuse_while_selling(
            seen,
            Message(
                'Close them (raceday sales close --reason "..."), '
                'or say why now: --break-glass --reason "...".'
            ),
        )
    looks = {item.step.component: item.hosts for item in seen.steps.values()}
    leaders = {name: leaders_of(venue, venue.components[name], looks[name]) for name in chosen}
    translate = Translator(settings.lang)
    return {
        name: _in_restart_order(
            name, hosts, leaders[name], translate, include_primary=include_primary
        )
        for name, hosts in chosen.items()
    }


def _in_restart_order(
    component: str,
    hosts: Sequence[str],
    leaders: Leaders,
    translate: Translator,
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
    reasons = [
        Message(text, {"host": " or ".join(names), "component": component})
        for text, names in ((PRIMARY, primaries), (UNKNOWN, unknown))
        if names
    ]
    if not followers:
        raise Refused(
            Message(
                "%(what)s: %(why)s; nothing was touched.", {"what": component, "why": reasons[0]}
            ),
            'To restart it is an outage: --include-primary --reason "...".',
        )
    for why in reasons:
        said = translate(
            "%(what)s: %(why)s, so it is left out.", what=component, why=translate(why)
        )
        say(said)
    return followers


def _listed(hosts: Mapping[str, Sequence[str]]) -> str:
    """Components with their hosts, for a question."""
    return "; ".join(f"{name}: {', '.join(names)}" for name, names in hosts.items())
