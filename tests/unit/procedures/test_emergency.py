"""The emergency: everything at once, also when a load balancer cannot be closed."""

from dataclasses import replace
from pathlib import Path

import pytest

from automation.execute.simulator import MORNING, Fault, Faults, World
from automation.procedures.recover import left_behind, plan_recover
from automation.procedures.restart import plan_emergency
from automation.procedures.resume import plan_resume
from automation.procedures.steps import gate_step
from automation.run.plan import Plan
from automation.run.verdict import warnings
from automation.venue.site import Venue
from automation.views.causes import causes
from tests.unit.procedures.desk import Desk
from tests.unit.procedures.test_restart import HEAD, SELLING, SERVERS, VENUE
from tests.unit.venue.sites import site

DEAD: Faults = {(name, "t2"): Fault.UNREACHABLE for name in ("ticketing.look", "ticketing.close")}
BOTH = set(SERVERS["ticketing"])


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    """Two hosts behind a pair of load balancers."""
    found = site(tmp_path, VENUE, HEAD)
    pair = replace(found.components["ticketing"], hosts=("t1", "t2"))
    return replace(found, components={**found.components, "ticketing": pair})


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """While customers buy."""
    return Desk(tmp_path / "runs", SELLING)


def struck(venue: Venue, *names: str, broken: bool = True) -> Plan:
    """These components at once, with the glass broken or not."""
    return replace(plan_emergency(venue, names), break_glass=broken, reason="both hang")


def sends(desk: Desk, host: str) -> set[str]:
    """Whom a load balancer sends customers to."""
    return desk.simulator.truth.rotation["ticketing", host]


def test_sales_close_and_open_again(desk: Desk, venue: Venue) -> None:
    """At both, without breaking any glass."""
    state = desk.run(struck(venue, "wagering", broken=False))
    assert state.result_state == "SUCCESS"
    assert sends(desk, "t1") == sends(desk, "t2") == BOTH


def test_a_dead_load_balancer_does_not_keep_the_other_one_closed(desk: Desk, venue: Venue) -> None:
    """It goes on for whoever broke the glass; the dead one is named, and that is no success."""
    state = desk.run(struck(venue, "wagering"), DEAD)
    begun = desk.simulator.truth.begun
    assert begun["wagering.kill"] == begun["wagering.start"] == ("w1", "w2")
    assert begun["ticketing.open"] == ("t1",)
    assert sends(desk, "t1") == BOTH
    assert [(item.step, item.hosts) for item in causes(state)] == [("ticketing.close", ("t2",))]
    assert state.result_state == "ERRORS"
    assert not left_behind(desk.reports)


def test_without_breaking_the_glass_nothing_is_ended(desk: Desk, venue: Venue) -> None:
    """Nobody knows whether customers still buy there; what to do about it is said."""
    state = desk.run(struck(venue, "wagering", broken=False), DEAD)
    assert "wagering.kill" not in desk.simulator.truth.begun
    assert str(causes(state)[0].problem.next).endswith("Or go on all the same: --break-glass")


@pytest.mark.parametrize("fault", [Fault.FAILS, Fault.UNREACHABLE])
def test_a_load_balancer_that_hangs_itself_is_ended(desk: Desk, venue: Venue, fault: Fault) -> None:
    """It cannot be closed, which is why it is to be ended; what it sold before it sells again."""
    plan = struck(venue, "ticketing")
    desk.run(plan, {("ticketing.close", "t1"): fault})
    assert desk.simulator.truth.begun["ticketing.kill"] == ("t1", "t2")
    assert sends(desk, "t1") == sends(desk, "t2") == BOTH


def test_who_was_left_out_when_sales_opened_again_is_put_back(desk: Desk, venue: Venue) -> None:
    """It did not come up again: the ledger tells, and a recovery brings it back to customers."""
    desk.run(struck(venue, "wagering"), {("wagering.start", "w2"): Fault.FAILS})
    assert sends(desk, "t1") == {"to_wagering/w1"}
    left = left_behind(desk.reports)
    assert left.left_out == {"t1": ("to_wagering/w2",), "t2": ("to_wagering/w2",)}
    recovered = desk.run(plan_recover(venue, left))
    assert recovered.result_state == "SUCCESS"
    assert sends(desk, "t1") == sends(desk, "t2") == BOTH
    assert not left_behind(desk.reports)


def test_it_takes_the_primary_along(tmp_path: Path) -> None:
    """All its hosts hang; nobody is asked who leads."""
    database = site(tmp_path, "  pg: {role: postgresql, hosts: wagering}\n", HEAD)
    leading = World(up=1.0, leading=frozenset({("pg", "w1")}))
    desk = Desk(tmp_path / "runs", leading)
    state = desk.run(plan_emergency(database, ("pg",)))
    assert (state.result_state, desk.simulator.truth.led) == ("SUCCESS", {("pg.kill", "w1")})


def test_nothing_is_opened_that_fails_its_test(desk: Desk, venue: Venue) -> None:
    """Sales stay closed where they were closed."""
    desk.run(struck(venue, "wagering"), {**DEAD, ("wagering.test", "w1"): Fault.FAILS})
    assert "wagering.test" in desk.simulator.truth.begun
    assert sends(desk, "t1") == set()


def one(venue: Venue) -> Venue:
    """The same with a load balancer of one host."""
    alone = replace(venue.components["ticketing"], hosts=("t1",))
    return replace(venue, components={**venue.components, "ticketing": alone})


