"""For all tests: the plugins as Ansible itself finds them, in the collection raceday.core."""

import os
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

settings.register_profile("raceday", deadline=None)  # a busy machine is no failure
settings.load_profile("raceday")

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def plugin() -> Callable[[str], ModuleType]:
    """Import a plugin by its place, for instance `action.preflight`."""
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(ROOT / "collections")
    init_loader = import_module("ansible.plugins.loader").init_plugin_loader
    with suppress(ValueError):  # it was already done in this process
        init_loader([str(ROOT / "collections")])
    return lambda place: import_module(f"ansible_collections.raceday.core.plugins.{place}")
