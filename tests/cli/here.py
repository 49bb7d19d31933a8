"""A venue whose hosts are this machine, and the command on it as a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from automation.cli import main
from tests.cli.test_contract import RACEDAY

FILE = """\
venue: {{name: small, title: Small racecourse, time_zone: Asia/Seoul, connect_timeout: 60}}
components:
  bets:
    role: service
    commands: {{start: ["false"], stop: ["true"], status: ["false"]}}
    hosts: w1
    restart: {{behind: {{component: front, backend: {backend}}}}}
  front: {{role: haproxy, hosts: {fronts}, depends_on: [bets]}}
"""


def write_site(
    folder: Path, hosts: dict[str, dict[str, Any]], backend: str = "wagering"
) -> tuple[str, ...]:
    """Bets on w1 that cannot start, behind all the others; the options that name the venue."""
    (folder / "group_vars/all").mkdir(parents=True)
    fronts = "all:!w1"
    file = FILE.format(backend=backend, fronts=json.dumps(fronts))
    (folder / "group_vars/all/venue.yml").write_text(file)
    here = {name: {"ansible_connection": "local", **more} for name, more in hosts.items()}
    (folder / "hosts.yml").write_text(json.dumps({"all": {"hosts": here}}))
    return ("--venue", str(folder), "--reports", str(folder.parent / "reports"), "--lang", "en")


def begin(*words: str) -> subprocess.Popen[str]:
    """The installed command, without a terminal."""
    return subprocess.Popen(
        [RACEDAY, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def typed(environment: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """The command in this process, without a terminal: sooner than in one of its own."""
    out, errors = StringIO(), StringIO()
    with (
        patch.dict(os.environ, environment, clear=True),
        patch.object(sys, "argv", ["raceday", *words]),
        patch.object(sys, "stdin", StringIO()),
        redirect_stdout(out),
        redirect_stderr(errors),
        pytest.raises(SystemExit) as done,
    ):
        main()
    return subprocess.CompletedProcess(
        words, int(done.value.code or 0), out.getvalue(), errors.getvalue()
    )
