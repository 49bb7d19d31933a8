"""The demo's reference servers behave like real ones: proven over SSH on the running demo.

Needs `python -m demo up`. Starts every service, and leaves the venue as it should be found: all
stopped, no fault switched on.
"""

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.hosts import PORT_BASE, demo_fleet
from tests.venue.hands import HEALTH, UNITS, Request, Venue, on_all, wait_until

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]
INVENTORY = ROOT / "inventories" / "demo"
TEST_PORTS = {"wagering1": 18101, "wagering2": 18102, "ticketing1": 18201, "ticketing2": 18202}

CLOSE_UNDER_A_MACHINE = """
import socket

machine = socket.create_connection(("127.0.0.1", 9000), timeout=5)
machine.sendall(b'{"op": "heartbeat", "machine": "K1"}\\n')
served = b"ok" in machine.recv(4096)
admin = socket.socket(socket.AF_UNIX)
admin.connect("/run/haproxy/admin.sock")
admin.sendall(b"set server kiosk_gateway/kiosk1 state maint\\n")
try:
    cut = machine.recv(1) == b""
except ConnectionResetError:
    cut = True
print("served, then cut off" if served and cut else f"served {served}, cut {cut}")
"""


@pytest.fixture(scope="module")
def venue(hands: Venue) -> Iterator[Venue]:
    """The demo with every service started and healthy; afterwards nothing is left of the tests."""
    hands.put_closed()
    warm_up = hands.warm_up(on_all(HEALTH, "1"))
    try:
        hands.run_on({host: f"systemctl start {unit}" for host, unit in UNITS.items()})
        hands.wait_healthy(*HEALTH)
        yield hands
        hands.cancel_tests()
    finally:
        hands.warm_up(warm_up)
        hands.put_closed()


@pytest.fixture
def name() -> str:
    """A name for a test race, account or card that nobody has used."""
    return f"test-{uuid.uuid4().hex[:12]}"


def bet_on(name: str, amount: int = 1000, **changes: Any) -> dict[str, Any]:
    """A test bet, on an account and a race of the same name."""
    order = {"account": name, "race": name, "pool": "win", "selection": 3, "amount": amount}
    return {**order, "test": True, **changes}


def test_the_inventory_has_the_hosts_that_are_made() -> None:
    """Names and ports in hosts.yml are those of the containers."""
    groups = yaml.safe_load((INVENTORY / "hosts.yml").read_text())["all"]["children"]
    listed = {
        host: variables["ansible_port"]
        for group in groups.values()
        for host, variables in group["hosts"].items()
    }
    hosts = demo_fleet().hosts
    shift = hosts[0].ssh_port - 1 - PORT_BASE
    assert listed == {host.name: host.ssh_port - shift for host in hosts}


def test_two_services_never_both_sell_the_last_ticket(venue: Venue, name: str) -> None:
    """Of 150 buyers at both servers exactly 100 get a ticket, and each pays exactly once."""
    venue.ask("ticketing1", f"http://127.0.0.1:8082/cards/{name}")
    order = {"card": name, "race": name, "test": True}
    answers = venue.ask_many(
        [("POST", f"http://ticketing{1 + n % 2}:8082/tickets", order) for n in range(150)]
    )
    sold = [body for status, body in answers if status == 201]
    refused = [body["error"] for status, body in answers if status == 409]
    assert (len(sold), len(refused)) == (100, 50)
    assert set(refused) == {f"race {name} is sold out"}
    assert len({ticket["code"] for ticket in sold}) == 100
    assert venue.sql("SELECT sold FROM ticketing.capacity WHERE race = :'race'", race=name) == "100"
    assert venue.ask("ticketing2", f"http://127.0.0.1:8082/cards/{name}")[1]["balance"] == 900_000

    voids: list[Request] = [
        ("POST", f"http://ticketing{1 + n % 2}:8082/tickets/{ticket['ticket']}/void", None)
        for ticket in sold
        for n in range(2)
    ]
    statuses = [status for status, _ in venue.ask_many(voids)]
    assert (statuses.count(200), statuses.count(409)) == (100, 100)
    balance = venue.ask("ticketing1", f"http://127.0.0.1:8082/cards/{name}")[1]["balance"]
    assert balance == 1_000_000


