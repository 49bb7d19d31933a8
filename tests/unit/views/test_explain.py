"""Why a run is blocked, told in a few sentences."""

from dataclasses import replace
from datetime import timedelta

import pytest

from automation.run.events import HostReported, HostState, Message, Problem, VerdictDecided
from automation.run.lock import Holder
from automation.views.explain import (
    explain_holder,
    explain_nothing,
    explain_run,
    explanation_document,
    render_explanation,
)
from automation.views.i18n import Translator
from automation.views.status import Around
from automation.views.telling import Explanation
from automation.views.times import Clock
from tests.unit.views.samples import (
    BEGAN,
    RUN_ID,
    STORIES,
    Story,
    conditional,
    died,
    failed_check,
    go,
    interrupted,
    morning_plan,
    no_go,
    revoked,
    running,
    unreachable,
)
from tests.unit.views.test_live import printed

OPENING = "load_balancer.undrain"
AGAIN = "Then run raceday morning again: what is up is left alone."
RECOVER = "raceday recover puts back what it left behind."


def holder(run_id: str = RUN_ID) -> Holder:
    """A live process of a run."""
    return Holder(run_id, 4711, "ops1", "boot", BEGAN.isoformat(), "morning", "hana@ops1")


def explained(
    story: Story, lang: str = "en", *, after: float = 0.0, held: Holder | None = None
) -> Explanation:
    """The explanation so many seconds after the last event."""
    now = story.now + timedelta(seconds=after)
    return explain_run(story.state, now, Translator(lang), Around(holder=held))


def said(found: Explanation, lang: str = "en") -> tuple[list[str], list[str]]:
    """Its sentences, and what to do next."""
    document = explanation_document(found, Translator(lang))
    return document["sentences"], document["next"]


def test_a_no_go_names_the_cause_since_when_and_what_waits() -> None:
    """One cause on two hosts is one; what was skipped because of it comes after."""
    found = explained(no_go())
    assert said(found) == (
        [
            "NO-GO since 08:30:17: wagering.service did not start on wagering1, wagering2 "
            "(08:30:16): its process ended with status 1 (exit-code) before it was ready",
            "ticketing, load_balancer and the opening of sales wait for it.",
        ],
        ["Read the log lines and mend the cause.", AGAIN],
    )
    assert (found.run_id, found.verdict) == (RUN_ID, "NO-GO")


def test_it_speaks_korean() -> None:
    """All but names."""
    sentences, following = said(explained(no_go(), "ko"), "ko")
    assert sentences[0].startswith(
        "08:30:17부터 판정은 개장 불가입니다. 원인: wagering1, wagering2에서 "
    )
    assert sentences[1] == (
        "이 문제가 풀려야 다음을 진행할 수 있습니다: ticketing, load_balancer, 발매 개시."
    )
    assert following[0].startswith("로그를 확인하고 원인을 고치십시오.")


def test_another_day_is_told_with_its_date() -> None:
    """A time of day alone would be today's."""
    sentence = said(explained(no_go(), after=86400))[0][0]
    assert sentence.startswith("NO-GO since Saturday 21 November 2026 08:30:17: ")


def test_unit_and_host_are_named_where_the_reason_does_not() -> None:
    """In brackets, with the time."""
    plan = morning_plan()
    unit = replace(plan.components["cache"], unit="redis-server.service")
    plan = replace(plan, components={**plan.components, "cache": unit})
    problem = Problem(Message("no answer came for %(step)s", {"step": "cache.start"}), Message("x"))
    bad = HostReported("cache.start", "cache1", HostState.FAILED, problem=problem)
    story = Story(plan, {("cache.start", "cache1"): bad}).begin().go_on()
    sentence = said(explained(story))[0][0]
    assert "no answer came for cache.start (redis-server.service, cache1, 08:30:01): x" in sentence


def test_root_causes_come_before_what_follows_and_what_is_not_critical() -> None:
    """The bank may be missing, and ticketing fails because wagering did."""
    gates = {
        (f"{name}.gate", f"{name}{number}"): unreachable(f"{name}.gate", f"{name}{number}")
        for name, number in (("ticketing", 1), ("ticketing", 2), ("settlement_bank", 1))
    }
    dead = {
        ("wagering.gate", f"wagering{n}"): died("wagering.gate", f"wagering{n}") for n in (1, 2)
    }
    sentence = said(explained(Story(reports={**gates, **dead}).begin().go_on()))[0][0]
    first, second, rest = sentence.split("; ")
    assert "wagering.service did not start on wagering1, wagering2" in first
    assert "ticketing1, ticketing2 cannot be reached" in second
    assert rest == "and 1 more, see the report"


