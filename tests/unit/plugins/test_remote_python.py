"""What a host's Python may say to Ansible."""

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

type Plugin = Callable[[str], ModuleType]


class Host:
    """A host that says this, whatever it is asked."""

    def __init__(self, stdout: str, rc: int = 0) -> None:
        self.stdout = stdout
        self.rc = rc

    def _low_level_execute_command(self, _: str, **__: Any) -> dict[str, Any]:
        return {"rc": self.rc, "stdout": self.stdout, "stderr": ""}


def told(plugin: Plugin, text: str) -> dict[str, Any]:
    """The result of a script that prints this after the mark."""
    remote = plugin("plugin_utils.remote_python")
    result: dict[str, Any] = remote.run_on_target(Host(f"@raceday {text}\n"), "transaction", {}, {})
    return result


def test_only_known_keys_come_back(plugin: Plugin) -> None:
    """A host cannot set facts, variables or anything else of the controller."""
    known = {"changed": True, "failed": False, "raceday": [], "saved": {"a": 1}}
    stray = {"ansible_facts": {"ansible_connection": "local"}, "add_host": {}, "warnings": ["x"]}
    assert told(plugin, json.dumps({**known, **stray})) == known


@pytest.mark.parametrize("text", ["{", "[1]", "null", ""])
def test_an_answer_that_cannot_be_read_is_a_failed_result(plugin: Plugin, text: str) -> None:
    """It is told in a sentence, never as a traceback."""
    result = told(plugin, text)
    assert result["failed"]
    assert result["msg"] == f"transaction gave an answer that cannot be read: {text}"


def test_a_host_without_python_says_so_and_what_to_do(plugin: Plugin) -> None:
    """127 is the shell's word for a program that is not there."""
    remote = plugin("plugin_utils.remote_python")
    host = Host("sh: 1: python3: not found\n", 127)
    result = remote.run_on_target(host, "transaction", {}, {"inventory_hostname": "w1"})
    assert result["failed"]
    needs = "w1 has no python3, which transaction needs; install the package python3 there"
    assert result["msg"] == f"{needs} or set ansible_python_interpreter, then run it again"
