"""A venue that nobody here has thought of, and raceday installed from its wheel."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from demo.hosts import STATE, demo_fleet
from tests.venue.command import ROOT, Raceday
from tests.venue.hands import Venue
from tests.venue.sites import demo_inventory

pytestmark = pytest.mark.long

BOARD = """\
[Unit]
Description=The odds board
[Service]
ExecStart=/usr/bin/python3 -m http.server 9600 --bind 127.0.0.1 --directory /srv/odds-board
"""
PUT_UP = """
mkdir -p /srv/odds-board && echo 'race 1: odds 2.4' >/srv/odds-board/race-1
cat >/etc/systemd/system/odds-board.service && systemctl daemon-reload
"""
TAKE_DOWN = """
systemctl stop odds-board
rm -rf /srv/odds-board /etc/systemd/system/odds-board.service /run/odds-feed
systemctl daemon-reload
"""
INVENTORY = """\
[screens]
{screens}

[all:vars]
ansible_host=127.0.0.1
ansible_user=raceday
ansible_become=true
ansible_ssh_private_key_file={state}/id_ed25519
ansible_ssh_common_args=-o UserKnownHostsFile={state}/known_hosts \
-o HostKeyAlias={{{{ inventory_hostname }}}} -o IdentitiesOnly=yes
"""
VENUE_FILE = """\
venue: {name: hill, title: 언덕 경마장, time_zone: Asia/Seoul}
components:
  feed:
    role: service
    hosts: screens
    commands:
      start: [touch, /run/odds-feed]
      stop: [rm, -f, /run/odds-feed]
      status: [test, -e, /run/odds-feed]
    healthcheck: {command: [test, -e, /run/odds-feed], timeout: 5, settle: 0}
  board:
    role: service
    hosts: screens
    unit: odds-board
    depends_on: [feed]
    healthcheck: {http: "http://127.0.0.1:9600/", timeout: 20, settle: 1}
    tests:
      - name: the board shows race 1
        http: "http://127.0.0.1:9600/race-1"
        expect: {contains: odds}
      - {name: the feed is there, command: [test, -e, /run/odds-feed]}
"""
SCREENS = ("cache1", "kiosk1")
UP_AGAIN = {"feed": "already_up", "board": "already_up"}


@pytest.fixture
def hill(venue: Venue, tmp_path: Path) -> Iterator[Path]:
    """A venue file and an INI inventory, beside nothing of ours; its unit is on two hosts."""
    ports = {host.name: host.ssh_port for host in demo_fleet().hosts}
    screens = "\n".join(f"{host} ansible_port={ports[host]}" for host in SCREENS)
    site = tmp_path / "hill"
    (site / "group_vars" / "all").mkdir(parents=True)
    (site / "hosts.ini").write_text(INVENTORY.format(screens=screens, state=STATE))
    (site / "group_vars" / "all" / "venue.yml").write_text(VENUE_FILE)
    for host in SCREENS:
        venue.run(host, PUT_UP, BOARD)
    try:
        yield site
    finally:
        for host in SCREENS:
            venue.run(host, TAKE_DOWN)


def test_a_venue_of_somebody_else_opens_by_its_path(
    hill: Path, raceday: Raceday, tmp_path: Path
) -> None:
    """Units, commands, health checks and tests of its venue file are all it needs to reach GO."""
    result = raceday("morning", "--yes", venue=hill, cwd=tmp_path)
    assert (result.code, result.verdict) == (0, "GO"), str(result)
    assert result.components == {"feed": "ready", "board": "ready"}
    proven = {
        (item["host"], item["name"])
        for item in result.report["checks"]
        if item["step"] == "board.test" and item["passed"]
    }
    tests = ("the board shows race 1", "the feed is there")
    assert proven == {(host, name) for host in SCREENS for name in tests}
    assert result.report["sales"] is None
    again = raceday("morning", "--yes", venue=hill / "hosts.ini", cwd=tmp_path)
    assert (again.code, again.components) == (0, UP_AGAIN), str(again)


def test_a_test_that_fails_there_is_told_by_its_name(
    hill: Path, venue: Venue, raceday: Raceday
) -> None:
    """A board that answers and shows no odds is NO-GO."""
    venue.run("kiosk1", "echo nothing >/srv/odds-board/race-1")
    result = raceday("morning", "--yes", venue=hill)
    assert (result.code, result.verdict) == (20, "NO-GO"), str(result)
    assert result.errors == {
        (
            "kiosk1",
            "kiosk1 failed the check 'the board shows race 1'",
            "expected an answer with 'odds', observed nothing",
        )
    }


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of a raceday that was built as a wheel and installed on its own."""
    folder = tmp_path_factory.mktemp("installed")
    uv = shutil.which("uv") or str(ROOT / ".tools" / "bin" / "uv")
    bin_folder = folder / "venv" / "bin"
    call = partial(subprocess.run, check=True, cwd=ROOT)
    call([uv, "build", "--quiet", "--wheel", "--out-dir", folder])
    call([uv, "venv", "--quiet", "--python", sys.executable, folder / "venv"])
    (wheel,) = folder.glob("*.whl")
    call([uv, "pip", "install", "--quiet", "--python", bin_folder / "python", wheel])
    return bin_folder / "raceday"


def test_an_installed_raceday_needs_no_clone(venue: Venue, installed: Path, tmp_path: Path) -> None:
    """From any directory it checks a venue, rehearses a morning and probes a status."""
    command = Raceday(tmp_path / "reports", demo_inventory(), installed)
    checked = command("venue", "check", cwd=tmp_path)
    assert checked.code == 0, str(checked)
    rehearsed = command("morning", "--check", cwd=tmp_path)
    assert rehearsed.code == 0, str(rehearsed)
    assert rehearsed.report["errors"] == []
    status = command("status", cwd=tmp_path)
    assert (status.code, set(status.components.values())) == (20, {"failed", "ready"}), str(status)
    assert venue.active() == set()


def test_an_installed_raceday_opens_the_venue_of_somebody_else(
    hill: Path, installed: Path, tmp_path: Path
) -> None:
    """Playbooks, roles and plugins come from the wheel."""
    result = Raceday(tmp_path / "reports", hill, installed)("morning", "--yes", cwd=tmp_path)
    assert (result.code, result.verdict) == (0, "GO"), str(result)
