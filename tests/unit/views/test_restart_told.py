"""A restart that failed or could not begin, as the terminal, the page and `explain` tell it."""

import io
import re
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from automation.execute.simulator import FakeClock, Fault, Simulator, World
from automation.procedures.evening import plan_evening
from automation.procedures.recover import left_behind, plan_recover
from automation.procedures.restart import plan_emergency, plan_restart
from automation.procedures.sales import plan_close
from automation.run.journal import Journal
from automation.run.loop import Run
from automation.run.plan import Plan
from automation.run.state import State, Status
from automation.run.verdict import findings
from automation.venue.site import Venue
from automation.views.document import to_data
from automation.views.explain import explain_run, explanation_document
from automation.views.html import render_html
from automation.views.i18n import Translator
from automation.views.live import render
from automation.views.month import Period, build_month
from automation.views.report import build_report
from automation.views.status import Around
from automation.views.summary import render_summary
from automation.views.watch import PlainView
from tests.unit.procedures.desk import Desk
from tests.unit.procedures.test_restart import HEAD, SELLING, VENUE, restart
from tests.unit.run.paper import Paper
from tests.unit.venue.sites import site
from tests.unit.views.test_live import printed

OUT = "w2 of wagering was left out of rotation: raceday recover"
STOPPED = "wagering on w2 was stopped and not started again: raceday recover"
RECOVER = "raceday recover puts back what it left behind."
MISSING = "See which others are missing (raceday status), mend them, then: raceday restart wagering"
LOST = {("wagering.start.2", "w2"): Fault.FAILS}


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    """Two hosts behind a load balancer of one."""
    return site(tmp_path, VENUE, HEAD)


@pytest.fixture
def plan(venue: Venue) -> Plan:
    """Both hosts, although sales are open."""
    return replace(plan_restart(venue, {"wagering": ("w1", "w2")}), break_glass=True, reason="x")


def explained(desk: Desk, state: State, lang: str = "en") -> tuple[list[str], list[str]]:
    """What `explain` says of a run, with all that has happened since; and what to do next."""
    translate, left = Translator(lang), left_behind(desk.reports)
    document = explanation_document(
        explain_run(state, desk.clock.now, translate, Around(left=left)), translate
    )
    return document["sentences"], document["next"]


def summary_of(desk: Desk, state: State) -> list[str]:
    """The lines that the terminal shows at the end."""
    report = build_report(state, desk.clock.now, "")
    text = printed(render_summary(report, Path("report.html"), Translator()))
    return [line.strip() for line in text.splitlines()]


def desk_of(tmp_path: Path, world: World = SELLING) -> Desk:
    """A desk for one test."""
    return Desk(tmp_path / "runs", world)


def test_a_restart_that_too_few_servers_allow_says_so(plan: Plan, tmp_path: Path) -> None:
    """What, where and why, and what to do next: by `explain` and on the terminal."""
    desk = desk_of(tmp_path, replace(SELLING, taken_out=frozenset({"to_wagering/w2"})))
    state = desk.run(plan)
    (sentence,), following = explained(desk, state)
    why = "no customers are sent to w2, and without it too few servers would be left"
    what = "not all went well: wagering was not restarted on w1 (15:30:12): "
    assert sentence.endswith(what + why)
    assert following == [MISSING]
    lines = summary_of(desk, state)
    assert f"✗ wagering was not restarted on w1: {why}" in " ".join(lines)
    assert f"Next: {MISSING}" in " ".join(lines)


def test_a_restart_that_ends_because_another_host_is_down_says_so(
    plan: Plan, tmp_path: Path
) -> None:
    """First who is down, then what was left alone because of that; on the terminal too."""
    desk = desk_of(tmp_path)
    state = desk.run(plan, {("wagering.capacity.2", "w1"): Fault.FAILS})
    lines = summary_of(desk, state)
    first = next(index for index, line in enumerate(lines) if line.startswith("✗"))
    assert "wagering.capacity.2 failed on w1" in lines[first]
    told = "wagering was not restarted on w2: 0 others are ready, and 1 must be to do without it"
    assert told in " ".join(lines[first + 1 :])
    assert f"Next: {MISSING}" in " ".join(lines)


