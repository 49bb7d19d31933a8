"""`raceday recover`: put back what dead runs have left."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import click

from automation.commands.ask import confirm_change
from automation.commands.load import venue_of
from automation.commands.options import run_options
from automation.commands.show import run_and_show, tell_leftovers, tell_unreadable
from automation.execute.ansible import dead_owners, end_owners, end_run
from automation.exit_codes import ExitCode
from automation.procedures.records import LOCK
from automation.procedures.recover import (
    dead_runs,
    left_behind,
    mark_recovered,
    plan_recover,
    unreadable_runs,
)
from automation.procedures.sales import runs_of_the_day
from automation.procedures.session import Request, operator_name, utc_now
from automation.run.lock import hold, this_process
from automation.settings import Settings
from automation.views.aside import say
from automation.views.i18n import Translator
from automation.views.leftovers import left_begun, lets_in

ENDED = (  # one, and several
    "%(count)s of their processes was ended.",
    "%(count)s of their processes were ended.",
)
GONE = (
    "%(count)s raceday process died and left processes or files on this machine.",
    "%(count)s raceday processes died and left processes or files on this machine.",
)


@click.command()
@run_options
@click.pass_obj
def recover(settings: Settings, check: bool, yes: bool, request: Request) -> int:
    """Put back what dead or failed runs have left.

    What a restart or a drill had stopped is started, what nobody has proved since is tested, and
    servers that were drained go back into rotation when they are ready; sales that were being
    opened when a run died are closed, and a rehearsal's purchases are taken back. What a morning
    had begun to start, or an evening to stop, it names and leaves as it is: raceday resume goes on
    with that. It says what it does, and running it twice is safe.

    \b
    Examples:
      raceday recover             says what was left, asks, puts it back
      raceday recover --check     says what was left; changes nothing
    """
    venue = venue_of(settings)
    reports = settings.reports / venue.name
    now, translate = utc_now(), Translator(settings.lang)
    holder = this_process("recover", operator_name(), "recover", now)
    with hold(reports / LOCK, holder, venue.venue_file, zone=venue.time_zone):
        dead = dead_runs(reports)
        ended = 0 if check else sum(end_run(folder.name) for folder in dead)
        gone = dead_owners(venue.venue_file.parent)
        end_owners(() if check else gone)
    _tell_dead(dead, reports, translate)
    if ended:
        say(translate(ENDED[ended > 1], count=ended))
    if gone:
        say(translate(GONE[len(gone) > 1], count=len(gone)))
    left = left_behind(reports)
    tell_leftovers(left, translate)
    code: int = ExitCode.GO
    if left.is_to_be_done:
        plan = replace(plan_recover(venue, left), check=check)
        for message in lets_in(plan):
            say(translate(message))
        if not check:
            confirm_change(translate("Put that back?"), yes=yes)
        request = replace(request, is_current=lambda: left_behind(reports) == left)
        code = run_and_show(settings, venue, plan, request)
    broken = unreadable_runs(reports)
    tell_unreadable(broken, translate)
    if broken:
        return ExitCode.NO_GO
    if not check and code == ExitCode.GO:
        mark_recovered(reports, holder, venue.time_zone, translate)
    if settings.format == "json" and not left.is_to_be_done:
        told = {"left": asdict(left), "dead": [folder.name for folder in dead]}
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
    elif not (left or dead or gone):
        click.echo(translate("Nothing was left behind."))
    return code


def _tell_dead(dead: Sequence[Path], reports: Path, translate: Translator) -> None:
    """Which runs never ended, and what of it is not a recovery's to finish, on stderr."""
    names = [folder.name for folder in dead]
    for name in names:
        say(translate("%(run)s never came to its end.", run=name))
    for state in (run for run in runs_of_the_day(reports) if run.run_id in names):
        for message in left_begun(state):
            say(translate(message))
