"""What is printed when a run is over, and what `raceday status` prints. Pure."""

from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from automation.run.events import Message, Problem
from automation.run.ledger import Place
from automation.run.state import State
from automation.run.verdict import findings
from automation.views.alike import alike, once
from automation.views.components import UP, ComponentState, but_at_rest, view_components
from automation.views.document import ErrorReport, Report
from automation.views.flow import flow_sentences
from automation.views.i18n import Translator
from automation.views.live import (
    STYLES,
    bullets,
    problem_lines,
    render_components,
    report_line,
)
from automation.views.sales import CLOSED
from automation.views.sentences import (
    NOW,
    deadline_sentence,
    duration_sentence,
    report_headline,
    resumed_sentence,
    revoked_sentence,
    sales_sentence,
    time_saved_sentence,
)
from automation.views.telling import SELL
from automation.views.text import printable
from automation.views.times import Clock
from automation.views.words import HEADLINES, Headline, headline

LOG_LINES, LOG_WIDTH = 6, 160
NOT_RECORDED = Message(
    "That could not be recorded, because another run holds the venue; the verdict stays as it was."
)


def render_summary(report: Report, page: Path, translate: Translator) -> RenderableType:
    """Reasons, what did not run, sales, what to do next, where the report is; last the verdict.

    That the glass was broken comes before all of it.
    """
    return Group(*_lines(report, page, translate))


def render_status(
    state: State, now: datetime, translate: Translator, resting: Collection[Place] = frozenset()
) -> RenderableType:
    """Each component as it was just probed, then what is wrong with it.

    What is down and `resting` is stopped, and nothing is wrong with it.
    """
    views = view_components(state, resting)
    up = sum(view.state in UP - {ComponentState.DEGRADED} for view in views)
    count = translate("%(up)s of %(all)s components are up", up=up, all=len(views))
    when = Clock(state.plan.time_zone, translate)
    title = Text.assemble((printable(state.plan.title), "bold"), f"  {when.seconds(now)}  {count}")
    problems = bullets(problem_lines(but_at_rest(findings(state), views), translate))
    rows = render_components(views, state, now, translate, whole=True)
    sales = [Text(translate(NOW[state.sales_said()]))] if state.plan.fronts else []
    return Group(title, rows, *problems, *sales)


def render_standing(
    result: str,
    decided_at: datetime,
    broken: tuple[Message, ...],
    clock: Clock,
    *,
    recorded: bool = True,
    revoked_at: datetime | None = None,
) -> RenderableType:
    """The last verdict; `broken` says why it no longer holds, and is empty while it does.

    Of one that was revoked it says why that was done then, whatever is so now.
    """
    shown = headline(result, "", check=False)
    translate = clock.translate
    when = f"{clock.date(decided_at)} {clock.seconds(decided_at)}"
    said = translate("Last verdict, of %(time)s:", time=when)
    line = Text.assemble(f"{said} ", (f"{shown.symbol} {translate(shown.word)}", _style(shown)))
    if not broken:
        return line
    why = bullets(("✗", translate(reason)) for reason in once(broken))
    note = () if recorded else (Text(translate(NOT_RECORDED), style=STYLES["bad"]),)
    lead = translate("It no longer holds:")
    if revoked_at:
        when = f"{clock.date(revoked_at)} {clock.seconds(revoked_at)}"
        lead = translate("It was revoked at %(time)s because:", time=when)
    return Group(line, Text(lead, style=STYLES["bad"]), *why, *note)


def _lines(report: Report, page: Path, translate: Translator) -> Iterator[RenderableType]:
    yield from acts_of_the_operator(report, translate)
    yield from bullets(problem_sentences(report, translate))
    yield from _log(report)
    yield from bullets(warning_sentences(report, translate))
    yield from bullets(("✗", translate(item)) for item in report.left)
    if report.not_executed:
        yield Text(translate("Not executed:"))
        yield from bullets(not_executed_lines(report, translate))
    yield from _facts(report, translate)
    mends = [item.next for item in _alike(report.errors)]
    following = (*mends, *report.next, *(item.next for item in _alike(report.warnings)))
    for told in dict.fromkeys(translate(item) for item in following):
        if told:
            yield Text(f"{translate('Next')}: {printable(told)}", style="bold")
    yield report_line(page, translate)
    yield verdict_line(report, translate)
    yield from _revoked(report, translate)


