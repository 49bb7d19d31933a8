"""The verdict believes only evidence."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from automation.run.events import Check, HostState, Message, Problem
from automation.run.plan import Plan, Step, Verb
from automation.run.state import HostResult, State, Status
from automation.run.verdict import confirmed_hosts, findings, judge
from tests.unit.run.states import LOST, NOW, OK, PLAN, seen, with_hosts

HUNG = "no answer within 5 s (connected)"
BAD_CHECK = HostResult(
    HostState.OK, checks=(Check("a bet can be placed", "200", "503", passed=False),)
)


def judged(plan: Plan, hosts: Mapping[str, Mapping[str, HostResult]], **skipped: Status) -> State:
    """A run that is about to be judged, in which these steps had these results."""
    statuses = {name.replace("_", "."): status for name, status in skipped.items()}
    state = seen({"web.open": Status.WAITING, **statuses}, rest=Status.SUCCEEDED, plan=plan)
    for step, results in hosts.items():
        state = with_hosts(state, step, **results)
    return state


def plan_with(*, critical: bool = True, min_ready: int = 1, checks: tuple[str, ...] = ()) -> Plan:
    web = replace(PLAN.components["web"], critical=critical, min_ready=min_ready)
    test = replace(PLAN.steps["web.test"], checks=checks)
    return replace(
        PLAN,
        components={**PLAN.components, "web": web},
        steps={**PLAN.steps, "web.test": test},
    )


CASES: dict[str, tuple[Plan, Mapping[str, Mapping[str, HostResult]], str]] = {
    "all is well": (PLAN, {}, "GO"),
    "one of two gone, one is enough": (
        plan_with(min_ready=1), {"web.gate": {"w1": LOST, "w2": OK}}, "CONDITIONAL"
    ),
    "one of two gone, both are needed": (
        plan_with(min_ready=2), {"web.gate": {"w1": LOST, "w2": OK}}, "NO-GO"
    ),
    "all gone": (PLAN, {"web.gate": {"w1": LOST, "w2": LOST}}, "NO-GO"),
    "all gone, but not critical": (
        plan_with(critical=False), {"web.gate": {"w1": LOST, "w2": LOST}}, "CONDITIONAL"
    ),
    "one gone at the start, gate good on the other": (
        PLAN, {"web.start": {"w1": LOST, "w2": OK}, "web.gate": {"w2": OK}}, "CONDITIONAL"
    ),
    "a gate that nobody looked at": (PLAN, {"web.gate": {}}, "NO-GO"),
    "a gate that looked at one host only": (PLAN, {"web.gate": {"w1": OK}}, "CONDITIONAL"),
    "a failed check on a host that is up": (
        PLAN, {"web.test": {"w1": BAD_CHECK, "w2": OK}}, "NO-GO"
    ),
    "a failed check, not critical": (
        plan_with(critical=False), {"web.test": {"w1": BAD_CHECK, "w2": OK}}, "CONDITIONAL"
    ),
    "a check that was never reported": (
        plan_with(checks=("a bet can be placed",)), {}, "NO-GO"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_verdict(case: str) -> None:
    """The table of design: critical or not, enough hosts or not, checks failed or missing."""
    plan, hosts, result = CASES[case]
    judgement = judge(judged(plan, hosts), NOW)
    assert judgement.result == result
    assert bool(judgement.reasons) == (result != "GO")


def test_go_expires() -> None:
    """GO and CONDITIONAL hold for the plan's minutes; NO-GO never holds."""
    plan = replace(PLAN, verdict_valid_minutes=30)
    until = (NOW + timedelta(minutes=30)).isoformat()
    assert judge(judged(plan, {}), NOW).valid_until == until
    gone = {"web.gate": {"w1": LOST, "w2": LOST}}
    assert judge(judged(plan, gone), NOW).valid_until == ""


def test_a_verdict_that_rests_on_another_ends_with_it() -> None:
    """However late it comes to be judged; when that time is over nothing is proven any more."""
    end = NOW + timedelta(minutes=1)
    plan = replace(PLAN, verdict_valid_minutes=30, valid_until=end.isoformat())
    assert judge(judged(plan, {}), NOW).valid_until == end.isoformat()
    late = judge(judged(plan, {}), end)
    assert (late.result, late.valid_until) == ("NO-GO", "")
    assert [str(reason) for reason in late.reasons] == [
        "the GO that it rests on has run out meanwhile: run raceday morning"
    ]
    early = replace(plan, verdict_valid_minutes=0.5)
    assert judge(judged(early, {}), NOW).valid_until == (NOW + timedelta(minutes=0.5)).isoformat()


def test_an_empty_plan_proves_nothing() -> None:
    """A plan without components is NO-GO: there is nothing to go by."""
    judgement = judge(
        seen({}, rest=Status.SUCCEEDED, plan=replace(PLAN, components={}, steps={}, fronts=())), NOW
    )
    assert (judgement.result, len(judgement.reasons)) == ("NO-GO", 1)


def test_what_was_not_executed_is_named() -> None:
    """A skipped step of a critical component is NO-GO, and the last reason lists it."""
    judgement = judge(judged(PLAN, {}, web_test=Status.SKIPPED), NOW)
    assert judgement.result == "NO-GO"
    assert [str(reason) for reason in judgement.reasons] == ["not executed: web.test"]


