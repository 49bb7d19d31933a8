"""`report.html` and a month's page, self-contained: what came from hosts cannot act."""

from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from automation.views import month_words, words
from automation.views.alike import once
from automation.views.document import CheckReport, Report
from automation.views.flow import flow_sentences
from automation.views.i18n import Translator
from automation.views.month import MonthReport
from automation.views.sentences import (
    deadline_sentence,
    duration_sentence,
    report_headline,
    resumed_sentence,
    revoked_sentence,
    sales_sentence,
    time_saved_sentence,
)
from automation.views.text import printable
from automation.views.timeline import build_timeline
from automation.views.times import Clock

TEMPLATES = Path(__file__).parent / "templates"
LONGEST_LINE = 400


def render_html(report: Report, translate: Translator) -> str:
    """The whole page, in the translator's language and the venue's time zone."""
    clock = Clock(report.time_zone, translate)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            t=translate,
            report=report,
            clock=clock,
            lang=translate.lang,
            words=words,
            once=once,
            headline=report_headline(report),
            facts={
                "revoked": revoked_sentence(report, clock),
                "sales": sales_sentence(report, clock),
                "deadline": deadline_sentence(report, clock),
                "flow": flow_sentences(report, clock),
                "duration": duration_sentence(report, clock),
                "resumed": resumed_sentence(report, clock),
                "saved": time_saved_sentence(report),
            },
            timeline=build_timeline(report),
            titles={item.name: item.title for item in report.components},
            failed_checks=[item for item in report.checks if not item.passed],
            passed_checks=_passed_by_component(report),
        )
    )


def render_month_page(month: MonthReport, translate: Translator) -> str:
    """A month's page, for its manager."""
    clock = Clock(month.time_zone, translate)
    longest = max((abs(day.margin_seconds or 0.0) for day in month.days), default=0.0)
    return (
        _environment()
        .get_template("month.html.j2")
        .render(
            t=translate,
            month=month,
            name=clock.month(month_words.first_day(month)),
            clock=clock,
            lang=translate.lang,
            words=words,
            say=month_words,
            longest=max(longest, 60.0),
            most=max((item.runs for item in month.failures), default=1),
        )
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_inert,
    )


def _inert(value: Any) -> Any:
    """Every plain string on the page goes through here; markup of the template itself does not."""
    return printable(value, LONGEST_LINE) if type(value) is str else value


def _passed_by_component(report: Report) -> dict[str, list[CheckReport]]:
    passed = [item for item in report.checks if item.passed]
    order = [item.name for item in report.components]
    passed.sort(key=lambda item: order.index(item.component))
    return {name: list(items) for name, items in groupby(passed, key=lambda item: item.component)}
