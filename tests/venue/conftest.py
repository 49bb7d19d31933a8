"""The running demo, its inventory and the real command. Needs `python -m demo up`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.venue.command import Raceday
from tests.venue.hands import HEALTH, SERVERS, SSH_CONFIG, UNITS, Venue, on_all
from tests.venue.sites import demo_inventory

SHORT = "0.2"  # seconds of warm-up where it is not what a test is about


@pytest.fixture(scope="session")
def hands(tmp_path_factory: pytest.TempPathFactory) -> Venue:
    """Hands on the demo's hosts."""
    assert SSH_CONFIG.exists(), "the demo is not up: python -m demo up"
    return Venue(tmp_path_factory.mktemp("ssh"))


@pytest.fixture(scope="module")
def quick(hands: Venue) -> Iterator[None]:
    """Servers that warm up in no time; as it was afterwards."""
    before = hands.warm_up(on_all(HEALTH, SHORT))
    try:
        yield
    finally:
        hands.warm_up(before)


@pytest.fixture
def venue(hands: Venue, quick: None) -> Iterator[Venue]:
    """The demo closed as the night leaves it, before a test and after it."""
    hands.put_closed()
    try:
        yield hands
    finally:
        hands.put_closed()


@pytest.fixture
def raceday(tmp_path: Path) -> Iterator[Raceday]:
    """The command on the demo, with reports of its own."""
    command = Raceday(tmp_path / "reports", demo_inventory())
    yield command
    command.end()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Raceday]:
    """The command on the demo; all tests of a module share its reports."""
    command = Raceday(tmp_path_factory.mktemp("reports"), demo_inventory())
    yield command
    command.end()


@pytest.fixture(scope="module")
def opened(hands: Venue, quick: None, desk: Raceday) -> Iterator[Venue]:
    """The demo, opened by one morning for all tests of a module; closed afterwards."""
    hands.put_closed()
    try:
        morning = desk("morning", "--yes")
        assert morning.code == 0, str(morning)
        yield hands
    finally:
        hands.put_closed()


@pytest.fixture
def selling(opened: Venue) -> Iterator[Venue]:
    """The open demo, mended and opened again after a test that left it otherwise."""
    try:
        yield opened
    finally:
        if opened.active() != set(UNITS) or opened.in_rotation() != set(SERVERS):
            opened.mend()
