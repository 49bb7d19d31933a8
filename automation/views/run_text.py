"""One run on a terminal: what it did, step by step. Pure."""

from collections.abc import Iterator
from dataclasses import replace

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from automation.views.alike import once
from automation.views.document import Report, StepReport
from automation.views.i18n import Translator
from automation.views.live import STYLES, bullets, state_text
from automation.views.summary import (
    acts_of_the_operator,
    not_executed_lines,
    problem_sentences,
    verdict_line,
    warning_sentences,
)
from automation.views.text import printable
from automation.views.times import Clock
from automation.views.words import STATES, procedure_title

COLUMNS = 5  # of the steps: when, what, how it ended, how long, which hosts are not well


def render_run(report: Report, translate: Translator) -> RenderableType:
    """Who and when, the verdict with its reasons, the steps with their times, what did not run."""
    return Group(*_lines(report, Clock(report.time_zone, translate)))


def _lines(report: Report, clock: Clock) -> Iterator[RenderableType]:
    translate = clock.translate
    yield Text(report.run_id, style="bold")
    yield Text(f"{printable(report.title)} · {translate(procedure_title(report.procedure))}")
    yield Text(_when(report, clock))
    yield Text(f"{translate('Operator')}: {printable(report.operator)}")
    yield verdict_line(report, translate)
    yield from acts_of_the_operator(report, translate)
    if report.verdict:
        yield from bullets(("·", translate(reason)) for reason in once(report.verdict.reasons))
    else:
        yield from bullets(problem_sentences(report, translate))
    yield from bullets(warning_sentences(report, translate))
    yield from bullets(("✗", translate(item)) for item in report.left)
    yield _steps(report, clock)
    if report.not_executed:
        yield Text(translate("Not executed:"))
        yield from bullets(not_executed_lines(report, translate))


def _when(report: Report, clock: Clock) -> str:
    end = clock.seconds(report.finished_at) if report.finished_at else "?"
    began = f"{clock.date(report.started_at)} {clock.seconds(report.started_at)}"
    return f"{began} - {end} ({clock.duration(report.duration_seconds)})"


def _steps(report: Report, clock: Clock) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in range(COLUMNS):
        table.add_column(overflow="fold")
    cut = (replace(item, status=_as_left(item)) for item in report.earlier)
    for item in sorted(
        (*cut, *report.steps), key=lambda step: step.started_at or report.started_at
    ):
        began = clock.seconds(item.started_at) if item.started_at else ""
        took = clock.duration(item.seconds) if item.seconds is not None else ""
        status = state_text(item.status, clock.translate)
        table.add_row(
            began, item.id, status, Text(took, justify="right"), _hosts(item, clock.translate)
        )
    return table


def _as_left(item: StepReport) -> str:
    """Of what was going on when the run died, nobody knows what came."""
    return "unknown" if item.status == "running" else item.status


def _hosts(item: StepReport, translate: Translator) -> Text:
    """Only those that are not well: the others are the rule, and what the run stopped is."""
    well = {"ok", "already", "would", "stopped"}
    bad = (host for host in item.hosts if host.state not in well)
    said = (f"{host.name} {translate(STATES[host.state])}" for host in bad)
    return Text(", ".join(said), style=STYLES["bad"])
