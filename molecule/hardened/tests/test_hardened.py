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


@pytest.mark.parametrize("name", ["db1", "cache1", "wagering1", "lb1"])
def test_sshd_is_strict(hosts: Mapping[str, Host], name: str) -> None:
    """As sshd itself says, whatever file it has it from; root has no password either."""
    rules = set(hosts[name].check_output("sshd -T").splitlines())
    assert rules >= {
        "permitrootlogin no",
        "passwordauthentication no",
        "allowtcpforwarding no",
        "x11forwarding no",
        "banner /etc/issue.net",
    }
    assert hosts[name].check_output("passwd --status root").split()[1] == "L"


def test_others_get_nothing_and_strangers_are_warned(
    person: Host, hosts: Mapping[str, Host]
) -> None:
    """The umask holds for the account and in sudo; what is printed looks like an answer."""
    assert person.check_output("umask") == "0027"
    assert hosts["wagering1"].check_output("umask") == "0027"
    assert "Authorised people only" in person.run("true").stderr
    assert "@raceday outcome=ready" in hosts["wagering1"].file("/etc/motd").content_string


@pytest.mark.parametrize("shell", ["bash -lc", "bash -ic"])
def test_idle_shells_end(person: Host, shell: str) -> None:
    """At login and later, and nobody can change that."""
    assert person.check_output(f"{shell} 'echo $TMOUT' 2>/dev/null") == "300"
    for change in ("TMOUT=0", "unset TMOUT"):
        changed = person.run(f"{shell} '{change}; echo now ${{TMOUT-none}}'")
        assert "readonly" in changed.stderr
        assert "now 0" not in changed.stdout
        assert "now none" not in changed.stdout


def test_sudo_keeps_its_users_in_a_terminal_of_their_own(hosts: Mapping[str, Host]) -> None:
    """As sudo itself says of the account."""
    rules = hosts["wagering1"].check_output("sudo -l -U raceday")
    assert "use_pty" in rules
    assert "umask=0027, umask_override" in rules


def test_only_administrators_may_use_su(person: Host, hosts: Mapping[str, Host]) -> None:
    """The right password is not enough."""
    hosts["wagering1"].check_output("useradd friend && echo friend:of-raceday | chpasswd")
    tried = person.run("echo of-raceday | su friend -c id")
    hosts["wagering1"].check_output("userdel friend")
    assert tried.rc != 0
    assert "Permission denied" in tried.stderr


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
