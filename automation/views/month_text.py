"""A month on a terminal. Pure."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from automation.run.events import Message
from automation.views import month_words
from automation.views.i18n import Translator
from automation.views.live import STYLES, bullets, report_line
from automation.views.month import MonthReport
from automation.views.text import printable
from automation.views.times import Clock
from automation.views.words import procedure_title

MOST_FAILURES = 5
COLUMNS = (
    Message("Procedure"),
    Message("Runs"),
    Message("Results"),
    Message("Took"),
    Message("Against the month before"),
)


def render_month(month: MonthReport, page: Path, translate: Translator) -> RenderableType:
    """On time or not, what ran, what failed most, time saved, what is proven, where the page is."""
    return Group(*_lines(month, page, Clock(month.time_zone, translate)))


def _lines(month: MonthReport, page: Path, clock: Clock) -> Iterator[RenderableType]:
    translate = clock.translate
    name = clock.month(month_words.first_day(month))
    yield Text(f"{printable(month.title)} · {name}", style="bold")
    opened = (
        month_words.punctuality(month),
        *month_words.lateness(month),
        month_words.spare(month, clock),
    )
    yield from (Text(translate(sentence)) for sentence in opened if sentence)
    yield _procedures(month, clock)
    if month.failures:
        yield Text(translate("What failed most:"))
        yield from bullets(_failures(month, translate))
    if month.time_saved:
        yield Text(f"{translate('Time saved')}: {translate(month_words.saved(month.time_saved))}")
        yield Text(translate(month_words.saved_base(month.time_saved)))
    style = STYLES["bad"] if month.unproven else ""
    yield Text(translate(month_words.evidence(month)), style=style)
    yield from bullets(("✗", f"{item.run_id}: {item.why}") for item in month.unproven)
    yield report_line(page, translate)


def _procedures(month: MonthReport, clock: Clock) -> Table:
    translate, table = clock.translate, Table(box=None, pad_edge=False, header_style="dim")
    for title in COLUMNS:
        table.add_column(translate(title), overflow="fold")
    for item in month.procedures:
        results = (f"{translate(word)} {count}" for _, word, count in month_words.results(item))
        table.add_row(
            translate(procedure_title(item.procedure)),
            str(item.runs),
            ", ".join(results),
            translate(month_words.took(item.duration, clock)),
            translate(month_words.change(item, clock)),
        )
    return table


def _failures(month: MonthReport, translate: Translator) -> Iterator[tuple[str, str]]:
    for item in month.failures[:MOST_FAILURES]:
        mark = "▲" if item.mended else "✗"
        args = {"what": item.what, "why": item.why, "runs": item.runs}
        yield mark, translate(Message("%(what)s: %(why)s (runs: %(runs)s)", args))
    rest = len(month.failures[MOST_FAILURES:])
    if rest:
        yield "…", translate("and %(count)s more", count=rest)
