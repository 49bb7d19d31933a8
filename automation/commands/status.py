"""`raceday status`: what each component is right now."""

from collections.abc import Mapping, Sequence

import click

from automation.commands.load import venue_of
from automation.commands.show import left_now, out_lines, show
from automation.exit_codes import ExitCode
from automation.procedures.session import operator_name, probe_now, utc_now
from automation.procedures.standing import Review, newest_verdict, review
from automation.procedures.status import out_of_rotation, plan_status
from automation.run.ledger import Ledger
from automation.run.state import State
from automation.settings import Settings
from automation.views.aside import say
from automation.views.i18n import Translator
from automation.views.report import dump_document
from automation.views.status import build_status, is_healthy
from automation.views.summary import NOT_RECORDED, render_standing, render_status
from automation.views.times import Clock


@click.command()
@click.pass_obj
def status(settings: Settings) -> int:
    """Probe every component, and say whether the verdict still holds.

    Servers that are out of rotation are named, and what a dead run has left.
    Changes nothing on any host and may run beside a procedure. A verdict that is better than what
    the gates show now is revoked. Exit code 0 when every component is healthy, 20 when not.
    """
    venue = venue_of(settings)
    probe = probe_now(venue, plan_status(venue), ())
    reports = settings.reports / venue.name
    out, left, standing = out_of_rotation(venue, probe), left_now(reports), newest_verdict(reports)
    reviewed = review(standing, probe, utc_now(), operator_name()) if standing else None
    translate = Translator(settings.lang)
    if settings.format == "json":
        _print_document(probe, out, left, reviewed, translate)
    else:
        show(render_status(probe, utc_now(), translate), *out_lines(out, left, translate))
        _print_verdict(probe, reviewed, translate)
    return ExitCode.GO if is_healthy(probe) else ExitCode.NO_GO


def _print_document(
    probe: State,
    out: Mapping[str, Sequence[str]],
    left: Ledger,
    reviewed: Review | None,
    translate: Translator,
) -> None:
    standing = reviewed.standing.state if reviewed else None
    document = build_status(probe, utc_now(), standing, out=out, left=left)
    click.echo(dump_document(document), nl=False)
    if reviewed and not reviewed.recorded:
        say(f"{translate('It no longer holds:')} {reviewed.standing.state.run_id}")
        say(translate(NOT_RECORDED))


def _print_verdict(probe: State, reviewed: Review | None, translate: Translator) -> None:
    if reviewed:
        clock = Clock(probe.plan.time_zone, translate)
        verdict, recorded = reviewed.standing.verdict, reviewed.recorded
        why = reviewed.broken
        show(render_standing(verdict.result, verdict.decided_at, why, clock, recorded=recorded))
