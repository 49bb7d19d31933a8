"""The terminal: one line per component, a countdown, the culprit; plain lines without one."""

import io
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType

from automation.run.events import (
    HostReported,
    HostState,
    Message,
    StepFinished,
    StepStarted,
)
from automation.run.plan import Step, Verb
from automation.run.state import State, fold
from automation.views.forecast import forecast_finish
from automation.views.i18n import Translator
from automation.views.live import render
from automation.views.watch import LiveView, PlainView, SilentView, View, open_view
from tests.unit.views.samples import STORIES, Story, died, go, morning_plan, no_go, running


def printed(renderable: RenderableType, width: int = 100) -> str:
    """What a terminal of this width shows."""
    stream = io.StringIO()
    Console(file=stream, width=width).print(renderable)
    return stream.getvalue()


def shown(story: Story, lang: str = "en", width: int = 100, later: float = 0.0) -> str:
    """The live view so many seconds after the last event."""
    now = story.now + timedelta(seconds=later)
    return printed(render(story.state, now, Translator(lang)), width)


def test_what_is_checked_from_elsewhere_is_not_called_ready() -> None:
    """A refused sale is proven on the load balancer's host; nobody was at the engines."""
    plan = morning_plan()
    front = plan.components["load_balancer"].hosts
    refusal = Step(
        "wagering.refusal", "wagering", Verb.REFUSAL, front, "r", hosts_of="load_balancer"
    )
    touched = {name: plan.components[name] for name in ("wagering", "load_balancer")}
    plan = replace(
        plan, components=touched, steps={refusal.id: refusal}, gives_verdict=False, deadline=""
    )
    story = Story(plan).begin().tell(StepStarted(refusal.id, front))
    story.tell(HostReported(refusal.id, front[0], HostState.OK)).tell(StepFinished(refusal.id))
    lines = shown(story).splitlines()
    assert next(line.split()[:4] for line in lines if "wagering" in line) == [
        *("✓", "checked", "wagering", "1/1")
    ]


def test_each_component_has_one_line() -> None:
    """State, hosts, elapsed time, and what it does or waits for."""
    lines = shown(running(), later=3).splitlines()
    assert lines[2].split() == ["✓", "ready", "database", "2/2", "0:06"]
    assert lines[4].split()[:5] == ["▸", "starting", "wagering", "0/2", "0:03"]
    assert lines[4].split()[5:] == ["start:", "wagering1,", "wagering2"]
    assert lines[5].split()[4:] == ["waits", "for", "wagering"]


def test_the_countdown_knows_the_forecast_and_its_margin() -> None:
    """Time to sales, the forecast finish from earlier runs, and what is left between them."""
    head = shown(running(), later=3).splitlines()[1]
    assert head == "sales opening 09:00, in 29:49 · forecast finish 08:30:41, margin 29:18"


def test_a_late_forecast_says_so() -> None:
    """A finish after the deadline is too late by so much."""
    story = running()
    plan = replace(story.plan, deadline=(story.now + timedelta(seconds=5)).isoformat())
    late = printed(render(replace(story.state, plan=plan), story.now, Translator()))
    assert "too late" in late


def test_no_forecast_without_history() -> None:
    """A step that no earlier run knows leaves the finish unsaid."""
    story = Story(morning_plan(estimates={})).begin()
    assert forecast_finish(story.state, story.now) is None
    assert "forecast" not in shown(story)


def test_the_forecast_of_a_finished_run_is_its_end() -> None:
    """What is over needs no guess."""
    state = go().state
    assert forecast_finish(state, state.started_at) == state.finished_at


def test_a_step_that_is_late_moves_the_forecast() -> None:
    """Past its usual time a running step is expected to end any moment."""
    story = running()
    early = forecast_finish(story.state, story.now)
    late = forecast_finish(story.state, story.now + timedelta(minutes=5))
    assert early is not None
    assert late is not None
    assert late - early > timedelta(minutes=4)


def test_the_culprit_and_the_next_step_stand_below() -> None:
    """Each culprit once, and the next step once where it is the same."""
    text = shown(no_go())
    assert "✗ wagering.service did not start on wagering1" in text
    assert text.count("→ Read the log lines") == 1


