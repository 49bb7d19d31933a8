"""What may be done next."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from automation.run.decide import Abandon, Begin, Conclude, Finish, Skip, decide, overdue_at
from automation.run.events import HostState, Message
from automation.run.state import HostResult, State, Status, Verdict
from tests.unit.run.states import LOST, NOW, OK, PLAN, seen, with_hosts


def moves(state: State, now: datetime = NOW) -> dict[str, str]:
    """What is done with which step, in words."""
    words = {Begin: "begin", Skip: "skip", Abandon: "abandon"}
    return {
        action.step.id: words[type(action)]
        for action in decide(state, now)
        if isinstance(action, Begin | Skip | Abandon)
    }


def test_everything_that_can_begin_begins_at_once() -> None:
    """At first only what needs nothing begins, all of it together."""
    state = seen({}, rest=Status.WAITING)
    assert moves(state) == {"db.preflight": "begin", "web.preflight": "begin"}


@pytest.mark.parametrize("health", [Status.SUCCEEDED, Status.DEGRADED])
def test_a_start_waits_for_its_own_dependencies_only(health: Status) -> None:
    """As soon as what it needs is healthy, even if degraded, a component starts."""
    done = {"db.preflight": Status.SUCCEEDED, "web.preflight": Status.SUCCEEDED}
    starting = seen({**done, "db.start": Status.RUNNING}, rest=Status.WAITING)
    assert moves(starting) == {}
    started = seen({**done, "db.start": health, "db.test": Status.RUNNING}, rest=Status.WAITING)
    assert moves(started) == {"web.start": "begin"}


@pytest.mark.parametrize(
    ("status", "reason"),
    [(Status.FAILED, "db.start failed"), (Status.SKIPPED, "db.start was not executed")],
)
def test_what_needs_a_failed_step_is_skipped(status: Status, reason: str) -> None:
    """A dependent is left out as soon as it cannot run any more, and the reason names why."""
    waiting = {"web.start": Status.WAITING, "web.preflight": Status.RUNNING}
    state = seen({**waiting, "db.start": status}, rest=Status.SUCCEEDED)
    (skip,) = decide(state, NOW)
    assert isinstance(skip, Skip)
    assert (skip.step.id, str(skip.reason)) == ("web.start", reason)


def test_a_gate_comes_after_everything() -> None:
    """A final gate waits until every start and test has ended, however it ended."""
    gates = {"db.gate": Status.WAITING, "web.gate": Status.WAITING, "web.open": Status.WAITING}
    assert moves(seen({**gates, "web.test": Status.RUNNING}, rest=Status.SUCCEEDED)) == {}
    ended = seen({**gates, "web.test": Status.FAILED}, rest=Status.SUCCEEDED)
    assert moves(ended) == {"db.gate": "begin", "web.gate": "begin"}


def test_lost_hosts_are_left_out() -> None:
    """A later step is released on the hosts that are left, while they are enough."""
    waiting = {"web.gate": Status.WAITING, "web.open": Status.WAITING}
    state = seen({**waiting, "web.start": Status.DEGRADED}, rest=Status.SUCCEEDED)
    assert decide(with_hosts(state, "web.start", w1=LOST, w2=OK), NOW) == (
        Begin(PLAN.steps["web.gate"], ("w2",), unready=("w1",)),
    )
    (skip,) = decide(with_hosts(state, "web.start", w1=LOST, w2=LOST), NOW)
    assert isinstance(skip, Skip)
    assert str(skip.reason) == "web.start failed on w1, w2"


def test_a_step_without_hosts_is_skipped() -> None:
    """A step that names no host proves nothing: it is left out, with a reason."""
    empty = replace(PLAN.steps["db.start"], hosts=())
    plan = replace(PLAN, steps={**PLAN.steps, "db.start": empty})
    state = seen({"db.start": Status.WAITING}, rest=Status.SUCCEEDED, plan=plan)
    (skip,) = decide(state, NOW)
    assert isinstance(skip, Skip)
    assert str(skip.reason) == "db.start has too few hosts to run on"


@pytest.mark.parametrize(
    ("said", "move"),
    [({"sales": "closed"}, "begin"), ({"sales": "open"}, "skip"), ({}, "skip")],
)
def test_a_test_wants_to_know_that_sales_are_closed(said: dict[str, str], move: str) -> None:
    """While sales are open, or nobody knows, tests are left out."""
    state = seen({"db.test": Status.WAITING, "web.open": Status.WAITING}, rest=Status.SUCCEEDED)
    front = HostResult(HostState.OK, evidence=said)
    assert moves(with_hosts(state, "web.preflight", w1=front, w2=front)) == {"db.test": move}
    half = with_hosts(state, "web.preflight", w1=front)
    assert moves(half) == {"db.test": "skip"}


def test_a_step_past_its_bound_is_abandoned() -> None:
    """At its timeout, not before, a running step is given up."""
    state = seen({"web.gate": Status.RUNNING}, rest=Status.SUCCEEDED)
    bound = NOW + timedelta(seconds=60)
    assert overdue_at(state) == bound
    assert moves(state, bound - timedelta(microseconds=1)) == {}
    assert moves(state, bound) == {"web.gate": "abandon"}
    assert overdue_at(seen({}, rest=Status.SUCCEEDED)) is None


def test_the_verdict_comes_when_nothing_is_left_but_what_waits_for_it() -> None:
    """While anything runs there is no verdict; then there is one, and only one."""
    waiting = {"web.open": Status.WAITING}
    running = seen({**waiting, "web.gate": Status.RUNNING}, rest=Status.SUCCEEDED)
    assert decide(running, NOW) == ()
    (conclude,) = decide(seen(waiting, rest=Status.SUCCEEDED), NOW)
    assert isinstance(conclude, Conclude)
    assert conclude.judgement.result == "GO"


@pytest.mark.parametrize(
    ("result", "accept", "move"),
    [
        ("GO", "", "begin"),
        ("CONDITIONAL", "", "skip"),
        ("CONDITIONAL", "the board is for show", "begin"),
        ("NO-GO", "", "skip"),
        ("NO-GO", "let us try", "skip"),
    ],
)
def test_sales_open_on_go(result: str, accept: str, move: str) -> None:
    """Sales open on GO, on CONDITIONAL if accepted with a reason, and never on NO-GO."""
    plan = replace(PLAN, reason=accept, accept_conditional=bool(accept))
    state = seen({"web.open": Status.WAITING}, rest=Status.SUCCEEDED, plan=plan)
    judged = replace(state, verdict=Verdict(result, (), NOW, ""))
    assert moves(judged) == {"web.open": move}


def test_check_mode_opens_nothing_and_judges_nothing() -> None:
    """Check mode ends without a verdict and without sales."""
    plan = replace(PLAN, check=True)
    state = seen({"web.open": Status.WAITING}, rest=Status.SUCCEEDED, plan=plan)
    assert moves(state) == {"web.open": "skip"}
    over = seen({"web.open": Status.SKIPPED}, rest=Status.SUCCEEDED, plan=plan)
    assert decide(over, NOW) == (Finish("SUCCESS"),)


def test_an_interrupted_run_only_skips() -> None:
    """After an interruption whatever waits is left out, and the run ends without a verdict."""
    state = replace(seen({}, rest=Status.WAITING), interrupted=True)
    assert set(moves(state).values()) == {"skip"}
    over = replace(seen({}, rest=Status.SKIPPED), interrupted=True)
    assert decide(over, NOW) == (Finish("CANCELLED"),)


@pytest.mark.parametrize(
    ("statuses", "result", "end"),
    [
        ({}, "GO", "SUCCESS"),
        ({"web.start": Status.DEGRADED}, "CONDITIONAL", "WARNINGS"),
        ({"web.open": Status.SKIPPED}, "CONDITIONAL", "WARNINGS"),
        ({"web.open": Status.FAILED}, "GO", "ERRORS"),
        ({}, "NO-GO", "ERRORS"),
    ],
)
def test_how_a_run_ends(statuses: dict[str, Status], result: str, end: str) -> None:
    """The run's own state says whether all went well, beside the verdict."""
    state = seen(statuses, rest=Status.SUCCEEDED)
    judged = replace(state, verdict=Verdict(result, (Message("x"),), NOW, ""))
    assert decide(judged, NOW) == (Finish(end),)


def test_a_finished_run_does_nothing() -> None:
    """After its last line there is nothing left to decide."""
    assert decide(replace(seen({}, rest=Status.SUCCEEDED), finished_at=NOW), NOW) == ()


def test_what_can_never_begin_is_told() -> None:
    """A step that needs or comes after what is not planned is left out with a reason, never lost.

    Otherwise a verdict could be given although it never ran.
    """
    step, nobody = PLAN.steps["web.test"], ("nobody.start",)
    for test in (replace(step, needs=nobody), replace(step, after=nobody)):
        plan = replace(PLAN, steps={**PLAN.steps, "web.test": test})
        waiting = {"web.test": Status.WAITING, "web.open": Status.WAITING}
        state = seen(waiting, rest=Status.SUCCEEDED, plan=plan)
        assert moves(state) == {"web.test": "skip"}
