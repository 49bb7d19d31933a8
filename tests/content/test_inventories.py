"""What holds for the inventories we ship: a misspelt key is found, not passed over."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from automation.venue.model import VenueFile
from automation.venue.platforms import VARIABLE as PLATFORM
from automation.venue.unattended import Unattended

ROOT = Path(__file__).parents[2]
INVENTORIES = ("demo", "example")
SCENARIOS = ("*/group_vars/**/*.yml", "*/host_vars/**/*.yml")


def known_to_roles() -> set[str]:
    """Every variable that some role has in its specs."""
    files = (ROOT / "roles").glob("*/meta/argument_specs.yml")
    specs = [yaml.safe_load(file.read_text(encoding="utf-8"))["argument_specs"] for file in files]
    return {name for verbs in specs for verb in verbs.values() for name in verb["options"]}


def variables(folder: Path) -> Iterator[str]:
    """Every variable that an inventory sets, in its files of variables and beside its hosts."""
    for file in [*folder.glob("group_vars/**/*.yml"), *folder.glob("host_vars/**/*.yml")]:
        yield from yaml.safe_load(file.read_text(encoding="utf-8"))
    yield from of_group(yaml.safe_load((folder / "hosts.yml").read_text(encoding="utf-8"))["all"])


def of_group(group: dict[str, Any]) -> Iterator[str]:
    """The variables of a group, of its hosts, and of the groups below it."""
    yield from group.get("vars") or {}
    for host in (group.get("hosts") or {}).values():
        yield from host or {}
    for child in (group.get("children") or {}).values():
        yield from of_group(child)


def test_every_variable_of_a_scenario_is_known() -> None:
    """As in an inventory: what no role knows would be passed over, and the scenario prove less."""
    files = [file for kind in SCENARIOS for file in (ROOT / "molecule").glob(kind)]
    assert files
    known = known_to_roles() | set(VenueFile.model_fields) | {PLATFORM, "ansible_become"}
    told = {file: yaml.safe_load(file.read_text(encoding="utf-8")) for file in files}
    assert {file: set(keys) - known for file, keys in told.items() if set(keys) - known} == {}


@pytest.mark.parametrize("name", INVENTORIES)
def test_every_variable_is_known(name: str) -> None:
    """To a role or what names its unit, to the venue file, Ansible, or the inventory itself."""
    folder = ROOT / "inventories" / name
    text = (folder / "hosts.yml").read_text(encoding="utf-8")
    known = known_to_roles() | set(VenueFile.model_fields) | {PLATFORM}
    unknown = {key for key in variables(folder) if key not in known}
    unknown = {key for key in unknown if not key.startswith("ansible_")}
    assert {key for key in unknown if f"{{{{ {key} }}}}" not in text} == set()


def test_the_example_shows_every_key_of_unattended_work() -> None:
    """Who copies it need not guess how a window, a signal or a calendar is written."""
    file = ROOT / "inventories/example/group_vars/all/venue.yml"
    written = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert set(Unattended.model_fields) - set(written) == set()
