"""Plays without raceday come to the same hosts, the same order and the same batches."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleError, AnsibleFilterError

from automation.procedures.evening import plan_evening
from automation.procedures.restart import batches
from automation.run.plan import Verb
from automation.venue.graph import start_order
from automation.venue.site import Venue
from tests.unit.venue.sites import GROUPS, site

type Plugin = Callable[[str], ModuleType]

PARTS = """\
  database: {role: postgresql, keep_running: true}
  cache: {role: redis, hosts: w1, restart: {behind: {component: balancer, backend: c}}}
  bank: {external: true, healthcheck: {tcp: "bank:443"}}
  post: {external: true, hosts: t1, healthcheck: {tcp: "post:25"}}
  wagering:
    role: kiosk_gateway
    depends_on: {database: {condition: service_healthy}, cache: {}, bank: {}}
    restart: {serial: [1, "50%"], behind: {component: balancer, backend: w}}
  balancer: {role: haproxy, hosts: ticketing, depends_on: [wagering, post]}
"""


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    """Six components of all kinds, with both forms of depends_on."""
    return site(tmp_path, PARTS)


@pytest.fixture
def components() -> dict[str, Any]:
    """The same as a play has them."""
    found: dict[str, Any] = yaml.safe_load(PARTS)
    return found


def variables(components: dict[str, Any], host: str = "w1") -> dict[str, Any]:
    """What a play knows on a host."""
    groups = {name: list(hosts) for name, hosts in GROUPS.items()}
    return {"components": components, "inventory_hostname": host, "groups": groups}


def test_every_component_has_the_hosts_that_raceday_gives_it(
    plugin: Plugin, venue: Venue, components: dict[str, Any]
) -> None:
    """Groups, single hosts, and partners that are asked by those that depend on them."""
    hosts_of = plugin("plugin_utils.venue").hosts_of
    found = {name: tuple(hosts_of(name, variables(components))) for name in components}
    assert found == {name: item.hosts for name, item in venue.components.items()}


def test_a_pattern_stands_for_what_ansible_says(plugin: Plugin) -> None:
    """Whatever may stand behind `hosts` of a play may stand behind that of a component."""
    given = variables({"cache": {"hosts": "w*:!w2"}})
    assert plugin("plugin_utils.venue").hosts_of("cache", given) == ["w1"]


def test_the_start_order_is_that_of_raceday(
    plugin: Plugin, venue: Venue, components: dict[str, Any]
) -> None:
    """The same tiers, the same order inside each."""
    tiers = plugin("filter.start_order").FilterModule().filters()["start_order"](components)
    assert tuple(map(tuple, tiers)) == start_order(venue)


def test_the_stop_order_has_what_the_evening_stops(
    plugin: Plugin, venue: Venue, components: dict[str, Any]
) -> None:
    """Backwards, without partners, what is kept running and what that depends on."""
    tiers = plugin("filter.stop_order").FilterModule().filters()["stop_order"](components)
    steps = plan_evening(venue).steps.values()
    stopped = {step.component for step in steps if step.verb is Verb.STOP}
    assert tiers == [["balancer"], ["wagering"], ["cache"]]
    assert {name for tier in tiers for name in tier} == stopped


@pytest.mark.parametrize("hosts", [(), ("w1",), ("w1", "w2")])
def test_the_batches_are_those_of_raceday(
    plugin: Plugin, venue: Venue, components: dict[str, Any], hosts: Sequence[str]
) -> None:
    """A share is of all hosts of the component, and the last size counts for all that follow."""
    cut = plugin("filter.batches").FilterModule().filters()["batches"]
    component = venue.components["wagering"]
    serial = components["wagering"]["restart"]["serial"]
    assert tuple(map(tuple, cut(hosts, serial, 2))) == tuple(batches(component, hosts))


@pytest.mark.parametrize("serial", [1, 2, 5, "100%", "50%", [1, 4], ["20%", 3]])
@pytest.mark.parametrize("least", [1, 2, 3, 4, "50%", "75%", "76%", "100%"])
def test_no_batch_takes_more_than_it_does_with_raceday(
    plugin: Plugin, tmp_path: Path, serial: Any, least: int | str
) -> None:
    """What must be left is a number or a share, of all hosts and not of those given."""
    cut = plugin("filter.batches").FilterModule().filters()["batches"]
    written = {"role": "redis", "hosts": "all", "min_ready": least, "restart": {"serial": serial}}
    component = site(tmp_path, f"  many: {json.dumps(written)}\n").components["many"]
    hosts = component.hosts
    for given in (hosts, hosts[2:]):
        found = tuple(map(tuple, cut(given, serial, len(hosts), least)))
        assert found == tuple(batches(component, given))


def test_a_share_without_a_total_is_of_the_hosts_given(plugin: Plugin) -> None:
    """Half of three is one, and never none."""
    cut = plugin("filter.batches").FilterModule().filters()["batches"]
    assert cut(["a", "b", "c"], "50%") == [["a"], ["b"], ["c"]]
    assert cut(["a", "b", "c"], 2) == [["a", "b"], ["c"]]


@pytest.mark.parametrize(("serial", "least"), [(1, 2), ("100%", 2), (0, 0), ([1, 0], 0)])
def test_batches_that_cannot_be_are_an_error(plugin: Plugin, serial: Any, least: int) -> None:
    """More must be ready than there are, or nobody is in a batch: it would never come to an end."""
    cut = plugin("filter.batches").FilterModule().filters()["batches"]
    with pytest.raises(AnsibleFilterError, match="must be ready, and serial is"):
        cut(["a"], serial, 1, least)


@pytest.mark.parametrize(
    ("host", "terms", "verb", "names"),
    [
        ("w1", ["here"], None, ["cache", "wagering"]),
        ("w1", ["here"], "through", ["wagering"]),
        ("w1", ["partners"], None, ["bank"]),
        ("t1", ["partners"], "start", []),
        ("t1", ["fronts"], "undrain", ["balancer"]),
        ("t1", ["fronts"], "test", []),
        ("t1", ["behind"], None, ["cache", "wagering"]),
        ("t1", ["here", "partners"], None, ["balancer", "post"]),
        ("w1", ["behind", "fronts"], None, []),
    ],
)
def test_a_host_has_to_do_with_these(
    plugin: Plugin,
    components: dict[str, Any],
    host: str,
    terms: list[str],
    verb: str | None,
    names: list[str],
) -> None:
    """What runs there, its load balancers, what stands behind them, partners; who knows a verb."""
    lookup_loader = plugin("plugin_utils.venue").lookup_loader
    lookup = lookup_loader.get("raceday.core.components")
    given = {**variables(components, host), "playbook_dir": PLAYBOOKS}
    assert lookup.run(terms, given, **({"verb": verb} if verb else {})) == names


PLAYBOOKS = str(Path(__file__).parents[3] / "playbooks")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, []),
        ({"hosts": "gone"}, ["cache is on no host of the inventory"]),
        (
            {"role": "rediss"},
            ["cache has the role 'rediss', and no such role is found that starts anything"],
        ),
        ({"depends_on": ["databse"]}, ["cache names databse, which is no component"]),
        (
            {"restart": {"behind": {"component": "balncer", "backend": "c"}}},
            ["cache names balncer, which is no component"],
        ),
        ({"external": True, "role": "", "hosts": "gone"}, []),
    ],
    ids=str,
)
def test_what_is_named_and_is_not_there_is_said(
    plugin: Plugin, components: dict[str, Any], wrong: dict[str, Any], said: list[str]
) -> None:
    """Nothing would be started, closed or proven of it."""
    lookup = plugin("plugin_utils.venue").lookup_loader.get("raceday.core.mistakes")
    components["cache"] |= wrong
    assert lookup.run([], {**variables(components), "playbook_dir": PLAYBOOKS}) == said


def test_an_unknown_word_is_refused(plugin: Plugin, components: dict[str, Any]) -> None:
    """A misspelt word would be no hosts at all, and a play that does nothing passes."""
    lookup = plugin("plugin_utils.venue").lookup_loader.get("raceday.core.components")
    with pytest.raises(AnsibleError, match="knows here, fronts, behind, partners, not fronst"):
        lookup.run(["fronst"], variables(components))