@pytest.mark.parametrize(
    ("fault", "mend"),
    [
        (Fault.UNREACHABLE, "Mend it, then run raceday restart wagering again."),
        (Fault.MUTE, MISSING),
    ],
)
def test_a_restart_that_does_not_know_who_gets_customers_says_so(
    plan: Plan, tmp_path: Path, fault: Fault, mend: str
) -> None:
    """A look that nobody answered is a cause when the roll ended because of it."""
    desk = desk_of(tmp_path)
    state = desk.run(plan, {("wagering.rotation.2", "t1"): fault})
    sentences, following = explained(desk, state)
    assert "nothing failed" not in sentences[0]
    assert following == [mend]


def test_what_a_failed_restart_has_left_is_said_everywhere(plan: Plan, tmp_path: Path) -> None:
    """By `explain`, on the terminal, on the page and for programs, with the command."""
    desk = desk_of(tmp_path)
    state = desk.run(plan, LOST)
    sentences, following = explained(desk, state)
    assert sentences[-1] == f"{OUT}; {STOPPED}"
    assert following == [RECOVER, "Then run raceday restart wagering again."]
    report, english = build_report(state, desk.clock.now, ""), Translator()
    text = printed(render_summary(report, Path("report.html"), english))
    page = render_html(report, english)
    for sentence in (STOPPED, OUT):
        assert sentence in text
        assert sentence in page
    assert to_data(report)["left"] == [OUT, STOPPED]


def test_the_way_on_is_told_in_its_order_everywhere(plan: Plan, tmp_path: Path) -> None:
    """Mend, recover, then the restart: on the terminal, on the page and for programs."""
    desk = desk_of(tmp_path)
    state = desk.run(plan, LOST)
    following = [RECOVER, "Then run raceday restart wagering again."]
    report = build_report(state, desk.clock.now, "")
    lines = " ".join(summary_of(desk, state))
    assert " ".join(f"Next: {item}" for item in following) in lines
    page = render_html(report, Translator())
    places = [page.index(item) for item in following]
    assert places == sorted(places)
    assert to_data(report)["next"] == following


def test_what_is_left_is_put_back_before_anything_is_proven(plan: Plan, tmp_path: Path) -> None:
    """A run among customers that failed: recover and the restart, and no morning beside them."""
    desk = desk_of(tmp_path)
    state, translate = desk.run(plan, LOST), Translator()
    around = Around(left=left_behind(desk.reports), is_unproven=True)
    found = explain_run(state, desk.clock.now, translate, around)
    following = explanation_document(found, translate)["next"]
    assert following == [RECOVER, "Then run raceday restart wagering again."]


def test_what_was_put_back_since_is_left_no_more(plan: Plan, venue: Venue, tmp_path: Path) -> None:
    """The run failed all the same."""
    desk = desk_of(tmp_path)
    failed = desk.run(plan, LOST)
    desk.run(plan_recover(venue, left_behind(desk.reports)))
    sentences, following = explained(desk, failed)
    assert len(sentences) == 1
    assert following == ["Mend it, then run raceday restart wagering again."]


def test_a_recovery_of_one_host_counts_the_others_too(
    plan: Plan, venue: Venue, tmp_path: Path
) -> None:
    """Nothing was to be done there, and their gate was good."""
    desk = desk_of(tmp_path)
    desk.run(plan, LOST)
    recovered = desk.run(plan_recover(venue, left_behind(desk.reports)))
    assert "✓ ready wagering 2/2" in rows(recovered)


def test_it_is_told_in_korean(plan: Plan, tmp_path: Path) -> None:
    """All but names and commands."""
    desk = desk_of(tmp_path)
    sentences, following = explained(desk, desk.run(plan, LOST), "ko")
    assert sentences[-1].startswith("wagering의 w2 서버가 제외된 채로 남아 있습니다.")
    assert following[-1] == "그런 다음 raceday restart wagering 명령을 다시 실행하십시오."


def test_a_restart_that_goes_on_has_left_nothing(plan: Plan, tmp_path: Path) -> None:
    """What is out for a moment is not left behind."""
    desk = desk_of(tmp_path)
    state = desk.run(plan, until="wagering.stop.1")
    assert build_report(state, desk.clock.now, "").left == ()


