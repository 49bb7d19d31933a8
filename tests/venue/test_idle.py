"""Unattended work on the demo: kept away by customers, done when they are gone, given up."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.venue.command import Raceday, Result, Started
from tests.venue.hands import SERVERS, UNITS, Venue, wait_until
from tests.venue.load import customers
from tests.venue.sites import copy_venue, hasty
from tests.venue.test_restart import bounced, held_session

pytestmark = pytest.mark.long

ALL_DAY = [
    {"name": name, "start_time": start, "length_minutes": 1440}
    for name, start in (("from midnight", "00:00"), ("from noon", "12:00"))
]
REQUESTS = """echo 'show stat' | socat - UNIX-CONNECT:/run/haproxy/admin.sock | awk -F, '
  NR == 1 {for (n = 1; n <= NF; n++) if ($n == "req_rate") column = n}
  $2 == "FRONTEND" && $1 != "monitoring" {sum += $column}
  END {print sum}'"""
AGE = 'echo $(($(date +%s) - $(date -d "$(systemctl show -P ActiveEnterTimestamp wagering)" +%s)))'
WEAR = "touch /etc/raceday-demo/wagering.env"
HEARTS = {"test", "through", "rehearse", "stop"}
LOADED = ("wagering", "ticketing", "kiosk_gateway")


def unattended(document: dict[str, Any]) -> None:
    """A venue that may be worked on all day, while no request comes in for two seconds."""
    hasty(document)
    signal = {
        "name": "requests per second",
        "command": ["sh", "-c", REQUESTS],
        "component": "load_balancer",
        "below": 5,  # raceday's own tests of what it restarted are a request or two
        "for": "2s",
    }
    files = ["/etc/raceday-demo/wagering.env"]
    rule = {"component": "wagering", "when": "configuration_newer", "files": files}
    document |= {"windows": ALL_DAY, "idle": [signal], "restarts": [rule]}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The demo's inventory with windows, a signal and a rule."""
    return copy_venue(tmp_path, unattended)


@pytest.fixture
def worn(selling: Venue) -> Venue:
    """The venue open, and both wagering servers older than their configuration.

    wagering2 runs longer, so that it comes first.
    """
    selling.run("wagering1", "systemctl restart wagering")
    selling.wait_healthy("wagering1")
    wait_until(lambda: selling.in_rotation() == set(SERVERS), "wagering1 is back")
    wait_until(lambda: int(selling.run("wagering1", AGE)) >= 2, "wagering1 has run for a while")
    selling.run_on(dict.fromkeys(("wagering1", "wagering2"), WEAR))
    return selling


def why(result: Result) -> str:
    """What it said when it refused."""
    return str(result.report.get("error", {}).get("message", ""))


def once_it_acts(raceday: Raceday, site: Path) -> Started:
    """The timer calls until nobody has been at it for long enough: the call that then acts."""
    calls: list[Started] = []

    def acts() -> bool:
        calls.append(call := raceday.begin("idle", venue=site))
        decides = "it decides whether it acts"
        wait_until(lambda: bool(call.journal()) or call.process.poll() is not None, decides, 60)
        return bool(call.journal())

    wait_until(acts, "it acts", 60)
    return calls[-1]


def test_customers_keep_it_from_acting(worn: Venue, raceday: Raceday, site: Path) -> None:
    """Exit 30 with the reason in one sentence, however often the timer calls."""
    before = worn.units()
    with customers(rate=30):
        for _ in range(2):
            result = raceday("idle", venue=site)
            assert result.code == 30, str(result)
            assert "the signal 'requests per second' was " in why(result)
    worn.cancel_tests()
    assert worn.units() == before
    assert not list(raceday.reports.glob("*/2*")), "a run was begun"


def test_a_prometheus_that_is_down_keeps_it_from_acting(
    worn: Venue, raceday: Raceday, tmp_path: Path
) -> None:
    """Exit 30 with the reason in one sentence, and nothing touched."""

    def asked_elsewhere(document: dict[str, Any]) -> None:
        unattended(document)
        signal = {"name": "requests per second", "prometheus": "sum(x)", "below": 1}
        document |= {"prometheus": {"url": "http://127.0.0.1:9"}, "idle": [signal]}

    before = worn.units()
    result = raceday("idle", venue=copy_venue(tmp_path, asked_elsewhere))
    assert result.code == 30, str(result)
    assert why(result).count("Prometheus does not answer: Connection refused") == 1
    assert worn.units() == before


