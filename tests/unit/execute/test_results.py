"""What a task's result says, as reports."""

from typing import Any

import pytest

from automation.execute.results import reports_of
from automation.run.events import HostReported, HostState, Message, Problem
from automation.run.plan import Step, Verb

STEPS = (
    Step("database.gate", "database", Verb.PROBE, ("a1",), "gate"),
    Step("cache.gate", "cache", Verb.PROBE, ("a1",), "gate"),
)

CHECK = {"name": "x", "expected": "a", "observed": "a", "passed": True}
CACHE = {"component": "cache", "state": "ok"}


def reports(kind: str, **result: Any) -> list[HostReported]:
    """The reports of one event of host a1."""
    return list(reports_of(STEPS, kind, {"host": "a1", "task": "Ask", "res": result}))


def test_each_component_of_a_host_reports_for_its_own_step() -> None:
    """One result carries reports for several components."""
    told = [{"component": name, "state": "ok", "seconds": 0.5} for name in ("cache", "database")]
    assert [
        (item.step, item.state, item.seconds) for item in reports("runner_on_ok", raceday=told)
    ] == [
        ("cache.gate", HostState.OK, 0.5),
        ("database.gate", HostState.OK, 0.5),
    ]


def test_a_second_try_tells_why_the_first_failed() -> None:
    """And one that does not say why is no report."""
    what, why = {"text": "it fell", "args": {}}, {"text": "it slipped", "args": {}}
    told = {**CACHE, "failed_tries": [{"what": what, "why": why}]}
    (report,) = reports("runner_on_ok", raceday=[told])
    assert report.failed_tries == (Problem(Message("it fell"), Message("it slipped")),)
    (report,) = reports("runner_on_ok", raceday=[{**CACHE, "failed_tries": [None]}])
    assert report.state is HostState.FAILED


def test_a_report_for_nobody_is_left_out() -> None:
    """A component that is not being asked says nothing here."""
    assert reports("runner_on_ok", raceday=[{"component": "odds", "state": "ok"}]) == []


def test_a_task_that_fails_without_a_report_fails_every_step_of_its_host() -> None:
    """What failed and why come from the task; nothing is taken for good."""
    what = Message("the task '%(task)s' failed on %(host)s", {"task": "Ask", "host": "a1"})
    problem = Problem(what, Message("%(why)s", {"why": "no such module"}))
    assert reports("runner_on_failed", msg="no such module") == [
        HostReported("database.gate", "a1", HostState.FAILED, problem=problem),
        HostReported("cache.gate", "a1", HostState.FAILED, problem=problem),
    ]


def test_an_unreachable_host_is_unreachable_in_every_step() -> None:
    """Ansible's own word for it."""
    states = [item.state for item in reports("runner_on_unreachable", msg="timed out")]
    assert states == [HostState.UNREACHABLE, HostState.UNREACHABLE]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            "Failed to connect to the host via ssh: ssh: connect to host w1 port 22: No route",
            "No route",
        ),
        (
            'Task failed: Data could not be sent to remote host "w1". Make sure this host can be '
            "reached over ssh: ops@w1: Permission denied (publickey).",
            "Permission denied (publickey).",
        ),
        ("Connection closed by 127.0.0.1 port 2201", "Connection closed"),
        ("Connection to 127.0.0.1 port 2201 timed out", "Connection timed out"),
        ("Unable to negotiate with ::1 port 22: no kex", "Unable to negotiate: no kex"),
        ("Timeout, server 10.0.0.1 not responding.", "Timeout, server not responding."),
        ("timed out", "timed out"),
    ],
)
def test_why_ssh_failed_is_told_in_its_own_words(said: str, why: str) -> None:
    """Without what Ansible puts before it, nor the host: what many hosts say is told once."""
    problem = {"what": {"text": "away"}, "why": {"text": "%(why)s", "args": {"why": said}}}
    told = {**CACHE, "state": "unreachable", "problem": problem}
    for report in (
        *reports("runner_on_unreachable", msg=said),
        *reports("runner_on_ok", raceday=[told]),
    ):
        assert report.problem is not None
        assert str(report.problem.why) == why


@pytest.mark.parametrize("before", ["", "Failed to connect to the host via ssh: @@@\n"])
def test_a_host_key_that_does_not_hold_is_a_warning(before: str) -> None:
    """Whether Ansible found it or a plugin: nobody is told to look whether it is powered on."""
    said = f"{before}Host key verification failed."
    following = {"text": "Is it powered on?"}
    problem = {
        "what": {"text": "away"},
        "why": {"text": "%(why)s", "args": {"why": said}},
        "next": following,
    }
    told = {**CACHE, "state": "unreachable", "problem": problem}
    *_, ansible = reports("runner_on_unreachable", msg=said)
    (plugin,) = reports("runner_on_ok", raceday=[told])
    for report in (ansible, plugin):
        assert report.problem is not None
        assert str(report.problem.why) == "its host key is not known, or it has changed"
        assert str(report.problem.next) == (
            "If nobody installed a1 anew, somebody may sit in between: do not go on. "
            "The keys, and what to do if it was: raceday logs cache"
        )


