"""`raceday recover`, as typed, where no run has left anything."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from automation.commands.recover import recover
from automation.execute.ansible import OWNER_FILE
from automation.execute.owner import this_owner
from automation.settings import Settings
from tests.cli.test_explain import site

__all__ = ["site"]


def run(site: Path, *words: str) -> Result:
    """The command with the global options already read."""
    settings = Settings(venue=str(site), reports=site / "runs", lang="en", format="text")
    return CliRunner().invoke(recover, words, obj=settings)


def test_what_a_killed_look_has_left_is_said_and_removed(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no folder among the reports; --check removes nothing."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = tmp_path / "raceday-20261121T063000Z-status-3f2a-x1"
    left.mkdir()
    owner = replace(this_owner(site / "group_vars/all"), boot="another boot")
    (left / OWNER_FILE).write_text(str(owner), encoding="utf-8")
    said = "1 raceday processes died and left processes or files on this machine.\n"
    checked = run(site, "--check")
    assert (checked.exit_code, checked.stderr, checked.stdout) == (0, said, "")
    assert left.exists()
    assert run(site, "--yes").stderr == said
    assert not left.exists()
    assert run(site, "--yes").stdout == "Nothing was left behind.\n"