def test_an_account_never_goes_below_zero_and_cancelling_restores_it(
    venue: Venue, name: str
) -> None:
    """Of 30 bets at once at both engines 10 are covered; each is cancelled exactly once."""
    venue.ask("wagering1", f"http://127.0.0.1:8081/accounts/{name}")
    order = bet_on(name, 100_000)
    answers = venue.ask_many(
        [("POST", f"http://wagering{1 + n % 2}:8081/bets", order) for n in range(30)]
    )
    placed = [body["bet"] for status, body in answers if status == 201]
    assert len(placed) == 10
    assert {status for status, _ in answers} == {201, 409}
    pools = venue.ask("wagering2", f"http://127.0.0.1:8081/races/{name}/pools")[1]["pools"]
    assert pools["win"]["total"] == 1_000_000

    cancels: list[Request] = [
        ("DELETE", f"http://wagering{1 + n % 2}:8081/bets/{bet}", None)
        for bet in placed
        for n in range(2)
    ]
    statuses = [status for status, _ in venue.ask_many(cancels)]
    assert (statuses.count(200), statuses.count(409)) == (10, 10)
    balance = venue.ask("wagering1", f"http://127.0.0.1:8081/accounts/{name}")[1]["balance"]
    assert balance == 1_000_000
    assert venue.sql("SELECT sum(total) FROM wagering.pools WHERE race = :'race'", race=name) == "0"


def test_a_repeated_idempotency_key_is_the_same_bet(venue: Venue, name: str) -> None:
    """The second request answers 200 with the first one's bet, and the money moves once."""
    venue.ask("wagering1", f"http://127.0.0.1:8081/accounts/{name}")
    url, key = "http://127.0.0.1:8081/bets", "-H 'Idempotency-Key: once'"
    first = venue.ask("wagering1", url, bet_on(name), key)
    second = venue.ask("wagering2", url, bet_on(name), key)
    different = venue.ask("wagering2", url, bet_on(name, 2000), key)
    assert (first[0], second[0], different[0]) == (201, 200, 409)
    assert second[1] == first[1] == {**first[1], "balance": 999_000}


def test_pools_in_the_engine_equal_the_bets_in_the_database(venue: Venue) -> None:
    """The running totals are what the bets add up to, and odds follow the takeout."""
    bet = {"account": "A1001", "race": "2", "pool": "win", "selection": 1, "amount": 1000}
    bets = [
        venue.ask("wagering1", "http://127.0.0.1:8081/bets", {**bet, "selection": runner})[1]["bet"]
        for runner in (1, 2, 2)
    ]
    totals = venue.ask("wagering2", "http://127.0.0.1:8081/pools")[1]["totals"]
    for race, pools in totals.items():
        summed = venue.sql(
            "SELECT coalesce(sum(amount), 0) FROM wagering.bets"
            " WHERE race = :'race' AND state = 'accepted'",
            race=race,
        )
        assert str(pools["win"]) == summed
    for number in bets:
        venue.ask("wagering1", f"http://127.0.0.1:8081/bets/{number}", None, "-X DELETE")
    after = venue.ask("wagering2", "http://127.0.0.1:8081/pools")[1]["totals"]
    assert after["2"]["win"] == totals["2"]["win"] - 3000


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"test": False}, 400, "race must not be named test-... when test is false"),
        ({"race": "1"}, 400, "race must be named test-... when test is true"),
        ({"account": "A1001"}, 400, "account must be named test-... when test is true"),
        ({"selection": 9}, 404, "has no runner 9"),
        ({"amount": 150}, 400, "amount must be a multiple of 100"),
        ({"amount": "100"}, 400, "amount must be a whole number above zero"),
        ({"pool": "place"}, 400, "pool must be one of win"),
        ({"race": "3", "account": "A1001", "selection": 5, "test": False}, 409, "is withdrawn"),
        ({"race": "7", "account": "A1001", "test": False}, 404, "there is no race 7"),
    ],
)
def test_a_bad_bet_is_refused_with_a_sentence(
    venue: Venue, name: str, changes: dict[str, Any], status: int, error: str
) -> None:
    """Each mistake has its status and a sentence that says what it is."""
    venue.ask("wagering1", f"http://127.0.0.1:8081/accounts/{name}")
    answer = venue.ask("wagering1", "http://127.0.0.1:8081/bets", bet_on(name, **changes))
    assert answer[0] == status
    assert error in answer[1]["error"]


