"""The journal's vocabulary goes to JSON and back unharmed."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.run.events import (
    Check,
    Event,
    HostReported,
    HostState,
    Message,
    Problem,
    RunFinished,
    RunInterrupted,
    RunStarted,
    StepFinished,
    StepSkipped,
    StepStarted,
    VerdictDecided,
    VerdictRevoked,
    dump_event,
    load_check,
    load_event,
    load_message,
    load_problem,
)

INNER = Message("%(unit)s is %(state)s", {"unit": "wagering.service", "state": "실패"})
NESTED = Message("%(host)s: %(why)s", {"host": "w1", "why": Message("because %(w)s", {"w": INNER})})
CHECK = Check("clock", "< 1 s", "300 s", passed=False, seconds=0.1, why=NESTED, next=INNER)
EVENTS: tuple[Event, ...] = (
    RunStarted("run", "kim", {"venue": "demo", "steps": {}}, {"raceday": "0.1.0"}),
    StepStarted("wagering.start", ("w1", "w2")),
    StepStarted("lb.open", ("l1", "l2"), {"l1": ("bets/w1", "bets/w2"), "l2": ("bets/w2",)}),
    HostReported("wagering.start", "w1", HostState.OK),
    HostReported("a.start", "w1", HostState.OK, failed_tries=(Problem(NESTED, INNER),)),
    HostReported(
        "wagering.start",
        "w1",
        HostState.FAILED,
        seconds=1.5,
        checks=(CHECK, Check("disk", "< 90", "12", passed=True)),
        problem=Problem(NESTED, INNER, Message("Read its log.")),
        evidence={"log": "줄 1\nline 2", "sales": "open"},
    ),
    StepFinished("wagering.start"),
    StepFinished("wagering.start", NESTED),
    StepSkipped("wagering.test", NESTED),
    VerdictDecided("NO-GO", (NESTED, INNER), ""),
    VerdictRevoked((NESTED,)),
    RunInterrupted("kim"),
    RunFinished("CANCELLED"),
)


def through_json(event: Event) -> Any:
    return json.loads(json.dumps(dump_event(event), default=vars))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_round_trip(event: Event) -> None:
    """Every event comes back equal, nested messages, problems and checks included."""
    assert load_event(through_json(event)) == event


def test_a_journal_of_version_0_1_told_all_hosts_of_the_same_servers() -> None:
    """It can be read, and what its run left can be put back."""
    begun = {"type": "step.started", "step": "w.undrain.1", "hosts": ["l1", "l2"]}
    told = load_event({**begun, "servers": ["w1"]})
    assert told == StepStarted("w.undrain.1", ("l1", "l2"), {"l1": ("w1",), "l2": ("w1",)})
    nobody = load_event({**begun, "servers": []})
    assert nobody == StepStarted("w.undrain.1", ("l1", "l2"))


@given(
    st.recursive(
        st.builds(Message, st.text(), st.dictionaries(st.text(), st.text() | st.integers())),
        lambda inner: st.builds(Message, st.text(), st.dictionaries(st.text(), inner)),
        max_leaves=6,
    )
)
def test_messages_nest(message: Message) -> None:
    """A message within a message within a message stays one, for the sake of translation."""
    assert load_event(through_json(StepSkipped("a.start", message))) == StepSkipped(
        "a.start", message
    )


def test_a_message_reads_as_a_sentence() -> None:
    """Arguments are filled in at every depth; without any, a percent sign is just that."""
    assert str(NESTED) == "w1: because wagering.service is 실패"
    assert str(Message("100 % full")) == "100 % full"


def test_what_hosts_hand_over_may_leave_out_what_is_optional() -> None:
    """A role's check or problem needs neither reason nor next step."""
    plain = {"name": "disk", "expected": "< 90", "observed": "12", "passed": True}
    assert load_check(plain) == Check("disk", "< 90", "12", passed=True)
    text = {"text": "gone"}
    assert load_problem({"what": text, "why": text}) == Problem(Message("gone"), Message("gone"))
    assert (load_problem(None), load_message(None)) == (None, None)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({}, KeyError),
        ({"type": "run.teleported"}, KeyError),
        ({"type": "step.started", "step": "a.start"}, TypeError),
        ({"type": "step.started", "step": "a.start", "hosts": 3}, TypeError),
    ],
)
def test_anything_else_is_refused(data: dict[str, Any], error: type[Exception]) -> None:
    """What is not an event is an error, never half an event."""
    with pytest.raises(error):
        load_event(data)
