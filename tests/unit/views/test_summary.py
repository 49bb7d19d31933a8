"""What is printed at the end, and what `status` prints."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from automation.run.events import Message, VerdictRevoked
from automation.views.html import render_html
from automation.views.i18n import Translator
from automation.views.report import build_report
from automation.views.run_text import render_run
from automation.views.summary import (
    NOT_RECORDED,
    render_standing,
    render_status,
    render_summary,
)
from automation.views.times import Clock
from tests.unit.views.samples import (
    HEAD,
    Story,
    conditional,
    go,
    interrupted,
    morning_plan,
    no_go,
    revoked,
    second_try,
    unreachable,
)
from tests.unit.views.test_live import printed

PAGE = Path("reports/demo/run/report.html")


def summary(story: Story, lang: str = "en", width: int = 100) -> list[str]:
    """The printed lines, without blanks at their ends."""
    report = build_report(story.state, story.now, HEAD)
    text = printed(render_summary(report, PAGE, Translator(lang)), width)
    return [line.rstrip() for line in text.splitlines()]


def test_a_good_morning_is_told_in_a_few_lines() -> None:
    """Sales with margin, duration, time saved, the report; the verdict is the last word."""
    assert summary(go()) == [
        "Sales are open since 08:30:23.",
        "Due at 09:00: kept, with 29\u00a0min\u00a036\u00a0s to spare.",
        "Duration: 24\u00a0s, of which 1.2\u00a0s beyond the critical path",
        "Time saved: about 26 min (18 to 39) against doing it by hand",
        "Report: reports/demo/run/report.html",
        "✓ GO  Every gate and every check was confirmed.",
    ]


def test_a_no_go_names_culprits_what_did_not_run_and_what_to_do() -> None:
    """Each cause once, steps gathered by the reason they did not run, the next step, the report."""
    lines = summary(no_go(), width=200)
    assert lines[-1] == "✗ NO-GO  The venue must not open."
    culprits = "✗ wagering.service did not start on wagering1, wagering2: its process ended"
    assert lines[0].startswith(culprits)
    gathered = "wagering.test, wagering.gate, ticketing.start, load_balancer.start"
    assert f"- {gathered} (wagering.start failed)" in lines
    assert [line for line in lines if line.startswith("Next: ")] == [
        "Next: Read the log lines and mend the cause.",
        "Next: Then run raceday morning again: what is up is left alone.",
    ]


def test_hosts_with_the_same_reason_share_a_line() -> None:
    """And one advice: the way to the first of them."""
    hosts = ("wagering1", "wagering2")
    away = {("wagering.preflight", host): unreachable("wagering.preflight", host) for host in hosts}
    lines = summary(Story(reports=away).begin().go_on(), width=200)
    assert lines[0].startswith("✗ wagering1, wagering2 cannot be reached: ")
    (advice,) = (line for line in lines if line.startswith("Next: "))
    assert advice.endswith("Try: ssh -p 2201 raceday@wagering1")


def test_a_revoked_verdict_is_not_told_as_go() -> None:
    """That it no longer holds, then since when and why."""
    assert summary(revoked())[-3:] == [
        "✗ Revoked (GO)  This verdict no longer holds.",
        "It no longer holds since Saturday 21 November 2026 08:40:23:",
        "✗ the port is closed",
    ]
    assert summary(revoked(), "ko")[-3].startswith(f"✗ 판정 철회 ({Translator('ko')('GO')})")


@pytest.mark.parametrize(
    ("lang", "said"),
    [("en", "hana broke the glass: the vendor's advice"), ("ko", "hana 비상 승인: the vendor's")],
)
def test_a_broken_glass_is_told_before_all_else(lang: str, said: str) -> None:
    """Who broke it and why, in `runs show` and the document too; nothing when nobody did."""
    plan = replace(morning_plan(), break_glass=True, reason="the vendor's advice")
    story = Story(plan).begin().go_on()
    report = build_report(story.state, story.now, HEAD)
    assert summary(story, lang)[0].startswith(said)
    assert f"\n{said}" in printed(render_run(report, Translator(lang)), 100)
    assert report.glass_broken_because == plan.reason
    assert "glass" not in str(summary(go()))


def test_an_interrupted_run_says_so() -> None:
    """No verdict is claimed."""
    assert summary(interrupted())[-1].startswith("■ Interrupted")


def test_it_speaks_korean() -> None:
    """All of it but names and commands."""
    lines = summary(no_go(), "ko")
    assert lines[-1] == "✗ 개장 불가  개장해서는 안 됩니다."
    assert lines[-2] == "실행 보고서: reports/demo/run/report.html"


def test_status_counts_what_is_up_and_names_what_is_not() -> None:
    """One line per component, then what is wrong."""
    story = conditional()
    lines = printed(render_status(story.state, story.now, Translator())).splitlines()
    assert lines[0] == "Demo racecourse  08:30:22  5 of 6 components are up"
    assert lines[3].split()[:4] == ["▲", "degraded", "wagering", "1/2"]
    assert lines[7].startswith("✗ wagering2 cannot be reached")


def test_a_reason_of_several_hosts_is_told_once() -> None:
    """Where a verdict was revoked: by `status`, at the end of a run, on the page."""
    reasons = tuple(
        Message(
            "%(what)s: %(why)s",
            {
                "what": Message("%(host)s cannot be reached", {"host": host}),
                "why": Message("%(why)s", {"why": "Connection refused"}),
            },
        )
        for host in ("db1", "lb1")
    )
    story, english = go().tell(VerdictRevoked(reasons), 600.0), Translator()
    report = build_report(story.state, story.now, "")
    clock = Clock("Asia/Seoul", english)
    for text in (
        printed(render_standing("GO", story.now, reasons, clock)),
        printed(render_summary(report, Path("report.html"), english)),
        render_html(report, english),
    ):
        assert text.count("db1, lb1 cannot be reached: Connection refused") == 1
        assert text.count("Connection refused") == 1


def test_a_standing_verdict_is_told_and_revoked_with_reasons() -> None:
    """It stands as it was decided, or says why it no longer holds."""
    clock = Clock("Asia/Seoul", Translator())
    decided = datetime(2026, 11, 20, 23, 30, 22, tzinfo=UTC)
    head = "Last verdict, of Saturday 21 November 2026 08:30:22: ✓ GO"
    assert printed(render_standing("GO", decided, (), clock)).splitlines() == [head]
    why = (Message("the port is closed"),)
    broken = [head, "It no longer holds:", "✗ the port is closed"]
    text = printed(render_standing("GO", decided, why, clock))
    assert [line.strip() for line in text.splitlines()] == broken
    text = printed(render_standing("GO", decided, why, clock, recorded=False), 120)
    assert [line.strip() for line in text.splitlines()] == [*broken, str(NOT_RECORDED)]


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", "wagering came up on wagering1 only at try 2: the first failed: wagering.service"),
        ("ko", "wagering: wagering1에서 2번째 시도에야 기동됨"),
    ],
)
def test_a_second_try_is_told_beside_the_verdict(lang: str, said: str) -> None:
    """GO, and what was not right at first, in the reader's language."""
    lines = summary(second_try(), lang, width=200)
    assert lines[-1].startswith(f"✓ {Translator(lang)('GO')} ")
    assert lines[0].startswith(f"▲ {said}")
