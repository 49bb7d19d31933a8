"""What a journal tells: folding events into a state."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from automation.run.events import (
    Check,
    Event,
    HostReported,
    HostState,
    Message,
    RunFinished,
    RunInterrupted,
    RunStarted,
    StepFinished,
    StepSkipped,
    StepStarted,
    VerdictDecided,
    VerdictRevoked,
)
from automation.run.plan import PlannedComponent, load_plan
from automation.run.state import HostResult, State, Status, Verdict, fold, fold_all
from tests.unit.run.plans import plan_of

AT = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)
PLAN = plan_of([PlannedComponent("web", "웹", ("w1", "w2"), min_ready=1)])
BEGUN: Sequence[Event] = (
    RunStarted("run", "kim", PLAN.dump(), {"raceday": "0.1.0"}),
    StepStarted("web.start", ("w1", "w2")),
)
GOOD, BAD = Check("c", "1", "1", passed=True), Check("c", "1", "2", passed=False)
OK, FAILED = HostState.OK, HostState.FAILED


def told(*events: Event) -> State:
    return fold_all((event, AT + timedelta(seconds=n)) for n, event in enumerate(events))


def reported(host: str, state: HostState, *checks: Check, step: str = "web.start") -> HostReported:
    return HostReported(step, host, state, 1.0, checks)


def test_a_run_begins_with_its_plan() -> None:
    """Everything that will be done is known, and waits, from the first line."""
    state = told(BEGUN[0])
    assert (state.run_id, state.operator, state.started_at) == ("run", "kim", AT)
    assert state.plan == PLAN == load_plan(PLAN.dump())
    assert list(state.steps) == list(PLAN.steps)
    assert {item.status for item in state.steps.values()} == {Status.WAITING}


def test_a_step_is_released_on_hosts() -> None:
    """A begun step runs since then, on the hosts that the journal names."""
    item = told(*BEGUN).steps["web.start"]
    assert (item.status, item.started_at) == (Status.RUNNING, AT + timedelta(seconds=1))
    assert item.targets == ("w1", "w2")


@pytest.mark.parametrize(
    ("states", "outcome"),
    [
        ((OK, OK), Status.SUCCEEDED),
        ((OK, HostState.ALREADY), Status.SUCCEEDED),
        ((HostState.WOULD, HostState.WOULD), Status.SUCCEEDED),
        ((OK, FAILED), Status.DEGRADED),
        ((HostState.UNREACHABLE, OK), Status.DEGRADED),
        ((FAILED, HostState.UNKNOWN), Status.FAILED),
    ],
)
def test_a_step_goes_on_while_enough_are_ready(
    states: tuple[HostState, HostState], outcome: Status
) -> None:
    """With min_ready 1 of 2 a step is degraded, not failed, by the first lost host."""
    events = [reported(host, state) for host, state in zip(("w1", "w2"), states, strict=True)]
    item = told(*BEGUN, *events, StepFinished("web.start")).steps["web.start"]
    assert item.status is outcome


def test_a_test_fails_with_its_first_bad_check() -> None:
    """A functional test has no min_ready: one bad check on one host and the test has failed."""
    begin = StepStarted("web.test", ("w1", "w2"))
    good = reported("w1", OK, GOOD, step="web.test")
    bad = reported("w2", OK, BAD, step="web.test")
    state = told(BEGUN[0], begin, good, bad, StepFinished("web.test"))
    assert state.steps["web.test"].status is Status.FAILED


def test_a_host_that_says_nothing_is_unknown() -> None:
    """When a step ends, every silent host gets a result that says so, with the cause if any."""
    cause = Message("the process ended")
    item = told(*BEGUN, reported("w1", OK), StepFinished("web.start", cause)).steps["web.start"]
    assert item.hosts["w2"].state is HostState.UNKNOWN
    assert item.hosts["w2"].problem
    assert item.hosts["w2"].problem.why == cause
    assert (item.status, item.reason) == (Status.DEGRADED, cause)


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        (OK, OK, OK),
        (OK, FAILED, FAILED),
        (FAILED, OK, FAILED),
        (HostState.ALREADY, OK, OK),
        (OK, HostState.ALREADY, OK),
        (HostState.UNREACHABLE, FAILED, HostState.UNREACHABLE),
    ],
)
def test_reports_of_one_host_add_up(
    first: HostState, second: HostState, together: HostState
) -> None:
    """What once was bad stays bad, what once was done stays done, and checks are all kept."""
    state = told(*BEGUN, reported("w1", first, GOOD), reported("w1", second, BAD))
    assert state.steps["web.start"].hosts == {"w1": HostResult(together, 2.0, (GOOD, BAD))}


def test_hosts_lost() -> None:
    """A host that failed an ended step is lost to its component; a failed check loses nobody."""
    state = told(*BEGUN, reported("w1", FAILED), reported("w2", OK, BAD), StepFinished("web.start"))
    assert state.hosts_lost("web") == {"w1": state.steps["web.start"]}
    assert told(*BEGUN, reported("w1", FAILED)).hosts_lost("web") == {}


def test_the_rest_of_the_vocabulary() -> None:
    """Skips, verdict, interruption and end are kept with their times and reasons."""
    reason = Message("not today")
    state = told(
        BEGUN[0],
        StepSkipped("web.test", reason),
        VerdictDecided("NO-GO", (reason,), ""),
        RunInterrupted("kim"),
        RunFinished("CANCELLED"),
    )
    item = state.steps["web.test"]
    assert (item.status, item.reason) == (Status.SKIPPED, reason)
    assert item.finished_at == AT + timedelta(seconds=1)
    assert state.verdict == Verdict("NO-GO", (reason,), AT + timedelta(seconds=2), "")
    assert (state.interrupted, state.result_state) == (True, "CANCELLED")
    assert state.finished_at == AT + timedelta(seconds=4)


def test_a_verdict_is_revoked() -> None:
    """A revoked verdict stays what it was, and says since when and why it no longer holds."""
    reason = Message("db1 is gone")
    state = told(BEGUN[0], VerdictDecided("GO", (), "later"), VerdictRevoked((reason,)))
    at = AT + timedelta(seconds=1)
    assert state.verdict == Verdict("GO", (), at, "later", at + timedelta(seconds=1), (reason,))
    assert told(BEGUN[0], VerdictRevoked((reason,))).verdict is None


def test_folding_changes_nothing_that_was() -> None:
    """A state is a value: the next one leaves it as it is."""
    before = told(*BEGUN)
    kept = told(*BEGUN)
    fold(before, reported("w1", OK), AT)
    assert before == kept


def test_a_journal_begins_with_a_run() -> None:
    """An empty journal, or one without a beginning, tells nothing."""
    with pytest.raises(ValueError, match="empty"):
        fold_all([])
    with pytest.raises(ValueError, match=r"begins with run\.started"):
        fold_all([(RunInterrupted("kim"), AT)])
