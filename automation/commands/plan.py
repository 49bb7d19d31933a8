"""`raceday plan`: what would run; nothing is touched."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime

import click

from automation.commands.load import venue_of
from automation.commands.show import show
from automation.procedures.evening import plan_evening
from automation.procedures.morning import plan_morning
from automation.procedures.session import utc_now, with_history
from automation.run.plan import Plan
from automation.settings import Settings
from automation.venue.site import Venue
from automation.views.i18n import Translator
from automation.views.plan import plan_data, render_plan

PROCEDURES: Mapping[str, Callable[[Venue, datetime], Plan]] = {
    "morning": plan_morning,
    "evening": lambda venue, _now: plan_evening(venue),
}


@click.command()
@click.argument("procedure", type=click.Choice(sorted(PROCEDURES)))
@click.pass_obj
def plan(settings: Settings, procedure: str) -> None:
    """Show what a procedure would run, and how long that takes.

    Steps, order, critical path, how long each usually takes.
    No host is contacted.
    """
    now = utc_now()
    intended = with_history(settings, PROCEDURES[procedure](venue_of(settings), now), now)
    if settings.format == "json":
        click.echo(json.dumps(plan_data(intended), ensure_ascii=False, indent=2))
    else:
        show(render_plan(intended, Translator(settings.lang)))
