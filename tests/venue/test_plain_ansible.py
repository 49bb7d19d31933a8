"""The procedures with ansible-playbook alone: the same roles, the same end, no raceday."""

import json
import subprocess
from collections import Counter

import pytest

from tests.venue.command import ROOT, Raceday
from tests.venue.hands import SERVERS, UNITS, Venue
from tests.venue.plain import ANSIBLE_PLAYBOOK, REASON, WAGERING, failed_checks, play
from tests.venue.sites import demo_inventory

pytestmark = pytest.mark.long

TESTED = """
SELECT 'bet of ' || account FROM wagering.bets WHERE test
UNION ALL SELECT 'ticket of ' || card FROM ticketing.tickets WHERE test
UNION ALL SELECT 'sale at ' || machine FROM kiosk.sales WHERE test
"""
BUYERS = {
    *("bet of test-wagering1", "bet of test-wagering2", "bet of test-lb1"),
    *("ticket of test-ticketing1", "ticket of test-ticketing2", "ticket of test-lb1"),
    *("sale at test-kiosk-kiosk1", "sale at test-kiosk-lb1"),
    *("bet of test-kiosk-test-kiosk-kiosk1", "bet of test-kiosk-test-kiosk-lb1"),
}


def invocations(venue: Venue, component: str) -> set[str]:
    """Which starts of a component's units are running."""
    units = venue.units()
    return {units[host] for host in UNITS if host.startswith(component)}


def test_evening_and_morning_end_where_raceday_ends(selling: Venue, desk: Raceday) -> None:
    """All is down after one and up after the other; twice changes nothing; nothing is left over."""
    opened = desk("status")
    evening = play("evening")
    assert (evening.returncode, selling.active()) == (0, set()), evening.stdout
    assert play("evening").stdout.count("changed=0") == len(UNITS) + 1  # the partner's host, too
    morning = play("morning")
    assert morning.returncode == 0, morning.stdout
    assert selling.active() == set(UNITS)
    assert selling.in_rotation() == set(SERVERS)
    again = desk("status")
    assert again.components == opened.components
    assert again.report["healthy"] is opened.report["healthy"] is True


def paid_in_tests(venue: Venue) -> Counter[str]:
    """How many test items each buyer ever had, cancelled ones too."""
    return Counter(venue.sql(TESTED).splitlines())


def test_the_tests_alone_really_buy_and_leave_nothing(resting: Venue) -> None:
    """At every server and through the load balancer; sales stay closed, and no unit is touched."""
    before, units = paid_in_tests(resting), resting.units()
    test = play("test")
    assert test.returncode == 0, test.stdout
    assert (paid_in_tests(resting) - before).keys() == BUYERS
    assert (resting.units(), resting.in_rotation()) == (units, set())


def test_the_tests_alone_name_the_server_that_does_not_answer(resting: Venue) -> None:
    """The play fails with host, check and reason; what was bought elsewhere is taken back."""
    resting.systemctl("ticketing2", "stop")
    try:
        test = play("test")
    finally:
        resting.systemctl("ticketing2", "start")
        resting.wait_healthy("ticketing2")
    assert test.returncode != 0, test.stdout
    assert failed_checks(test) == {"ticketing2": "no leftover test tickets"}


def test_a_morning_whose_test_fails_opens_nothing(venue: Venue) -> None:
    """Health says 200 and no ticket can be issued: host and check are named, sales stay closed."""
    venue.switch_fault("ticketing1", "broken")
    morning = play("morning")
    assert morning.returncode != 0, morning.stdout
    assert failed_checks(morning) == {"ticketing1": "no leftover test tickets"}
    assert venue.active() == set(UNITS)
    assert not venue.sales_are_open()


