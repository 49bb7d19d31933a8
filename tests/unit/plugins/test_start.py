"""Starting a component: the whole plugin on a host whose programs are fakes."""

import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from automation.run.events import load_message
from tests.unit.plugins.test_hot_path import Fake, fake

pytestmark = pytest.mark.slow  # it waits

type Plugin = Callable[[str], ModuleType]
type Start = Callable[..., dict[str, Any]]

__all__ = ["fake"]

CONNECTION = SimpleNamespace(_shell=SimpleNamespace(tmpdir="none is needed"))
PROBE = {"command": ["answers"], "interval": 0.05, "timeout": 1, "settle": 0}
BETS = {"role": "none", "unit": "bets", "retries": 1, "healthcheck": PROBE}
BOARD = {
    "role": "none",
    "commands": {"start": ["launch"], "stop": ["halt"], "status": ["ask"]},
    "healthcheck": PROBE,
}
SYSTEMCTL = """
case $1 in
  start)
    echo start >>calls
    touch up
    tries=$(grep -c start calls)
    [ "$tries" -le "${BAD:-0}" ] || { touch healthy; exit 0; }
    case ${HOW:-died} in
      died) rm -f up ;;
      failed) rm -f up; exit 1 ;;
      lingers) [ "$tries" -gt 1 ] || exit 1 ;;
    esac
    ;;
  stop) echo stop >>calls; rm -f up healthy ;;
  show)
    echo LoadState=${LOAD:-loaded}
    echo Result=${RESULT:-exit-code}
    if [ -e calls ] && [ "$(grep -c start calls)" -gt "${LASTING_AFTER:-9}" ]; then STATUS=203; fi
    echo ExecMainStatus=${STATUS:-1}
    if [ -e up ]; then echo ActiveState=${UP:-active}; else echo ActiveState=${DOWN:-failed}; fi
    ;;
esac
"""
ANSWERS = """
echo asked >>questions
[ "$(grep -c asked questions)" -le "${TIMES:-99}" ] || { [ -z "$DIES" ] || rm -f up; exit 1; }
test -e healthy
"""


