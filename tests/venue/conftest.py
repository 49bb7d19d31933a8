"""The running demo, its inventory and the real command. Needs `python -m demo up`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.venue.command import Raceday
from tests.venue.hands import HEALTH, SERVERS, SSH_CONFIG, UNITS, Venue, on_all
from tests.venue.sites import copy_venue, demo_inventory, hasty

SHORT = "0.2"  # seconds of warm-up where it is not what a test is about


@pytest.fixture(scope="session")
def hands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venue]:
    """Hands on the demo's hosts, which are closed in the end."""
    assert SSH_CONFIG.exists(), "the demo is not up: python -m demo up"
    hands = Venue(tmp_path_factory.mktemp("ssh"))
    try:
        yield hands
    finally:
        hands.put_closed()


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


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Raceday]:
    """The command on the demo, with reports that all tests share which find the venue open."""
    site = copy_venue(tmp_path_factory.mktemp("desk"), hasty)
    command = Raceday(tmp_path_factory.mktemp("reports"), site)
    yield command
    command.end()


@pytest.fixture
def selling(hands: Venue, quick: None, desk: Raceday) -> Venue:
    """The demo open to customers, and left as it is: a test after it opens it when it has to."""
    if hands.active() != set(UNITS) or hands.in_rotation() != set(SERVERS):
        hands.put_closed()
        morning = desk("morning", "--yes")
        assert (morning.code, morning.verdict) == (0, "GO"), str(morning)
    return hands


@pytest.fixture
def resting(hands: Venue, quick: None, desk: Raceday) -> Iterator[Venue]:
    """Everything up and sales closed, with no test item anywhere, before a test and after it."""
    if hands.active() != set(UNITS):
        hands.put_closed()
        morning = desk("morning", "--yes")
        assert (morning.code, morning.verdict) == (0, "GO"), str(morning)
    hands.close_sales()
    hands.cancel_tests()
    yield hands
    hands.close_sales()
    assert not hands.has_test_items()
