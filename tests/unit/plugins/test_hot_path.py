"""The hot path's shell, with the host's programs replaced by fakes on PATH."""

import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

type Plugin = Callable[[str], ModuleType]
type Fake = Callable[[str, str], None]

ROOT = Path(__file__).parents[3]
HEADER = "# pxname,svname,qcur"
MAINT, UP = (f"wagering,w1,{',' * 14},{status},1" for status in ("MAINT", "UP"))
BACK = f"wagering,BACKEND,{',' * 14},UP,1"


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    """Put a program of this name and this body first on PATH."""

    def write(name: str, body: str) -> None:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        path.chmod(0o755)

    return write


def shell(script: str, folder: Path, **variables: str) -> str:
    """What the host's sh prints, with the folder's programs first."""
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, **variables}
    done = subprocess.run(
        ["sh", "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def library(plugin: Plugin, call: str, folder: Path) -> str:
    """What a call of the hot path prints for a component with the unit mine.service."""
    return shell(f"{plugin('plugin_utils.hot_path').LIBRARY}\n{call}", folder, unit="mine.service")


def test_failed_units_are_told_when_systemd_answers(
    plugin: Plugin, fake: Fake, tmp_path: Path
) -> None:
    """Their names, or nothing for none."""
    fake("systemctl", "echo a.service loaded; echo b.service loaded")
    told = library(plugin, "tell_failed_units", tmp_path)
    assert told == "@raceday failed_units=a.service b.service"
    fake("systemctl", "exit 0")
    assert library(plugin, "tell_failed_units", tmp_path) == "@raceday failed_units="


def test_a_systemctl_that_fails_is_not_none(plugin: Plugin, fake: Fake, tmp_path: Path) -> None:
    """Nothing is told, so that the check fails."""
    fake("systemctl", "exit 1")
    assert library(plugin, "tell_failed_units", tmp_path) == ""


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("exit 0", ""),
        ("exit 1", "unknown"),
        ("echo LISTEN 0 9 *:80 *:*", "hidden"),
        ("""echo 'LISTEN users:(("me",pid=1,fd=3))'""", "ours me"),
        ("""echo 'LISTEN users:(("x",pid=2,fd=3))'""", "stranger x (pid 2)"),
        ("""echo 'LISTEN users:(("x",pid=2,fd=3),("me",pid=1,fd=3))'""", "ours x"),
        (
            """echo 'users:(("me",pid=1,fd=3))'; echo 'users:(("x",pid=2,fd=3))'""",
            "stranger x (pid 2)",
        ),
        ("""echo 'users:(("me",pid=1,fd=3))'; echo LISTEN""", "hidden"),
    ],
)
def test_every_listener_of_a_port_is_judged(
    plugin: Plugin, fake: Fake, tmp_path: Path, said: str, verdict: str
) -> None:
    """The worst of them counts, and an ss that fails is no free port."""
    fake("ss", said)
    mine = """is_ours() { [ "$1" = 1 ]; }\n"""
    assert library(plugin, f"{mine}listener_on 80", tmp_path) == verdict


@pytest.mark.parametrize(
    ("unit", "socket", "state"),
    [
        ("active", [HEADER, MAINT, UP, BACK], "open"),
        ("active", [HEADER, BACK, MAINT], "closed"),
        ("active", [], "unknown"),
        ("active", ["some other words"], "unknown"),
        ("", [HEADER, MAINT], "closed"),
        ("", [], "unknown"),
        ("activating", [], "unknown"),
        ("inactive", [], "closed"),
        ("failed", [], "closed"),
    ],
)
def test_sales_are_closed_only_when_that_was_seen(
    fake: Fake, tmp_path: Path, unit: str, socket: list[str], state: str
) -> None:
    """A socket that cannot be read is unknown, unless the unit itself does not run."""
    file = ROOT / "roles/haproxy/meta/raceday.yml"
    argv = yaml.safe_load(file.read_text(encoding="utf-8"))["facts"]["sales"]
    fake("systemctl", f'[ "$3" = haproxy.service ] && echo {unit}')
    fake("socat", f"printf '%s\\n' {shlex.join(socket)}" if socket else "exit 1")
    assert shell(shlex.join(argv), tmp_path, unit="haproxy.service") == state


def test_a_fact_knows_the_unit(plugin: Plugin, tmp_path: Path) -> None:
    """Its command is a process of its own."""
    spec: dict[str, Any] = {
        "name": "lb",
        "unit": "haproxy",
        "facts": {"mine": ["sh", "-c", 'echo "$unit"']},
    }
    call = plugin("plugin_utils.spec").shell_variables(spec, check=True) + "tell_facts"
    assert library(plugin, call, tmp_path) == "@raceday fact.mine=haproxy.service"


@pytest.mark.parametrize(("written", "seconds"), [(0.5, 1), (1, 1), (2.1, 3), (60, 60)])
def test_a_timeout_is_never_rounded_to_none(plugin: Plugin, written: float, seconds: int) -> None:
    """`timeout 0` of coreutils would mean no bound at all."""
    spec = {"name": "a", "healthcheck": {"tcp": "127.0.0.1:1", "timeout": written}}
    told = plugin("plugin_utils.spec").shell_variables(spec, check=True)
    assert f"timeout={seconds}\n" in told


@pytest.mark.parametrize("file", ["ansible.cfg", "inventories/demo/hosts.yml"])
def test_nothing_overrules_connect_timeout(file: str) -> None:
    """OpenSSH takes the first ConnectTimeout it sees; that must be raceday's own."""
    assert "ConnectTimeout" not in (ROOT / file).read_text(encoding="utf-8")
