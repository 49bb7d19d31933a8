"""The action plugins from their arguments to their results, with a host's answer given."""

from collections.abc import Callable, Iterable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure

from automation.run.events import load_problem
from automation.views.i18n import Translator

type Plugin = Callable[[str], ModuleType]

COMPONENTS = {
    "bets": {"role": "service", "unit": "bets", "healthcheck": {"tcp": "127.0.0.1:8081"}},
    "bank": {"external": True, "hosts": "w1", "healthcheck": {"tcp": "bank:443"}},
}
VARIABLES = {
    "components": COMPONENTS,
    "venue": {},
    "inventory_hostname": "w1",
    "groups": {"all": ["w1"], "bets": ["w1"]},
}
UP = {"outcome": "ready", "took": "12", "unit": "bets.service", "active": "active"}


@pytest.fixture
def act(plugin: Plugin, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Do an action; the host says these values and components, or cannot be reached."""

    def run(
        name: str, answer: Iterable[dict[str, str]] | None, *, check: bool = False, **args: Any
    ) -> dict[str, Any]:
        module = plugin(f"action.{name}")
        task = SimpleNamespace(args=args, check_mode=check, async_val=0, diff=False, action=name)
        action = module.ActionModule(task, None, None, None, None, None)
        monkeypatch.setattr(module.ActionBase, "run", lambda *_: {})
        monkeypatch.setattr(action, "_low_level_execute_command", lambda _: told(answer))
        result: dict[str, Any] = action.run(None, VARIABLES)
        return result

    return run


def told(answer: Iterable[dict[str, str]] | None) -> dict[str, Any]:
    """What the hot path prints, or an error of the connection."""
    if answer is None:
        raise AnsibleConnectionFailure("no route to host")
    lines = [f"@raceday {key}={value}" for part in answer for key, value in part.items()]
    return {"rc": 0, "stdout": "\n".join(["@raceday began=1", *lines, "@raceday ended=2"])}


def states(result: dict[str, Any]) -> list[tuple[str, str]]:
    """Each report's component and state."""
    return [(report["component"], report["state"]) for report in result["raceday"]]


def test_a_probe_asks_what_runs_here_and_the_partners(act: Callable[..., dict[str, Any]]) -> None:
    """One answer per component; one that is not ready fails the task and says what was seen."""
    bank = {"component": "bank", "outcome": "not_ready", "took": "1", "seen": "refused"}
    result = act("probe", [{"component": "bets", **UP, "seen": "open"}, bank])
    assert states(result) == [("bets", "ok"), ("bank", "failed")]
    assert result["failed"] is True
    assert result["msg"] == (
        "bank does not answer as seen from w1: the health check (tcp bank:443) said 'refused'"
    )


@pytest.mark.parametrize(
    ("seen", "sentence"),
    [
        ("no answer within 15 s (connected)", "15초 안에 응답 없음(연결은 됨)"),
        ("no answer within 5 s, but after 7 s (slow)", "5초 안에 응답 없음, 7초 뒤 응답(느림)"),
        ("bets.service is inactive", "bets.service 상태: inactive"),
        ("HTTP 503 {}", "HTTP 503 {}"),
    ],
)
@pytest.mark.parametrize(
    ("action", "args"),
    [("probe", {"components": ["bets"]}), ("start", {"component": "bets"})],
)
def test_what_a_health_check_saw_is_told_in_the_readers_language(
    act: Callable[..., dict[str, Any]],
    action: str,
    args: dict[str, Any],
    seen: str,
    sentence: str,
) -> None:
    """In our words; what the service itself said stays as it is, and so does the evidence."""
    down = {"component": "bets", **UP, "outcome": "not_ready", "was": "active", "result": "success"}
    result = act(action, [{**down, "status": "0", "seen": seen}], **args)
    report = result["raceday"][0]
    problem = load_problem(report["problem"])
    assert problem is not None
    assert f"'{sentence}'" in Translator("ko")(problem.why)
    assert f"'{seen}'" in Translator()(problem.why)
    assert report["evidence"]["seen"] == seen


def test_what_to_do_of_a_bad_gate_fits_every_procedure(act: Callable[..., dict[str, Any]]) -> None:
    """How the procedure itself goes on, its run says."""
    down = {"component": "bets", **UP, "outcome": "not_ready", "seen": "no answer"}
    report = act("probe", [down], components=["bets"])["raceday"][0]
    problem = load_problem(report["problem"])
    assert problem is not None
    assert Translator()(problem.next) == "Look at its unit and its log on w1."


def test_a_host_of_no_component_is_not_asked(act: Callable[..., dict[str, Any]]) -> None:
    """It is skipped without a connection, because it is somebody else's."""
    for action in ("probe", "preflight"):
        assert act(action, None, components=[])["skipped"] is True


@pytest.mark.parametrize("action", ["probe", "preflight", "start", "stop"])
def test_a_host_that_cannot_be_reached_is_said_so(
    act: Callable[..., dict[str, Any]], action: str
) -> None:
    """In one report, with what to try next; the task fails."""
    words = {"component": "bets"} if action in {"start", "stop"} else {"components": ["bets"]}
    result = act(action, None, **words)
    assert states(result) == [("bets", "unreachable")]
    assert (result["failed"], result["changed"]) == (True, False)
    assert result["raceday"][0]["problem"]["what"]["text"] == "%(host)s cannot be reached"


@pytest.mark.parametrize(
    ("action", "outcome", "state", "changed"),
    [
        ("start", "started", "ok", True),
        ("start", "already", "already", False),
        ("start", "would", "would", True),
        ("start", "not_ready", "failed", False),
        ("start", "restarted", "failed", False),
        ("stop", "stopped", "ok", True),
        ("stop", "already", "already", False),
        ("stop", "port_open", "failed", False),
        ("stop", "process_left", "failed", False),
    ],
)
def test_start_and_stop_change_what_they_did(
    act: Callable[..., dict[str, Any]], action: str, outcome: str, state: str, *, changed: bool
) -> None:
    """What was so already is no change; a bad end fails the task."""
    seen = {"component": "bets", **UP, "outcome": outcome, "left": "8081 own socat", "seen": "-"}
    seen |= {"result": "exit-code", "status": "1", "was": "inactive"}
    result = act(action, [seen], component="bets")
    assert states(result) == [("bets", state)]
    assert (result["changed"], result["failed"]) == (changed, state == "failed")
    differs = result["diff"]["before"] != result["diff"]["after"]
    assert differs is changed


def test_preflight_holds_a_host_to_the_limits(act: Callable[..., dict[str, Any]]) -> None:
    """A failed check fails the task by hand, and only tells when raceday asks."""
    host = {"uid": "1000", "disk:/": "41", "inodes:/": "7", "failed_units": ""}
    host |= {"memory.MemTotal": "9", "memory.MemAvailable": "5", "files": "2/100"}
    answer = [host, {"component": "bets", **UP}]
    for strict in (True, False):
        result = act("preflight", answer, components=["bets"], strict=strict)
        failed = [item["name"] for item in result["raceday"][0]["checks"] if not item["passed"]]
        assert "root" in failed
        assert result["failed"] is strict


@pytest.mark.parametrize(
    ("action", "args", "said"),
    [
        ("start", {}, "missing required arguments: component"),
        ("start", {"component": "bets", "force": True}, "Unsupported parameters.*force"),
        ("stop", {"component": "bets", "force": "perhaps"}, "force.*unable to convert to bool"),
        ("probe", {"component": "bets"}, "Unsupported parameters.*component"),
        ("preflight", {"strict": "perhaps"}, "strict.*unable to convert to bool"),
        ("clocks", {"members": "bets"}, "missing required arguments: measured"),
        ("race_card", {"component": "bets", "official": "card.json"}, "missing.*: observed"),
        ("release", {}, "missing required arguments: path"),
    ],
)
def test_arguments_are_checked(
    act: Callable[..., dict[str, Any]], action: str, args: dict[str, Any], said: str
) -> None:
    """Before the host is asked; what is missing, unknown or odd is named."""
    with pytest.raises(AnsibleActionFail, match=said):
        act(action, None, **args)


def test_an_unknown_component_is_named(act: Callable[..., dict[str, Any]]) -> None:
    """With where the names stand."""
    with pytest.raises(Exception, match="The venue file has no component 'bet'"):
        act("start", [], component="bet")
