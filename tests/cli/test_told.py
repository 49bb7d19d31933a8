"""What `status`, `sales status` and `explain` tell of sales and of servers that are out."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from automation.commands import sales, status
from automation.execute.simulator import Simulator, World
from automation.procedures.records import LOCK
from automation.procedures.restart import plan_restart
from automation.procedures.sales import plan_close
from automation.run.journal import Journal
from automation.run.lock import hold, this_process
from automation.run.loop import Observer, Run
from automation.run.plan import Plan
from automation.run.state import State
from automation.settings import Settings
from automation.venue import load
from automation.venue.site import Venue
from tests.unit.procedures.desk import Desk
from tests.unit.run.paper import Paper
from tests.unit.venue.sites import inventory, read_site

FILE = """\
venue: {name: small, title: Small racecourse, time_zone: Asia/Seoul}
components:
  wagering:
    role: service
    unit: bets
    min_ready: 1
    restart: {serial: 1, behind: {component: ticketing, backend: bets}}
  ticketing: {role: haproxy}
"""
SERVERS = ("bets/w1", "bets/w2")
LOOKS = [status.status, sales.status]
OUT, LEFT = "Out of rotation at t1: bets/w1", "w1 of wagering was left out of rotation: raceday re"


class Place:
    """A venue that sells, simulated, whose runs are on record."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reports = folder / "runs/small"
        self.venue = read_site(folder / "group_vars/all/venue.yml")
        self.world = World(up=1.0, sales_open=True, servers={"ticketing": SERVERS})
        self.desk = Desk(self.reports, self.world)

    def run(self, command: click.Command, *words: str, output: str = "text") -> Result:
        """The command with the global options already read."""
        settings = Settings(str(self.folder), self.folder / "runs", lang="en", format=output)
        return CliRunner().invoke(command, words, obj=settings)

    def told(self, command: click.Command, *words: str) -> str:
        """What it prints, on one line."""
        return " ".join(self.run(command, *words).stdout.split())

    def document(self, command: click.Command) -> Any:
        """What it prints for programs."""
        return json.loads(self.run(command, output="json").stdout)

    def take_out(self, server: str) -> None:
        """By hand, at the load balancer."""
        assert self.desk.left is not None
        self.desk.left.rotation["ticketing", "t1"].remove(server)

    def restart(self, until: str = "") -> State:
        """A rolling restart of w1 among customers."""
        plan = replace(plan_restart(self.venue, {"wagering": ("w1",)}), break_glass=True)
        return self.desk.run(replace(plan, reason="leak"), until=until)

    def probe(self, _venue: Venue, plan: Plan, _observers: Sequence[Observer]) -> State:
        """A look that is not recorded."""
        clock, left = self.desk.clock, self.desk.left
        simulator = Simulator(Random(3), {}, clock, self.world, left)  # noqa: S311  # a simulation
        run = Run(Journal(Paper()), simulator, clock)
        run.start("look", "kim", plan, {})
        return run.drive()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    (tmp_path / "group_vars/all").mkdir(parents=True)
    (tmp_path / "group_vars/all/venue.yml").write_text(FILE)
    monkeypatch.setattr(load, "read_inventory", inventory)
    place = Place(tmp_path)
    for command in (sales, status):
        monkeypatch.setattr(command, "probe_now", place.probe)
    return place


@pytest.mark.parametrize("look", LOOKS)
def test_a_server_that_somebody_took_out_is_named(place: Place, look: click.Command) -> None:
    """With its load balancer, for programs too; nothing is said while all are in."""
    place.restart()
    assert "rotation" not in place.told(look)
    assert place.document(look)["out_of_rotation"] == {}
    place.take_out("bets/w1")
    assert OUT in place.told(look)
    assert "left" not in place.told(look)
    assert place.document(look)["out_of_rotation"] == {"t1": ["bets/w1"]}


@pytest.mark.parametrize("look", LOOKS)
def test_what_a_dead_run_has_left_is_told_with_the_way_back(
    place: Place, look: click.Command
) -> None:
    """Not while a run holds the venue: that may yet put it back."""
    place.restart(until="wagering.stop.1")
    assert OUT in place.told(look)
    assert LEFT in place.told(look)
    assert place.document(look)["left"] == [
        "w1 of wagering was left out of rotation: raceday recover",
        "wagering on w1 was stopped and not started again: raceday recover",
    ]
    with hold(place.reports / LOCK, this_process("run", "kim", "restart", place.desk.clock.now)):
        assert OUT in place.told(look)
        assert LEFT not in place.told(look)
        assert place.document(look)["left"] == []


@pytest.mark.parametrize("look", LOOKS)
def test_closed_sales_name_no_server(place: Place, look: click.Command) -> None:
    """Every server is out then, and none of them for a reason of its own."""
    place.desk.run(plan_close(place.venue))
    assert "Sales are closed." in place.told(look)
    assert "rotation" not in place.told(look)
