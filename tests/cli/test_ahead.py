"""Ansible reads the inventory while the command is imported."""

import json
import os
from importlib import import_module
from pathlib import Path
from types import ModuleType

import psutil
import pytest

from automation import cli
from automation.venue.inventory import read_inventory
from automation.venue.question import ask_ahead
from tests.cli.here import typed, write_site
from tests.venue.hands import wait_until

HOSTS = {"all": {"hosts": ["w1", "lb1"]}, "_meta": {"hostvars": {}}}
SCRIPT = """#!/bin/sh
echo x >> ../read
{wait}
echo '{hosts}'
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A venue whose inventory is a script; how often it was run can be counted."""
    folder = tmp_path / "site"
    write_site(folder, {})
    (folder / "hosts.yml").unlink()
    set_script(folder)
    return folder


def set_script(site: Path, wait: str = "") -> None:
    """What the inventory does before it answers."""
    script = site / "hosts.sh"
    script.write_text(SCRIPT.format(wait=wait, hosts=json.dumps(HOSTS)), encoding="utf-8")
    script.chmod(0o755)


def times_read(site: Path) -> int:
    """How often Ansible has run the script."""
    file = site.parent / "read"
    return len(file.read_text(encoding="utf-8")) // 2 if file.exists() else 0


def test_the_hosts_are_asked_for_before_the_command_is_imported(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And that is the answer: a second one is for the pattern in the venue file."""

    def import_late(name: str) -> ModuleType:
        wait_until(lambda: times_read(site) == 1, "the inventory is read", 20)
        return import_module(name)

    monkeypatch.setattr(cli, "import_module", import_late)
    done = typed(os.environ, "--venue", str(site), "plan", "morning")
    assert (done.returncode, times_read(site)) == (0, 2), done.stderr


def test_who_asks_again_is_told_anew(site: Path) -> None:
    """An exporter that runs for weeks sees hosts that are new."""
    ask_ahead(site)
    assert read_inventory(site).groups["all"] == ("w1", "lb1")
    assert read_inventory(site).groups["all"] == ("w1", "lb1")
    assert times_read(site) == 2


@pytest.mark.parametrize("words", [("sales", "close"), ("mornin",), ("morning", "--help")])
def test_a_command_that_does_not_want_the_answer_leaves_nobody(
    site: Path, words: tuple[str, ...]
) -> None:
    """Whoever was asked, and the script that runs then, is ended with the command."""
    set_script(site, wait="sleep 60")
    typed(os.environ, "--venue", str(site), *words)
    assert psutil.Process().children(recursive=True) == []
