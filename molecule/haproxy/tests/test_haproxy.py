"""HAProxy with two engines behind it: in rotation, drained while a customer is at it, closed."""

import csv
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from conftest import Play, Played, facts, wait_until
from testinfra.host import Host

CONFIGURATION = "/etc/haproxy/haproxy.cfg"
FACTS = ("sales", "rotation", "serving")
SERVERS = {"wagering/wagering1", "wagering/wagering2"}
WAGERING2 = {"component": "wagering", "raceday_hosts": ["lb1"], "raceday_servers": ["wagering2"]}
REHEARSAL = {
    "component": "wagering",
    "raceday_role": "wagering",
    "raceday_hosts": ["lb1"],
    "raceday_options": {"rate": 20, "seconds": 60, "judge_latency": False},
}
FLOW = {
    "component": "wagering",
    "raceday_hosts": ["lb1"],
    "raceday_options": {"channels": {"wagering": "bet"}, "servers": ["wagering1", "wagering2"]},
}

# A customer in the middle of a bet: the rest of it is sent when the file is there.
SLOW_CUSTOMER = """
import json, pathlib, socket, time
bet = {"account": "test-slow", "race": "test-slow", "pool": "win", "selection": 1, "amount": 100}
body = json.dumps({**bet, "test": True}).encode()
head = f"POST /bets HTTP/1.0\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n".encode()
go_on = pathlib.Path("/run/customer-goes-on")
with socket.create_connection(("127.0.0.1", 18102)) as bank:
    bank.sendall(head + body[:9])
    while not go_on.exists():
        time.sleep(0.05)
    bank.sendall(body[9:])
    print(bank.recv(4096).decode())
"""


@pytest.fixture
def lb(hosts: Mapping[str, Host]) -> Host:
    """The load balancer's host."""
    return hosts["lb1"]


@pytest.fixture
def opened(lb: Host, play: Play) -> Played:
    """Both engines in rotation."""
    return play("undrain")


@pytest.fixture
def customer(lb: Host) -> Iterator[Future[Any]]:
    """A customer who has begun a bet at wagering2 and goes on when told."""
    lb.check_output("curl -s http://127.0.0.1:18102/accounts/test-slow")
    with ThreadPoolExecutor() as pool:
        future = pool.submit(lb.run, f"python3 -c '{SLOW_CUSTOMER}'")
        try:
            wait_until(
                lambda: shown(lb)["wagering/wagering2"]["scur"] == "1", "a customer is there"
            )
            yield future
        finally:
            lb.run("touch /run/customer-goes-on")
    lb.run("rm -f /run/customer-goes-on")


@pytest.fixture
def rehearsal(lb: Host, play: Play) -> Iterator[None]:
    """Purchases through the way in for rehearsals, which are taken back in the end."""
    with ThreadPoolExecutor() as pool:
        load = pool.submit(play, "rehearse", **REHEARSAL)
        try:
            socket = "/run/raceday/wagering.sock"
            wait_until(lambda: lb.run(f"test -e {socket}").rc == 0, "purchases are made")
            yield
        finally:
            tidied = play("tidy", **REHEARSAL)
    assert load.result().passed, load.result().output
    assert tidied.passed, tidied.output


@pytest.mark.parametrize("word", ["disabled", "enabled"])
def test_a_start_lets_nobody_in(lb: Host, opened: Played, play: Play, word: str) -> None:
    """Whatever its configuration says of its servers; who was in rotation before is out."""
    assert ask(lb) == "200"
    lb.check_output(f"cp -p {CONFIGURATION} {CONFIGURATION}.kept")
    try:
        stopped = play("stop")
        lb.check_output(f"sed -i '/default-server/s/ disabled$/ {word}/' {CONFIGURATION}")
        started = play("start")
    finally:
        lb.check_output(f"mv {CONFIGURATION}.kept {CONFIGURATION}")
    assert (stopped.passed, started.passed) == (True, True), started.output
    assert {shown(lb)[server]["status"] for server in SERVERS} == {"MAINT"}
    assert ask(lb) == "503"