def test_a_counter_that_is_used_up_refuses_and_takes_no_money(venue: Venue, name: str) -> None:
    """The daily counter's end is a clear 503, and nothing of the bet remains."""
    url = f"http://127.0.0.1:8081/accounts/{name}"
    venue.ask("wagering1", url)
    used = venue.sql("SELECT used FROM wagering.counters WHERE name = 'bet_numbers'")
    venue.sql("UPDATE wagering.counters SET used = limit_, day = current_date")
    try:
        answer = venue.ask("wagering1", "http://127.0.0.1:8081/bets", bet_on(name))
    finally:
        venue.sql("UPDATE wagering.counters SET used = :used", used=used)
    assert answer == (503, {"error": "the counter bet_numbers is used up for today"})
    assert venue.ask("wagering1", url)[1]["balance"] == 1_000_000


def test_a_ticket_is_validated_once_and_voided_once(venue: Venue, name: str) -> None:
    """Issue, validate, refused the second time, void with the exact refund, refused again."""
    office = "http://127.0.0.1:8082"
    venue.ask("ticketing1", f"{office}/cards/{name}")
    order = {"card": name, "race": name, "test": True}
    status, ticket = venue.ask("ticketing1", f"{office}/tickets", order)
    assert (status, ticket["balance"]) == (201, 999_000)
    page = f"{office}/tickets/{ticket['ticket']}"
    answers = [
        venue.ask("ticketing2", f"{page}/{act}", {})[0]
        for act in ("validate", "validate", "void", "void", "validate")
    ]
    assert answers == [200, 409, 200, 409, 409]
    assert venue.ask("ticketing1", f"{office}/cards/{name}")[1]["balance"] == 1_000_000
    assert venue.ask("ticketing1", page)[1]["state"] == "void"


def test_both_systems_carry_the_official_race_card(venue: Venue) -> None:
    """Wagering and ticketing each show exactly the official file."""
    official = json.loads((INVENTORY / "race_card.json").read_text())
    assert venue.ask("wagering1", "http://127.0.0.1:8081/card") == (200, official)
    assert venue.ask("ticketing1", "http://127.0.0.1:8082/card") == (200, official)


def test_a_horse_withdrawn_in_one_system_shows_there_only(venue: Venue) -> None:
    """The two copies of the card are really two."""
    change = "UPDATE ticketing.runners SET withdrawn = {} WHERE race = '1' AND runner = 2"
    venue.sql(change.format("true"))
    try:
        ticketing = venue.ask("ticketing1", "http://127.0.0.1:8082/card")[1]
        wagering = venue.ask("wagering1", "http://127.0.0.1:8081/card")[1]
    finally:
        venue.sql(change.format("false"))
    assert ticketing["races"][0]["runners"][1]["withdrawn"] is True
    assert wagering["races"][0]["runners"][1]["withdrawn"] is False


def test_the_standby_streams_and_takes_no_writes(venue: Venue) -> None:
    """db2 follows db1 and is read-only."""
    asked = "cd / && sudo -u postgres psql -XAt -f -"
    status = "SELECT status FROM pg_stat_wal_receiver"
    wait_until(lambda: venue.run("db2", asked, status) == "streaming", "db2 streams")
    assert venue.run("db2", asked, "SELECT pg_is_in_recovery()") == "t"


def test_root_reaches_the_database_as_the_services_own_role(venue: Venue) -> None:
    """`psql service=demo` works on the hosts of services, without a password in sight."""
    for host, role in (
        ("wagering1", "wagering"),
        ("ticketing2", "ticketing"),
        ("kiosk1", "kiosk_gateway"),
    ):
        assert venue.run(host, "psql service=demo -XAtc 'SELECT current_user'") == role


