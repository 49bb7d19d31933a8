"""A manual restart in a blackout: refused before any host is asked."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from automation.commands.restart import restart
from automation.errors import Refused, UsageError
from automation.settings import Settings
from automation.venue import load
from automation.venue.inventory import Inventory

FILE = """\
venue: {name: small, title: Small racecourse, time_zone: Asia/Seoul}
components:
  database: {role: postgresql}
exclusions: [{name: Derby eve, start: 2000-01-01, end: 2999-12-31}]
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A venue that is not to be touched for the next thousand years."""
    (tmp_path / "group_vars/all").mkdir(parents=True)
    (tmp_path / "group_vars/all/venue.yml").write_text(FILE)
    groups = {"all": ("db1",), "database": ("db1",)}
    found = Inventory(tmp_path, groups, {"db1": {}})
    monkeypatch.setattr(load, "read_inventory", lambda _source: found)
    return tmp_path


def run(site: Path, *words: str) -> Result:
    settings = Settings(venue=str(site), reports=site, lang="en", format="text")
    return CliRunner().invoke(restart, ("database", "--yes", *words), obj=settings)


def test_a_restart_in_a_blackout_is_refused(site: Path) -> None:
    """With its name, its end, and the way past it."""
    error = run(site).exception
    assert isinstance(error, Refused)
    assert error.message == "Derby eve: a blackout until 3000-01-01 00:00; nothing was touched."
    assert "--break-glass" in error.hint


def test_breaking_the_glass_wants_a_reason(site: Path) -> None:
    """Which is recorded."""
    assert isinstance(run(site, "--break-glass").exception, UsageError)
