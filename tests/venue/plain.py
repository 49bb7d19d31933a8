"""The procedures as somebody runs them who has only a clone and Ansible."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.venue.command import ROOT
from tests.venue.sites import demo_inventory

ANSIBLE_PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
WAGERING = ("-e", "raceday_components=wagering")
REASON = ("-e", "raceday_reason=it leaks memory")
FATAL = re.compile(r"^fatal: \[(\w+)\]: FAILED! => (.+)$", re.MULTILINE)


def play(procedure: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A playbook on the demo's inventory, in the root of the project."""
    return subprocess.run(
        [ANSIBLE_PLAYBOOK, "-i", demo_inventory(), f"playbooks/{procedure}.yml", *words],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def failed_checks(played: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """The check that did not hold on each host that failed."""
    said = {host: json.loads(result)["msg"] for host, result in FATAL.findall(played.stdout)}
    return {host: msg.partition(":")[0] for host, msg in said.items()}