def test_a_morning_with_one_sick_server_opens_nothing(venue: Venue) -> None:
    """The tiers after it are not begun, the host and its reason are named, sales stay closed."""
    venue.add_drop_in("wagering1", "[Service]\nType=simple\nExecStart=\nExecStart=/bin/false\n")
    morning = play("morning")
    assert morning.returncode != 0
    assert "wagering.service did not start on wagering1" in morning.stdout
    assert venue.active() <= {"db1", "db2", "cache1", "wagering2"}
    assert not venue.sales_are_open()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (WAGERING, "or say in raceday_reason why it must be now"),
        ((*WAGERING, *REASON, "--limit", "wagering2"), "--limit leaves hosts out"),
        (("-e", "raceday_components=wagring", *REASON), "raceday_components is wagring"),
    ],
)
def test_a_restart_that_makes_no_sense_touches_nothing(
    selling: Venue, words: tuple[str, ...], said: str
) -> None:
    """Sales are open and no reason is given, a part of the venue, a wrong name."""
    before = selling.units()
    restart = play("restart", *words)
    assert restart.returncode != 0
    assert said in restart.stdout
    assert selling.units() == before


def test_a_restart_puts_back_what_was_in_rotation_and_nothing_else(selling: Venue) -> None:
    """Both servers are new; while sales are open both are back, while they are closed none is."""
    before = invocations(selling, "wagering")
    restart = play("restart", *WAGERING, *REASON)
    assert restart.returncode == 0, restart.stdout
    between = invocations(selling, "wagering")
    assert not between & before
    assert selling.in_rotation() == set(SERVERS)
    selling.close_sales()
    restart = play("restart", *WAGERING)
    assert restart.returncode == 0, restart.stdout
    assert not invocations(selling, "wagering") & between
    assert selling.in_rotation() == set()


def test_the_primary_is_left_out_of_a_restart(selling: Venue) -> None:
    """A standby is restarted; what customers write to is not, unless that was asked for."""
    before = selling.units()
    assert play("restart", "-e", "raceday_components=database", *REASON).returncode == 0
    after = selling.units()
    assert [host for host in UNITS if after[host] != before[host]] == ["db2"]


@pytest.mark.parametrize("procedure", ["morning", "evening", "test"])
def test_check_mode_changes_nothing_on_a_closed_venue(venue: Venue, procedure: str) -> None:
    """It goes to its end and says what it would start."""
    result = play(procedure, "--check")
    assert result.returncode == 0, result.stdout
    assert venue.active() == set()


@pytest.mark.parametrize("words", [("evening",), ("restart", *WAGERING, *REASON)])
def test_check_mode_changes_nothing_on_an_open_venue(
    selling: Venue, words: tuple[str, ...]
) -> None:
    """It goes to its end, and every unit and every server is as before."""
    before = selling.units()
    result = play(*words, "--check")
    assert result.returncode == 0, result.stdout
    assert (selling.units(), selling.in_rotation()) == (before, set(SERVERS))


WAGERING_HOSTS: dict[str, object] = {"component": "wagering", "raceday_role": "wagering"}
RATE = {"rate": 5, "seconds": 1}
FROM_LB = {**WAGERING_HOSTS, "raceday_hosts": ["lb1"], "raceday_options": RATE}
FLOW = {"channels": {"wagering": "bet"}, "servers": ["wagering1", "wagering2"]}
STEPS: tuple[tuple[dict[str, object], tuple[str, ...]], ...] = (
    ({}, ("preflight", "clocks", "probe", "hold")),
    (WAGERING_HOSTS, ("start", "stop", "kill", "test", "settled")),
    (FROM_LB, ("drain", "undrain", "through", "refusal", "rehearse", "tidy")),
    ({**FROM_LB, "raceday_options": FLOW}, ("flow",)),
    ({"component": "load_balancer"}, ("close",)),
)


def test_every_step_has_a_check_mode() -> None:
    """None is forgotten below."""
    steps = {path.stem for path in (ROOT / "playbooks" / "steps").glob("*.yml")}
    assert {step for _, played in STEPS for step in played} == steps


@pytest.mark.parametrize(("given", "steps"), STEPS, ids=[steps[0] for _, steps in STEPS])
def test_check_mode_of_a_step_changes_nothing(
    selling: Venue, given: dict[str, object], steps: tuple[str, ...]
) -> None:
    """Called by hand while customers buy, each goes to its end; units and rotation stay."""
    before = selling.units()
    files = [f"playbooks/steps/{step}.yml" for step in steps]
    result = subprocess.run(
        [ANSIBLE_PLAYBOOK, "-i", demo_inventory(), "--check", "-e", json.dumps(given), *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert (selling.units(), selling.in_rotation()) == (before, set(SERVERS))
