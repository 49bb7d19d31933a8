"""Stopping a component: the shell with a host's programs faked, and the sentence for each end."""

import shlex
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.unit.plugins.test_hot_path import Fake, fake, shell

type Plugin = Callable[[str], ModuleType]
type Stop = Callable[..., dict[str, str]]

__all__ = ["fake"]

UNIT = {"name": "bets", "unit": "bets", "healthcheck": {"tcp": "127.0.0.1:8081", "timeout": 1}}
COMMANDS = {
    "start": ["false"],
    "stop": ["touch", "stopped"],
    "status": ["test", "!", "-e", "stopped"],
}
SYSTEMCTL = """
case $1 in
  stop) rm -f up; exit 0 ;;
  show)
    echo LoadState=${shown:-loaded}
    if [ -e up ]; then echo ActiveState=active; else echo ActiveState=inactive; fi
    ;;
esac
"""


@pytest.fixture
def stop(plugin: Plugin, fake: Fake, tmp_path: Path) -> Stop:
    """Stop a component on a host where all goes well, but for what is changed; what it says."""
    fake("systemctl", SYSTEMCTL)
    fake("journalctl", "echo the last words")
    fake("ss", "exit 0")
    fake("grep", "exit 1")
    (tmp_path / "up").touch()

    def run(
        spec: dict[str, Any], *, check: bool = False, bound: int = 30, **variables: str
    ) -> dict[str, str]:
        hot_path, shell_variables = plugin("plugin_utils.hot_path"), plugin("plugin_utils.spec")
        patience = hot_path.LIBRARY.replace(" + 500))", f" + {bound}))")
        call = shell_variables.shell_variables(spec, check=check) + "stop_component"
        script = f"cd {shlex.quote(str(tmp_path))}\n{patience}\n{call}\nput ended 1"
        reply = {"stdout": shell(script, tmp_path, **variables), "rc": 0}
        return dict(hot_path._parse(reply, 0.0, 0.0).components[0])  # noqa: SLF001

    return run


def test_a_unit_is_stopped_once(stop: Stop) -> None:
    """The second time it is down already; good ends need no log."""
    first, second = stop(UNIT), stop(UNIT)
    assert (first["outcome"], second["outcome"]) == ("stopped", "already")
    assert (first["active"], "log" in first) == ("inactive", False)


def test_check_mode_stops_nothing(stop: Stop, tmp_path: Path) -> None:
    """It says what it would do."""
    assert stop(UNIT, check=True)["outcome"] == "would"
    assert (tmp_path / "up").exists()


def test_an_unknown_unit_is_no_stopped_unit(stop: Stop, tmp_path: Path) -> None:
    """A misspelt name never passes for down."""
    (tmp_path / "up").unlink()
    assert stop(UNIT, shown="not-found")["outcome"] == "no_such_unit"


def test_a_systemd_that_does_not_answer_proves_nothing(stop: Stop, fake: Fake) -> None:
    """No answer is not inactive."""
    fake("systemctl", "exit 1")
    told = stop(UNIT)
    assert (told["outcome"], told["active"]) == ("stop_failed", "unknown")


@pytest.mark.parametrize(("body", "left"), [("exit 5", "exit 5"), ("sleep 9", "no end within 1 s")])
def test_a_stop_that_fails_or_does_not_end_is_told(
    stop: Stop, fake: Fake, body: str, left: str
) -> None:
    """It is bounded by the health check's timeout; the log goes with it."""
    fake("systemctl", SYSTEMCTL.replace("rm -f up; exit 0", f"exec sh -c '{body}'"))
    told = stop(UNIT)
    assert (told["outcome"], told["left"], told["log"]) == (
        "stop_failed",
        left,
        "the last words\n",
    )


def test_a_unit_that_stays_is_told(stop: Stop, fake: Fake) -> None:
    """The command's word alone proves nothing."""
    fake("systemctl", SYSTEMCTL.replace("rm -f up; ", ""))
    told = stop(UNIT)
    assert (told["outcome"], told["left"]) == ("still_active", "active")


def test_an_open_port_names_its_listener(stop: Stop, fake: Fake) -> None:
    """After a stop, and when the unit was down already."""
    fake("ss", """echo 'LISTEN users:(("nginx",pid=7,fd=3))'""")
    for _ in range(2):
        told = stop(UNIT)
        assert (told["outcome"], told["left"]) == ("port_open", "8081 stranger nginx (pid 7)")


def test_a_port_that_closes_a_little_later_is_waited_for(stop: Stop, fake: Fake) -> None:
    """The unit may be down a moment before."""
    fake("ss", "[ -e asked ] || echo LISTEN; touch asked")
    assert stop(UNIT, bound=1000)["outcome"] == "stopped"


