"""The views that follow a run: live on a terminal, one line per event elsewhere, or none."""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self, TextIO

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from automation.run.events import (
    Event,
    Message,
    RunFinished,
    RunInterrupted,
    RunStarted,
    VerdictDecided,
)
from automation.run.state import INTERRUPTED, State
from automation.run.verdict import Finding, findings
from automation.views.components import ComponentState, ComponentView, view_components
from automation.views.i18n import Translator
from automation.views.live import problem_lines, render
from automation.views.text import printable
from automation.views.times import Clock, stopwatch
from automation.views.words import STATES, SYMBOLS, headline, procedure_title

Now = Callable[[], datetime]
UNREMARKABLE = frozenset({ComponentState.WAITING, ComponentState.STARTING})
REFRESHES = 4  # a second


class View(Protocol):
    """Follows a run: told of every event while it is entered."""

    def __enter__(self) -> Self:
        """Begin to show."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the last state standing."""

    def __call__(self, state: State, event: Event) -> None:
        """Show what came of an event."""


def open_view(stream: TextIO, lang: str, output: str, now: Now) -> View:
    """The view that suits: silent for json, live on a real terminal, else plain lines."""
    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    translate = Translator(lang)
    if output == "json":
        return SilentView()
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveView(console, translate, now)
    return PlainView(stream, translate, now)


class SilentView:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, state: State, event: Event) -> None:
        """Say nothing."""


class LiveView(SilentView):
    """Redraws the run a few times a second; its clocks go on while nothing happens."""

    def __init__(self, console: Console, translate: Translator, now: Now) -> None:
        self._translate = translate
        self._now = now
        self._state: State | None = None
        self._live = Live(
            console=console, get_renderable=self._render, refresh_per_second=REFRESHES
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def __call__(self, state: State, event: Event) -> None:  # noqa: ARG002  # an observer's form
        """Keep the state; the next refresh draws it."""
        self._state = state

    def _render(self) -> RenderableType:
        return Text() if self._state is None else render(self._state, self._now(), self._translate)


class PlainView(SilentView):
    """One line when a component is up, failed or left out, and at the run's turning points."""

    def __init__(self, stream: TextIO, translate: Translator, now: Now) -> None:
        self._stream = stream
        self._translate = translate
        self._now = now
        self._shown: Mapping[str, ComponentState] = {}
        self._told: tuple[Finding, ...] = ()
        self._advised: set[str] = set()

    def __call__(self, state: State, event: Event) -> None:
        """Write what is new, each line with the time of day and the time since the run began."""
        if isinstance(event, RunStarted):
            self._say(state, f"{_title(state, self._translate)} · {state.run_id}")
        views = view_components(state)
        for view in views:
            if view.state not in UNREMARKABLE and self._shown.get(view.planned.name) != view.state:
                self._say(state, _component_line(view, self._translate))
        self._shown = {view.planned.name: view.state for view in views}
        self._tell_problems(state)
        if isinstance(event, VerdictDecided | RunInterrupted | RunFinished):
            self._say(state, _turning_point(state, event, self._translate))

    def _tell_problems(self, state: State) -> None:
        found = findings(state)
        fresh = tuple(item for item in found if item not in self._told)
        for mark, text in problem_lines(fresh, self._translate):
            if mark != "→" or text not in self._advised:
                self._say(state, f"{mark} {text}")
            self._advised |= {text} if mark == "→" else set()
        self._told = found

    def _say(self, state: State, text: str) -> None:
        now = self._now()
        time = Clock(state.plan.time_zone, self._translate).seconds(now)
        passed = stopwatch((now - state.started_at).total_seconds())
        self._stream.write(f"{time} {passed:>7}  {printable(text)}\n")
        self._stream.flush()


def _title(state: State, translate: Translator) -> str:
    return f"{state.plan.title} · {translate(procedure_title(state.plan.procedure))}"


def _component_line(view: ComponentView, translate: Translator) -> str:
    word = translate(STATES[view.word])
    return f"{SYMBOLS[view.word]} {view.planned.name}: {word} {view.ready_hosts}/{len(view.hosts)}"


def _turning_point(state: State, event: Event, translate: Translator) -> str:
    if isinstance(event, RunInterrupted):
        return f"■ {translate(INTERRUPTED)}"
    result = state.verdict.result if state.verdict else ""
    shown = headline(result, state.result_state, check=state.plan.check)
    if isinstance(event, RunFinished):
        return translate("the run is over: %(result)s", result=Message(state.result_state))
    return f"{shown.symbol} {translate(shown.word)}"
