"""How purchases went, in the words that customers have for it."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from automation.run.events import (
    Event,
    HostReported,
    HostState,
    RunStarted,
    StepFinished,
    StepStarted,
)
from automation.run.plan import Plan, Step, Verb
from automation.run.state import fold_all
from automation.views.flow import flow_sentences
from automation.views.i18n import Translator
from automation.views.report import build_report
from automation.views.times import Clock
from tests.unit.views.samples import BEGAN, HEAD, component

FIGURES = {
    "channel": "bet",
    "flow": "smooth",
    "sent": "612",
    "answered": "609",
    "errors": "2",
    "late": "1",
    "unsent": "0",
    "p50": "0.010",
    "p95": "0.050",
    "p99": "0.380",
    "max": "0.940",
}
SINCE = {"since_stop": "300", "failed_since_stop": "3", "errors_seconds": "0.4"}
LOAD = "bet: smooth (612 sent, 3 failed, p50 0.010 s, p95 0.050 s, p99 0.380 s, slowest 0.940 s)"


def told(evidence: Mapping[str, str], *, back: bool = True, lang: str = "en") -> list[str]:
    """The sentences of a drill: load, stop after 10 s, seen again after 20 s, load over at 25 s."""
    steps = {
        name: Step(f"wagering.{name}", "wagering", verb, (host,), name)
        for name, verb, host in (
            ("rehearse.1", Verb.REHEARSE, "lb1"),
            ("stop", Verb.STOP, "wagering1"),
            ("again", Verb.FLOW, "lb1"),
        )
    }
    plan = Plan(
        venue="demo",
        title="Demo racecourse",
        time_zone="Asia/Seoul",
        procedure="drill",
        components={"wagering": component("wagering", "Engine", 2)},
        steps={step.id: step for step in steps.values()},
    )
    seen = HostState.OK if back else HostState.FAILED
    events: list[tuple[Event, float]] = [
        (RunStarted("run", "kim", plan.dump()), 0),
        (StepStarted("wagering.rehearse.1", ("lb1",)), 1),
        (StepStarted("wagering.stop", ("wagering1",)), 10),
        (HostReported("wagering.stop", "wagering1", HostState.OK), 11),
        (StepFinished("wagering.stop"), 11),
        (StepStarted("wagering.again", ("lb1",)), 19),
        (HostReported("wagering.again", "lb1", seen), 20),
        (StepFinished("wagering.again"), 20),
        (HostReported("wagering.rehearse.1", "lb1", HostState.OK, evidence=evidence), 25),
        (StepFinished("wagering.rehearse.1"), 25),
    ]
    state = fold_all((event, _at(seconds)) for event, seconds in events)
    translate = Translator(lang)
    report = build_report(state, _at(30), HEAD)
    return [translate(item) for item in flow_sentences(report, Clock("Asia/Seoul", translate))]


def _at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def test_a_drill_is_told_by_its_channels_and_its_moments() -> None:
    """Each channel's word and figures; when the host went, what failed, when it was back."""
    assert told({**FIGURES, **SINCE}) == [
        LOAD,
        "wagering1 was stopped at 08:30:10: 3 of 300 purchases after that failed, "
        "the last 0.4 s later.",
        "wagering1 was back at 08:30:20, and is sent purchases again.",
    ]


def test_a_drill_that_nobody_noticed_says_so() -> None:
    """All that was bought since was answered."""
    quiet = {**SINCE, "failed_since_stop": "0", "errors_seconds": "0.0"}
    assert told({**FIGURES, **quiet})[1] == (
        "wagering1 was stopped at 08:30:10: all 300 purchases after that were answered."
    )


@pytest.mark.parametrize("odd", [{}, {**SINCE, "failed_since_stop": "nan"}])
def test_what_a_load_did_not_tell_is_not_known(odd: Mapping[str, str]) -> None:
    """Silence, or a figure that is none, is no proof that nothing failed."""
    assert told({**FIGURES, **odd}, back=False)[1:] == [
        "wagering1 was stopped at 08:30:10: it is not known how many purchases failed.",
        "wagering1 was not seen to be sent purchases again.",
    ]


def test_a_load_that_told_nothing_has_no_line() -> None:
    """What happened to it is among the errors."""
    assert told({}, back=True)[0].startswith("wagering1 was stopped")


@pytest.mark.parametrize(("flow", "word"), [("slow", "지연"), ("congested", "혼잡"), ("x", "확인")])
def test_customers_words_in_korean(flow: str, word: str) -> None:
    """A word that nobody knows is told as not known."""
    assert word in told({**FIGURES, "flow": flow}, lang="ko")[0]
