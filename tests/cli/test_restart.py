"""`raceday restart`: which hosts are restarted, and in which order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from automation.commands import restart as module
from automation.errors import Refused, UsageError
from automation.execute.simulator import MORNING
from automation.run.events import (
    Event,
    HostReported,
    HostState,
    RunStarted,
    StepFinished,
    StepStarted,
)
from automation.run.plan import Plan, Verb
from automation.run.state import State, fold_all
from automation.settings import Settings
from automation.venue import load
from automation.venue.inventory import Inventory

FILE = """\
venue: {name: small, title: Small racecourse, time_zone: Asia/Seoul}
components:
  database: {role: postgresql}
  cache: {role: redis, hosts: database}
  queue: {role: redis, hosts: d3}
"""


@dataclass
class Site:
    """Two hosts that share a database and a cache, and what each says of who leads.

    A host that is not in `leads` is silent. `planned` is what was to be run.
    """

    folder: Path
    leads: Mapping[str, str] = field(default_factory=lambda: {"d1": "yes", "d2": "no"})
    planned: list[Plan] = field(default_factory=list)

    def look(self, _venue: object, plan: Plan, _observers: object) -> State:
        """The answers of all hosts to the gates of a status."""
        told: list[Event] = [RunStarted("run", "kim", plan.dump(), {})]
        for step in plan.steps.values():
            told.append(StepStarted(step.id, step.hosts))
            for host in step.hosts:
                if host in self.leads:
                    facts = {"leader": self.leads[host]} if step.component == "database" else {}
                    told.append(HostReported(step.id, host, HostState.OK, evidence=facts))
            told.append(StepFinished(step.id))
        return fold_all((event, MORNING) for event in told)

    def run(self, _settings: object, _venue: object, plan: Plan, _request: object) -> int:
        """Keep the plan instead."""
        self.planned.append(plan)
        return 0

    def restart(self, *words: str) -> Result:
        """The command with the global options already read."""
        settings = Settings(venue=str(self.folder), reports=self.folder, lang="en", format="text")
        return CliRunner().invoke(module.restart, ("--yes", *words), obj=settings)

    @property
    def stopped(self) -> list[tuple[str, str]]:
        """What is restarted, in order."""
        steps = (step for plan in self.planned for step in plan.steps.values())
        return [(s.component, host) for s in steps if s.verb is Verb.STOP for host in s.hosts]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Asked nothing, and nothing is run."""
    (tmp_path / "group_vars/all").mkdir(parents=True)
    (tmp_path / "group_vars/all/venue.yml").write_text(FILE)
    groups = {"all": ("d1", "d2", "d3"), "database": ("d1", "d2")}
    found = Inventory(tmp_path, groups, {host: {} for host in groups["all"]})
    monkeypatch.setattr(load, "read_inventory", lambda _source: found)
    here = Site(tmp_path)
    monkeypatch.setattr(module, "probe_now", here.look)
    monkeypatch.setattr(module, "run_and_show", here.run)
    return here


def test_a_primary_is_left_out(site: Site) -> None:
    """It says so; the standby is restarted."""
    result = site.restart("database")
    assert site.stopped == [("database", "d2")]
    assert result.stderr == "database: d1 is the primary of database, so it is left out.\n"


def test_a_primary_comes_last_when_it_is_asked_for(site: Site) -> None:
    """After its standby."""
    site.restart("database", "--include-primary", "--reason", "kernel update")
    assert site.stopped == [("database", "d2"), ("database", "d1")]
    assert [plan.include_primary for plan in site.planned] == [True]


def test_a_primary_alone_is_refused(site: Site) -> None:
    """Nothing else was asked for."""
    error = site.restart("database", "--limit", "d1").exception
    assert isinstance(error, Refused)
    assert error.message == "database: d1 is the primary of database; nothing was touched."
    assert site.planned == []


def test_components_that_share_hosts_are_restarted_each_on_its_own(site: Site) -> None:
    """The primary's host is one of the cache's as well, and each host is restarted once."""
    site.restart("--all", "--limit", "d1", "--limit", "d2")
    assert site.stopped == [("database", "d2"), ("cache", "d1"), ("cache", "d2")]


def test_a_component_without_a_host_in_the_limit_is_a_mistake(site: Site) -> None:
    """Whoever named it meant something else; with --all it is none of those that are meant."""
    error = site.restart("queue", "database", "--limit", "d2").exception
    assert isinstance(error, UsageError)
    assert error.message == "--limit d2: queue has no host of this name."
    assert error.hint == "Its hosts are: d3."
    site.restart("--all", "--limit", "d3")
    assert site.stopped == [("queue", "d3")]


@pytest.mark.parametrize("leads", [{"d2": "no"}, {"d1": "", "d2": "no"}])
def test_who_may_be_the_primary_is_left_out(site: Site, leads: dict[str, Any]) -> None:
    """A host that was silent, and one whose fact timed out."""
    site.leads = leads
    result = site.restart("database")
    assert site.stopped == [("database", "d2")]
    why = "database: it could not be found out whether d1 is the primary of database"
    assert result.stderr == f"{why}, so it is left out.\n"


def test_who_may_be_the_primary_comes_after_the_standbys(site: Site) -> None:
    """When a primary may be restarted, so may this."""
    site.leads = {"d2": "no"}
    site.restart("database", "--include-primary", "--reason", "kernel update")
    assert site.stopped == [("database", "d2"), ("database", "d1")]


def test_nobody_who_is_known_to_be_a_standby_is_refused(site: Site) -> None:
    """Restarted is only what is proven to be no primary."""
    site.leads = {}
    error = site.restart("database").exception
    assert isinstance(error, Refused)
    why = "database: it could not be found out whether d1 or d2 is the primary of database"
    assert error.message == f"{why}; nothing was touched."
