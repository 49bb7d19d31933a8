"""The run on a terminal while it goes on: `render` draws one moment of it, pure."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import zip_longest
from pathlib import Path

from rich.console import Group, OverflowMethod, RenderableType
from rich.table import Table
from rich.text import Text

from automation.run.events import HostState
from automation.run.plan import Verb
from automation.run.state import State, Status, StepState, server_of
from automation.run.verdict import Finding, findings
from automation.views.alike import alike
from automation.views.components import ComponentState, ComponentView, view_components
from automation.views.forecast import forecast_finish
from automation.views.i18n import Translator
from automation.views.text import printable
from automation.views.times import Clock, stopwatch
from automation.views.words import (
    STATES,
    SYMBOLS,
    TONES,
    VERBS,
    headline,
    procedure_title,
)

STYLES = {"good": "green", "doubt": "yellow", "bad": "bold red", "plain": "cyan", "quiet": "dim"}
MOST_PROBLEMS = 3


def render(state: State, now: datetime, translate: Translator) -> RenderableType:
    """One line per component between the countdown and what went wrong."""
    rows = render_components(view_components(state), state, now, translate)
    problems = bullets(problem_lines(findings(state), translate))
    return Group(*_heading(state, now, translate), rows, *problems)


def render_components(
    views: Sequence[ComponentView],
    state: State,
    now: datetime,
    translate: Translator,
    *,
    whole: bool = False,
) -> Table:
    """Symbol and state, name, hosts that are ready, elapsed time, what it does or waits for.

    One line each, where what does not fit is cut; `whole` wraps it instead.
    """
    table = Table.grid(padding=(0, 1), expand=not whole)
    table.add_column(no_wrap=True)
    cut: OverflowMethod = "fold" if whole else "ellipsis"
    table.add_column(no_wrap=not whole, overflow=cut, max_width=24)
    table.add_column(no_wrap=True, justify="right")
    table.add_column(no_wrap=True, justify="right")
    table.add_column(no_wrap=not whole, overflow=cut, ratio=1)
    for view in views:
        table.add_row(
            state_text(view.word, translate),
            Text(printable(view.planned.name)),
            f"{view.ready_hosts}/{len(view.hosts)}",
            _elapsed(view, now),
            Text(printable(_note(state, view, translate)), style="dim"),
        )
    return table


def problem_lines(found: tuple[Finding, ...], translate: Translator) -> Iterator[tuple[str, str]]:
    """Mark and text: the first culprits, the next step once where it is the same, how many more.

    Hosts of which the same is to be said share a line.
    """
    problems = alike((finding.host, finding.problem) for finding in found)
    shown = problems[:MOST_PROBLEMS]
    for problem, following in zip_longest(shown, shown[1:]):
        yield "✗", f"{translate(problem.what)}: {translate(problem.why)}"
        next_step = translate(problem.next)
        if next_step and (following is None or next_step != translate(following.next)):
            yield "→", next_step
    if len(problems) > MOST_PROBLEMS:
        yield "…", translate("and %(count)s more", count=len(problems) - MOST_PROBLEMS)


def bullets(lines: Iterable[tuple[str, str]]) -> Iterator[Table]:
    """Texts of any length beside their marks, each wrapped under itself."""
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for mark, text in lines:
        style = STYLES["bad"] if mark == "✗" else ""
        table.add_row(Text(mark, style=style), Text(printable(text)))
    if table.row_count:
        yield table


def report_line(page: Path, translate: Translator) -> Text:
    """Where the report is; never broken, so that whoever copies it gets all of it."""
    return Text(f"{translate('Report')}: {page}", no_wrap=True, overflow="ignore")


def state_text(word: str, translate: Translator) -> Text:
    """A state by symbol and word; the colour only repeats them."""
    style = STYLES[TONES.get(word, "quiet")]
    return Text(f"{SYMBOLS[word]} {translate(STATES[word])}", style=style)


def _heading(state: State, now: datetime, translate: Translator) -> Iterator[Text]:
    title = f"{state.plan.title} · {translate(procedure_title(state.plan.procedure))}"
    passed = stopwatch(((state.finished_at or now) - state.started_at).total_seconds())
    result = state.verdict.result if state.verdict else ""
    shown = headline(result, state.result_state, check=state.plan.check)
    yield Text.assemble(
        (printable(title), "bold"),
        f"  {passed}  ",
        (f"{shown.symbol} {translate(shown.word)}", STYLES[shown.tone]),
    )
    countdown = _countdown(state, now, translate)
    if countdown:
        yield Text(countdown)


def _countdown(state: State, now: datetime, translate: Translator) -> str:
    clock = Clock(state.plan.time_zone, translate)
    parts = [_until_deadline(state, now, clock), _forecast(state, now, clock)]
    return " · ".join(part for part in parts if part)


def _until_deadline(state: State, now: datetime, clock: Clock) -> str:
    if not state.plan.deadline:
        return ""
    due = datetime.fromisoformat(state.plan.deadline)
    left = (due - now).total_seconds()
    args = {"due": clock.time(due), "left": stopwatch(abs(left))}
    if left >= 0:
        return clock.translate("sales opening %(due)s, in %(left)s", **args)
    return clock.translate("sales opening %(due)s, %(left)s ago", **args)


def _forecast(state: State, now: datetime, clock: Clock) -> str:
    finish = forecast_finish(state, now)
    if finish is None or state.finished_at:
        return ""
    shown = clock.seconds(finish)
    if not state.plan.deadline:
        return clock.translate("forecast finish %(finish)s", finish=shown)
    margin = (datetime.fromisoformat(state.plan.deadline) - finish).total_seconds()
    args = {"finish": shown, "margin": stopwatch(abs(margin))}
    if margin >= 0:
        return clock.translate("forecast finish %(finish)s, margin %(margin)s", **args)
    return clock.translate("forecast finish %(finish)s, %(margin)s too late", **args)


def _elapsed(view: ComponentView, now: datetime) -> str:
    if view.started_at is None:
        return ""
    return stopwatch(((view.ended_at or now) - view.started_at).total_seconds())


def _note(state: State, view: ComponentView, translate: Translator) -> str:
    own = [item for item in state.steps.values() if item.step.component == view.planned.name]
    running = next((item for item in own if item.status is Status.RUNNING), None)
    if running is not None:
        return _doing(running, translate)
    if view.state is ComponentState.WAITING and view.waits_for:
        return translate("waits for %(names)s", names=", ".join(view.waits_for))
    if view.state is ComponentState.WOULD:
        hosts = (host.name for host in view.hosts if host.state == HostState.WOULD)
        return translate(_would_be(own), hosts=", ".join(hosts))
    if view.state in {ComponentState.SKIPPED, ComponentState.PARTLY}:
        return next((translate(item.reason) for item in own if item.reason), "")
    return ""


def _would_be(own: Sequence[StepState]) -> str:
    """What check mode leaves undone."""
    verbs = {item.step.verb for item in own}
    if verbs & {Verb.STOP, Verb.KILL}:
        starts = Verb.START in verbs
        return "would be restarted: %(hosts)s" if starts else "would be stopped: %(hosts)s"
    if Verb.CLOSE in verbs:
        opens = Verb.UNDRAIN in verbs
        return (
            "would be closed, and opened again: %(hosts)s"
            if opens
            else "would be closed: %(hosts)s"
        )
    return "would be started: %(hosts)s"


def _doing(item: StepState, translate: Translator) -> str:
    """The verb, and the hosts that have not answered yet."""
    verb = translate(VERBS[item.step.verb])
    silent = [host for host in item.targets if host not in item.hosts]
    if item.step.verb is Verb.DRAIN and silent:
        args = {
            "servers": ", ".join(map(server_of, item.step.servers)),
            "hosts": ", ".join(silent),
            "bound": stopwatch(item.step.timeout),
        }
        return translate("draining %(servers)s (at %(hosts)s), for at most %(bound)s", **args)
    return f"{verb}: {', '.join(silent)}" if silent else verb
