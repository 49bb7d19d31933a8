"""`raceday role new`, as typed."""

import http.client
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from automation.commands.role import role
from automation.errors import UsageError
from automation.settings import Settings
from automation.venue.kinds import look_at

ROOT = Path(__file__).parents[2]
OF_ROLE = {
    *("README.md", "defaults/main.yml"),
    *("meta/argument_specs.yml", "meta/main.yml", "meta/raceday.yml"),
    *("tasks/start.yml", "tasks/stop.yml", "tasks/test.yml"),
}
OF_SCENARIO = {
    *("converge.yml", "group_vars/all/venue.yml", "molecule.yml", "prepare.yml"),
    "tests/test_bet_gateway.py",
}


def run(*words: str, output: str = "text") -> Result:
    """The command with the global options already read."""
    settings = Settings(venue="demo", reports=Path("reports"), lang="en", format=output)
    return CliRunner().invoke(role, words, obj=settings)


def new(folder: Path, name: str = "bet_gateway") -> Result:
    """Begin a role in a folder."""
    return run("new", name, "--into", str(folder), output="json")


def written(folder: Path) -> set[str]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with what the scenarios of a clone share."""
    (tmp_path / ".config/molecule").mkdir(parents=True)
    (tmp_path / ".config/molecule/config.yml").touch()
    return tmp_path


def test_a_site_gets_the_role_alone(tmp_path: Path) -> None:
    """Where the shared scenario is not, a scenario could not run."""
    result = new(tmp_path)
    assert written(tmp_path) == {f"roles/bet_gateway/{file}" for file in OF_ROLE}
    assert {str(tmp_path / file) for file in written(tmp_path)} == set(
        json.loads(result.output)["files"]
    )


def test_a_clone_gets_a_scenario_too(clone: Path) -> None:
    """Beside the role, in the layout of the others."""
    result = run("new", "bet_gateway", "--into", str(clone))
    assert result.output.endswith("Next: molecule test -s bet_gateway\n")
    assert written(clone / "molecule/bet_gateway") == OF_SCENARIO
    assert written(clone / "roles/bet_gateway") == OF_ROLE


def test_raceday_knows_what_the_role_brings(tmp_path: Path) -> None:
    """Its verbs, its checks, its unit, without a mistake; the venue check says the same."""
    new(tmp_path)
    kind = look_at("bet_gateway", tmp_path)
    assert kind.problems == ()
    assert kind.unit == "bet-gateway"
    assert set(kind.verbs) == {"start", "stop", "test"}
    assert kind.checks == {"test": ("it answers",)}
    folder = tmp_path / "roles/bet_gateway"
    specs = yaml.safe_load((folder / "meta/argument_specs.yml").read_text())["argument_specs"]
    assert set(specs) == kind.verbs
    stated = specs["test"]["options"]["bet_gateway_url"]["default"]
    assert yaml.safe_load((folder / "defaults/main.yml").read_text()) == {"bet_gateway_url": stated}


@pytest.mark.slow
def test_the_stand_in_answers_every_time_and_wrongly_when_its_pages_are_gone(clone: Path) -> None:
    """As its unit runs it: a scenario that fails now and then says nothing about a change."""
    new(clone)
    with stand_in(clone) as status:
        assert {status() for _ in range(30)} == {200}
        (clone / "srv/bet-gateway").rename(clone / "srv/kept")
        assert status() == 404


@contextmanager
def stand_in(clone: Path) -> Iterator[Callable[[], int]]:
    """Run what the scenario puts in place of the server; gives what asks it for its status."""
    tasks = yaml.safe_load((clone / "molecule/bet_gateway/prepare.yml").read_text())[0]["tasks"]
    copied = [task["ansible.builtin.copy"] for task in tasks if "ansible.builtin.copy" in task]
    files = {copy["dest"]: copy["content"] for copy in copied}
    unit = files.pop("/etc/systemd/system/bet-gateway.service")
    for place, text in files.items():
        path = clone / place.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    command = unit.split("ExecStart=")[1].strip()
    command = command.replace("9100", str(port)).replace("/srv/", f"{clone}/srv/")
    command = command.replace("/usr/bin/python3", sys.executable)
    server = subprocess.Popen(shlex.split(command), stderr=subprocess.DEVNULL)
    try:
        until_it_listens(port)
        yield lambda: status_of(port)
    finally:
        server.terminate()
        server.wait()


def until_it_listens(port: int) -> None:
    """Ten seconds at most."""
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def status_of(port: int) -> int:
    """What a request is answered with."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.slow
def test_the_linters_find_nothing(clone: Path) -> None:
    """ansible-lint's production profile, yamllint and ruff, with the settings of this project."""
    new(clone)
    for file in (
        "ansible.cfg",
        ".ansible-lint.yml",
        ".yamllint.yml",
        ".gitignore",
        "pyproject.toml",
    ):
        shutil.copy(ROOT / file, clone)
    beside = Path(sys.executable).parent
    shutil.copytree(ROOT / "collections", clone / "collections", symlinks=True)
    (clone / "plugins").symlink_to(ROOT / "plugins")
    environment = {**os.environ, "PATH": f"{beside}:{os.environ['PATH']}"}
    for command in (
        ("ansible-lint", "--offline", "roles", "molecule"),
        ("yamllint", "--strict", "."),
        ("ruff", "check", "--no-cache", "--ignore", "S101", "molecule"),
        ("ruff", "format", "--no-cache", "--check", "molecule"),
    ):
        linted = subprocess.run(
            [beside / command[0], *command[1:]],
            cwd=clone,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Tomcat", "no name for a role"),
        ("../tomcat", "no name for a role"),
        ("9th", "no name for a role"),
        ("redis", "would hide"),
        *((word, "would not read") for word in ("on", "no", "yes", "null", "true", "false")),
        *(
            (word, "has a meaning of its own")
            for word in ("all", "ungrouped", "none", "localhost", "shared")
        ),
    ],
)
def test_a_wrong_name_writes_nothing(tmp_path: Path, name: str, said: str) -> None:
    """Letters, digits and _, and not the name of a role that there is."""
    error = new(tmp_path, name).exception
    assert isinstance(error, UsageError)
    assert said in error.message
    assert written(tmp_path) == set()


@pytest.mark.parametrize("taken", ["roles/bet_gateway", "molecule/bet_gateway"])
def test_nothing_is_written_over(clone: Path, taken: str) -> None:
    """Neither a role nor a scenario of the name, and then not the other either."""
    (clone / taken).mkdir(parents=True)
    before = written(clone)
    error = new(clone).exception
    assert isinstance(error, UsageError)
    assert taken in error.message
    assert written(clone) == before


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """It is named; no traceback."""
    (tmp_path / "roles").touch()
    error = new(tmp_path).exception
    assert isinstance(error, UsageError)
    assert "roles" in error.message