def test_undrain_lets_customers_in(lb: Host, play: Play) -> None:
    """Every server is seen up before it is called open; a second time changes nothing."""
    play("close")
    first, second = play("undrain"), play("undrain")
    assert (first.passed, first.changed) == (True, {"lb1"}), first.output
    assert (second.passed, second.changed) == (True, set()), second.output
    assert {shown(lb)[server]["status"] for server in SERVERS} == {"UP"}
    assert ask(lb) == "200"
    told = facts(lb, "load_balancer")
    assert told["sales"] == "open"
    assert set(told["rotation"].split()) == set(told["serving"].split()) == SERVERS


def test_undrain_leaves_out_who_was_not_found_ready(lb: Host, play: Play) -> None:
    """No customer is sent to it, though HAProxy could reach it; the others are let in."""
    opened = play("close", "undrain", raceday_unready=["wagering2"])
    assert opened.passed, opened.output
    shows = shown(lb)
    assert [shows[f"wagering/wagering{n}"]["status"] for n in (1, 2)] == ["UP", "MAINT"]


def test_flow_sees_purchases_at_each_server(lb: Host, rehearsal: None, play: Play) -> None:
    """Answered on the channel and sent to both; who is sent none is named."""
    flows = play("flow", **FLOW)
    assert (flows.passed, flows.changed) == (True, set()), flows.output
    away = "set server rehearsal_wagering/wagering2 state {}"
    lb.check_output(f"echo '{away.format('maint')}' | socat - /run/haproxy/admin.sock")
    stops = play("flow", **FLOW, haproxy_up_timeout=1)
    lb.check_output(f"echo '{away.format('ready')}' | socat - /run/haproxy/admin.sock")
    assert not stops.passed, stops.output
    assert "wagering2 is sent purchases" in stops.said


def test_drain_waits_for_the_customer_and_sends_nobody_new(
    lb: Host, opened: Played, customer: Future[Any], play: Play
) -> None:
    """Who is in the middle of a bet finishes it; whoever comes meanwhile is served elsewhere."""
    with ThreadPoolExecutor() as pool:
        drain = pool.submit(play, "drain", **WAGERING2)
        wait_until(lambda: shown(lb)["wagering/wagering2"]["status"] == "DRAIN", "it is draining")
        served = shown(lb)["wagering/wagering2"]["stot"]
        assert [ask(lb) for _ in range(10)] == ["200"] * 10
        assert shown(lb)["wagering/wagering2"]["stot"] == served
        assert not drain.done()
        lb.check_output("touch /run/customer-goes-on")
    assert " 201 " in customer.result().stdout.splitlines()[0]
    assert (drain.result().passed, drain.result().changed) == (True, {"lb1"}), drain.result().output
    assert shown(lb)["wagering/wagering2"]["status"] == "MAINT"


def test_a_second_drain_changes_nothing(lb: Host, opened: Played, play: Play) -> None:
    """What is out stays out; the other one stays in."""
    first, second = play("drain", **WAGERING2), play("drain", **WAGERING2)
    assert (first.passed, first.changed) == (True, {"lb1"}), first.output
    assert (second.passed, second.changed) == (True, set()), second.output
    assert shown(lb)["wagering/wagering1"]["status"] == "UP"
    told = facts(lb, "load_balancer")
    assert [told[fact] for fact in FACTS] == ["open", "wagering/wagering1", "wagering/wagering1"]


def test_close_refuses_customers_at_once(lb: Host, opened: Played, play: Play) -> None:
    """All servers are out; a second time changes nothing."""
    first, second = play("close"), play("close")
    assert (first.passed, first.changed) == (True, {"lb1"}), first.output
    assert (second.passed, second.changed) == (True, set()), second.output
    assert {shown(lb)[server]["status"] for server in SERVERS} == {"MAINT"}
    assert ask(lb) == "503"
    told = facts(lb, "load_balancer")
    assert [told[fact] for fact in FACTS] == ["closed", "none", "none"]


def ask(lb: Host) -> str:
    """The status that a customer's request is answered with."""
    return lb.check_output("curl -s -m 5 -o /dev/null -w '%{http_code}' http://127.0.0.1:8081/card")


def shown(lb: Host) -> dict[str, dict[str, str]]:
    """HAProxy's own table, by BACKEND/SERVER."""
    table = lb.check_output("echo 'show stat' | socat - /run/haproxy/admin.sock")
    rows = csv.DictReader(table.removeprefix("# ").splitlines())
    return {f"{row['pxname']}/{row['svname']}": row for row in rows}
