"""`raceday runs`: what is on record."""

import json
import re
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.table import Table

from automation.commands.ask import confirm_change
from automation.commands.explain import find_run
from automation.commands.load import venue_of
from automation.commands.report import report_of
from automation.commands.show import show
from automation.errors import RacedayError, UsageError, full_disk_told
from automation.procedures.archive import export_run
from automation.procedures.prune import Pruning, Rule, plan_pruning, prune
from automation.procedures.records import JOURNAL, is_dead, read_record, read_runs
from automation.procedures.session import operator_name, utc_now
from automation.run.events import Message
from automation.run.journal import read_journal
from automation.run.lock import this_process
from automation.settings import Settings
from automation.views.document import to_data
from automation.views.explain import explain_nothing, render_explanation
from automation.views.i18n import Translator
from automation.views.report import dump_document
from automation.views.run_text import render_run
from automation.views.words import headline

REPORT = "report.json"
SHOWN = (
    *("run_id", "venue", "procedure", "operator", "check", "started_at", "finished_at"),
    *("duration_seconds", "result_state", "verdict", "sales", "steps", "not_executed"),
    *("errors", "warnings", "left", "journal_head"),
)


@click.group()
def runs() -> None:
    """List, show, prove, export and remove the runs of a venue."""


@runs.command(name="list")
@click.option("-n", "count", default=20, show_default=True, help="How many, the newest first.")
@click.pass_obj
def list_(settings: Settings, count: int) -> None:
    """Show the newest runs: when, what, by whom, and what came of it."""
    venue, translate = venue_of(settings), Translator(settings.lang)
    reports = settings.reports / venue.name
    states = list(read_runs(reports))[:count]
    if settings.format == "json":
        click.echo(json.dumps([state.run_id for state in states]))
        return
    if not states:
        explanation = explain_nothing()
        show(render_explanation(explanation, translate))
        return
    zone, table = ZoneInfo(venue.time_zone), Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    for _ in ("when", "result", "operator"):
        table.add_column(overflow="fold")
    for state in states:
        result = state.verdict.result if state.verdict else ""
        died = state.died or is_dead(reports / state.run_id, state)
        revoked = bool(state.verdict and state.verdict.revoked_at)
        shown = headline(
            result, state.result_state, check=state.plan.check, revoked=revoked, died=died
        )
        when = f"{state.started_at.astimezone(zone):%Y-%m-%d %H:%M}"
        table.add_row(state.run_id, when, f"{shown.symbol} {translate(shown.word)}", state.operator)
    show(table)


@runs.command()
@click.argument("run", default="")
@click.pass_obj
def verify(settings: Settings, run: str) -> None:
    """Prove that RUN's journal is whole and its report its own.

    RUN is a run's id or a part of it; without one, the newest that was no --check. Exit code 20
    when a line was changed, taken out or put in.
    """
    folder = _folder(settings, run)
    events = list(read_journal(folder / JOURNAL))
    _compare(folder)
    if settings.format == "json":
        click.echo(json.dumps({"run_id": folder.name, "events": len(events)}))
    else:
        said = "%(run)s: %(count)s events, each sealed to the one before it."
        click.echo(Translator(settings.lang)(said, run=folder.name, count=len(events)))


@runs.command(name="show")
@click.argument("run", default="")
@click.pass_obj
def show_(settings: Settings, run: str) -> None:
    """Show RUN: its verdict with reasons, and its steps.

    What, when, by whom, and what was not executed.
    RUN is a run's id or a part of it; without one, the newest that was no --check.
    """
    made = report_of(read_record(_folder(settings, run)))
    if settings.format == "json":
        data = to_data(made)
        click.echo(dump_document({key: data[key] for key in SHOWN}), nl=False)
    else:
        show(render_run(made, Translator(settings.lang)))