@pytest.fixture
def start(plugin: Plugin, fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Start `bets` on a host; the result as Ansible has it. Variables tell the fakes what to do."""
    fake("systemctl", SYSTEMCTL)
    fake("answers", ANSWERS)
    fake("journalctl", "echo the last words of start $(grep -c start calls)")
    module = plugin("action.start")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    def execute(command: str, **variables: str) -> dict[str, Any]:
        words = "".join(f"export {key}={shlex.quote(value)}\n" for key, value in variables.items())
        done = subprocess.run(
            ["sh", "-c", words + command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        return {"rc": done.returncode, "stdout": done.stdout, "stderr": done.stderr}

    def run(
        spec: dict[str, Any] = BETS, *, check: bool = False, retries: int = 1, **variables: str
    ) -> dict[str, Any]:
        task = SimpleNamespace(args={"component": "bets"}, check_mode=check, async_val=0)
        action = module.ActionModule(task, CONNECTION, None, None, None, None)
        action._low_level_execute_command = lambda command: execute(command, **variables)  # noqa: SLF001
        components = {"bets": {**spec, "retries": retries}}
        told = action.run(task_vars={"inventory_hostname": "b1", "components": components})
        as_it_comes: dict[str, Any] = json.loads(json.dumps(told))
        return as_it_comes

    return run


def calls(folder: Path) -> list[str]:
    """What systemd was asked to do."""
    file = folder / "calls"
    return file.read_text(encoding="utf-8").split() if file.exists() else []


def why(problem: dict[str, Any]) -> str:
    """The reason of a problem, in English."""
    return str(load_message(problem["why"]))


def test_a_start_that_succeeds_at_once_was_tried_once(start: Start, tmp_path: Path) -> None:
    """No earlier try is told."""
    (report,) = start()["raceday"]
    assert (report["state"], "failed_tries" in report, calls(tmp_path)) == ("ok", False, ["start"])


def test_what_was_found_down_may_run_because_of_us(start: Start) -> None:
    """A role may have to see to what it started, and to nothing else: be it that it failed."""
    assert start(BAD="9")["found_down"]
    assert start()["found_down"]
    assert not start()["found_down"]


@pytest.mark.parametrize("how", ["died", "failed"])
def test_a_transient_failure_is_tried_again(start: Start, tmp_path: Path, how: str) -> None:
    """It is up in the end; why the first try failed, and its log, are not lost."""
    told = start(BAD="1", HOW=how)
    (report,) = told["raceday"]
    assert (report["state"], told["failed"], told["changed"]) == ("ok", False, True)
    assert calls(tmp_path) == ["start", "start"]
    (first,) = report["failed_tries"]
    assert str(load_message(first["what"])) == "bets.service did not start on b1"
    assert report["evidence"]["log"] == "the last words of start 1\n"


def test_what_never_gets_healthy_is_stopped_before_it_is_tried_again(
    start: Start, tmp_path: Path
) -> None:
    """A process that hangs stays so, however long one waits for it."""
    (report,) = start(BAD="1", HOW="hangs")["raceday"]
    assert (report["state"], calls(tmp_path)) == ("ok", ["start", "stop", "start"])


@pytest.mark.parametrize(
    ("then", "what", "reason"),
    [
        (
            {},
            "bets.service did not stay ready on b1",
            "it was ready, then stopped answering within the 0 s it had to stay up: its process "
            "lives, and the health check (command answers) says 'exit 1:'",
        ),
        (
            {"DIES": "yes"},
            "bets.service did not stay up on b1",
            "it was ready, then died within the 0 s it had to stay up",
        ),
    ],
)
def test_what_does_not_stay_ready_is_told_as_it_was_seen(
    start: Start, then: dict[str, str], what: str, reason: str
) -> None:
    """A process that lives and stopped answering has not died, and one that is gone has."""
    (report,) = start(retries=0, TIMES="1", **then)["raceday"]
    assert report["state"] == "failed"
    told = report["problem"]
    assert (str(load_message(told["what"])), why(told)) == (what, reason)


def test_what_stops_answering_is_stopped_before_it_is_tried_again(
    start: Start, tmp_path: Path
) -> None:
    """A start would find it up, and do nothing."""
    start(TIMES="1")
    assert calls(tmp_path) == ["start", "stop", "start"]


def test_what_was_up_before_is_never_stopped(start: Start, tmp_path: Path) -> None:
    """It hangs, but it is not this run's: customers may be at it."""
    (tmp_path / "up").touch()
    (report,) = start()["raceday"]
    assert (report["state"], calls(tmp_path)) == ("failed", [])


@pytest.mark.parametrize("state", ["activating", "reloading", "deactivating", "unknown"])
def test_what_somebody_else_is_at_is_never_stopped(
    start: Start, tmp_path: Path, state: str
) -> None:
    """On its way up or down before this run, or nobody knows: only what was down is this run's."""
    (tmp_path / "up").touch()
    (report,) = start(BAD="9", HOW="hangs", UP=state)["raceday"]
    assert (report["state"], calls(tmp_path)) == ("failed", ["start"])


@pytest.mark.slow
@pytest.mark.parametrize("state", ["failed", "inactive"])
def test_what_was_down_before_is_stopped_at_each_retry(
    start: Start, tmp_path: Path, state: str
) -> None:
    """Whatever hangs is this run's own."""
    (report,) = start(BAD="9", HOW="hangs", DOWN=state, retries=2)["raceday"]
    assert report["state"] == "failed"
    assert calls(tmp_path) == ["start", "stop", "start", "stop", "start"]


@pytest.mark.slow
def test_a_start_that_fails_first_and_hangs_then_is_still_ours(
    start: Start, tmp_path: Path
) -> None:
    """Its first try left it on its way up, as systemd does with what it starts again by itself."""
    (report,) = start(BAD="2", HOW="lingers", UP="activating", retries=2)["raceday"]
    assert calls(tmp_path) == ["start", "start", "stop", "start"], report


def test_a_failure_that_ends_the_tries_says_how_many_there_could_be(start: Start) -> None:
    """`retries: 3` means four; the second found what no other try mends."""
    (report,) = start(BAD="9", LASTING_AFTER="1", retries=3)["raceday"]
    assert why(report["problem"]).endswith("that was try 2 of 4")


def test_a_failure_at_every_try_says_how_often(start: Start, tmp_path: Path) -> None:
    """`retries: 1` means two tries; the log is the last one's."""
    told = start(BAD="9")
    (report,) = told["raceday"]
    assert (report["state"], len(calls(tmp_path)), len(report["failed_tries"])) == ("failed", 2, 1)
    assert why(report["problem"]).endswith("before it was ready; that was try 2 of 2")
    assert told["msg"].endswith("that was try 2 of 2")
    assert report["evidence"]["log"] == "the last words of start 2\n"


@pytest.mark.parametrize(
    "lasting",
    [
        {"LOAD": "masked"},
        {"LOAD": "not-found"},
        {"STATUS": "2"},
        {"STATUS": "203"},
        {"RESULT": "start-limit-hit"},
    ],
)
def test_what_stays_wrong_is_not_tried_again(
    start: Start, tmp_path: Path, lasting: dict[str, str]
) -> None:
    """Masked, unknown, wrong arguments, no such program, or systemd itself has given up."""
    (report,) = start(BAD="9", **lasting)["raceday"]
    assert (report["state"], "failed_tries" in report) == ("failed", False)
    assert len(calls(tmp_path)) <= 1


@pytest.fixture
def board(start: Start, fake: Fake, tmp_path: Path) -> Start:
    """Start what is run by commands; SAYS are the codes of its status command, one a look."""
    fake("launch", "echo start >>calls; touch healthy")
    fake("halt", "echo stop >>calls")
    fake(
        "ask",
        """
        echo asked >>looks
        set -- $SAYS
        while [ $# -gt 1 ] && [ "$(grep -c asked looks)" -gt $((i += 1)) ]; do shift; done
        exit "$1"
        """,
    )
    return lambda **variables: start(BOARD, **variables)


@pytest.mark.parametrize("code", ["4", "124", "125", "126", "127", "137", "255"])
@pytest.mark.parametrize("check", [False, True])
def test_what_may_run_is_not_started_a_second_time(
    board: Start, tmp_path: Path, code: str, *, check: bool
) -> None:
    """A status command that does not know, hangs, is missing or dies says nothing about it."""
    told = board(SAYS=code, check=check)
    (report,) = told["raceday"]
    assert (report["state"], told["changed"], calls(tmp_path)) == ("failed", False, [])
    assert (report["evidence"]["active"], "failed_tries" in report) == ("unknown", False)
    seen = "no end within 10 s" if code == "124" else f"exit {code}"
    assert [str(load_message(report["problem"][key])) for key in ("what", "why", "next")] == [
        "It is not known whether bets runs on b1",
        f"its status command does not say ({seen}), and what may run is not started a second time",
        "Log in to b1, end it if it hangs, and see that its status command answers; "
        "then run it again.",
    ]


@pytest.mark.parametrize("code", ["1", "2", "3", "100"])
def test_what_its_status_command_calls_down_is_started(
    board: Start, tmp_path: Path, code: str
) -> None:
    """Any other code but 0 is its no."""
    (report,) = board(SAYS=f"{code} 0")["raceday"]
    assert (report["state"], calls(tmp_path)) == ("ok", ["start"])


def test_who_cannot_say_after_the_start_has_not_died(board: Start, tmp_path: Path) -> None:
    """It was ready; a second start might put another beside it."""
    (report,) = board(SAYS="3 0 137")["raceday"]
    assert (report["state"], calls(tmp_path)) == ("failed", ["start"])
    told = str(load_message(report["problem"]["what"]))
    assert told == "It is not known whether bets runs on b1"


def test_check_mode_tries_nothing(start: Start, tmp_path: Path) -> None:
    """It says what it would do."""
    (report,) = start(check=True, BAD="1")["raceday"]
    assert (report["state"], calls(tmp_path)) == ("would", [])


def test_no_answer_is_not_tried_again(plugin: Plugin, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who cannot be asked, or is refused, is not asked twice."""
    module, asked = plugin("action.start"), []
    task = SimpleNamespace(args={"component": "bets"}, check_mode=False, async_val=0)
    action = module.ActionModule(task, CONNECTION, None, None, None, None)

    def refuse(command: str) -> dict[str, Any]:
        asked.append(command)
        return {"rc": 1, "stdout": "", "stderr": "sudo: a password is required"}

    action._low_level_execute_command = refuse  # noqa: SLF001
    told = action.run(task_vars={"inventory_hostname": "b1", "components": {"bets": BETS}})
    assert (told["raceday"][0]["state"], len(asked)) == ("failed", 1)
