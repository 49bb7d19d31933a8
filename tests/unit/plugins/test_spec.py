"""The planner and the plugins read the same files: same inputs, same answers."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible.errors import AnsibleError

from automation.procedures.checks import preflight_checks
from automation.settings import content_root
from automation.venue.kinds import read_kind
from tests.unit.venue.sites import site

type Plugin = Callable[[str], ModuleType]

PLAYBOOKS = str(content_root() / "playbooks")
ROLES = sorted(path.parents[1].name for path in content_root().glob("roles/*/meta/raceday.yml"))
LISTENS = [
    {},
    {"ports": [9000, 80, 80]},
    {"healthcheck": {"http": "http://127.0.0.1:8081/health"}},
    {"healthcheck": {"http": "http://127.0.0.1/"}},
    {"healthcheck": {"http": "https://localhost/"}},
    {"healthcheck": {"http": "http://[::1]:8081/"}, "ports": [8081, 9]},
    {"healthcheck": {"http": "http://w1.example:8081/"}},
    {"healthcheck": {"tcp": "127.0.0.1:5432"}},
    {"healthcheck": {"tcp": "localhost:5432"}, "ports": [443]},
    {"healthcheck": {"tcp": "[::1]:5432"}},
    {"healthcheck": {"tcp": "db1.example:5432"}},
    {"healthcheck": {"unit": "a"}},
    {"healthcheck": {"command": ["true"]}},
]


@pytest.mark.parametrize("keys", LISTENS, ids=str)
def test_the_plan_expects_the_ports_that_preflight_looks_at(
    plugin: Plugin, tmp_path: Path, keys: dict[str, Any]
) -> None:
    """A port that only one of them knows would be unknown for ever, or looked at in vain."""
    written = {"role": "service", "unit": "a", **keys}
    venue = site(tmp_path, f"  wagering: {written}\n")
    expected = [
        name
        for name in preflight_checks(venue, venue.components["wagering"])
        if name.startswith("port ")
    ]
    looked_at = plugin("plugin_utils.spec").local_ports(written)
    assert expected == [f"port {port}" for port in looked_at]


@pytest.mark.parametrize("role", [*ROLES, "service", "nobody", "redis_of_the_site", "silent"])
def test_both_read_the_same_of_a_role(plugin: Plugin, tmp_path: Path, role: str) -> None:
    """Its unit, its health check and its checks; nothing of a role that says nothing."""
    own = tmp_path / "roles/redis_of_the_site/meta"
    own.mkdir(parents=True)
    own.joinpath("raceday.yml").write_text("unit: own\nhealthcheck: {tcp: 'a:1', settle: 3}\n")
    (tmp_path / "roles/silent").mkdir()
    kind = read_kind(role, tmp_path)
    told = knowledge(plugin, role, tmp_path)
    health = kind.healthcheck.model_dump(exclude_unset=True) if kind.healthcheck else {}
    assert plain(health) == told.get("healthcheck", {})
    assert kind.unit == told.get("unit", "")
    assert plain(kind.checks) == told.get("checks", {})


def knowledge(plugin: Plugin, role: str, place: Path) -> dict[str, Any]:
    """What the plugins know of a role in a play that raceday started for a site."""
    spec = plugin("plugin_utils.spec")
    paths = [str(place / "roles"), str(content_root() / "roles")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spec.constants, "DEFAULT_ROLES_PATH", paths)
        return dict(spec.role_knowledge(role, {"playbook_dir": str(place / "lane")}))


@pytest.mark.parametrize("where", ["healthcheck", "facts"])
def test_a_secret_is_handed_to_no_command_of_a_look(plugin: Plugin, where: str) -> None:
    """What is done on a host goes there as one command line, which everybody on it can read."""
    argv = ["sh", "-c", "redis-cli -a ${redis_password} ping"]
    said = {"healthcheck": {"command": argv}} if where == "healthcheck" else {"facts": {"a": argv}}
    given = {"components": {"cache": {"role": "redis", **said}}, "redis_password": "s3cret"}
    with pytest.raises(AnsibleError, match="of cache names redis_password, and") as refused:
        plugin("plugin_utils.spec").component_spec({**given, "playbook_dir": PLAYBOOKS}, "cache")
    assert "s3cret" not in str(refused.value)


def plain(block: Any) -> dict[str, Any]:
    """Lists for tuples, as YAML has them."""
    return {key: list(item) if isinstance(item, tuple) else item for key, item in block.items()}
