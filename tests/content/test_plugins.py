"""What holds for every plugin: a manual that ansible-doc renders, and that says what is true."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
KINDS = {"modules": "module", "filter": "filter", "lookup": "lookup"}
PLUGINS = sorted(
    (kind, path.stem) for kind in KINDS for path in (ROOT / "plugins" / kind).glob("*.py")
)
ACTIONS = sorted(path.stem for path in (ROOT / "plugins" / "action").glob("*.py"))

type Manuals = Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="module")
def manuals() -> Manuals:
    """What ansible-doc says of the whole collection, asked once; every text of it is rendered."""
    said = subprocess.run(
        [Path(sys.executable).with_name("ansible-doc"), "--metadata-dump", "raceday.core"],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections")},
        capture_output=True,
        text=True,
        check=True,
    )
    found: Manuals = json.loads(said.stdout)["all"]
    return found


@pytest.mark.parametrize(("kind", "name"), PLUGINS)
def test_every_plugin_has_a_manual(manuals: Manuals, kind: str, name: str) -> None:
    """What it does, what it takes, how it is used, what it gives back."""
    manual = manuals[KINDS[kind]][f"raceday.core.{name}"]
    assert manual["doc"]["short_description"]
    assert manual["examples"].strip()
    assert manual["return"]
    assert all(option["description"] for option in manual["doc"]["options"].values())


def test_every_action_has_its_module(manuals: Manuals) -> None:
    """The manual of an action plugin stands in the module of its name, and there is no other."""
    assert set(manuals["module"]) == {f"raceday.core.{name}" for name in ACTIONS}


@pytest.mark.parametrize("name", ACTIONS)
def test_the_manual_has_the_options_that_are_checked(
    manuals: Manuals, plugin: Callable[[str], ModuleType], name: str
) -> None:
    """Each with the same type, whether it is required, and its choices."""
    options = manuals["module"][f"raceday.core.{name}"]["doc"]["options"]
    checked = plugin(f"action.{name}").ARGUMENTS
    assert {key: shape(item) for key, item in checked.items()} == {
        key: shape(item) for key, item in options.items()
    }


def shape(option: Mapping[str, Any]) -> tuple[Any, ...]:
    """What an option takes."""
    inner = option.get("options") or option.get("suboptions") or {}
    return (
        option.get("type", "str"),
        option.get("elements"),
        bool(option.get("required")),
        option.get("choices"),
        {key: shape(item) for key, item in inner.items()},
    )
