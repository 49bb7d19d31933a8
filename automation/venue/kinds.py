"""What a role says of its kind of server: `roles/<kind>/meta/raceday.yml`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from automation.settings import content_root


@dataclass(frozen=True)
class Kind:
    """A kind's usual unit, and per verb the names of the checks that every host must report."""

    unit: str = ""
    checks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def role_paths(inventory: Path) -> tuple[Path, ...]:
    """Where roles are looked for: a site's own beside its inventories come first."""
    beside = inventory if inventory.is_dir() else inventory.parent
    site = (beside, beside.parent, beside.parent.parent)
    return (*(folder / "roles" for folder in site), content_root() / "roles")


def read_kind(role: str, inventory: Path) -> Kind:
    """The kind of a role; a role that says nothing has no unit and no checks of its own."""
    files = (path / role / "meta" / "raceday.yml" for path in role_paths(inventory))
    file = next((file for file in files if file.is_file()), None)
    said = yaml.safe_load(file.read_text(encoding="utf-8")) or {} if file else {}
    checks = {verb: tuple(names) for verb, names in said.get("checks", {}).items()}
    return Kind(unit=said.get("unit", ""), checks=checks)
