"""`raceday report`: one run, or a month for its manager, from the journals alone."""

from dataclasses import replace
from pathlib import Path

import click

from automation.commands.explain import find_run
from automation.commands.load import venue_of
from automation.commands.show import show
from automation.errors import UsageError, full_disk_told
from automation.exit_codes import ExitCode
from automation.procedures.records import (
    LOCK,
    Month,
    Record,
    is_dead,
    month_of,
    read_month,
    read_record,
)
from automation.procedures.session import utc_now
from automation.run.lock import read_holder
from automation.settings import Settings
from automation.venue.site import Venue
from automation.views.document import Report, to_data
from automation.views.files import PAGE, replace_file, write_page
from automation.views.html import render_month_page
from automation.views.i18n import Translator
from automation.views.month import MonthReport, Period, Unproven, build_month
from automation.views.month_text import render_month
from automation.views.month_words import NOTHING, first_day
from automation.views.report import build_report, dump_document, dump_report
from automation.views.summary import render_summary
from automation.views.times import Clock


@click.command()
@click.argument("run", default="", metavar="[RUN]")
@click.option("--month", metavar="YYYY-MM", help="A month of the venue instead of one run.")
@click.pass_obj
def report(settings: Settings, run: str, month: str | None) -> int:
    """Show the report of a run, or of a month.

    It is computed anew from the journals.
    RUN is a run id or any part of it that only one run has; without it, the newest run that was no
    --check. The page is written anew too, in the language of --lang. A month is the venue's own, in
    its time zone. Exit code 0; 20 when a journal is not whole, which is then named.

    \b
    Examples:
      raceday report                        the newest run
      raceday --lang ko report 3f2a         one run, its page in Korean
      raceday report --month 2026-11        what a manager wants to know of November
    """
    venue = venue_of(settings)
    if month is None:
        return _report_run(settings, venue, run)
    if run:
        raise UsageError("Give a run, or --month; not both.")
    return _report_month(settings, venue, month_of(month, venue.time_zone))


def _report_run(settings: Settings, venue: Venue, run: str) -> int:
    folder = find_run(settings.reports / venue.name, run)
    if folder is None:
        raise UsageError("This venue has no run yet.", "To begin one: raceday morning")
    record, translate = read_record(folder), Translator(settings.lang)
    made = report_of(record)
    holder = read_holder(settings.reports / venue.name / LOCK)
    if holder is None or holder.run_id != folder.name:  # else the run itself will write it
        with full_disk_told():
            write_page(folder, made, translate)
    if settings.format == "json":
        click.echo(dump_report(made), nl=False)
    else:
        show(render_summary(made, folder / PAGE, translate))
    return ExitCode.GO


def _report_month(settings: Settings, venue: Venue, month: Month) -> int:
    made = _made(settings.reports / venue.name, venue, month)
    translate = Translator(settings.lang)
    page = settings.reports / venue.name / f"month-{month.name}.html"
    empty = not (made.proofs or made.unproven)
    if not empty:
        with full_disk_told():
            replace_file(page, render_month_page(made, translate))
    if settings.format == "json":
        click.echo(dump_document(to_data(made)), nl=False)
    elif empty:
        name = Clock(venue.time_zone, translate).month(first_day(made))
        click.echo(translate(NOTHING.text, month=name))
    else:
        show(render_month(made, page, translate))
    return ExitCode.NO_GO if made.unproven else ExitCode.GO


def _made(reports: Path, venue: Venue, month: Month) -> MonthReport:
    records, broken = read_month(reports, month)
    earlier, _ = read_month(reports, month.before)
    return build_month(
        Period(venue.name, venue.title, venue.time_zone, month.name),
        [report_of(record) for record in records],
        [report_of(record) for record in earlier],
        [Unproven(item.run_id, item.why) for item in broken],
        utc_now(),
    )


def report_of(record: Record) -> Report:
    """The report of a run as it is now; only now can it be told whether one without an end died."""
    made = build_report(record.state, utc_now(), record.head)
    return replace(made, died=made.died or is_dead(record.folder, record.state))