@pytest.mark.parametrize(
    "garbage",
    [
        {"component": "cache"},
        {"component": "cache", "state": "splendid"},
        {"component": "cache", "state": "ok", "checks": [{"name": "x"}]},
        {"component": "cache", "state": "ok", "checks": 7},
        {"component": "cache", "state": "ok", "seconds": "soon"},
        {"component": "cache", "state": "ok", "evidence": ["up"]},
        {"component": "cache", "state": "ok", "problem": {"what": "?"}},
        {"component": "cache", "state": "ok", "checks": [{**CHECK, "passed": "yes"}]},
        {"component": "cache", "state": "ok", "checks": [{**CHECK, "passed": "false"}]},
        {"component": "cache", "state": "ok", "checks": [{**CHECK, "passed": 1}]},
        {"component": "cache", "state": "ok", "checks": [{**CHECK, "passed": None}]},
    ],
)
def test_a_report_that_cannot_be_read_is_a_failure(garbage: dict[str, Any]) -> None:
    """Whatever a host sends instead of a report, it never counts as ready."""
    states = [item.state for item in reports("runner_on_ok", raceday=[garbage])]
    assert states == [HostState.FAILED]


def test_a_host_may_name_itself() -> None:
    """Most reports do."""
    (report,) = reports("runner_on_ok", raceday=[{**CACHE, "host": "a1"}])
    assert (report.host, report.state) == ("a1", HostState.OK)


@pytest.mark.parametrize("host", ["a2", 7, None, ["a2"]])
def test_no_host_speaks_for_another(host: Any) -> None:
    """A report in another's name is a failure of the one who sent it; the other said nothing."""
    (report,) = reports("runner_on_ok", raceday=[{**CACHE, "host": host}])
    assert (report.step, report.host, report.state) == ("cache.gate", "a1", HostState.FAILED)
    assert str(report.problem and report.problem.why) == f"it speaks for {host}"


def test_the_clocks_are_compared_for_every_host_at_once() -> None:
    """This one action runs once, on the controller, and reports for all."""
    told = [{**CACHE, "host": host} for host in ("a1", "a2")]
    data = {"host": "a1", "task_action": "raceday.core.clocks", "res": {"raceday": told}}
    found = list(reports_of(STEPS, "runner_on_ok", data))
    assert [(item.host, item.state) for item in found] == [
        ("a1", HostState.OK),
        ("a2", HostState.OK),
    ]


@pytest.mark.parametrize("garbage", [7, "up", {"component": "cache"}, ["up"], [None]])
def test_what_is_no_list_of_reports_fails_every_step_of_its_host(garbage: Any) -> None:
    """Nobody can tell whom it is about."""
    found = reports("runner_on_ok", raceday=garbage)
    assert [(item.step, item.state) for item in found] == [
        ("database.gate", HostState.FAILED),
        ("cache.gate", HostState.FAILED),
    ]


def test_what_a_key_calls_a_secret_does_not_reach_the_journal() -> None:
    """A value that nothing in its own text gives away, however deep; what is no secret stays."""
    canary = "s3cr3t-canary"
    args = {"db_password": canary, "token": {"value": [canary, 7]}, "passed": "yes", "host": "a1"}
    why = {"text": "%(host)s said %(passed)s", "args": args}
    item = {**CACHE, "state": "failed", "problem": {"what": why, "why": why}}
    (report, *_) = reports("runner_on_failed", raceday=[item])
    assert canary not in repr(report)
    assert str(report.problem and report.problem.why) == "a1 said yes"
    assert report.problem
    assert report.problem.why.args["token"] == {"value": ["[redacted]", "[redacted]"]}


def test_secrets_of_a_host_do_not_reach_the_journal() -> None:
    """Planted in every text that a host can send: log, problem, check, Ansible's own message."""
    canary = "s3cr3t-canary"
    said = f"db password={canary} token: {canary} postgres://bet:{canary}@db1/demo"
    what = {"text": "%(why)s", "args": {"why": said}}
    item = {
        "component": STEPS[0].component,
        "state": "failed",
        "problem": {"what": what, "why": what, "next": what},
        "checks": [{"name": "a", "expected": "1", "observed": said, "passed": False}],
        "evidence": {"log": said, "fact": said},
    }
    for res in ({"raceday": [item]}, {"msg": said}):
        data = {"host": "a1", "res": res}
        told = list(reports_of(STEPS[:1], "runner_on_failed", data))
        assert told
        assert canary not in repr(told)
