"""What is said of a load balancer that cannot be asked, with Ansible and ssh themselves."""

import json
from pathlib import Path

import pytest

from automation.exit_codes import ExitCode
from tests.cli.test_contract import run

pytestmark = pytest.mark.slow  # processes of their own

FILE = """\
venue: {name: small, title: Small racecourse, time_zone: Asia/Seoul}
components:
  bets:
    role: service
    unit: bets
    healthcheck: {tcp: "127.0.0.1:8081"}
    restart: {behind: {component: front, backend: bets}}
  front: {role: haproxy, depends_on: [bets]}
"""
HOSTS = """\
all:
  vars: {ansible_host: 127.0.0.1, ansible_port: 1, ansible_user: ops}
  children:
    bets: {hosts: {w1: {}}}
    front: {hosts: {lb1: {ansible_ssh_private_key_file: /nowhere/a key}}}
"""
LOGIN = "ssh -p 1 -i '/nowhere/a key' ops@127.0.0.1"


@pytest.fixture
def site(tmp_path: Path) -> tuple[str, ...]:
    """The options that name a venue of which no host answers: port 1 is nobody's."""
    folder = tmp_path / "small"
    (folder / "group_vars/all").mkdir(parents=True)
    (folder / "group_vars/all/venue.yml").write_text(FILE)
    (folder / "hosts.yml").write_text(HOSTS)
    return ("--venue", str(folder), "--reports", str(tmp_path / "reports"))


def test_why_it_is_not_known_whether_sales_are_open(site: tuple[str, ...]) -> None:
    """Which load balancer, ssh's own reason, and a command that is the inventory's way there."""
    ended = run(*site, "--format", "json", "sales", "status")
    assert ended.returncode == ExitCode.NO_GO
    document = json.loads(ended.stdout)
    (error,) = document["errors"]
    assert (document["sales"], error["host"]) == ("unknown", "lb1")
    assert (error["what"], error["why"]) == ("lb1 cannot be reached", "Connection refused")
    assert error["next"].endswith(f"Try: {LOGIN}")


def test_a_refusal_for_doubt_says_what_to_do_about_it(site: tuple[str, ...]) -> None:
    """Not to close sales at a load balancer that nobody reaches."""
    said = run(*site, "restart", "bets", "--yes").stderr
    assert "not known whether sales are closed, because lb1 cannot be reached: Connection" in said
    assert LOGIN in said
    assert "raceday status" in said
    assert "--break-glass" not in said


def test_a_closing_that_reached_nobody_leaves_doubt(site: tuple[str, ...]) -> None:
    """It is not half open, for nothing was done; and it is stopped where ssh is not needed."""
    ended = run(*site, "sales", "close", "--yes", "--reason", "inquiry")
    assert "At the console of lb1: systemctl stop haproxy" in ended.stderr
    left = run(*site, "recover", "--check").stderr
    assert "whether front lets customers buy is not known: raceday recover" in left
