"""`raceday status`: what each component is right now."""

import click

from automation.commands.load import venue_of
from automation.commands.show import show
from automation.exit_codes import ExitCode
from automation.procedures.session import operator_name, probe_now, utc_now
from automation.procedures.standing import Standing, newest_verdict, revoke
from automation.procedures.status import plan_status
from automation.run.events import Message
from automation.run.state import State
from automation.settings import Settings
from automation.views.i18n import Translator
from automation.views.report import build_report, dump_report
from automation.views.summary import render_standing, render_status
from automation.views.times import Clock


@click.command()
@click.pass_obj
def status(settings: Settings) -> int:
    """Probe every component and show it, with the last verdict and whether it still holds.

    Changes nothing on any host and may run beside a procedure. A verdict that relied on a gate
    which is no longer good is revoked. Exit code 0 when every component is healthy, 20 when not.
    """
    venue = venue_of(settings)
    state = probe_now(venue, plan_status(venue), ())
    standing = newest_verdict(settings.reports / venue.name)
    revoked = _revoked(standing, state)
    if settings.format == "json":
        click.echo(dump_report(build_report(state, utc_now(), "")), nl=False)
    else:
        translate = Translator(settings.lang)
        show(render_status(state, utc_now(), translate))
        if standing:
            clock = Clock(venue.time_zone, translate)
            verdict = standing.verdict
            show(render_standing(verdict.result, verdict.decided_at, revoked, clock))
    healthy = state.verdict is not None and state.verdict.result == "GO"
    return ExitCode.GO if healthy else ExitCode.NO_GO


def _revoked(standing: Standing | None, state: State) -> tuple[Message, ...]:
    """Why the last verdict does not hold any more; nothing while it does."""
    now = utc_now()
    if standing is None or standing.verdict.result == "NO-GO":
        return ()
    if standing.verdict.revoked_at:
        return standing.verdict.revoked_because
    if not standing.holds(now):
        return (Message("its time is over"),)
    if state.verdict is None or state.verdict.result != "NO-GO":
        return ()
    revoke(standing, state.verdict.reasons, now, operator_name())
    return state.verdict.reasons
