"""What the live view says of components that a procedure starts nothing of."""

from dataclasses import replace
from pathlib import Path

import pytest

from automation.execute.simulator import World
from automation.procedures.recover import left_behind, plan_recover
from automation.procedures.restart import plan_restart
from automation.procedures.test import plan_test
from automation.run.state import State
from automation.venue.site import Venue
from automation.views.i18n import Translator
from automation.views.live import render
from tests.unit.procedures.desk import Desk
from tests.unit.procedures.test_restart import HEAD, SELLING, SERVERS, VENUE
from tests.unit.venue.sites import site
from tests.unit.views.test_live import printed

SHUT = World(up=1.0, servers=SERVERS)


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    """Two hosts behind a load balancer of one."""
    return site(tmp_path, VENUE, HEAD)


def rows(desk: Desk, state: State) -> dict[str, str]:
    """Of each component its symbol, its state and the fraction of its hosts."""
    lines = printed(render(state, desk.clock.now, Translator())).splitlines()[1:]
    words = [line.split() for line in lines if line.strip()]
    return {word[2]: " ".join((*word[:2], word[3])) for word in words}


@pytest.mark.parametrize(
    ("until", "told"),
    [
        ("wagering.test", {"wagering": "▸ running 0/2", "ticketing": "✓ checked 1/1"}),
        ("wagering.through", {"wagering": "▸ running 2/2", "ticketing": "✓ checked 1/1"}),
        ("", {"wagering": "✓ checked 2/2", "ticketing": "✓ checked 1/1"}),
    ],
)
def test_a_test_makes_nothing_ready(
    tmp_path: Path, venue: Venue, until: str, told: dict[str, str]
) -> None:
    """It is checked, host by host, and so is the load balancer that was asked."""
    desk = Desk(tmp_path / "runs", SHUT)
    assert rows(desk, desk.run(plan_test(venue, ["wagering"]), until=until)) == told


def test_only_the_hosts_that_are_tested_count(tmp_path: Path, venue: Venue) -> None:
    """With --limit the others are none of it."""
    desk = Desk(tmp_path / "runs", SHUT)
    state = desk.run(plan_test(venue, ["wagering"], ["w1"]))
    assert rows(desk, state)["wagering"] == "✓ checked 1/1"


def test_a_recovery_does_not_doubt_whom_it_only_asks(tmp_path: Path, venue: Venue) -> None:
    """The load balancer is not unknown: it has answered."""
    desk = Desk(tmp_path / "runs", SELLING)
    plan = replace(plan_restart(venue, {"wagering": ("w1",)}), break_glass=True, reason="leak")
    desk.run(plan, until="wagering.undrain.1")
    state = desk.run(plan_recover(venue, left_behind(desk.reports)))
    assert rows(desk, state)["ticketing"] == "✓ checked 1/1"
