"""`raceday recover`, as typed: what it says before it asks."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from automation.commands.recover import recover
from automation.errors import Refused
from automation.execute.ansible import OWNER_FILE
from automation.execute.owner import this_owner
from automation.execute.simulator import MORNING, World
from automation.procedures.evening import plan_evening
from automation.procedures.morning import plan_morning
from automation.procedures.restart import plan_restart
from automation.run.plan import Plan
from automation.settings import Settings
from automation.venue import load
from automation.venue.site import Venue
from tests.cli.test_explain import site
from tests.unit.procedures.desk import Desk
from tests.unit.venue.sites import inventory, read_site

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
    said = "1 raceday process died and left processes or files on this machine.\n"
    checked = run(site, "--check")
    assert (checked.exit_code, checked.stderr, checked.stdout) == (0, said, "")
    assert left.exists()
    assert run(site, "--yes").stderr == said
    assert not left.exists()
    assert run(site, "--yes").stdout == "Nothing was left behind.\n"


PLAIN = """\
venue: {name: small, title: Small racecourse, time_zone: Asia/Seoul}
components:
  wagering: {role: service, unit: bets}
"""


@pytest.mark.parametrize("words", [("--check",), ("--yes",)])
@pytest.mark.parametrize(
    ("procedure", "until", "told"),
    [
        (
            plan_morning,
            "wagering.start",
            "had begun to start wagering. raceday recover leaves that as it is, untested: "
            "raceday resume {run} goes on with it, raceday morning begins anew.",
        ),
        (
            lambda venue, _now: plan_evening(venue),
            "wagering.stop",
            "had begun to stop wagering. raceday recover leaves that as it is: "
            "raceday resume {run} goes on with it, raceday evening begins anew.",
        ),
        (plan_morning, "wagering.preflight", ""),
    ],
)
def test_what_a_dead_day_had_begun_is_named_and_left(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    procedure: Callable[[Venue, datetime], Plan],
    until: str,
    told: str,
    words: tuple[str, ...],
) -> None:
    """Nothing of it is tested or undone, and nobody is left to think that all is well."""
    (tmp_path / "group_vars/all").mkdir(parents=True)
    (tmp_path / "group_vars/all/venue.yml").write_text(PLAIN)
    monkeypatch.setattr(load, "read_inventory", inventory)
    venue = read_site(tmp_path / "group_vars/all/venue.yml")
    died = Desk(tmp_path / "runs/small", World()).run(procedure(venue, MORNING), until=until)
    said = [line for line in run(tmp_path, *words).stderr.splitlines() if "begun" in line]
    assert said == ([f"{died.run_id} {told.format(run=died.run_id)}"] if told else [])


ROLLED = """\
venue: {name: small, title: Small racecourse, time_zone: Asia/Seoul}
components:
  wagering:
    role: service
    unit: bets
    restart: {serial: "100%", behind: {component: ticketing, backend: bets}}
  ticketing: {role: haproxy}
"""


@pytest.mark.parametrize(
    ("drained", "told"),
    [
        (
            ("w1", "w2"),
            "Runs had drained every server at t1: "
            "putting them back lets customers buy there again.\n",
        ),
        (("w1",), ""),
    ],
)
def test_that_customers_will_be_let_in_is_said_before_it_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drained: tuple[str, ...], told: str
) -> None:
    """Where a dead run had drained the last servers; elsewhere customers can buy all the time."""
    (tmp_path / "group_vars/all").mkdir(parents=True)
    (tmp_path / "group_vars/all/venue.yml").write_text(ROLLED)
    monkeypatch.setattr(load, "read_inventory", inventory)
    venue = read_site(tmp_path / "group_vars/all/venue.yml")
    world = World(up=1.0, sales_open=True, servers={"ticketing": ("bets/w1", "bets/w2")})
    plan = replace(plan_restart(venue, {"wagering": drained}), break_glass=True, reason="leak")
    Desk(tmp_path / "runs/small", world).run(plan, until="wagering.stop.1")
    asked = run(tmp_path)
    assert isinstance(asked.exception, Refused)
    assert ("lets customers" in asked.stderr, told in asked.stderr) == (bool(told), True)