def verdict_line(report: Report, translate: Translator) -> Text:
    """The verdict, or where the run stands, in one word and one sentence."""
    shown, verdict = report_headline(report), report.verdict
    revoked = verdict is not None and verdict.revoked_at
    was = f" ({translate(HEADLINES[verdict.result].word)})" if verdict and revoked else ""
    word = (f"{shown.symbol} {translate(shown.word)}{was}", _style(shown))
    return Text.assemble(word, f"  {translate(shown.sentence)}")


def acts_of_the_operator(report: Report, translate: Translator) -> Iterator[Text]:
    """Who broke the glass, and why, and what he gave to Ansible; nothing when nobody did."""
    if report.glass_broken_because:
        args = {"operator": report.operator, "why": report.glass_broken_because}
        said = translate("%(operator)s broke the glass: %(why)s", **args)
        yield Text(printable(said), style="bold")
    if report.extra_vars:
        args = {"operator": report.operator, "vars": " ".join(report.extra_vars)}
        said = translate("%(operator)s gave Ansible extra variables (-e): %(vars)s", **args)
        yield Text(printable(said), style="bold")


def _revoked(report: Report, translate: Translator) -> Iterator[RenderableType]:
    since = revoked_sentence(report, Clock(report.time_zone, translate))
    if since and report.verdict:
        yield Text(translate(since), style=STYLES["bad"])
        because = once(report.verdict.revoked_because)
        yield from bullets(("✗", translate(reason)) for reason in because)


def problem_sentences(report: Report, translate: Translator) -> Iterator[tuple[str, str]]:
    """What went wrong, each sentence once, with its mark; without an error why the verdict fell."""
    for item in _alike(report.errors):
        yield "✗", f"{translate(item.what)}: {translate(item.why)}"
    if report.verdict and not report.errors:
        yield from (("✗", translate(reason)) for reason in once(report.verdict.reasons))


def warning_sentences(report: Report, translate: Translator) -> Iterator[tuple[str, str]]:
    """What went well only in the end, with its mark."""
    for item in _alike(report.warnings):
        yield "▲", f"{translate(item.what)}: {translate(item.why)}"


def _alike(errors: tuple[ErrorReport, ...]) -> tuple[Problem, ...]:
    return alike((item.host, Problem(item.what, item.why, item.next)) for item in errors)


def _log(report: Report) -> Iterator[Text]:
    """The last words of the first service that failed; the page has more of them, and of all."""
    first = next((error for error in report.errors if error.log), None)
    if first:
        yield from (
            Text(f"  {printable(line, LOG_WIDTH)}", "dim") for line in first.log[-LOG_LINES:]
        )


def not_executed_lines(report: Report, translate: Translator) -> Iterator[tuple[str, str]]:
    """The steps that did not run, gathered by their reason."""
    gathered: dict[str, list[str]] = {}
    for item in report.not_executed:
        gathered.setdefault(translate(item.reason), []).append(item.step)
    for reason, steps in gathered.items():
        yield "-", f"{', '.join(steps)} ({reason})"


def _facts(report: Report, translate: Translator) -> Iterator[Text]:
    clock = Clock(report.time_zone, translate)
    yield from (Text(printable(translate(item))) for item in flow_sentences(report, clock))
    for sentence in (sales_sentence(report, clock), deadline_sentence(report, clock)):
        if sentence:
            yield Text(translate(sentence))
    if report.procedure == "recover" and report.sales and report.sales.state == CLOSED:
        yield Text(translate(SELL), style="bold")
    yield Text(f"{translate('Duration')}: {translate(duration_sentence(report, clock))}")
    resumed = resumed_sentence(report, clock)
    if resumed:
        yield Text(f"{translate('Resumed')}: {printable(translate(resumed))}")
    saved = time_saved_sentence(report)
    if saved:
        yield Text(f"{translate('Time saved')}: {translate(saved)}")


def _style(shown: Headline) -> str:
    return f"{STYLES[shown.tone]} bold"
