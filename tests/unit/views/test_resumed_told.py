"""An evening that was killed and resumed, as the terminal tells it."""

from dataclasses import replace
from pathlib import Path

import pytest

from automation.execute.simulator import MORNING, World
from automation.procedures.evening import plan_evening
from automation.procedures.morning import plan_morning
from automation.procedures.restart import plan_restart
from automation.procedures.resume import plan_resume, sorted_out
from automation.run.state import State, Status
from automation.run.verdict import failed_hosts
from automation.venue.site import Venue
from automation.views.document import Report
from automation.views.i18n import Translator
from automation.views.junit import render_junit
from automation.views.report import build_report
from automation.views.run_text import render_run
from automation.views.sentences import resumed_sentence
from automation.views.times import Clock
from tests.unit.procedures.desk import Desk
from tests.unit.procedures.test_restart import HEAD, SELLING, VENUE
from tests.unit.venue.sites import site
from tests.unit.views.test_live import printed


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    """Two hosts behind a load balancer of one."""
    return site(tmp_path, VENUE, HEAD)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Where the evening is begun and gone on with."""
    return Desk(tmp_path / "runs", SELLING)


def resumed(desk: Desk, venue: Venue) -> State:
    """Killed with the load balancer down and the engines about to be, and resumed to its end."""
    died = desk.run(plan_evening(venue), until="wagering.stop")
    return desk.run(plan_resume(venue, died, MORNING, accept_changes=False), of=died)


def told(desk: Desk, state: State) -> tuple[Report, list[str]]:
    """The report, and each line of `runs show` without its time and its width."""
    report = build_report(state, desk.clock.now, "")
    text = printed(render_run(report, Translator("en")))
    return report, [" ".join(line.split()[1:4]) for line in text.splitlines()]


def test_what_the_run_had_stopped_itself_is_no_warning(desk: Desk, venue: Venue) -> None:
    """There was nothing left to close at a load balancer that is down in order."""
    assert resumed(desk, venue).result_state == "SUCCESS"


def test_a_load_balancer_that_others_stopped_is_one(desk: Desk, venue: Venue) -> None:
    """The run cannot tell whether customers were cut off there."""
    died = desk.run(plan_evening(venue), until="ticketing.look")
    assert desk.left
    desk.left.up.discard(("ticketing", "t1"))
    plan = plan_resume(venue, died, MORNING, accept_changes=False)
    assert desk.run(plan, of=died).result_state == "WARNINGS"


def test_a_look_at_what_the_run_had_stopped_has_not_failed(desk: Desk, venue: Venue) -> None:
    """It found just what was to be found."""
    report, lines = told(desk, resumed(desk, venue))
    assert lines.count("ticketing.look ✓ succeeded") == 2
    look = next(step for step in report.steps if step.id == "ticketing.look")
    assert [host.state for host in look.hosts] == ["stopped"]


@pytest.fixture
def killed(tmp_path: Path, venue: Venue) -> tuple[Desk, State]:
    """A morning that died as it began to start the engines."""
    desk = Desk(tmp_path / "morning", World())
    return desk, desk.run(plan_morning(venue, MORNING), until="wagering.start")


def opened(killed: tuple[Desk, State], venue: Venue) -> State:
    """It is resumed, and ends well."""
    desk, died = killed
    return desk.run(plan_resume(venue, died, MORNING, accept_changes=False), of=died)


def test_servers_that_a_morning_had_not_come_to_have_not_failed(
    killed: tuple[Desk, State], venue: Venue
) -> None:
    """They were down, as they were to be: no failure in junit.xml, no evidence of their hosts."""
    state = opened(killed, venue)
    report, lines = told(killed[0], state)
    assert state.steps["wagering.look"].status is Status.FAILED
    assert "wagering.look ✓ succeeded" in lines
    assert "<failure" not in render_junit(report, state)
    assert failed_hosts(state) == {}


def test_a_server_that_crashed_meanwhile_keeps_its_evidence(
    killed: tuple[Desk, State], venue: Venue
) -> None:
    """Nobody has stopped it: how it died is worth knowing."""
    state = opened(killed, venue)
    look = state.steps["wagering.look"]
    crashed = replace(look.hosts["w1"], evidence={"active": "failed"})
    look = replace(look, hosts={**look.hosts, "w1": crashed})
    state = replace(state, steps={**state.steps, "wagering.look": look})
    assert failed_hosts(state) == {"wagering": ("w1",)}
    assert 'failures="1"' in render_junit(told(killed[0], state)[0], state)


def test_what_is_counted_is_what_was_announced(killed: tuple[Desk, State], venue: Venue) -> None:
    """The looks of the resumption itself are no steps of the run."""
    state = opened(killed, venue)
    begun = {name for name, item in killed[1].steps.items() if item.targets}
    found = sorted_out(state, begun)
    sentence = resumed_sentence(told(killed[0], state)[0], Clock("Asia/Seoul", Translator("en")))
    assert sentence
    assert sentence.args["reused"] == len(found.reused)
    assert sentence.args["done"] == len(found.again) + len(found.new)


def test_a_look_that_goes_on_has_not_ended(desk: Desk, venue: Venue) -> None:
    """One of its hosts has answered, and was stopped by the run; the others have not."""
    state = resumed(desk, venue)
    look = replace(state.steps["ticketing.look"], status=Status.RUNNING, finished_at=None)
    report, _ = told(desk, replace(state, steps={**state.steps, "ticketing.look": look}))
    assert next(step.status for step in report.steps if step.id == "ticketing.look") == "running"


def test_a_resumed_run_is_shown_from_its_beginning(desk: Desk, venue: Venue) -> None:
    """What was done before it died, and what was cut off then, of which nobody knows."""
    _, lines = told(desk, resumed(desk, venue))
    steps = [line for line in lines if line.startswith(("ticketing.", "wagering."))]
    assert steps[:6] == [
        "ticketing.look ✓ succeeded",
        "wagering.look ✓ succeeded",
        "ticketing.close ✓ succeeded",
        "wagering.settled ✓ succeeded",
        "ticketing.stop ✓ succeeded",
        "wagering.stop ? unknown",
    ]
    assert "wagering.stop ✓ succeeded" in steps[6:]


def test_what_is_reused_is_shown_once(desk: Desk, venue: Venue) -> None:
    """As it was, and when."""
    plan = replace(plan_restart(venue, {"wagering": ("w1", "w2")}), break_glass=True)
    died = desk.run(plan, until="wagering.stop.2")
    again = plan_resume(venue, died, MORNING, accept_changes=False)
    _, lines = told(desk, desk.run(again, of=died))
    assert lines.count("wagering.start.1 ✓ succeeded") == 1
    assert lines.count("wagering.drain.2 ✓ succeeded") == 2
