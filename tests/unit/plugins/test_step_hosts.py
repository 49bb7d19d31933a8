"""The hosts of a step that somebody calls by hand."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from ansible.errors import AnsibleError

type Plugin = Callable[[str], ModuleType]

GROUPS = {"all": ["w1", "w2", "lb1"], "wagering": ["w1", "w2"], "load_balancer": ["lb1"]}


def hosts(plugin: Plugin, **given: Any) -> list[str]:
    """What the lookup says to a step that needs a component and its role."""
    lookup = plugin("plugin_utils.venue").lookup_loader.get("raceday.core.step_hosts")
    found: list[str] = lookup.run(["component", "raceday_role"], {"groups": GROUPS, **given})
    return found


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, ["wagering"]),
        ({"raceday_hosts": ["w2"]}, ["w2"]),
        ({"raceday_hosts": "lb1"}, ["lb1"]),
        ({"raceday_hosts": ["gone"], "raceday_lane": "/run/x"}, ["gone"]),  # raceday knows better
    ],
)
def test_the_component_or_the_hosts_that_are_named(
    plugin: Plugin, more: dict[str, Any], expected: list[str]
) -> None:
    """Hosts win, because a step may run on the load balancer's."""
    assert hosts(plugin, component="wagering", raceday_role="wagering", **more) == expected


def test_a_step_may_always_have_the_same_hosts(plugin: Plugin) -> None:
    """Whatever the variables say; none at all are a wrong inventory, and no success."""
    lookup = plugin("plugin_utils.venue").lookup_loader.get("raceday.core.step_hosts")
    assert lookup.run([], {"groups": GROUPS}, pattern="all") == ["all"]
    with pytest.raises(AnsibleError, match="Is -i INVENTORY the right one"):
        lookup.run([], {"groups": {"all": []}}, pattern="all")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "component is missing"),
        ({"component": "", "raceday_role": "wagering"}, "component is missing"),
        ({"component": "wagering"}, "raceday_role is missing"),
        ({"component": "wagring", "raceday_role": "wagering"}, "No host .* matches wagring"),
        (
            {"component": "wagering", "raceday_role": "wagering", "raceday_hosts": ["w1", "w9"]},
            "No host .* matches w9",
        ),
    ],
)
def test_what_is_missing_or_unknown_is_named(
    plugin: Plugin, given: dict[str, Any], said: str
) -> None:
    """Nothing is done on those that are known either."""
    with pytest.raises(AnsibleError, match=said):
        hosts(plugin, **given)