def test_of_two_calls_at_once_one_acts(worn: Venue, raceday: Raceday, site: Path) -> None:
    """Each server is restarted once, however often the timer fires."""
    first = once_it_acts(raceday, site)
    second = raceday("idle", venue=site)
    assert second.code in {75, 30, 0}, str(
        second
    )  # 0 and 30 when it came too late to be in the way
    assert first.result().code == 0
    files = raceday.reports.glob("*/2*/journal.jsonl")
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    begun = [line["step"] for line in lines if line["type"] == "step.started"]
    assert [name for name in begun if ".stop." in name] == ["wagering.stop.1", "wagering.stop.2"]
    assert worn.in_rotation() == set(SERVERS)


def test_it_gives_up_when_customers_come_back_and_does_the_rest_later(
    worn: Venue, raceday: Raceday, site: Path
) -> None:
    """The second of two servers is drained when they come: it is put back, and nobody notices.

    When they are gone again, that server and no other is restarted.
    """
    before = worn.units()
    with ExitStack() as held:
        held.enter_context(held_session())  # at wagering1, so that its drain has to wait
        call = once_it_acts(raceday, site)
        call.wait_for("step.started", "wagering.drain.2")
        with customers(rate=30) as load:
            held.close()
            result = call.result()
    worn.cancel_tests()
    print(f"{load.sent} requests: {load}")
    assert result.code == 0, str(result)
    assert result.report["result_state"] == "WARNINGS"
    assert "requests per second" in str(result.report["errors"])
    assert load.answers == {"201": load.sent}
    assert worn.in_rotation() == set(SERVERS)
    assert bounced(before, worn.units()) == {"wagering2"}

    before = worn.units()
    later = once_it_acts(raceday, site).result()
    assert (later.code, later.report["result_state"]) == (0, "SUCCESS"), str(later)
    assert bounced(before, worn.units()) == {"wagering1"}
    assert worn.in_rotation() == set(SERVERS)

    nothing = raceday("idle", venue=site)
    assert (nothing.code, nothing.report) == (0, {"due": []})


def scheduled(document: dict[str, Any]) -> None:
    """A venue with functional tests, a rehearsal and drills of which none was ever done here."""
    unattended(document)
    tests = [
        {"component": "ticketing", "every": "1d"},
        {"test": "rehearsal", "every": "30d"},
        {"test": "drill", "every": "90d"},
    ]
    document |= {"restarts": [], "tests": tests}


@pytest.fixture
def closed(selling: Venue) -> Venue:
    """Everything runs, and customers are refused."""
    selling.close_sales()
    return selling


def done_by(call: Started) -> list[str]:
    """The tests, loads and stops that a call began, in order; it went well, with sales closed."""
    result = call.result()
    assert (result.code, result.report["result_state"]) == (0, "SUCCESS"), str(result)
    begun = [line["step"] for line in call.journal() if line["type"] == "step.started"]
    return [name for name in begun if set(name.split(".")) & HEARTS]


def test_tests_a_rehearsal_and_drills_are_done_once(
    closed: Venue, raceday: Raceday, tmp_path: Path
) -> None:
    """A call each, tests first; one that comes in between waits, and the last one finds nothing."""
    site, before = copy_venue(tmp_path, scheduled), closed.units()
    assert done_by(once_it_acts(raceday, site)) == ["ticketing.test", "ticketing.through"]

    rehearsal = once_it_acts(raceday, site)
    assert raceday("idle", venue=site).code == 75
    (postponed,) = (
        said
        for said in raceday("explain", venue=site).report["sentences"]
        if "raceday idle did nothing" in said
    )
    assert "postponed: " in postponed
    assert " holds the venue since " in postponed
    assert sorted(done_by(rehearsal)) == sorted(f"{name}.rehearse.1" for name in LOADED)
    assert closed.units() == before

    drilled = [done_by(once_it_acts(raceday, site)) for _ in range(2)]
    stops = [name for names in drilled for name in names if name.endswith(".stop")]
    assert stops == ["wagering.stop", "ticketing.stop"]
    assert bounced(before, closed.units()) == {"wagering1", "ticketing1"}
    assert closed.active() == set(UNITS)
    assert not closed.sales_are_open()

    runs = len(list(raceday.reports.glob("*/2*")))
    nothing = raceday("idle", venue=site)
    assert (nothing.code, nothing.report) == (0, {"due": []})
    assert len(list(raceday.reports.glob("*/2*"))) == runs == 4
