"""Which message is due, and what it says."""

from dataclasses import replace
from datetime import timedelta

import pytest

from automation.run.events import (
    HostReported,
    HostState,
    Message,
    Problem,
    RunFinished,
    RunInterrupted,
    StepFinished,
    VerdictDecided,
)
from automation.views.i18n import Translator
from automation.views.notices import Occasion, Rule, due, write_notice
from tests.unit.views.samples import (
    RUN_ID,
    Story,
    conditional,
    go,
    interrupted,
    morning_plan,
    no_go,
    running,
)

CANARY = "hunter2-canary"
ALWAYS = Rule()
CHANGE = Rule(previous="GO", only_on_change=True)


def told(story: Story, rule: Rule = ALWAYS) -> list[Occasion]:
    """Every message of a whole run, as its events came."""
    said: list[Occasion] = []
    for number, (event, _) in enumerate(story.events, start=1):
        occasion = due(Story(story.plan, events=story.events[:number]).state, event, said, rule)
        said += [occasion] if occasion else []
    return said


def test_a_good_run_is_told_three_times() -> None:
    """That it began, the verdict, the end."""
    assert told(go()) == [Occasion.STARTED, Occasion.VERDICT, Occasion.FINISHED]


def test_only_the_first_failure_is_told() -> None:
    """The verdict names the others."""
    lost = ("wagering.start", "ticketing.preflight")
    hosts = ("wagering1", "wagering2", "ticketing1", "ticketing2")
    dead = {
        (step, host): HostReported(step, host, HostState.FAILED) for step in lost for host in hosts
    }
    assert told(Story(reports=dead).begin().go_on()).count(Occasion.FAILURE) == 1


def test_what_an_interruption_ends_is_no_failure() -> None:
    """The operator knows; the end is told."""
    assert told(interrupted()) == [Occasion.STARTED, Occasion.FINISHED]


@pytest.mark.parametrize(
    ("story", "rule", "said"),
    [
        (go(), CHANGE, []),
        (no_go(), CHANGE, [Occasion.VERDICT, Occasion.FINISHED]),
        (interrupted(), CHANGE, [Occasion.FINISHED]),
        (go(), replace(CHANGE, previous=None), [Occasion.VERDICT, Occasion.FINISHED]),
        (interrupted(), replace(CHANGE, previous="CANCELLED"), []),
    ],
)
def test_only_a_change_is_told_if_asked(story: Story, rule: Rule, said: list[Occasion]) -> None:
    """Against what the run before came to; the first run of all is one."""
    assert told(story, rule) == said


def test_a_run_that_lasts_too_long_is_told_once_and_while_it_lasts() -> None:
    """Even when only changes are: a run that hangs comes to no verdict."""
    for rule in (Rule(), CHANGE):
        assert due(running().state, None, [], rule) is Occasion.SLOW
        assert due(running().state, None, [Occasion.SLOW], rule) is None
        assert due(go().state, None, [], rule) is None


def test_a_no_go_says_verdict_venue_procedure_reasons_and_run() -> None:
    """The verdict first; each reason once, though two hosts have it."""
    story = no_go()
    notice = write_notice(story.state, Occasion.VERDICT, Rule(), story.now, Translator())
    assert notice.title == "✗ NO-GO · Demo racecourse · Morning start-up"
    assert notice.body.splitlines() == [
        "The venue must not open.",
        "- wagering.service did not start on wagering1, wagering2: "
        "its process ended with status 1 (exit-code) before it was ready",
        f"Run: {RUN_ID}",
    ]


def test_it_speaks_korean() -> None:
    """All but names."""
    story = no_go()
    notice = write_notice(story.state, Occasion.VERDICT, Rule(), story.now, Translator("ko"))
    assert notice.title == "✗ 개장 불가 · Demo racecourse · 오전 기동"
    assert notice.body.startswith("개장해서는 안 됩니다.\n- wagering1, wagering2에서 wagering")


def test_a_slow_run_says_what_it_waits_for() -> None:
    """And how long it usually takes."""
    story, rule = running(), Rule(usual_seconds=8.0, slow_after=9.6)
    later = story.now + timedelta(seconds=1.3)
    notice = write_notice(story.state, Occasion.SLOW, rule, later, Translator())
    assert notice.title.startswith("▲ Longer than usual · ")
    assert notice.body.splitlines()[:2] == [
        "It runs for 8.3\u00a0s; it usually takes 8.0\u00a0s.",
        "It waits for wagering.start on wagering1, wagering2 for 1.3\u00a0s (usually 9.4\u00a0s)",
    ]


def test_a_go_whose_sales_did_not_open_is_not_told_as_go() -> None:
    """The end says what customers see."""
    opening = "load_balancer.undrain"
    failed = HostReported(opening, "load_balancer1", HostState.FAILED)
    story = Story(reports={(opening, "load_balancer1"): failed}).begin().go_on()
    notice = write_notice(story.state, Occasion.FINISHED, Rule(), story.now, Translator())
    assert notice.title.startswith("✗ Sales could not be opened · ")
    assert told(story, CHANGE) == [Occasion.FINISHED]


def test_at_most_three_reasons_are_told() -> None:
    """The rest is a number."""
    away = {
        (f"{name}.preflight", f"{name}1"): HostReported(
            f"{name}.preflight", f"{name}1", HostState.FAILED
        )
        for name in ("database", "cache", "wagering", "ticketing", "load_balancer")
    }
    story = Story(reports=away).begin().go_on()
    notice = write_notice(story.state, Occasion.VERDICT, Rule(), story.now, Translator())
    lines = [line for line in notice.body.splitlines() if line.startswith("- ")]
    assert (len(lines), lines[-1]) == (4, "- and 2 more")


def test_what_a_host_or_a_log_said_is_not_sent() -> None:
    """Neither as evidence, nor in a reason; control characters do not arrive."""
    what = Message("%(unit)s did not start on %(host)s", {"unit": "a\x1b[2Jb\nc", "host": "cache1"})
    said = [
        Message("its unit said: %(cause)s", {"cause": CANARY}),
        Message("%(why)s", {"why": CANARY}),
        Message("the health check (%(check)s) said '%(seen)s'", {"check": "x", "seen": CANARY}),
        Message("%(outer)s", {"outer": Message("%(cause)s", {"cause": CANARY})}),
    ]
    for why in said:
        report = HostReported(
            "cache.start", "cache1", HostState.FAILED, 0, (), Problem(what, why), {"log": CANARY}
        )
        story = Story(reports={("cache.start", "cache1"): report}).begin().go_on()
        for occasion in Occasion:
            notice = write_notice(story.state, occasion, Rule(), story.now, Translator())
            assert CANARY not in notice.title + notice.body
            assert "\x1b" not in notice.body
        assert "- ab c did not start on cache1\n" in notice.body


def test_a_failure_after_an_interruption_is_silent() -> None:
    """A protected step may still fail; the operator watches."""
    state = replace(no_go().state, interrupted=True)
    assert due(state, StepFinished("wagering.start"), [], Rule()) is None


@pytest.mark.parametrize("event", [VerdictDecided("GO", (), ""), RunFinished("SUCCESS")])
def test_nothing_is_told_twice(event: VerdictDecided | RunFinished) -> None:
    """Each occasion once a run."""
    assert due(go().state, event, list(Occasion), Rule()) is None


def test_other_events_are_not_told() -> None:
    """They are for the report."""
    assert due(conditional().state, RunInterrupted("hana"), [], Rule()) is None
    assert (
        morning_plan().title
        in write_notice(
            conditional().state, Occasion.STARTED, Rule(), conditional().now, Translator()
        ).title
    )
