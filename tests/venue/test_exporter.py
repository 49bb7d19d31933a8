"""`raceday exporter` on the demo: what its own probe finds, and what it leaves alone."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.venue.command import Raceday
from tests.venue.hands import Venue, wait_until

pytestmark = pytest.mark.long

STATE = "raceday_component_state"
type Figures = dict[str, list[tuple[dict[str, str], float]]]


@contextmanager
def exporter(raceday: Raceday) -> Iterator[str]:
    """Its address, as it says it itself; it ends in order when it is told to."""
    started = raceday.begin("exporter", "--port", "0", "--probe-every", "5")
    stderr = started.process.stderr
    assert stderr
    try:
        yield stderr.readline().strip()
    finally:
        started.signal(signal.SIGTERM)
        _, said = started.process.communicate(timeout=30)
    assert (started.process.returncode, said) == (0, "")


def scrape(address: str) -> Figures:
    """The samples of each family, with their labels."""
    with urlopen(address, timeout=5) as answer:  # noqa: S310  # http, as it says itself
        families = text_string_to_metric_families(answer.read().decode())
    return {item.name: [(one.labels, one.value) for one in item.samples] for item in families}


def states(address: str) -> dict[str, str]:
    """The one state of each component."""
    held = [labels for labels, value in scrape(address)[STATE] if value == 1]
    found = {labels["component"]: labels["state"] for labels in held}
    assert len(found) == len(held)
    return found


def test_its_own_probe_sees_a_unit_that_was_stopped_and_is_back(
    selling: Venue, raceday: Raceday
) -> None:
    """As `raceday status` sees it; nothing is touched, and the venue is nobody's meanwhile."""
    before, well = selling.units(), raceday("status").components
    assert well["ticketing"] == "ready"
    with exporter(raceday) as address:
        wait_until(lambda: states(address) == well, "all is as it was found", 60)
        figures = scrape(address)
        assert figures["raceday_lock_held"] == [({"venue": "demo"}, 0.0)]
        assert len(figures["raceday_gates_probed_timestamp_seconds"]) == 1
        assert selling.units() == before

        selling.systemctl("ticketing2", "stop")
        try:
            wait_until(lambda: states(address)["ticketing"] == "failed", "it is missed", 60)
            assert states(address) == {**well, "ticketing": "failed"}
            assert raceday("status").components == states(address)
        finally:
            selling.systemctl("ticketing2", "start")
        selling.wait_healthy("ticketing2")
        wait_until(lambda: states(address) == well, "it is back", 60)
    assert not list(raceday.reports.glob("*/2*")), "a run was begun"
