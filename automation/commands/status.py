"""`raceday status`: what each component is right now."""

from collections.abc import Mapping
from typing import Any

import click

from automation.commands.load import venue_of
from automation.commands.show import left_now, out_lines, show
from automation.exit_codes import ExitCode
from automation.procedures.records import LOCK
from automation.procedures.session import operator_name, probe_now, utc_now
from automation.procedures.standing import Review, review, verdict_and_rest
from automation.procedures.status import out_of_rotation, plan_status
from automation.run.ledger import Rest
from automation.run.lock import read_holder
from automation.run.state import State
from automation.settings import Settings
from automation.views.aside import say
from automation.views.i18n import Translator
from automation.views.leftovers import leftovers
from automation.views.live import bullets
from automation.views.report import dump_document
from automation.views.sentences import rest_sentence
from automation.views.status import Around, build_status, is_healthy, seen_up
from automation.views.summary import NOT_RECORDED, render_standing, render_status
from automation.views.times import Clock
from automation.views.words import UNPROVEN


@click.command()
@click.pass_obj
def status(settings: Settings) -> int:
    """Probe every component, and say whether the verdict still holds.

    Who holds the venue is named, which servers are out of rotation, and what a dead run has left.
    Changes nothing on any host and may run beside a procedure. A verdict that is better than what
    the gates show now is revoked. Exit code 0 when every component is healthy, 20 when not.
    """
    venue = venue_of(settings)
    probe = probe_now(venue, plan_status(venue), ())
    reports = settings.reports / venue.name
    holder, out = read_holder(reports / LOCK), out_of_rotation(venue, probe)
    left, (standing, rest) = left_now(reports, holder), verdict_and_rest(reports)
    reviewed = review(standing, probe, utc_now(), operator_name()) if standing else None
    translate = Translator(settings.lang)
    if settings.format == "json":
        standing_of = reviewed.standing.state if reviewed else None
        around = Around(holder, out, left, rest)
        _print_document(build_status(probe, utc_now(), standing_of, around), reviewed, translate)
    else:
        clock, places = Clock(venue.time_zone, translate), rest.places if rest else ()
        shown = render_status(probe, utc_now(), translate, places)
        show(shown, *out_lines(holder, out, leftovers(left, seen_up(probe)), clock))
        _print_verdict(probe, reviewed, rest, translate)
    return ExitCode.GO if is_healthy(probe) else ExitCode.NO_GO


def _print_document(
    document: Mapping[str, Any], reviewed: Review | None, translate: Translator
) -> None:
    click.echo(dump_document(document), nl=False)
    if reviewed and not reviewed.recorded:
        say(f"{translate('It no longer holds:')} {reviewed.standing.state.run_id}")
        say(translate(NOT_RECORDED))


def _print_verdict(
    probe: State, reviewed: Review | None, rest: Rest | None, translate: Translator
) -> None:
    clock = Clock(probe.plan.time_zone, translate)
    if reviewed:
        verdict, recorded = reviewed.standing.verdict, reviewed.recorded
        why = reviewed.broken
        at, revoked_at = verdict.decided_at, verdict.revoked_at
        shown = render_standing(
            verdict.result, at, why, clock, recorded=recorded, revoked_at=revoked_at
        )
        show(shown)
    stands = reviewed is not None and reviewed.standing.holds(utc_now())
    if probe.sales_said() == "open" and is_healthy(probe) and not stands:
        show(*bullets([("→", translate(UNPROVEN))]))
    if rest:
        show(*bullets([("■", translate(rest_sentence(rest, clock)))]))
