"""What `status`, `sales status` and `explain` tell of sales and of servers that are out."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path
from random import Random
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from automation.commands import sales, status
from automation.commands.explain import explain
from automation.commands.restart import restart
from automation.commands.test import test as run_tests
from automation.errors import Refused
from automation.execute.simulator import Fault, Simulator, World
from automation.exit_codes import ExitCode
from automation.procedures.evening import plan_evening
from automation.procedures.morning import plan_morning
from automation.procedures.records import LOCK
from automation.procedures.restart import plan_emergency, plan_restart
from automation.procedures.sales import plan_close
from automation.procedures.test import plan_test
from automation.run.events import Message
from automation.run.journal import Journal
from automation.run.lock import hold, this_process
from automation.run.loop import Observer, Run
from automation.run.plan import Plan
from automation.run.state import State
from automation.settings import Settings
from automation.venue import load
from automation.venue.site import Venue
from automation.views.html import render_html
from automation.views.i18n import Translator
from automation.views.report import build_report
from automation.views.summary import render_summary
from automation.views.times import Clock
from tests.unit.procedures.desk import Desk
from tests.unit.run.paper import Paper
from tests.unit.venue.sites import inventory, read_site
from tests.unit.views.test_live import printed

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
        monkeypatch.setattr(command, "utc_now", lambda: place.desk.clock.now)
    monkeypatch.setattr("automation.commands.explain.utc_now", lambda: place.desk.clock.now)
    for name in ("restart", "test"):
        monkeypatch.setattr(f"automation.commands.{name}.probe_now", place.probe)
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
    assert "If nobody took it out on purpose: raceday morning puts" in place.told(look)
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
AGAIN = "To open them again: "


def close(place: Place, reason: str = "stewards' inquiry, race 5") -> State:
    """What `raceday sales close` records."""
    return place.desk.run(replace(plan_close(place.venue), reason=reason))


@pytest.mark.parametrize("look", [sales.status, explain])
def test_who_closed_sales_when_and_why_is_told(place: Place, look: click.Command) -> None:
    """With the way to open them again; a closing that found them closed is not the one."""
    close(place)
    place.desk.run(plan_morning(place.venue, place.desk.clock.now))
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
def test_without_a_go_only_a_morning_is_said_to_open_sales(
    place: Place, look: click.Command
) -> None:
    """What `sales open` would refuse is not advised."""
    close(place)
    told = place.told(look)
    assert "To open them again: raceday morning; no GO holds any more." in told
    assert "raceday sales open" not in told


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


def opened(place: Place) -> State:
    """A morning whose GO stands, and whose sales are open."""
    close(place)
    run = place.desk.run(plan_morning(place.venue, place.desk.clock.now))
    assert run.verdict is not None
    assert run.verdict.result == "GO"
    return run


def test_an_evening_ends_a_verdict_and_refutes_nothing(place: Place) -> None:
    """What it stopped is stopped, not failed; nothing is written, and the way to open is told."""
    go = opened(place)
    evening = place.desk.run(plan_evening(place.venue))
    journals = {path: path.read_bytes() for path in place.reports.glob("*/journal.jsonl")}
    assert evening.finished_at is not None
    clock = Clock("Asia/Seoul", Translator())
    when = f"{clock.date(evening.finished_at)} {clock.seconds(evening.finished_at)}"
    said = f"The venue was closed by the evening of {when}; raceday morning opens it."
    told = place.told(status.status)
    assert (told.count(said), told.count("■ stopped")) == (1, 2)
    assert [word for word in ("✗", "failed", "no longer holds") if word in told] == []
    document = place.document(status.status)
    assert document["closed_by"]["run_id"] == evening.run_id
    assert [item["state"] for item in document["components"]] == ["stopped"] * 2
    assert (document["healthy"], document["errors"]) == (False, [])
    assert {path: path.read_bytes() for path in journals} == journals
    for run in ("", go.run_id, evening.run_id):
        explained = place.told(explain, *([run] if run else []))
        assert said in explained
        assert "Valid until" not in explained


@pytest.mark.parametrize(
    "words", [(), ("--break-glass", "--reason", "leak"), ("--emergency", "--reason", "it hangs")]
)
def test_what_an_evening_stopped_is_not_restarted(
    place: Place, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """A morning opens it. What somebody has started by hand since may be restarted."""
    place.desk.run(plan_evening(place.venue))
    error = place.run(restart, "wagering", "--yes", *words).exception
    assert isinstance(error, Refused)
    assert str(error.message).startswith("The venue was closed by the evening of ")
    assert str(error.message).endswith("; raceday morning opens it.")
    assert place.desk.left
    place.desk.left.up |= {("ticketing", "t1"), ("wagering", "w1"), ("wagering", "w2")}
    run: list[Plan] = []
    monkeypatch.setattr("automation.commands.restart.run_and_show", lambda *a: run.append(a[2]))
    place.run(restart, "wagering", "--yes", *words)
    assert ["wagering" in plan.components for plan in run] == [True]


def test_what_an_evening_stopped_is_judged_again_once_it_was_started(place: Place) -> None:
    """A restart brought all of it up, so what is down now fails, and the GO is refuted."""
    opened(place)
    place.desk.run(plan_evening(place.venue))
    place.desk.run(replace(plan_emergency(place.venue, tuple(place.venue.components)), reason="up"))
    assert place.desk.left is not None
    place.desk.left.up.discard(("ticketing", "t1"))
    told = place.told(status.status)
    assert "closed by" not in told
    assert ("✗ failed" in told, "It was revoked at" in told) == (True, True)


def test_a_venue_that_sells_without_a_go_is_told_how_it_is_proven(place: Place) -> None:
    """What revoked the GO is past once all is well; tests want closed sales."""
    prove = 'To prove the venue: raceday sales close --reason "...", then raceday morning'
    opened(place)
    assert prove not in place.told(status.status)
    assert place.desk.left is not None
    place.desk.left.hung.add(("wagering", "w1"))
    assert prove not in place.told(status.status)
    place.desk.left.hung.clear()
    told = place.told(status.status)
    assert (prove in told, "It was revoked at" in told) == (True, True)
    assert "no longer holds" not in told
    struck = replace(plan_emergency(place.venue, ["wagering"]), reason="both hang")
    assert place.desk.run(struck).sales_said() == "open"
    assert prove in place.told(explain)
    lost = {("wagering.gate", host): Fault.FAILS for host in ("w1", "w2")}
    morning = place.desk.run(plan_morning(place.venue, place.desk.clock.now), lost)
    report = build_report(morning, place.desk.clock.now, "")
    shown = printed(render_summary(report, Path("report.html"), Translator()), 200)
    for told in (shown, render_html(report, Translator())):
        assert ("NO-GO" in told, unescape(told).count(prove)) == (True, 1)
        assert "must not open" not in told


def test_an_evening_that_failed_names_what_it_has_stopped(place: Place) -> None:
    """It can be gone on with, or the venue opened again; what is up is no part of it."""
    opened(place)
    place.desk.run(plan_evening(place.venue), {("wagering.stop", "w1"): Fault.UNREACHABLE})
    told = place.told(status.status)
    assert "did not come to its end and has stopped ticketing, wagering: raceday evening" in told
    assert "raceday morning opens the venue" in told


@pytest.mark.parametrize("has_go", [True, False])
def test_an_emergency_warns_when_no_go_stands_any_more(
    place: Place, monkeypatch: pytest.MonkeyPatch, has_go: bool
) -> None:
    """Sales are open again, and somebody's look meanwhile had revoked it."""
    monkeypatch.setattr("automation.commands.restart.run_and_show", lambda *_: ExitCode.GO)
    monkeypatch.setattr("automation.commands.restart.utc_now", lambda: place.desk.clock.now)
    if has_go:
        opened(place)
    words = ("wagering", "--emergency", "--reason", "both hang", "--yes")
    result = place.run(restart, *words)
    assert result.exception is None
    assert ("Sales are open, and no GO stands." in result.stderr) is not has_go