def test_sales_that_an_emergency_left_closed_are_named_first(venue: Venue, tmp_path: Path) -> None:
    """However much else it left; and once that is put back, what is left to do is to sell."""
    desk = desk_of(tmp_path)
    plan = replace(plan_emergency(venue, ["wagering"]), break_glass=True, reason="both hang")
    failed = {("wagering.start", host): Fault.FAILS for host in ("w1", "w2")}
    sentences, following = explained(desk, desk.run(plan, failed))
    assert "was left with sales closed" in sentences[-1].split(";")[0]
    sell = 'raceday sales open --reason "..." if a GO still holds, else raceday morning'
    assert following[-1] == f"When all is well: {sell}"
    recovered = desk.run(plan_recover(venue, left_behind(desk.reports)))
    report = build_report(recovered, desk.clock.now, "")
    shown = render_summary(report, Path("report.html"), Translator())
    assert f"When all is well: {sell}" in printed(shown, 120)
    assert "was left with sales closed" in explained(desk, recovered)[0][-1]


def rows(state: State) -> list[str]:
    """Each component's line on the terminal: symbol, state, name and count of its hosts."""
    shown = printed(render(state, state.started_at, Translator("en"))).splitlines()
    words = (line.split() for line in shown)
    return [" ".join(line[: line.index(name) + 2]) for line in words for name in NAMES & {*line}]


NAMES = {"wagering", "ticketing"}


@pytest.mark.parametrize(
    ("at", "wagering"),
    [
        ("wagering.rotation.1", "- not executed wagering 0/2"),
        ("wagering.test.1", "▲ partly done wagering 1/2"),
        ("wagering.capacity.2", "▲ partly done wagering 1/2"),
        ("wagering.gate", "? unknown wagering 2/2"),
    ],
)
def test_an_interrupted_roll_counts_what_it_has_done(plan: Plan, at: str, wagering: str) -> None:
    """Whatever it was about to ask then; of the load balancer nothing was proven at the end."""
    state, _ = restart(plan, {}, interrupted_by=at)
    assert rows(state)[:2] == [wagering, "- not executed ticketing 0/1"]


def test_an_interrupted_drain_says_that_the_server_is_back(plan: Plan) -> None:
    """Nobody has failed: not the load balancer, not the server, and not the month."""
    state, _ = restart(plan, {}, interrupted_by="wagering.drain.1")
    assert rows(state)[0] == "- not executed wagering 0/2"
    report = build_report(state, state.finished_at or state.started_at, "")
    assert report.errors == ()
    text = " ".join(printed(render_summary(report, Path("report.html"), Translator())).split())
    assert "▲ w1 was being drained, and is back in rotation: the operator interrupted" in text
    zone = state.plan.time_zone
    period = Period(state.plan.venue, state.plan.title, zone, "2026-11")
    assert build_month(period, [report], [], [], state.started_at).failures == ()


def test_a_restart_that_was_interrupted_has_no_verdict_to_wait_for(
    plan: Plan, tmp_path: Path
) -> None:
    """It says what was put back; and how it is begun again, without a "then" after nothing."""
    desk = desk_of(tmp_path)
    sentences, following = explained(desk, desk.run(plan, interrupted_by="wagering.drain.1"))
    assert sentences[1:] == [
        "w1 was being drained, and is back in rotation: the operator interrupted the run"
    ]
    assert following == ["Run raceday restart wagering again."]


def test_a_restart_that_died_has_no_verdict_to_wait_for(plan: Plan, tmp_path: Path) -> None:
    """Neither does it say so."""
    desk = desk_of(tmp_path)
    sentences, following = explained(desk, desk.run(plan, until="wagering.drain.1"))
    assert not any("verdict" in item for item in sentences)
    assert following == [RECOVER, "Then run raceday restart wagering again."]


def test_a_drain_is_shown_with_the_server_that_leaves(plan: Plan, tmp_path: Path) -> None:
    """Nothing is starting, and the load balancer is not what goes out of rotation."""
    state = desk_of(tmp_path).run(plan, until="wagering.drain.1")
    assert rows(state)[0] == "▸ draining wagering 0/2"
    shown = printed(render(state, state.started_at, Translator("en")))
    assert "draining w1 (at t1), for at most 1:30" in shown


