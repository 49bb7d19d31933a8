"""`raceday test --list`, and what is refused before any host is asked."""

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner, Result

from automation.commands import test as module
from automation.errors import UsageError
from automation.execute.simulator import FakeClock, Simulator, World
from automation.run.journal import Journal
from automation.run.loop import Observer, Run
from automation.run.plan import Plan
from automation.run.state import State
from automation.settings import Settings
from automation.venue import load
from automation.venue.inventory import Inventory
from automation.venue.site import Venue
from tests.unit.run.paper import Paper

FILE = """\
venue: {name: small, title: Small racecourse, time_zone: Asia/Seoul}
components:
  database: {role: postgresql}
  gateway:
    role: kiosk_gateway
    depends_on: [database]
    restart: {behind: {component: front, backend: sales}}
  front: {role: haproxy, depends_on: [gateway]}
  bank: {external: true, hosts: front, healthcheck: {tcp: "bank.example:443"}}
"""


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A gateway on two hosts behind a load balancer, a database, a partner; no process is asked."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "group_vars/all").mkdir(parents=True)
    (tmp_path / "group_vars/all/venue.yml").write_text(FILE)
    groups = {"database": ("db1",), "gateway": ("k1", "k2"), "front": ("lb1",)}
    hosts = tuple(host for names in groups.values() for host in names)
    found = Inventory(tmp_path, {"all": hosts, **groups}, {host: {} for host in hosts})
    monkeypatch.setattr(load, "read_inventory", lambda _source: found)
    return tmp_path


def closed(_venue: Venue, plan: Plan, _observers: Sequence[Observer]) -> State:
    """A look that finds everything up and sales closed."""
    clock = FakeClock()
    simulator = Simulator(Random(3), {}, clock, World(up=1.0))  # noqa: S311  # a simulation
    look = Run(Journal(Paper()), simulator, clock)
    look.start("look", "kim", plan, {})
    return look.drive()


def run(site: Path, *words: str, output: str = "text") -> Result:
    """The command with the global options already read."""
    settings = Settings(venue=str(site), reports=site, lang="en", format=output, verbose=0)
    return CliRunner().invoke(module.test, words, obj=settings)


def test_the_list_names_tests_components_and_checks(small: Path) -> None:
    """Channels, links, components, the rehearsal and the drill; for programs as one document."""
    found = json.loads(run(small, "--list", output="json").output)
    assert list(found) == [
        *("kiosk", "links", "database", "gateway", "bank"),
        *("rehearsal", "drill"),
    ]
    assert found["links"] == {"components": ["bank"], "checks": ["it answers"]}
    assert found["rehearsal"]["components"] == ["gateway"]
    assert "kiosk: error rate" in found["rehearsal"]["checks"]
    assert "a test sale is accepted" in found["kiosk"]["checks"]


def test_the_list_for_people_names_what_is_the_same_once(small: Path) -> None:
    """A channel and its only component are one row."""
    lines = run(small, "--list").output.splitlines()
    assert any(line.startswith("kiosk, gateway  ") for line in lines)
    assert json.loads(run(small, "--list", "links", output="json").output).keys() == {"links"}


@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        (["kisok"], "There is no test kisok.", "Did you mean kiosk? They are: kiosk, links"),
        (["rehersal"], "There is no test rehersal.", "Did you mean rehearsal?"),
        (["kiosk", "drill"], "rehearsal and drill come first", "raceday test drill wagering"),
        (["rehearsal", "links"], "There is no rehearsal of bank", "There is one of: gateway."),
        (["drill", "database"], "There is no drill of database", "There is one of: gateway."),
        (["kiosk", "--rate", "5"], "--rate makes no sense here.", "rehearsal, raceday test"),
        (["drill", "--for", "5s"], "--for makes no sense here.", "raceday test rehearsal."),
        (["rehearsal", "--limit", "k1"], "--limit makes no sense here.", "raceday test drill."),
        (["drill", "--limit", "k1", "-l", "k2"], "stops one host of gateway, not 2", "--limit"),
        (["drill", "--limit", "db1"], "has no host of this name", "k1, k2"),
        (["kiosk", "database", "--limit", "k1"], "--limit k1: database has no host", "are: db1."),
        (["links", "kiosk", "-l", "k1", "-l", "k2"], "--limit k1, k2: links has no", "are: lb1."),
        (["rehearsal", "--rate", "100", "--for", "5m"], "would be 30000 purchases", "--rate"),
    ],
)
def test_what_makes_no_sense_is_refused(
    small: Path, words: list[str], said: str, hint: str
) -> None:
    """With what is wrong and what to type instead; no host is asked."""
    error = run(small, *words, "--yes").exception
    assert isinstance(error, UsageError)
    assert said in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("words", "tested"),
    [
        (["-l", "db1"], {"database.test": ("db1",)}),
        (["-l", "k1"], {"gateway.test": ("k1",), "gateway.through": ("lb1",)}),
        (
            ["kiosk", "database", "-l", "k1", "-l", "db1"],
            {"database.test": ("db1",), "gateway.test": ("k1",), "gateway.through": ("lb1",)},
        ),
    ],
)
def test_a_limit_leaves_what_runs_on_its_hosts(
    small: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], tested: dict[str, Any]
) -> None:
    """Nothing else is in the plan, so nothing waits for a test that nobody will do."""
    planned: list[Plan] = []
    monkeypatch.setattr(module, "probe_now", closed)
    monkeypatch.setattr(module, "run_and_show", lambda *args: planned.append(args[2]))
    assert run(small, *words, "--yes").exit_code == 0
    steps = planned[0].steps.values()
    assert {step.id: step.hosts for step in steps if not step.is_look} == tested


@pytest.mark.parametrize("time", ["0", "11m", "3h", "m", "-5s", "1e2"])
def test_a_time_is_seconds_or_minutes(small: Path, time: str) -> None:
    """From one second to ten minutes; anything else is named."""
    result = run(small, "rehearsal", f"--for={time}")
    assert result.exit_code == 2
    assert "it is no time such as 30s or 2m" in result.output


def test_a_venue_without_a_load_balancer_has_no_drill(small: Path) -> None:
    """It says what is missing."""
    file = small / "group_vars/all/venue.yml"
    file.write_text(FILE.replace("    restart: {behind: {component: front, backend: sales}}\n", ""))
    error = run(small, "drill").exception
    assert isinstance(error, UsageError)
    assert "wants two hosts behind a load balancer" in error.message
