"""One `ansible-playbook` process, with real plays on this machine."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from automation.execute.playbook import Playbook
from automation.settings import ansible_config

pytestmark = pytest.mark.slow
FORKED: list[int] = []
os.register_at_fork(before=lambda: FORKED.append(os.getpid()))

type Called = Callable[..., Playbook]


@pytest.fixture
def called(tmp_path: Path) -> Called:
    """A playbook of one task."""

    def call(**task: object) -> Playbook:
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        play = {"hosts": "localhost", "gather_facts": False, "vars": local, "tasks": [task]}
        path = tmp_path / "one.yml"
        path.write_text(json.dumps([play]), encoding="utf-8")
        environment = {"ANSIBLE_CONFIG": ansible_config(), "PATH": os.environ["PATH"]}
        arguments = ("-i", "localhost,", str(path))
        return Playbook(arguments, environment, tmp_path, tmp_path / "artifacts", "run1")

    return call


def fail() -> None:
    """Nothing has to be given up."""
    raise AssertionError


def test_its_process_is_no_fork_and_no_child_of_the_terminal(called: Called) -> None:
    """A fork of a process with threads may wait for ever for a lock of one of them."""
    FORKED.clear()
    sessions: dict[str, int] = {}

    def hear(event: Mapping[str, Any]) -> bool:
        if event.get("event") == "playbook_on_start":
            sessions["own"] = os.getsid(event["pid"])
        return False

    task = {"ansible.builtin.command": {"argv": ["true"]}}
    assert "code 0" in called(**task).run(hear, fail)
    assert FORKED == []
    assert sessions["own"] != os.getsid(0)


def test_events_come_while_it_runs_and_say_what_it_is_told(called: Called, tmp_path: Path) -> None:
    """A task waits for a file that only its own start event lets us write."""
    told = tmp_path / "told"
    kinds = []

    def hear(event: Mapping[str, Any]) -> bool:
        kinds.append(event["event"])
        if event["event"] == "playbook_on_task_start":
            told.write_text("마침", encoding="utf-8")
        return False

    task = {"ansible.builtin.wait_for": {"path": str(told), "timeout": 20}}
    assert "code 0" in called(**task).run(hear, fail)
    assert [kind for kind in kinds if kind.startswith("runner_on_")][-1] == "runner_on_ok"


def test_who_cannot_hear_any_more_gives_up_and_says_why(called: Called) -> None:
    """The process is ended, and the error is whoever's who called it."""
    began: list[int] = []

    def hear(event: Mapping[str, Any]) -> bool:
        began.append(event["pid"])
        raise RuntimeError("the disk is full")

    def give_up() -> None:
        psutil.Process(began[0]).kill()

    task = {"ansible.builtin.command": {"argv": ["sleep", "60"]}}
    with pytest.raises(RuntimeError, match="the disk is full"):
        called(**task).run(hear, give_up)
    assert not psutil.pid_exists(began[0])


def test_its_last_error_is_told(called: Called) -> None:
    """What Ansible said before it gave up, wherever its files are kept."""
    why = called(**{"no.such.module": {}}).run(lambda _event: False, fail)
    assert "code 4" in why or "code 1" in why
    assert "no.such.module" in why
