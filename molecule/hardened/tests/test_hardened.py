"""Hardened hosts, on which roles and raceday itself work as on any other."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import testinfra
from conftest import INVENTORY, ROOT
from testinfra.host import Host


@pytest.fixture
def person() -> Host:
    """The engine's host as raceday's account sees it, without sudo."""
    access = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "fleet" / "ssh_config"
    return testinfra.get_host("ssh://wagering1", ssh_config=str(access))


@pytest.mark.parametrize(
    "command",
    ["sudo -n id", "sudo -n bash", "sudo -n -i", "sudo -n -u postgres sh -c id", "su -c id"],
)
def test_what_raceday_does_not_need_is_refused(person: Host, command: str) -> None:
    """Nothing but sh, and that as root alone."""
    assert person.check_output("id -un") == "raceday"
    assert person.run("sudo -n sh -c id </dev/null").rc == 0
    assert person.run(f"{command} </dev/null").rc != 0


def test_the_hardening_is_in_force(person: Host, hosts: Mapping[str, Host]) -> None:
    """Else the rest would prove nothing."""
    assert person.check_output("umask") == "0027"
    assert hosts["wagering1"].check_output("umask") == "0027"
    assert person.run("bash -lc 'TMOUT=0'").rc != 0
    assert "Authorised people only" in person.run("true").stderr
    assert hosts["wagering1"].check_output("passwd --status root").split()[1] == "L"


def test_raceday_opens_the_venue_reads_logs_and_closes_it(tmp_path: Path) -> None:
    """Over Ansible and over plain SSH: a banner, a umask and a short sudoers do not matter."""
    opened = raceday(tmp_path, "morning", "--yes")
    assert opened.returncode == 0, opened.stdout + opened.stderr
    log = raceday(tmp_path, "logs", "wagering")
    assert "Started wagering.service" in log.stdout, log.stdout + log.stderr
    closed = raceday(tmp_path, "evening", "--yes")
    assert closed.returncode == 0, closed.stdout + closed.stderr


def raceday(reports: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command on the scenario's own inventory."""
    command = ["raceday", "--venue", str(INVENTORY.parent), "--reports", str(reports), *words]
    own = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
    return subprocess.run(
        command, cwd=ROOT, env=own, capture_output=True, text=True, check=False, timeout=120
    )
