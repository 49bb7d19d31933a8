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
from automation.commands.explain import explain
from automation.execute.simulator import Fault, Simulator, World
from automation.procedures.evening import plan_evening
from automation.procedures.morning import plan_morning
from automation.procedures.records import LOCK
from automation.procedures.restart import plan_restart
from automation.procedures.sales import plan_close
from automation.procedures.test import plan_test
from automation.run.journal import Journal
from automation.run.lock import hold, this_process
from automation.run.loop import Observer, Run
from automation.run.plan import Plan
from automation.run.state import State
from automation.settings import Settings
from automation.venue import load
from automation.venue.site import Venue
from automation.views.i18n import Translator
from automation.views.times import Clock
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
    """Not while a run holds the venue: that may yet put it back. A start before it says nothing."""
    place.restart()
    place.restart(until="wagering.stop.1")
    assert OUT in place.told(look)
    assert LEFT in place.told(look)
    stopped = {
        status.status: "wagering on w1 runs, and no run has proved it since its stop was begun",
        sales.status: "wagering on w1 was stopped and not started again",
    }
    assert place.document(look)["left"] == [
        "w1 of wagering was left out of rotation: raceday recover",
        f"{stopped[look]}: raceday recover",
    ]
    with hold(place.reports / LOCK, this_process("run", "kim", "restart", place.desk.clock.now)):
        assert OUT in place.told(look)
        assert LEFT not in place.told(look)
        assert place.document(look)["left"] == []


def test_a_start_whose_end_nobody_knows_is_told_as_that(place: Place) -> None:
    """Killed in the middle of a start; a probe that sees it running says what is true of it."""
    place.restart(until="wagering.start.1")
    unknown = "wagering on w1 was stopped, and whether it was started again is not known: raceday r"
    for look in (explain, sales.status, status.status):
        assert unknown in place.told(look)
        assert "not started again" not in place.told(look)
    assert place.desk.left is not None
    place.desk.left.up.add(("wagering", "w1"))
    runs = "wagering on w1 runs, and no run has proved it since its stop was begun: raceday recover"
    assert runs in place.told(status.status)
    assert runs in place.document(status.status)["left"]
    assert unknown not in place.told(status.status)


def test_a_restart_that_goes_on_has_left_nothing_behind(place: Place) -> None:
    """By `explain`: what it has taken it may yet put back; a run before it says so too."""
    before = place.restart()
    dead = place.restart(until="wagering.stop.1")
    with hold(
        place.reports / LOCK, this_process(dead.run_id, "kim", "restart", place.desk.clock.now)
    ):
        told = place.told(explain)
        assert "it waits for wagering.stop.1" in told
        assert "raceday recover" not in told
        assert "raceday recover" not in place.told(explain, before.run_id)
    assert LEFT in place.told(explain)


@pytest.mark.parametrize("look", LOOKS)
def test_who_holds_the_venue_is_told_beside_what_is_out(place: Place, look: click.Command) -> None:
    """A restart has servers out for a moment; for programs it is data, null while nobody does."""
    place.restart(until="wagering.stop.1")
    assert place.document(look)["held_by"] is None
    assert "holds the venue" not in place.told(look)
    with hold(place.reports / LOCK, this_process("run", "kim", "restart", place.desk.clock.now)):
        told = place.told(look)
        assert OUT in told
        assert told.index("kim holds the venue since ") < told.index(OUT)
        assert "for restart (run run, process " in told
        held = place.document(look)["held_by"]
        assert (held["run_id"], held["why"]) == ("run", "restart")


@pytest.mark.parametrize("look", LOOKS)
def test_closed_sales_name_no_server(place: Place, look: click.Command) -> None:
    """Every server is out then, and none of them for a reason of its own."""
    place.desk.run(plan_close(place.venue))
    assert "Sales are closed." in place.told(look)
    assert "rotation" not in place.told(look)


CLOSED = "kim closed sales at "
WHY = ": stewards' inquiry, race 5"
AGAIN = 'To open them again: raceday sales open --reason "..."'


def close(place: Place, reason: str = "stewards' inquiry, race 5") -> State:
    """What `raceday sales close` records."""
    return place.desk.run(replace(plan_close(place.venue), reason=reason))


@pytest.mark.parametrize("look", [sales.status, explain])
def test_who_closed_sales_when_and_why_is_told(place: Place, look: click.Command) -> None:
    """With the way to open them again; a closing that found them closed is not the one."""
    first = close(place)
    close(place, "to be sure")
    told = place.told(look)
    assert (CLOSED in told, WHY in told, AGAIN in told) == (True,) * 3
    assert "to be sure" not in told
    at = first.steps["ticketing.close"].finished_at
    assert at is not None
    clock = Clock("Asia/Seoul", Translator())
    assert f"kim closed sales at {clock.seconds(at)}" in told.replace(f"{clock.date(at)} ", "")


@pytest.mark.parametrize("look", [sales.status, explain])
def test_nobody_is_said_to_have_closed_what_was_opened_since(
    place: Place, look: click.Command
) -> None:
    """Nor what an evening closed, which is opened by a morning."""
    close(place)
    place.desk.run(plan_morning(place.venue, place.desk.clock.now))
    assert "closed sales" not in place.told(look)
    place.desk.run(plan_evening(place.venue))
    assert "closed sales" not in place.told(look)


def test_who_closed_sales_is_told_to_programs(place: Place) -> None:
    """As data; null while nobody did."""
    assert place.document(sales.status)["closed_by"] is None
    run = close(place)
    told = place.document(sales.status)["closed_by"]
    assert told.pop("at").startswith("20")
    assert told == {
        "run_id": run.run_id,
        "operator": "kim",
        "reason": "stewards' inquiry, race 5",
    }


def test_a_test_while_sales_are_closed_hides_not_who_closed_them(place: Place) -> None:
    """The newest run is explained, and why nobody can buy."""
    close(place)
    place.desk.run(plan_test(place.venue, ["wagering"]))
    assert WHY in place.told(explain)
    assert AGAIN in place.told(explain)


def test_an_earlier_closing_is_told_without_the_way_back(place: Place) -> None:
    """It was undone: there is nothing to open."""
    earlier = close(place)
    place.desk.run(plan_morning(place.venue, place.desk.clock.now))
    told = place.told(explain, earlier.run_id)
    assert (WHY in told, AGAIN in told) == (True, False)


@pytest.mark.parametrize("why", ["check", "fault"])
def test_what_closed_nothing_is_no_closing(place: Place, why: str) -> None:
    """A check, or a load balancer that did not close."""
    plan = replace(plan_close(place.venue), check=why == "check", reason="inquiry")
    place.desk.run(plan, {("ticketing.close", "t1"): Fault.BAD_CHECK} if why == "fault" else {})
    assert "closed sales" not in place.told(explain)
