"""The ticketing service, after it was started and tested twice, also through the load balancer."""

import json
from collections.abc import Mapping

from conftest import Play
from testinfra.host import Host

MADE = "select count(*) from ticketing.tickets where card in ('test-ticketing1', 'test-lb1')"
REFUSABLE = "select distinct state from ticketing.tickets where card = 'test-refusal'"
REHEARSED = "select count(*) from ticketing.tickets where test and card like 'test-rehearsal-lb1-%'"
LIVE = "select count(*) from ticketing.tickets where test and state <> 'void'"
LEAVE_ONE = """
insert into ticketing.cards values ('test-molecule', 1000, true) on conflict do nothing;
insert into ticketing.tickets (code, card, race, test)
values ('molecule', 'test-molecule', 'test-molecule', true);
"""
REMOVE_IT = "delete from ticketing.tickets where code = 'molecule'"
WITHDRAW = "update ticketing.runners set withdrawn = {} where race = '1' and runner = 1"


def sql(hosts: Mapping[str, Host], statement: str) -> str:
    """What the database says to its superuser."""
    command = f'cd / && runuser -u postgres -- psql -d demo -XAtqc "{statement}"'
    return hosts["db1"].check_output(command)


def test_it_answers_and_its_tests_really_sell(hosts: Mapping[str, Host]) -> None:
    """Tickets were issued by the service and through the load balancer, and none is left."""
    health = hosts["ticketing1"].check_output("curl -s http://127.0.0.1:8082/health")
    assert json.loads(health) == {"status": "ok"}
    assert int(sql(hosts, MADE)) >= 4
    assert sql(hosts, LIVE) == "0"


def test_a_rehearsal_really_buys(hosts: Mapping[str, Host]) -> None:
    """Ten tickets in a second, through the load balancer while sales are closed; none is left."""
    assert int(sql(hosts, REHEARSED)) >= 10
    assert sql(hosts, f"{REHEARSED} and state <> 'void'") == "0"


def test_a_test_ticket_that_is_left_is_noticed(hosts: Mapping[str, Host], play: Play) -> None:
    """The evening looks for what a test has left, and says how many."""
    sql(hosts, LEAVE_ONE)
    settled = play("settled")
    sql(hosts, REMOVE_IT)
    assert not settled.passed, settled.output
    assert "Test tickets that were never voided" in settled.said


def test_a_race_card_that_differs_fails_the_test(hosts: Mapping[str, Host], play: Play) -> None:
    """A horse that is withdrawn here and runs in the official card is noticed."""
    sql(hosts, WITHDRAW.format("not withdrawn"))
    test = play("test")
    sql(hosts, WITHDRAW.format("not withdrawn"))
    assert not test.passed, test.output
    assert "Race 1, horse 1" in test.said


def test_customers_that_get_in_are_noticed(hosts: Mapping[str, Host], play: Play) -> None:
    """Where sales should be closed and are not, the refusal fails, and voids its ticket."""
    set_state = "echo 'set server ticketing/ticketing1 state {}' | socat - /run/haproxy/admin.sock"
    hosts["ticketing1"].check_output("curl -s http://127.0.0.1:8082/cards/test-refusal")
    hosts["lb1"].check_output(set_state.format("ready"))
    refusal = play("refusal", raceday_hosts=["lb1"])
    hosts["lb1"].check_output(set_state.format("maint"))
    assert not refusal.passed, refusal.output
    assert "A ticket was not refused although sales are closed" in refusal.said
    assert sql(hosts, REFUSABLE) == "void"
