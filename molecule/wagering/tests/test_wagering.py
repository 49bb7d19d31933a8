"""The engine, after it was started and tested twice, also through the load balancer."""

import json
from collections.abc import Mapping

from conftest import Component, Play
from testinfra.host import Host

TEST_BETS = "select count(*) from wagering.bets where test and state = 'accepted'"
BETS_MADE = (
    "select count(*) from wagering.bets where test and account in ('test-wagering1', 'test-lb1')"
)
REFUSABLE = "select distinct state from wagering.bets where account = 'test-refusal'"
REHEARSED = "select count(*) from wagering.bets where test and account like 'test-rehearsal-lb1-%'"


def sql(component: Component, statement: str) -> str:
    """What the database says to the engine's own account."""
    return component.hosts["wagering1"].check_output(f'psql service=demo -XAtc "{statement}"')


def test_it_answers_and_its_tests_really_bet(component: Component) -> None:
    """Bets were placed on the engine and through the load balancer, and none is left."""
    health = component.hosts["wagering1"].check_output("curl -s http://127.0.0.1:8081/health")
    assert json.loads(health) == {"status": "ok"}
    assert int(sql(component, BETS_MADE)) >= 4
    assert sql(component, TEST_BETS) == "0"


def test_a_rehearsal_really_bets(component: Component) -> None:
    """Ten bets in a second, through the load balancer while sales are closed; none is left."""
    assert int(sql(component, REHEARSED)) >= 10
    assert sql(component, f"{REHEARSED} and state = 'accepted'") == "0"


def test_pools_that_differ_from_the_bets_fail_the_test(
    hosts: Mapping[str, Host], play: Play
) -> None:
    """A total without its bet is noticed, and named."""
    insert = "insert into wagering.pools values ('1', 'win', 1, 100)"
    as_postgres = 'runuser -u postgres -- psql -d demo -XAtc "{}"'
    hosts["db1"].check_output(as_postgres.format(insert))
    test = play("test")
    hosts["db1"].check_output(as_postgres.format("delete from wagering.pools where race = '1'"))
    assert not test.passed, test.output
    assert "pool totals differ from the sum of its bets in the database" in test.said


def test_customers_that_get_in_are_noticed(
    hosts: Mapping[str, Host], component: Component, play: Play
) -> None:
    """Where sales should be closed and are not, the refusal fails, and takes its bet back."""
    set_state = "echo 'set server wagering/wagering1 state {}' | socat - /run/haproxy/admin.sock"
    hosts["wagering1"].check_output("curl -s http://127.0.0.1:8081/accounts/test-refusal")
    hosts["lb1"].check_output(set_state.format("ready"))
    refusal = play("refusal", raceday_hosts=["lb1"])
    hosts["lb1"].check_output(set_state.format("maint"))
    assert not refusal.passed, refusal.output
    assert "A bet was not refused although sales are closed" in refusal.said
    assert sql(component, REFUSABLE) == "cancelled"
