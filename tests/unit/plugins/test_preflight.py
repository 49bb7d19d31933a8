"""What preflight makes of a host's answer."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

type Plugin = Callable[[str], ModuleType]

HEALTHY = {
    "uid": "0",
    "disk:/": "41",
    "inodes:/": "7",
    "memory.MemTotal": "1000",
    "memory.MemAvailable": "500",
    "failed_units": "",
    "files": "2000/100000",
}


def failed(
    plugin: Plugin, changes: dict[str, str] | None = None, offset: float = 0.0
) -> list[dict[str, Any]]:
    """The checks of a host that did not pass."""
    preflight = plugin("action.preflight")
    values = {**HEALTHY, **(changes or {})}
    specs = [{"name": "wagering", "unit": "wagering"}]
    clock = preflight.Clock(offset, offset)
    checks = preflight.host_checks("w1", values, specs, preflight.LIMITS, clock)
    return [check for check in checks if not check["passed"]]


def sentence(check: dict[str, Any]) -> str:
    """Why a check failed, as it is read."""
    return str(check["why"]["text"] % check["why"]["args"])


def test_a_healthy_host_passes_every_check(plugin: Plugin) -> None:
    """Nothing fails on a host with room, the right time and no failed units."""
    assert failed(plugin) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"uid": "1000"}, "raceday is not root on w1"),
        ({"disk:/var": "97"}, "The disk of w1 is 97 % full at /var (limit 90 %)"),
        ({"inodes:/": "99"}, "w1 has used 99 % of the inodes of / (limit 90 %)"),
        (
            {"memory.MemAvailable": "10"},
            "w1 has only 1 % of its memory available; it needs 5 %",
        ),
        ({"failed_units": "cron.service "}, "On w1 systemd says these units failed: cron.service"),
        ({"files": "99000/100000"}, "w1 uses 99000 of 100000 open files (limit 90 %)"),
    ],
)
def test_each_shortage_is_one_sentence(plugin: Plugin, changes: dict[str, str], said: str) -> None:
    """A failed check says host, figure and limit."""
    (check,) = failed(plugin, changes)
    assert sentence(check) == said


def test_a_file_system_without_a_limit_of_inodes_passes(plugin: Plugin) -> None:
    """Btrfs has none, and df says "-"; one that has a limit beside it still counts."""
    assert failed(plugin, {"inodes:/": "-"}) == []
    (check,) = failed(plugin, {"inodes:/": "-", "inodes:/var": "99"})
    assert check["observed"] == "99 % of /var"


def test_no_limit_is_told_as_such(plugin: Plugin) -> None:
    """It is no share of anything."""
    preflight = plugin("action.preflight")
    values, clock = {**HEALTHY, "inodes:/": "-"}, preflight.Clock(0.0, 0.0)
    checks = preflight.host_checks("w1", values, [], preflight.LIMITS, clock)
    assert [item["observed"] for item in checks if item["name"] == "inodes"] == ["no limit"]


@pytest.mark.parametrize(
    "changes", [{"disk:/": "-"}, {"inodes:/": ""}, {"inodes:/": "-", "inodes:/var": "?"}]
)
def test_what_df_does_not_know_is_bad(plugin: Plugin, changes: dict[str, str]) -> None:
    """A disk whose usage is not known may be full."""
    assert len(failed(plugin, changes)) == 1


@pytest.mark.parametrize(
    ("offset", "said"),
    [
        (300.2, "The clock of w1 is 300.2 s ahead of this controller's"),
        (-4.0, "The clock of w1 is 4.0 s behind this controller's"),
    ],
)
def test_a_wrong_clock_is_told_with_its_direction(plugin: Plugin, offset: float, said: str) -> None:
    """Ahead and behind are different mistakes."""
    (check,) = failed(plugin, offset=offset)
    assert sentence(check) == said


@pytest.mark.parametrize("missing", sorted(HEALTHY))
def test_what_a_host_does_not_say_fails_its_check(plugin: Plugin, missing: str) -> None:
    """An answer that lacks a value never passes for a good one."""
    preflight = plugin("action.preflight")
    values = {key: text for key, text in HEALTHY.items() if key != missing}
    checks = preflight.host_checks("w1", values, [], preflight.LIMITS, preflight.Clock(0.0, 0.0))
    assert [check["name"] for check in checks if not check["passed"]]


def test_a_failed_unit_of_ours_is_no_obstacle(plugin: Plugin) -> None:
    """The start will try it again."""
    assert failed(plugin, {"failed_units": "wagering.service"}) == []


@pytest.mark.parametrize(
    ("began", "ended", "offset"),
    [
        (100.5, 100.6, 0.0),  # seen between sending and receiving: nothing proves it wrong
        (103.0, 103.1, 2.1),  # at least this far ahead, however slow the network was
        (98.0, 98.1, -2.0),
    ],
)
def test_a_slow_network_is_not_a_wrong_clock(
    plugin: Plugin, began: float, ended: float, offset: float
) -> None:
    """The offset is the smallest that the two looks at the clock allow."""
    preflight = plugin("action.preflight")
    answer = plugin("plugin_utils.hot_path").Answer(
        {"began": str(began), "ended": str(ended)}, (), sent_at=100.0, received_at=101.0
    )
    assert preflight.seen_clock(answer).offset == offset


@pytest.mark.parametrize(
    ("listener", "passed"),
    [
        ("", True),
        ("ours wagering", True),
        ("stranger nginx (pid 7)", False),
        ("doubtful wagering (pid 7)", False),
        ("hidden", False),
        ("unknown", False),
    ],
)
def test_only_a_free_port_or_our_own_passes(plugin: Plugin, listener: str, passed: bool) -> None:
    """A listener that even root cannot see is a doubt, and doubt is not ready."""
    preflight = plugin("action.preflight")
    spec = {"name": "wagering"}
    assert preflight.port_check("w1", spec, "8081", listener)["passed"] is passed


def test_what_may_be_our_own_listener_is_no_stranger(plugin: Plugin) -> None:
    """Its status command does not say; the operator is not sent to end it."""
    spec = {"name": "wagering"}
    told = plugin("action.preflight").port_check("w1", spec, "8081", "doubtful java (pid 7)")
    assert [told[key]["text"] % told[key]["args"] for key in ("why", "next")] == [
        "Port 8081 on w1 is taken by java (pid 7), and whether that is wagering is not known: "
        "its status command does not say",
        "Log in to w1, end it if it hangs, and see that its status command answers; "
        "then run it again.",
    ]


@pytest.mark.parametrize(
    ("found", "passed"), [("perl", True), ("python3", True), ("none", False), ("", False)]
)
def test_a_load_balancer_can_be_asked(plugin: Plugin, found: str, passed: bool) -> None:
    """With one of two programs; without, or when the host does not say, sales could not be seen."""
    spec = {"name": "load_balancer", "programs": ["perl", "python3"]}
    told = plugin("action.preflight").program_check("lb1", spec, found)
    assert (told["name"], told["passed"]) == ("a program that asks load_balancer", passed)
    if not passed:
        said = "lb1 has none of perl, python3, and one of them must ask load_balancer"
        assert sentence(told) == said
        assert told["next"]["text"] % told["next"]["args"] == "Install one of them on lb1."


class Host:
    """A host whose clock is 1.9 s behind; each call takes the next of these seconds to connect."""

    def __init__(self, now: list[float], connects: list[float]) -> None:
        self.now, self.connects = now, connects

    def _low_level_execute_command(self, _: str) -> dict[str, Any]:
        self.now[0] += self.connects.pop(0)
        at = self.now[0] - 1.9
        return {"rc": 0, "stdout": f"@raceday began={at}\n@raceday ended={at}\n"}


@pytest.mark.parametrize(
    ("connects", "said"),
    [
        ([2.0, 0.1], "The clock of w1 is 1.8 s behind this controller's"),
        (
            [2.0, 2.0],
            "The clock of w1 is not known well enough: it is between -1.9 s and +0.1 s off",
        ),
        ([0.1], "The clock of w1 is 1.8 s behind this controller's"),
    ],
)
def test_a_wrong_clock_does_not_hide_behind_a_slow_login(
    plugin: Plugin, monkeypatch: pytest.MonkeyPatch, connects: list[float], said: str
) -> None:
    """It is asked once more on the warm connection; still in doubt, the check fails."""
    preflight, hot_path, now = plugin("action.preflight"), plugin("plugin_utils.hot_path"), [1e6]
    monkeypatch.setattr(hot_path.time, "time", lambda: now[0])
    host = Host(now, connects)
    clock = preflight.measured_clock(host, hot_path.ask(host, []), 1.0)
    checks = preflight.host_checks("w1", HEALTHY, [], preflight.LIMITS, clock)
    assert [sentence(check) for check in checks if not check["passed"]] == [said]
    assert connects == []


@pytest.mark.parametrize(
    ("missing", "said"),
    [("failed_units", "It is not known which units of w1 failed: systemctl gave no answer")],
)
def test_no_answer_of_systemd_has_its_own_sentence(plugin: Plugin, missing: str, said: str) -> None:
    """Not known is told as not known."""
    preflight = plugin("action.preflight")
    values = {key: text for key, text in HEALTHY.items() if key != missing}
    clock = preflight.Clock(0.0, 0.0)
    checks = preflight.host_checks("w1", values, [], preflight.LIMITS, clock)
    assert [sentence(check) for check in checks if not check["passed"]] == [said]