def test_a_load_balancer_whose_sales_were_closed_is_closed(venue: Venue, tmp_path: Path) -> None:
    """Not ready: that would be said of one that sells."""
    desk = desk_of(tmp_path)
    state = desk.run(plan_close(venue))
    assert "✓ closed ticketing 1/1" in rows(state)
    report = build_report(state, desk.clock.now, "")
    shown = {item.name: (item.state, item.ready_at) for item in report.components}
    assert shown["ticketing"] == ("closed", None)


def test_a_batch_that_is_being_put_back_is_under_way(plan: Plan) -> None:
    """What comes of an interrupted roll is told at its end, without a terminal too."""
    stream, clock = io.StringIO(), FakeClock()
    simulator = Simulator(Random(1), {}, clock, SELLING)  # noqa: S311  # a simulation
    with PlainView(stream, Translator("en"), clock) as view:
        run = Run(Journal(Paper()), simulator, clock, [view])
        run.start("run", "kim", plan, {})
        run.drive(lambda: "kim" if "wagering.start.1" in simulator.truth.begun else "")
    told = [line[18:] for line in stream.getvalue().splitlines() if " wagering: " in line]
    assert told == ["▲ wagering: partly done 1/2"]


def test_gates_that_were_interrupted_are_no_failures(plan: Plan, tmp_path: Path) -> None:
    """Their hosts were not heard to the end because the operator did not wait for them."""
    state = desk_of(tmp_path).run(plan, interrupted_by="ticketing.gate")
    assert state.steps["ticketing.gate"].status is Status.FAILED
    assert "no answer" not in printed(render(state, state.started_at, Translator("en")))
    assert findings(state) == ()


def test_an_interrupted_roll_is_partly_done_on_the_page_too(plan: Plan, tmp_path: Path) -> None:
    """And for programs: its first batch was restarted."""
    desk = desk_of(tmp_path)
    state = desk.run(plan, interrupted_by="wagering.start.1")
    report = build_report(state, desk.clock.now, "")
    assert {item.name: item.state for item in report.components}["wagering"] == "partly"
    assert "partly done" in render_html(report, Translator())


def test_a_refused_roll_leaves_the_load_balancer_as_it_was_proven(plan: Plan) -> None:
    """It was not asked for the second batch, and its gate was good; nothing else was done."""
    state, _ = restart(plan, {}, replace(SELLING, taken_out=frozenset({"to_wagering/w2"})))
    assert rows(state)[:2] == ["- not executed wagering 0/2", "✓ ready ticketing 1/1"]


@pytest.mark.parametrize(
    ("procedure", "told"),
    [
        ("restart", ["wagering 2/2 would be restarted: w1, w2"]),
        (
            "emergency",
            [
                "wagering 2/2 would be restarted: w1, w2",
                "ticketing 1/1 would be closed, and opened again: t1",
            ],
        ),
        (
            "evening",
            ["wagering 2/2 would be stopped: w1, w2", "ticketing 1/1 would be stopped: t1"],
        ),
        ("sales-close", ["ticketing 1/1 would be closed: t1"]),
    ],
)
def test_a_check_says_what_would_be_done(
    venue: Venue, plan: Plan, tmp_path: Path, procedure: str, told: list[str]
) -> None:
    """To every host, for what it is; nothing was done, not even partly."""
    plans = {
        "restart": plan,
        "emergency": plan_emergency(venue, ["wagering"]),
        "evening": plan_evening(venue),
        "sales-close": plan_close(venue),
    }
    state = desk_of(tmp_path).run(replace(plans[procedure], check=True))
    shown = printed(render(state, state.started_at, Translator("en")), 150).splitlines()
    lines = [re.sub(r" \d:\d\d ", " ", " ".join(line.split())) for line in shown]
    would = [line.removeprefix("○ would be done ") for line in lines if "○ would be done" in line]
    assert would == told


def test_what_is_down_already_is_not_stopping(venue: Venue) -> None:
    """An evening of a venue that is closed waits for the proof, and says so."""
    told: list[str] = []
    clock = FakeClock()
    world = World(servers=SELLING.servers)
    simulator = Simulator(Random(1), {}, clock, world)  # noqa: S311  # a simulation
    run = Run(Journal(Paper()), simulator, clock, [lambda state, _event: told.extend(rows(state))])
    run.start("run", "kim", plan_evening(venue), {})
    run.drive()
    assert "■ already stopped wagering 2/2" in told
    assert [line for line in told if "stopping" in line] == []