def test_a_failed_check_says_what_to_run_when_nobody_said_what_to_do() -> None:
    """Two causes, each with its reason."""
    sentences, following = said(explained(failed_check()))
    assert "ticketing1 failed the check 'a ticket is valid once'" in sentences[0]
    assert sentences[1:] == ["Sales stay closed because of it."]
    assert following == ["Mend it, then run raceday morning again: what is up is left alone."]


def test_conditional_says_what_is_missing_and_how_it_is_accepted() -> None:
    """The command first, then how to need it no more."""
    sentences, following = said(explained(conditional()))
    assert sentences == [
        "CONDITIONAL since 08:30:22: wagering2 cannot be reached (08:30:00): "
        "ssh: connect to host: Connection timed out",
        "The venue can open without it, but sales stay closed until somebody accepts that.",
    ]
    assert following[0] == (
        'To open without it: raceday morning --accept-conditional --reason "..."'
    )


def test_an_accepted_conditional_says_why_and_until_when() -> None:
    """It was opened; nobody needs the command."""
    away = {("wagering.preflight", "wagering2"): unreachable("wagering.preflight", "wagering2")}
    plan = morning_plan(accept_conditional=True, reason="one is enough today")
    sentences, following = said(explained(Story(plan, away).begin().go_on()))
    assert sentences[1:] == [
        "Somebody accepted that: one is enough today",
        "Valid until 20:30:22, unless a gate turns red before.",
    ]
    assert "--accept-conditional" not in "".join(following)


def test_go_says_until_when_and_afterwards_that_it_is_over() -> None:
    """Nothing is to be done before."""
    assert said(explained(go())) == (
        [
            "GO since 08:30:22: every gate and every check was confirmed.",
            "Valid until 20:30:22, unless a gate turns red before.",
        ],
        [],
    )
    sentences, following = said(explained(go(), after=13 * 3600))
    assert sentences[1] == "Its time was over at 20:30:22, so it no longer holds."
    assert following == ["Run raceday morning again: what is up is left alone."]


def test_a_go_of_the_future_does_not_hold() -> None:
    """The clock was set back: it is not said to be valid."""
    sentences, following = said(explained(go(), after=-3600))
    assert sentences[1] == (
        "That time is still to come: the clock was set back, so it does not hold now."
    )
    assert following == ["Run raceday morning again: what is up is left alone."]


def test_a_go_that_opened_nothing_says_so_first() -> None:
    """The verdict is not what keeps the doors shut."""
    shut = unreachable(OPENING, "load_balancer1")
    found = explained(Story(reports={(OPENING, "load_balancer1"): shut}).begin().go_on())
    assert said(found)[0][0].startswith(
        "The verdict was GO, but sales could not be opened: load_balancer1 cannot be reached"
    )


def test_a_revoked_verdict_says_since_when_and_why() -> None:
    """And when it had been decided."""
    story = revoked()
    found = explained(story)
    assert (found.verdict, found.since) == ("GO", story.now)
    assert said(found)[0] == [
        "GO of 08:30:22 no longer holds since 08:40:23, because: the port is closed"
    ]


def test_a_run_that_goes_on_says_what_it_waits_for() -> None:
    """For how long, how long that usually takes, and when it gives up."""
    sentences, following = said(explained(running(), after=4, held=holder()))
    assert sentences == [
        "The run goes on since 08:30:00 (11\u00a0s); it waits for "
        "wagering.start on wagering1, wagering2 for 4.0\u00a0s (usually 9.4\u00a0s)",
        "What has not answered by 08:32:07 is given up.",
    ]
    assert following == ["Wait, or press Ctrl-C where hana@ops1 runs it (process 4711 on ops1)."]


def test_a_run_between_two_steps_waits_for_nothing() -> None:
    """It says no more than is known."""
    sentences, _ = said(explained(Story().begin(), held=holder()))
    assert sentences == ["The run goes on since 08:30:00 (0.0\u00a0s); no step is running."]