@pytest.mark.parametrize(
    ("standing", "start", "result"),
    [
        ({"web/w1": "a", "web/w2": "b"}, HostState.ALREADY, "GO"),
        ({"web/w1": "a", "web/w2": "b"}, HostState.OK, "NO-GO"),
        ({"web/w1": "a", "web/w2": "before"}, HostState.ALREADY, "NO-GO"),
        ({}, HostState.ALREADY, "NO-GO"),
    ],
)
def test_a_standing_go_excuses_a_test(
    standing: dict[str, str], start: HostState, result: str
) -> None:
    """A test left out while sales are open is missed, unless nothing changed since their GO."""
    plan = replace(PLAN, standing=standing)
    started = {
        "w1": HostResult(start, evidence={"invocation": "a"}),
        "w2": HostResult(HostState.ALREADY, evidence={"invocation": "b"}),
    }
    selling = HostResult(HostState.OK, evidence={"sales": "open"})
    hosts = {"web.start": started, "web.preflight": {"w1": selling, "w2": selling}}
    state = judged(plan, hosts, web_test=Status.SKIPPED)
    assert judge(state, NOW).result == result
    unknown = judged(plan, {"web.start": started}, web_test=Status.SKIPPED)
    assert judge(unknown, NOW).result == "NO-GO"


def test_each_loss_is_named_once() -> None:
    """A host that is gone is one finding, at the step that lost it; failed checks are their own."""
    gone = HostResult(HostState.FAILED, problem=Problem(Message("w1 broke"), Message("no disk")))
    hosts = {"web.start": {"w1": gone, "w2": BAD_CHECK}, "web.gate": {"w1": LOST, "w2": OK}}
    state = judged(PLAN, hosts)
    assert [(item.step, item.host, item.lost_host) for item in findings(state)] == [
        ("web.start", "w1", True),
        ("web.start", "w2", False),
    ]
    assert [str(reason) for reason in judge(state, NOW).reasons] == [
        "w1 broke: no disk",
        "w2 failed the check 'a bet can be placed': expected 200, observed 503",
    ]


def test_every_unconfirmed_component_is_named() -> None:
    """Where nothing failed and yet no gate was looked at, the reasons say so of each."""
    judgement = judge(judged(PLAN, {"db.gate": {}, "web.gate": {}}), NOW)
    assert [str(reason) for reason in judgement.reasons] == [
        "db: no final gate was confirmed",
        "web: no final gate was confirmed",
    ]


def test_only_the_final_gate_confirms() -> None:
    """A host that started well and answered well is not confirmed before its last probe."""
    state = judged(PLAN, {"web.gate": {"w1": OK, "w2": BAD_CHECK}})
    assert confirmed_hosts(state, "web") == {"w1"}


@pytest.mark.parametrize(
    ("sales", "seen_as", "following"),
    [
        ("open", {"seen": HUNG, "hangs": "yes"}, "raceday restart web --emergency"),
        ("closed", {"seen": HUNG, "hangs": "yes"}, "Look at it."),
        (
            "open",
            {"seen": HUNG},
            "Whether it hangs or is slow",
        ),
        ("open", {"seen": "no answer within 5 s, but after 6 s (slow)"}, "Look at it."),
        ("open", {"seen": "connection refused"}, "Look at it."),
    ],
)
def test_what_hangs_while_customers_wait_is_restarted_at_once(
    sales: str, seen_as: Mapping[str, str], following: str
) -> None:
    """Then, and only then, the next step is the emergency restart."""
    problem = Problem(Message("w1 is not healthy"), Message("silence"), Message("Look at it."))
    hung = HostResult(HostState.FAILED, problem=problem, evidence=seen_as)
    said = HostResult(HostState.OK, evidence={"sales": sales})
    plan = replace(PLAN, fronts=("db",))
    state = judged(plan, {"db.gate": {"db1": said}, "web.gate": {"w1": hung, "w2": OK}})
    (found,) = findings(state)
    assert following in str(found.problem.next)


def test_a_closing_that_fails_says_how_to_stop_selling() -> None:
    """Whatever else is wrong: customers may still be buying."""
    web, db = PLAN.components["web"], PLAN.components["db"]
    close = Step("db.close", "db", Verb.CLOSE, db.hosts, "db")
    components = {"web": web, "db": replace(db, unit="haproxy")}
    plan = replace(PLAN, components=components, steps={close.id: close}, fronts=("db",))
    lost = HostResult(HostState.UNREACHABLE, problem=Problem(Message("gone"), Message("no route")))
    (found,) = findings(judged(plan, {close.id: {"db1": lost}}))
    assert str(found.problem.next).endswith("On db1: systemctl stop haproxy")
    way = replace(lost.problem, next=Message("Try: ssh db1")) if lost.problem else None
    (found,) = findings(judged(plan, {close.id: {"db1": replace(lost, problem=way)}}))
    console = "At the console of db1: systemctl stop haproxy. Try: ssh db1"
    assert str(found.problem.next).endswith(console)
    vip = Message("At HAProxy's admin socket: set server vip/w3 state maint")
    check = Check("nobody is let in", "nobody", "vip/w3", passed=False, next=vip)
    open_there = HostResult(HostState.OK, checks=(check,))
    (found,) = findings(judged(plan, {close.id: {"db1": open_there}}))
    assert str(found.problem.next) == (
        f"Customers may still be buying. {vip}. Or on db1: systemctl stop haproxy"
    )
