"""`raceday runs`: what is on record."""

import json
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.table import Table

from automation.commands.explain import find_run
from automation.commands.load import venue_of
from automation.commands.show import show
from automation.errors import RacedayError, UsageError
from automation.procedures.records import JOURNAL, read_runs
from automation.run.journal import read_journal
from automation.settings import Settings
from automation.views.i18n import Translator
from automation.views.words import headline

REPORT = "report.json"


@click.group()
def runs() -> None:
    """List the runs of a venue, and prove that a record was not changed."""


@runs.command(name="list")
@click.option("-n", "count", default=20, show_default=True, help="How many, the newest first.")
@click.pass_obj
def list_(settings: Settings, count: int) -> None:
    """Show the newest runs: when, what, by whom, and what came of it."""
    venue, translate = venue_of(settings), Translator(settings.lang)
    states = list(read_runs(settings.reports / venue.name))[:count]
    if settings.format == "json":
        click.echo(json.dumps([state.run_id for state in states]))
        return
    zone, table = ZoneInfo(venue.time_zone), Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    for state in states:
        result = state.verdict.result if state.verdict else ""
        shown = headline(result, state.result_state, check=state.plan.check)
        when = f"{state.started_at.astimezone(zone):%Y-%m-%d %H:%M}"
        table.add_row(state.run_id, when, f"{shown.symbol} {translate(shown.word)}", state.operator)
    show(table)


@runs.command()
@click.argument("run", default="")
@click.pass_obj
def verify(settings: Settings, run: str) -> None:
    """Prove that RUN's journal is whole, and that its report belongs to it.

    RUN is a run's id or a part of it; the newest run without one. Exit code 20 when a line was
    changed, taken out or put in.
    """
    folder = find_run(settings.reports / venue_of(settings).name, run)
    if folder is None:
        raise UsageError("This venue has no run yet.")
    events = list(read_journal(folder / JOURNAL))
    _compare(folder)
    click.echo(f"{folder.name}: {len(events)} events, each sealed to the one before it.")


def _compare(folder: Path) -> None:
    """The report names the last line of the journal that it was computed from."""
    report, journal = folder / REPORT, (folder / JOURNAL).read_text(encoding="utf-8")
    if not report.is_file():
        raise UsageError(f"{folder.name} has no report.", "Its journal is whole.")
    head = json.loads(report.read_text(encoding="utf-8"))["journal_head"]
    if f'"hash":"{head}"' not in journal:
        raise RacedayError(
            f"{report} was not computed from this journal.", "Trust the journal, not the report."
        )
