"""The test of roles/redis with a stand-in for redis-cli."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

type Plugin = Callable[[str], ModuleType]
type Test = Callable[..., dict[str, Any]]

ROLE = Path(__file__).parents[3] / "roles" / "redis"
STAND_IN = """#!/bin/sh
echo "$REDISCLI_AUTH|${REDISCLI_AUTH+set}|$*" >>"$0.asked"
case "$*" in *\\ set\\ *) %s ;; *) %s ;; esac
"""
WRITES, READS = "echo '\"OK\"'", "echo '\"ready\"'"


@pytest.fixture
def test(plugin: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Test:
    """Do tasks/test.yml here: redis-cli writes and reads so, the variables are the role's."""
    module = plugin("action.transaction")
    loader = DataLoader()
    (task,) = loader.load_from_file(str(ROLE / "tasks" / "test.yml"), trusted_as_template=True)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(module.ActionBase, "run", lambda *_: {})
    stand_in = tmp_path / "redis-cli"
    stand_in.touch(0o755)

    def run(writes: str = WRITES, reads: str = READS, **given: Any) -> dict[str, Any]:
        if stand_in.exists():
            stand_in.write_text(STAND_IN % (writes, reads), encoding="utf-8")
        known = {
            "component": "cache",
            "inventory_hostname": "c1",
            "redis_port": 6379,
            "redis_password": "",
            "ansible_python_interpreter": sys.executable,
            **task["vars"],
            **given,
        }
        templar = Templar(loader, known)
        args = templar.template(task["raceday.core.transaction"])
        asking = SimpleNamespace(args=args, check_mode=False, async_val=0, diff=False)
        action = module.ActionModule(asking, None, None, loader, templar, None)
        monkeypatch.setattr(action, "_low_level_execute_command", here)
        result: dict[str, Any] = action.run(None, known)
        return result

    return run


def here(command: str, in_data: bytes) -> dict[str, Any]:
    """What a command says on this machine."""
    done = subprocess.run(command, shell=True, input=in_data, capture_output=True, check=False)  # noqa: S602
    return {"rc": done.returncode, "stdout": done.stdout.decode(), "stderr": done.stderr.decode()}


def asked(folder: Path) -> list[str]:
    """What redis-cli was asked: the password, whether there was one, the command line."""
    return (folder / "redis-cli.asked").read_text(encoding="utf-8").splitlines()


def only_check(result: dict[str, Any]) -> dict[str, Any]:
    """The one check that the role promises."""
    (report,) = result["raceday"]
    (check,) = report["checks"]
    assert check["name"] == "a key is written and read back"
    return dict(check)


def test_a_key_is_written_and_read_back(test: Test, tmp_path: Path) -> None:
    """Without a password none is handed over."""
    result = test()
    assert (result["failed"], only_check(result)["passed"]) == (False, True)
    assert asked(tmp_path) == [
        "||-p 6379 --json set raceday:test:c1 ready ex 60",
        "||-p 6379 --json get raceday:test:c1",
    ]


@pytest.mark.parametrize("password", ["s3cret 'x'", 123456])
def test_the_password_stands_on_no_command_line(
    test: Test, tmp_path: Path, password: str | int
) -> None:
    """It comes in the environment, a number too; nothing that is told holds it."""
    result = test(redis_password=password, reads="echo no")
    assert [line.split("|")[:2] for line in asked(tmp_path)] == [[str(password), "set"]] * 2
    assert all(str(password) not in line.split("|", 2)[2] for line in asked(tmp_path))
    assert str(password) not in str(result)


@pytest.mark.parametrize(
    ("redis", "said"),
    [
        ({"writes": "echo 'error:\"NOPERM no set\"'"}, 'error:"NOPERM no set"'),
        ({"writes": "echo no way in >&2; exit 1"}, "exit 1: no way in"),
        ({"reads": "echo null"}, "the answer = null"),
    ],
    ids=str,
)
def test_a_redis_that_does_not_keep_a_key_fails_with_its_own_words(
    test: Test, redis: dict[str, str], said: str
) -> None:
    """What an earlier test wrote, and is still read, proves nothing."""
    result = test(**redis)
    check = only_check(result)
    assert (result["failed"], check["passed"], check["observed"]) == (True, False, said)
    assert result["msg"].endswith(f"observed {said}")


def test_a_host_without_redis_cli_says_so(test: Test, tmp_path: Path) -> None:
    """The reason is in the check, whole."""
    (tmp_path / "redis-cli").unlink()
    assert "No such file or directory: 'redis-cli'" in only_check(test())["observed"]


def test_a_value_in_the_place_of_a_name_is_not_told(
    plugin: Plugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever writes the password there is told so, without the password."""
    module = plugin("action.transaction")
    monkeypatch.setattr(module.ActionBase, "run", lambda *_: {})
    step = {"command": ["redis-cli"], "secrets": {"REDISCLI_AUTH": "s3cret"}}
    asking = SimpleNamespace(args={"component": "cache", "steps": [step]}, check_mode=False)
    action = module.ActionModule(asking, None, None, None, None, None)
    with pytest.raises(AnsibleActionFail, match="says for REDISCLI_AUTH is the name of no") as said:
        action.run(None, {})
    assert "s3cret" not in str(said.value)