def test_who_did_not_say_whom_it_sent_customers_to_is_not_taken_for_idle(
    desk: Desk, venue: Venue
) -> None:
    """Sales stay closed, and that is no success: what it said after its closing proves nothing."""
    steps = ("ticketing.look", "ticketing.close")
    mute: Faults = {(step, "t1"): Fault.MUTE for step in steps}
    state = desk.run(struck(one(venue), "wagering"), mute)
    assert sends(desk, "t1") == set()
    reason = "it is not known which servers customers are sent to"
    assert str(state.steps["ticketing.open"].reason) == reason
    assert state.result_state == "ERRORS"
    assert left_behind(desk.reports).closed == ("ticketing",)


def test_how_the_closing_itself_found_the_servers_is_enough(desk: Desk, venue: Venue) -> None:
    """The look before it said nothing; what was ready when it was taken out is opened again."""
    mute: Faults = {("ticketing.look", "t1"): Fault.MUTE}
    desk.run(struck(one(venue), "wagering"), mute)
    assert sends(desk, "t1") == BOTH


def test_a_hung_load_balancer_stays_closed_and_that_is_known(tmp_path: Path, venue: Venue) -> None:
    """It came up closed, and nobody knows what it sold before; the other one sells again."""
    desk = Desk(tmp_path / "runs", replace(SELLING, hung=frozenset({("ticketing", "t2")})))
    state = desk.run(struck(venue, "ticketing"))
    assert (sends(desk, "t1"), sends(desk, "t2")) == (BOTH, set())
    assert state.steps["ticketing.open"].status == "degraded"
    assert left_behind(desk.reports).closed == ("ticketing",)


def test_what_nobody_knew_before_it_was_killed_is_not_known_after(
    tmp_path: Path, venue: Venue
) -> None:
    """A hung load balancer that was started again sends nobody: that is our doing, and no news."""
    alone = one(venue)
    desk = Desk(tmp_path / "runs", replace(SELLING, hung=frozenset({("ticketing", "t1")})))
    dead = desk.run(struck(alone, "ticketing"))
    assert dead.steps["ticketing.open"].status == "skipped"
    state = desk.run(plan_resume(alone, dead, desk.clock.now, accept_changes=False), of=dead)
    assert str(state.steps["ticketing.open"].reason).startswith("it is not known")
    assert state.result_state == "ERRORS"


HANGS: Faults = {("wagering.look", host): Fault.FAILS for host in ("w1", "w2")}


@pytest.mark.parametrize(
    ("faults", "interrupted_by"),
    [
        ({("ticketing.close", "t2"): Fault.UNREACHABLE}, "nothing"),
        ({("ticketing.open", "t1"): Fault.BAD_CHECK}, "ticketing.close"),  # it sees both down
        ({}, "ticketing.close"),
    ],
)
def test_what_only_closed_opens_as_it_was(
    desk: Desk, venue: Venue, faults: Faults, interrupted_by: str
) -> None:
    """Nothing was ended: who hangs hung before, and nobody who sold loses customers by it."""
    plan = struck(venue, "wagering", broken=False)
    state = desk.run(plan, {**HANGS, **faults}, interrupted_by=interrupted_by)
    assert "wagering.kill" not in desk.simulator.truth.begun
    assert sends(desk, "t1") == sends(desk, "t2") == BOTH
    assert state.steps["ticketing.open"].targets == ("t1", "t2")
    told = [str(finding.problem.what) for finding in warnings(state)]
    assert told == ["ticketing sends customers on as before"]
    assert not left_behind(desk.reports)


def test_what_was_ended_and_not_proven_stays_out(desk: Desk, venue: Venue) -> None:
    """An interruption after the end of all of them waits for their start and their test."""
    fails: Faults = {("wagering.start", host): Fault.FAILS for host in ("w1", "w2")}
    desk.run(struck(venue, "wagering"), {**HANGS, **fails}, interrupted_by="wagering.kill")
    assert sends(desk, "t1") == sends(desk, "t2") == set()


def test_who_was_left_out_by_an_opening_with_a_bad_check_is_put_back(
    desk: Desk, venue: Venue
) -> None:
    """The opening failed and is open all the same: whom it left out is not forgotten for that."""
    faults = {
        ("wagering.start", "w2"): Fault.FAILS,
        ("ticketing.open", "t1"): Fault.BAD_CHECK,
    }
    plan = struck(venue, "wagering")
    opening = replace(plan.steps["ticketing.open"], checks=("customers are let in",))
    desk.run(replace(plan, steps={**plan.steps, opening.id: opening}), faults)
    left = left_behind(desk.reports)
    assert left.left_out == {"t1": ("to_wagering/w2",), "t2": ("to_wagering/w2",)}
    assert (left.half_open, left.closed) == ((), ())
    assert desk.run(plan_recover(venue, left)).result_state == "SUCCESS"
    assert sends(desk, "t1") == sends(desk, "t2") == BOTH


def test_one_that_died_once_sales_were_open_again_is_done_when_it_is_resumed(
    desk: Desk, venue: Venue
) -> None:
    """Its tests still stand, also those that went through the load balancer."""
    plan = struck(venue, "wagering", broken=False)
    assert "wagering.through" in plan.steps
    last = gate_step(venue.components["wagering"], ("ticketing.open",))
    died = desk.run(replace(plan, steps={**plan.steps, last.id: last}), until="wagering.gate")
    state = desk.run(plan_resume(venue, died, MORNING, accept_changes=False), of=died)
    assert state.result_state == "SUCCESS"
    assert sends(desk, "t1") == sends(desk, "t2") == BOTH