@pytest.mark.parametrize("width", [60, 80, 160])
@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("name", STORIES)
def test_no_line_is_wider_than_the_terminal(name: str, lang: str, width: int) -> None:
    """Double-width letters are counted as two."""
    lines = shown(STORIES[name](), lang, width).splitlines()
    assert max(cell_len(line) for line in lines) <= width


def test_columns_stay_aligned_with_korean_states() -> None:
    """The names of all components begin in the same cell."""
    lines = shown(no_go(), "ko").splitlines()[2:8]
    names = ("database", "cache", "wagering", "ticketing", "load_balancer", "settlement_bank")
    places = {cell_len(line[: line.index(name)]) for line, name in zip(lines, names, strict=True)}
    assert len(places) == 1


def replay(story: Story, stream: io.StringIO, lang: str = "en") -> str:
    """What the plain view writes of a whole run."""
    moment = story.events[0][1]

    def now() -> datetime:
        return moment

    state: State | None = None
    with PlainView(stream, Translator(lang), now) as view:
        for event, moment in story.events:
            state = fold(state, event, moment)
            view(state, event)
    return stream.getvalue()


def test_plain_lines_tell_each_turn_once() -> None:
    """One line per turn, with the time of day in the venue's zone and the time since the start."""
    lines = replay(no_go(), io.StringIO()).splitlines()
    assert lines[1] == "08:30:01    0:01  ✓ cache: ready 1/1"
    said = [line[18:] for line in lines]
    assert [line for line in said if "wagering.service" not in line and "→" not in line] == [
        "Demo racecourse · Morning start-up · 20261120T233000Z-morning-3f2a",
        "✓ cache: ready 1/1",
        "✓ database: ready 2/2",
        "✗ wagering: failed 0/2",
        "- ticketing: not executed 0/2",
        "- load_balancer: not executed 0/1",
        "✓ settlement_bank: ready 1/1",
        "✗ NO-GO",
        "the run is over: ERRORS",
    ]
    assert sum("did not start on wagering1" in line for line in said) == 1


def test_plain_lines_tell_what_to_do_once() -> None:
    """Be it that a second host fails a moment later for the same reason."""
    bad = [died("wagering.start", f"wagering{number}") for number in (1, 2)]
    story = Story(reports={("wagering.start", item.host): item for item in bad}).begin().go_on()
    told = [line[18:] for line in replay(story, io.StringIO()).splitlines()]
    advice = [line for line in told if line.startswith("→ Read the log lines")]
    culprits = [line for line in told if "did not start on wagering" in line]
    assert (len(culprits), len(advice)) == (2, 1)


def test_hostile_text_cannot_drive_the_terminal() -> None:
    """Escape sequences and line breaks of a host never reach the screen, live or plain."""
    report = died("wagering.start", "wagering1")
    assert report.problem is not None
    evil = replace(report.problem, why=Message("\x1b[2J\x07[red]boo\nroot# "))
    bad = replace(report, problem=evil)
    story = Story(reports={("wagering.start", "wagering1"): bad}).begin().go_on()
    for text in (shown(story), replay(story, io.StringIO())):
        assert "\x1b" not in text
        assert "\x07" not in text
        assert "[red]boo root#" in text


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.mark.parametrize(
    ("stream", "output", "kind"),
    [
        (Terminal(), "text", LiveView),
        (io.StringIO(), "text", PlainView),
        (Terminal(), "json", SilentView),
    ],
)
def test_the_view_suits_the_stream(
    stream: io.StringIO, output: str, kind: type[View], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Live on a terminal, lines elsewhere, nothing with json."""
    monkeypatch.setenv("TERM", "xterm-256color")
    assert type(open_view(stream, "en", output, lambda: go().now)) is kind


def test_the_live_view_leaves_the_last_state_standing(monkeypatch: pytest.MonkeyPatch) -> None:
    """After it is left, the end of the run is on the screen."""
    monkeypatch.setenv("TERM", "xterm-256color")
    story, stream = no_go(), Terminal()
    with open_view(stream, "en", "text", lambda: story.now) as view:
        view(story.state, story.events[-1][0])
    assert "NO-GO" in stream.getvalue()
