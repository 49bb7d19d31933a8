"""The gateway, after it was started and tested twice, also through the load balancer."""

import json
from collections.abc import Mapping

from conftest import Play
from testinfra.host import Host

MADE = "select count(*) from kiosk.sales where machine in ('test-kiosk-kiosk1', 'test-kiosk-lb1')"
REHEARSED = "select count(*) from kiosk.sales where test and machine like 'test-rehearsal-lb1-%'"
LIVE = "select count(*) from kiosk.sales where test and state not in ('cancelled', 'failed')"
REFUSABLE = "select distinct state from kiosk.sales where machine = 'test-refusal'"
LEAVE_ONE = """
insert into kiosk.sales (machine, race, selection, amount, test)
values ('test-molecule', 'test-molecule', 1, 100, true)
"""
REMOVE_IT = "delete from kiosk.sales where machine = 'test-molecule'"
HEARTBEAT = '{"op": "heartbeat", "machine": "K1"}'


def sql(hosts: Mapping[str, Host], statement: str) -> str:
    """What the database says to its superuser."""
    command = f'cd / && runuser -u postgres -- psql -d demo -XAtqc "{statement}"'
    return hosts["db1"].check_output(command)


def test_it_answers_and_its_tests_really_sell(hosts: Mapping[str, Host]) -> None:
    """Sales went to the gateway and through the load balancer, and none is left."""
    ask = f"echo '{HEARTBEAT}' | socat -t5 - TCP:127.0.0.1:9000"
    assert json.loads(hosts["kiosk1"].check_output(ask)) == {"ok": True, "status": "ok"}
    assert int(sql(hosts, MADE)) >= 4
    assert sql(hosts, LIVE) == "0"


def test_a_rehearsal_really_sells(hosts: Mapping[str, Host]) -> None:
    """Ten sales in a second, through the load balancer while sales are closed; none is left."""
    assert int(sql(hosts, REHEARSED)) >= 10
    assert sql(hosts, f"{REHEARSED} and state not in ('cancelled', 'failed')") == "0"


def test_a_test_sale_that_is_left_is_noticed(hosts: Mapping[str, Host], play: Play) -> None:
    """The evening looks for what a test has left, and says how many."""
    sql(hosts, LEAVE_ONE)
    settled = play("settled")
    sql(hosts, REMOVE_IT)
    assert not settled.passed, settled.output
    assert "Test sales that were never cancelled" in settled.said


def test_machines_that_get_in_are_noticed(hosts: Mapping[str, Host], play: Play) -> None:
    """Where sales should be closed and are not, the refusal fails, and takes its sale back."""
    set_state = "echo 'set server kiosk_gateway/kiosk1 state {}' | socat - /run/haproxy/admin.sock"
    hosts["lb1"].check_output(set_state.format("ready"))
    refusal = play("refusal", raceday_hosts=["lb1"])
    hosts["lb1"].check_output(set_state.format("maint"))
    assert not refusal.passed, refusal.output
    assert "A sale was not refused although sales are closed" in refusal.said
    assert sql(hosts, REFUSABLE) == "cancelled"