def test_a_cash_sale_is_a_bet_in_the_same_pools(venue: Venue, name: str) -> None:
    """Sell and cancel at a machine; with one engine stopped the other serves the machine."""
    sell = {"op": "sell", "machine": name, "race": name, "selection": 2, "amount": 500}
    sell["test"] = True
    pools = f"http://127.0.0.1:8081/races/{name}/pools"
    venue.systemctl("wagering1", "stop")
    try:
        heartbeat, sold = venue.machine("kiosk1", 9000, {"op": "heartbeat", "machine": name}, sell)
        assert (heartbeat, sold["ok"]) == ({"ok": True, "status": "ok"}, True)
        assert venue.ask("wagering2", pools)[1]["pools"]["win"]["runners"]["2"] == 500
    finally:
        venue.systemctl("wagering1", "start")
    cancel = {"op": "cancel", "sale": sold["sale"]}
    assert venue.machine("kiosk1", 9000, cancel, cancel) == [
        {"ok": True, "sale": sold["sale"]},
        {"ok": False, "error": "already cancelled"},
    ]
    venue.wait_healthy("wagering1")
    assert venue.ask("wagering1", pools)[1]["pools"]["win"]["total"] == 0


def test_health_tells_when_the_database_is_away_and_recovers(venue: Venue) -> None:
    """503 with the reason while PostgreSQL is stopped; 200 by itself when it is back."""
    venue.systemctl("db1", "stop")
    try:
        for host, url in HEALTH.items():
            assert venue.ask(host, url) == (503, {"status": "database away"})
    finally:
        venue.systemctl("db1", "start")
    venue.wait_healthy(*HEALTH)


def test_health_tells_when_the_cache_is_away_and_bets_go_on(venue: Venue, name: str) -> None:
    """503 with the reason while Redis is stopped, but money does not depend on Redis."""
    venue.systemctl("cache1", "stop")
    try:
        health = venue.ask("wagering1", HEALTH["wagering1"])
        venue.ask("wagering1", f"http://127.0.0.1:8081/accounts/{name}")
        bet = venue.ask("wagering1", "http://127.0.0.1:8081/bets", bet_on(name))
    finally:
        venue.systemctl("cache1", "start")
    assert health == (503, {"status": "cache away"})
    assert bet[0] == 201
    venue.wait_healthy(*HEALTH)


@pytest.mark.parametrize("host", ["wagering1", "ticketing1", "kiosk1"])
def test_faults_come_and_go_while_running(venue: Venue, host: str) -> None:
    """Hang answers nothing, slow answers late, broken is healthy; removing the file ends it."""
    try:
        venue.switch_fault(host, "hang")
        assert venue.ask(host, HEALTH[host])[0] == 0
        venue.switch_fault(host, "slow=1")
        begin = time.monotonic()
        assert venue.ask(host, HEALTH[host])[0] == 200
        assert time.monotonic() - begin >= 1
        venue.switch_fault(host, "broken")
        assert venue.ask(host, HEALTH[host]) == (200, {"status": "ok"})
    finally:
        venue.switch_fault(host, None)
    assert venue.ask(host, HEALTH[host]) == (200, {"status": "ok"})


def test_broken_operations_fail_while_health_is_well(venue: Venue, name: str) -> None:
    """The fault that only a functional test finds."""
    broken = (500, {"error": "fault switch: broken"})
    sell = {"op": "sell", "machine": name, "race": name, "selection": 2, "amount": 500}
    hosts = ("wagering1", "ticketing1", "kiosk1")
    for host in hosts:
        venue.switch_fault(host, "broken")
    try:
        assert venue.ask("wagering1", f"http://127.0.0.1:8081/accounts/{name}") == broken
        assert venue.ask("ticketing1", "http://127.0.0.1:8082/card") == broken
        replies = venue.machine("kiosk1", 9000, {"op": "heartbeat", "machine": name}, sell)
    finally:
        for host in hosts:
            venue.switch_fault(host, None)
    assert replies[0] == {"ok": True, "status": "ok"}
    assert replies[1] == {"ok": False, "error": "fault switch: broken"}


