"""A venue whose hosts are this machine, and the command on it as a process of its own."""

import json
import subprocess
from pathlib import Path
from typing import Any

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