def test_a_check_refuses_what_the_restart_would(place: Place) -> None:
    """While sales are open, with the reason and the way out; nothing is said to be not ready."""
    opened(place)
    for words in ((), ("--check",)):
        error = place.run(restart, "wagering", *words).exception
        assert isinstance(error, Refused)
        assert error.exit_code == ExitCode.REFUSED
        assert error.message == "Sales are open; nothing was touched."
        assert '--break-glass --reason "..."' in error.hint


@pytest.mark.parametrize("down", [{"wagering"}, {"wagering", "ticketing"}])
def test_a_test_of_what_does_not_run_says_how_it_is_opened(place: Place, down: set[str]) -> None:
    """No connection is tried; what the test has nothing to do with is not named."""
    file = place.folder / "group_vars/all/venue.yml"
    own = "    unit: bets\n"
    file.write_text(FILE.replace(own, f'{own}    tests: [{{name: bets, command: ["true"]}}]\n'))
    close(place)
    assert place.desk.left is not None
    place.desk.left.up = {item for item in place.desk.left.up if item[0] not in down}
    error = place.run(run_tests, "wagering", "--yes").exception
    assert isinstance(error, Refused)
    assert error.told[0] == Message(
        "Nothing runs of %(components)s; nothing was touched.", {"components": "wagering"}
    )
    assert error.hint == "To open the venue: raceday morning"


def hang(place: Place) -> None:
    """Both engines, and the load balancer has noticed."""
    assert place.desk.left is not None
    place.desk.left.hung |= {("wagering", "w1"), ("wagering", "w2")}
    place.desk.left.down |= {("t1", server) for server in SERVERS}


EMERGENCY = 'raceday restart wagering --emergency --reason "..."'


def test_sales_that_nobody_can_reach_are_told(place: Place) -> None:
    """Open, with every server seen down: whose, where, and what to do."""
    opened(place)
    assert place.document(sales.status)["unserved"] == {}
    hang(place)
    told = place.told(sales.status)
    assert "Nobody can buy at wagering: t1 sees every server of it down." in told
    assert EMERGENCY in told
    assert place.document(sales.status)["unserved"] == {"t1": ["wagering"]}
    close(place)
    assert "Nobody can buy" not in place.told(sales.status)


def test_a_hang_has_one_way_out(place: Place) -> None:
    """`status` knows it, and `explain` of the verdict that it revoked sends there alone."""
    opened(place)
    hang(place)
    assert "It was revoked at" in place.told(status.status)
    look = "What is wrong, and what to do now: raceday status"
    told = place.told(explain)
    assert (look in told, "raceday morning" in told) == (True, False)


def test_a_hang_after_a_restart_has_one_way_out_too(place: Place) -> None:
    """The run that is explained was well; what revoked the GO came after it."""
    opened(place)
    place.restart()
    hang(place)
    assert "It was revoked at" in place.told(status.status)
    told = place.told(explain)
    look = "What is wrong, and what to do now: raceday status"
    assert (look in told, "raceday morning" in told) == (True, False)


def test_a_go_that_ran_out_among_customers_is_proven_once_sales_are_closed(place: Place) -> None:
    """A morning among customers could prove nothing, so it is not what is advised."""
    opened(place)
    place.desk.clock.now += timedelta(hours=13)
    told = place.told(explain)
    assert "Its time was over at" in told
    assert "To prove the venue: raceday sales close" in told
    assert "raceday morning again" not in told