def test_a_process_of_the_unit_that_stays_is_named(stop: Stop, fake: Fake) -> None:
    """Any in its cgroup counts, whatever the unit's state says."""
    fake("grep", """[ "$3" = /bets.service ] && echo /proc/1/cgroup""")
    name = Path("/proc/1/comm").read_text(encoding="utf-8").strip()
    told = stop(UNIT)
    assert (told["outcome"], told["left"]) == ("process_left", f"{name} (pid 1)")


def test_a_component_without_a_unit_has_its_own_command(stop: Stop) -> None:
    """commands.stop stops it, commands.status says whether it did."""
    spec = {"name": "board", "commands": COMMANDS}
    assert [stop(spec)["outcome"] for _ in range(2)] == ["stopped", "already"]
    stays = {**COMMANDS, "status": ["true"]}
    assert stop({"name": "board", "commands": stays})["outcome"] == "process_left"


@pytest.mark.parametrize(
    ("code", "left"),
    [(4, "exit 4"), (124, "no end within 10 s"), (127, "exit 127"), (137, "exit 137")],
)
def test_a_status_command_that_says_nothing_proves_nothing(
    stop: Stop, tmp_path: Path, code: int, left: str
) -> None:
    """It is stopped all the same, and then not taken for down."""
    commands = {**COMMANDS, "status": ["sh", "-c", f"exit {code}"]}
    told = stop({"name": "board", "commands": commands})
    assert (told["outcome"], told["left"], told["active"]) == ("in_doubt", left, "unknown")
    assert (tmp_path / "stopped").exists()


@pytest.mark.parametrize(
    ("outcome", "left", "said"),
    [
        ("no_such_unit", "", "systemd on that host knows no unit of this name"),
        ("stop_failed", "exit 5", "the stop command failed (exit 5)"),
        ("still_active", "deactivating", "it is still deactivating"),
        (
            "in_doubt",
            "exit 137",
            "it is not known whether it still runs: its status command does not say (exit 137)",
        ),
        ("process_left", "", "its status command still says that it is up"),
        ("process_left", "w (pid 7)", "these processes of it are still there: w (pid 7)"),
        ("port_open", "80 ours w", "port 80 is still listened on by w"),
        ("port_open", "80 stranger x (pid 7)", "port 80 is still listened on by x (pid 7)"),
        (
            "port_open",
            "80 hidden",
            "port 80 is still listened on by a process that even root cannot see",
        ),
        (
            "port_open",
            "80 unknown",
            "It is not known who listens on port 80 of w1: ss gave no answer",
        ),
    ],
)
def test_each_bad_end_is_one_sentence(plugin: Plugin, outcome: str, left: str, said: str) -> None:
    """The report says what did not stop, where and why."""
    seen = {"outcome": outcome, "left": left, "unit": "bets.service", "took": "250", "log": "x"}
    answer = plugin("plugin_utils.hot_path").Answer({}, (seen,))
    report = plugin("action.stop").stop_report(UNIT, "w1", answer)
    what, why = report["problem"]["what"], report["problem"]["why"]
    assert what["text"] % what["args"] == "bets.service did not stop on w1"
    assert (why["text"] % why["args"], report["state"], report["seconds"]) == (said, "failed", 2.5)
    assert report["evidence"]["log"] == "x"


def test_what_hangs_is_killed_before_it_is_asked(stop: Stop, fake: Fake, tmp_path: Path) -> None:
    """With force the unit gets SIGKILL, and systemd is told to stop it so that it stays down."""
    fake("systemctl", f'echo "$@" >> calls\n{SYSTEMCTL}')
    assert stop(UNIT, force="1")["outcome"] == "stopped"
    calls = (tmp_path / "calls").read_text().splitlines()
    acts = [line for line in calls if not line.startswith("show")]
    assert acts == [
        "stop --no-block -- bets.service",
        "kill --signal=SIGKILL -- bets.service",
        "stop -- bets.service",
    ]


def test_systemd_is_made_to_notice_that_all_are_gone(
    stop: Stop, fake: Fake, tmp_path: Path
) -> None:
    """Else it would wait for the end of a unit that has no process left, for ever perhaps."""
    missed = """
case $1 in
  stop) [ $2 = --no-block ] || [ ! -e up ] || exec sleep 9 ;;
  daemon-reload) rm up ;;
  show)
    echo LoadState=loaded
    if [ -e up ]; then echo ActiveState=deactivating; else echo ActiveState=inactive; fi
    ;;
esac
"""
    fake("systemctl", missed)
    assert stop(UNIT, force="1")["outcome"] == "stopped"
