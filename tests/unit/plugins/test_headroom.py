"""How many standbys the test of a database wants to stream from a primary."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

ROLE = Path(__file__).parents[3] / "roles/postgresql"
GROUPS = {"all": ["db1", "db2", "w1"], "database": ["db1", "db2"], "alone": ["w1"]}


@pytest.mark.usefixtures("plugin")  # it makes Ansible's lookups known
@pytest.mark.parametrize(
    ("component", "standbys"), [("database", 1), ("single", 0), ("own_pattern", 1)]
)
def test_all_other_hosts_of_a_component_are_standbys(component: str, standbys: int) -> None:
    """A single host has none, so nothing needs to stream from it."""
    sql = _headroom(component)
    assert f"else {standbys} <= (" in sql
    assert "from pg_stat_replication" in sql
    assert "where backend_type = 'client backend'" in sql


def _headroom(component: str) -> str:
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text(encoding="utf-8"))
    variables: dict[str, Any] = {
        **{key: trust_as_template(str(text)) for key, text in defaults.items()},
        "venue": {},
        "groups": GROUPS,
        "component": component,
        "components": {
            "database": {},
            "single": {"hosts": "alone"},
            "own_pattern": {"hosts": "all:!w1"},
        },
    }
    text = (ROLE / "templates/headroom.sql.j2").read_text(encoding="utf-8")
    return str(Templar(DataLoader(), variables).template(trust_as_template(text)))
