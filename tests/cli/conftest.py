"""What the tests of the command line share."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from automation.venue import load
from automation.venue.inventory import Inventory, read_inventory

INVENTORIES = Path(__file__).parents[2] / "inventories"


@pytest.fixture(scope="session")
def ask_once() -> Callable[[Path], Inventory]:
    """What Ansible says of the inventories in this repository, asked once for all tests."""
    ask = cache(read_inventory)
    return lambda source: ask(source) if INVENTORIES in source.parents else read_inventory(source)


@pytest.fixture(autouse=True)
def remember_inventories(
    ask_once: Callable[[Path], Inventory], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spare each call in this process the half second of a process of Ansible's."""
    monkeypatch.setattr(load, "read_inventory", ask_once)