@pytest.mark.parametrize("host", ["wagering1", "ticketing1", "kiosk1"])
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("refuse_start", "refuses to start"),
        ("crash_after=0.5", "fault switch: crashing 0.5 seconds after ready"),
    ],
)
def test_a_server_that_dies_says_why(venue: Venue, host: str, line: str, said: str) -> None:
    """It ends with status 1, systemd does not restart it, and its journal has the reason."""
    unit = UNITS[host]
    venue.switch_fault(host, line)
    try:
        venue.systemctl(host, "restart")
        wait_until(lambda: venue.run(host, f"systemctl is-active {unit} || true") == "failed", unit)
        shown = venue.run(host, f"systemctl show -P ExecMainStatus {unit}")
        journal = venue.run(host, f"journalctl -u {unit} -n 5 -o cat")
    finally:
        venue.switch_fault(host, None)
        venue.systemctl(host, "start")
    assert shown == "1"
    assert said in journal
    venue.wait_healthy(host)


@pytest.mark.parametrize("host", ["wagering1", "ticketing1", "kiosk1"])
def test_a_server_warms_up_with_its_port_open_and_stops_at_once(venue: Venue, host: str) -> None:
    """Idle, it stops within a second; health says starting from the first moment on."""
    begin = time.monotonic()
    venue.systemctl(host, "stop")
    assert time.monotonic() - begin < 1.5
    venue.systemctl(host, "start")
    venue.wait_for_health(host, 503, "starting")
    venue.wait_healthy(host)


def test_customers_are_refused_while_sales_are_closed(venue: Venue) -> None:
    """A clear 503, and a closed connection at the cash machines' port: never a hang."""
    for port in (8081, 8082):
        assert venue.ask("lb1", f"http://127.0.0.1:{port}/card")[0] == 503
    assert venue.machine("lb1", 9000, {"op": "heartbeat", "machine": "K1"}) == []


def test_tests_reach_a_chosen_server_through_the_closed_load_balancer(
    venue: Venue, name: str
) -> None:
    """The loopback ports lead to exactly the server they stand for, over HTTP and TCP."""
    for host, port in TEST_PORTS.items():
        assert venue.ask("lb1", f"http://127.0.0.1:{port}/health") == (200, {"status": "ok"})
        seen = f"journalctl -u haproxy -n 5 -o cat | grep -c '/{host} .*GET /health' || true"
        assert int(venue.run("lb1", seen)) >= 1
    venue.switch_fault("ticketing2", "broken")
    try:
        statuses = [venue.ask("lb1", f"http://127.0.0.1:{port}/card")[0] for port in (18201, 18202)]
    finally:
        venue.switch_fault("ticketing2", None)
    assert statuses == [200, 500]
    sell = {"op": "sell", "machine": name, "race": name, "selection": 2, "amount": 500}
    sold = venue.machine("lb1", 18301, {**sell, "test": True})[0]
    assert sold["ok"] is True
    assert venue.machine("lb1", 18301, {"op": "cancel", "sale": sold["sale"]})[0]["ok"] is True


def test_the_test_path_cannot_be_reached_from_another_host(venue: Venue) -> None:
    """The ports are on the load balancer's loopback only."""
    for port in (*TEST_PORTS.values(), 18301, 18100, 18200, 18300, 8404):
        assert venue.ask("kiosk1", f"http://lb1:{port}/health")[0] == 0


def test_opening_and_closing_sales_takes_effect_at_once(venue: Venue) -> None:
    """`state ready` lets customers in; `state maint` refuses them and cuts machines off."""
    servers = ("wagering/wagering1", "kiosk_gateway/kiosk1")
    try:
        for server in servers:
            venue.admin(f"set server {server} state ready")
        assert venue.ask("lb1", "http://127.0.0.1:8081/health")[0] == 200
        assert venue.run("lb1", "exec python3 -", CLOSE_UNDER_A_MACHINE) == "served, then cut off"
    finally:
        for server in servers:
            venue.admin(f"set server {server} state maint")
    assert venue.ask("lb1", "http://127.0.0.1:8081/health")[0] == 503