@runs.command()
@click.argument("run", default="")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The file [RUN_ID.tar.gz].")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.option("--broken", is_flag=True, help="Even when the journal is not whole.")
@click.pass_obj
def export(settings: Settings, run: str, output: Path | None, force: bool, broken: bool) -> None:
    """Put RUN into one archive, with the sums of its files.

    Journal, report, page, JUnit, metrics, and the evidence of failed hosts that could be reached.
    The same run gives the same bytes. To check one: unpack it, then sha256sum -c SHA256SUMS. It
    holds no password that raceday knows of, but names, addresses and log lines of your hosts.
    """
    folder = _folder(settings, run)
    if not broken:
        read_record(folder)
    target = output or Path(f"{folder.name}.tar.gz")
    with full_disk_told():
        files = export_run(folder, target, force=force)
    if settings.format == "json":
        click.echo(json.dumps({"run_id": folder.name, "file": str(target), "files": files}))
    else:
        said = "%(file)s: %(count)s files of %(run)s"
        args = {"file": target, "count": len(files), "run": folder.name}
        click.echo(Translator(settings.lang)(said, **args))


@runs.command(name="prune")
@click.option("--older-than", metavar="DAYS", help="Runs that began longer ago, such as 90d.")
@click.option("--keep", type=click.IntRange(min=1), help="All but so many, the newest.")
@click.option("--check", is_flag=True, help="Only show what would be removed.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def prune_(
    settings: Settings, older_than: str | None, keep: int | None, check: bool, yes: bool
) -> None:
    """Remove old runs, and say which and how much space that gives.

    Never removed: the newest verdict and what came after it while it holds, the last morning, the
    last run of all, the last test of each component, a run without an end, one whose journal is not
    whole, and what the ledger still needs to put back what was taken.

    \b
    Examples:
      raceday runs prune --older-than 90d
      raceday runs prune --keep 200 --check
    """
    venue, rule, translate = venue_of(settings), _rule(older_than, keep), Translator(settings.lang)
    reports = settings.reports / venue.name
    planned = plan_pruning(reports, rule, utc_now())
    if planned.folders and not check:
        count, size = len(planned.folders), _megabytes(planned.size)
        question = "Remove %(count)s runs (%(size)s MB)?"
        confirm_change(translate(question, count=count, size=size), yes=yes)
        holder = this_process("prune", operator_name(), "prune", utc_now())
        planned = prune(reports, planned, rule, holder, venue)
    _tell_pruning(settings, planned, check=check)


def _rule(older_than: str | None, keep: int | None) -> Rule:
    if (older_than is None) == (keep is None):
        raise UsageError("Say which runs are old: --older-than DAYS, or --keep N.")
    if older_than is None:
        return Rule(keep=keep)
    days = re.fullmatch(r"([1-9]\d{0,4})d?", older_than)
    if days is None:
        raise UsageError(
            Message(
                "--older-than %(older_than)s is no number of days.", {"older_than": older_than}
            ),
            "Write it as 90d.",
        )
    return Rule(older_than=timedelta(days=int(days[1])))


def _tell_pruning(settings: Settings, done: Pruning, *, check: bool) -> None:
    translate = Translator(settings.lang)
    if settings.format == "json":
        names = [folder.name for folder in done.folders]
        kept = [{"run_id": item.run_id, "why": str(item.why)} for item in done.kept]
        document = {"check": check, "removed": names, "kept": kept, "bytes": done.size}
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return
    for folder in done.folders:
        click.echo(
            translate("would be removed: %(run)s" if check else "removed: %(run)s", run=folder.name)
        )
    for item in done.kept:
        click.echo(translate("kept: %(run)s (%(why)s)", run=item.run_id, why=item.why))
    args = {"count": len(done.folders), "size": _megabytes(done.size)}
    click.echo(translate("%(count)s runs, %(size)s MB.", **args))


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f}"


def _folder(settings: Settings, run: str) -> Path:
    folder = find_run(settings.reports / venue_of(settings).name, run)
    if folder is None:
        raise UsageError("This venue has no run yet.")
    return folder


def _compare(folder: Path) -> None:
    """The report names the last line of the journal that it was computed from."""
    report, journal = folder / REPORT, (folder / JOURNAL).read_text(encoding="utf-8")
    if not report.is_file():
        raise UsageError(
            Message("%(run)s has no report.", {"run": folder.name}), "Its journal is whole."
        )
    head = json.loads(report.read_text(encoding="utf-8"))["journal_head"]
    if f'"hash":"{head}"' not in journal:
        raise RacedayError(
            Message("%(report)s was not computed from this journal.", {"report": report}),
            "Trust the journal, not the report.",
        )