def test_a_run_whose_process_died_says_so_and_how_to_go_on() -> None:
    """Nobody holds the venue, and there is no end in the journal."""
    assert said(explained(running())) == (
        [
            "The process of this run died after 08:30:07, in the middle of wagering.start.",
            "There is no verdict yet.",
        ],
        [RECOVER, AGAIN],
    )
    early = said(explained(Story().begin()))[0][0]
    assert early == "The process of this run died after 08:30:00, between two steps."


def test_a_run_that_died_after_its_verdict_tells_the_verdict() -> None:
    """It may have opened half."""
    story = go()
    last = next(n for n, (event, _) in enumerate(story.events) if isinstance(event, VerdictDecided))
    sentences, _ = said(explained(Story(events=story.events[: last + 1])))
    assert sentences[1] == "The verdict before that was GO."


def test_an_interrupted_run_can_be_resumed() -> None:
    """By its id."""
    sentences, following = said(explained(interrupted()))
    assert sentences[0].startswith("The operator interrupted the run; it ended at 08:30:0")
    assert following == ["Run raceday morning again: what is up is left alone."]


def test_check_mode_and_procedures_without_a_verdict_say_how_they_ended() -> None:
    """Nothing failed, or what did."""
    checked = Story(morning_plan(check=True)).begin().go_on()
    sentences, following = said(explained(checked))
    assert sentences[0].endswith("; nothing failed.")
    assert (sentences[1][:27], following) == ("This shows what would be do", [])
    state = replace(no_go().state, verdict=None)
    found = explain_run(state, no_go().now, Translator())
    assert "and not all went well: wagering.service" in said(found)[0][0]


def test_another_holder_is_named_with_what_to_wait_for() -> None:
    """Whatever the run itself came to: nothing can be begun now."""
    sentences, following = said(explained(no_go(), held=holder("other")))
    assert sentences[-1] == (
        "hana@ops1 holds the venue since Saturday 21 November 2026 08:30:00 for morning "
        "(run other, process 4711 on ops1)."
    )
    assert following[0] == "Wait until it ends, or press Ctrl-C where it runs."
    dead = said(explained(running(), held=holder("other")))[0]
    assert dead[0].startswith("The process of this run died")


def test_a_venue_without_runs_says_so() -> None:
    """And who holds it, if anybody does already."""
    assert explanation_document(explain_nothing(), Translator()) == {
        "run_id": None,
        "verdict": None,
        "since": None,
        "sentences": ["No run of this venue is on record."],
        "next": ["To begin one: raceday morning"],
    }
    held = explain_holder(holder(), Clock("Asia/Seoul", Translator("ko")))
    assert said(held, "ko")[0][0].startswith("2026년 11월 21일(토) 08:30:00부터 hana@ops1 님이")


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("name", STORIES)
def test_nobody_has_to_read_more_than_three_sentences(name: str, lang: str) -> None:
    """Whatever happened; and no placeholder is left open."""
    sentences, following = said(explained(STORIES[name](), lang), lang)
    assert 1 <= len(sentences) <= 3
    assert len(following) <= 3
    assert "%(" not in "".join(sentences + following)


def test_host_text_is_stripped_wherever_it_is_shown() -> None:
    """A host does not write on the operator's terminal."""
    problem = Problem(Message("%(why)s", {"why": "a\x1b[2Jb"}), Message("c\x07"))
    bad = HostReported("cache.start", "cache1", HostState.FAILED, problem=problem)
    found = explained(Story(reports={("cache.start", "cache1"): bad}).begin().go_on())
    text = printed(render_explanation(found, Translator())) + "".join(said(found)[0])
    assert not {"\x1b", "\x07"} & set(text)


@pytest.mark.parametrize(
    ("procedure", "typed"), [("rehearsal", "test rehearsal"), ("evening", "evening")]
)
def test_what_to_run_again_is_what_is_typed(procedure: str, typed: str) -> None:
    """A procedure's name is not always its command."""
    story = failed_check()
    state = replace(story.state, plan=replace(story.state.plan, procedure=procedure), verdict=None)
    found = explain_run(state, story.now, Translator("en"))
    assert any(f"raceday {typed} again" in text for text in said(found)[1])
