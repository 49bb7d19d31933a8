"""What a sound venue file comes to on real hosts."""

import datetime as dt
from pathlib import Path

import pytest

from automation.venue.model import Healthcheck, ManualMinutes, Restart, Thresholds
from automation.venue.site import Component, Dependency
from tests.unit.venue.sites import site


def test_defaults_are_filled_in(tmp_path: Path) -> None:
    """A component of one line has its group's hosts and every default."""
    found = site(tmp_path, "  wagering: {role: kiosk_gateway}\n").components["wagering"]
    assert found == Component(
        name="wagering",
        title="wagering",
        role="kiosk_gateway",
        hosts=("w1", "w2"),
        depends_on=(),
        critical=True,
        min_ready=2,
        external=False,
        healthcheck=None,
        unit=None,
        commands=None,
        restart=Restart(serial=(1,), behind=None),
        tests=(),
        manual_minutes=None,
        keep_running=False,
        retries=0,
        ports=(),
        certificates=(),
    )


def test_the_venue_block_has_defaults_too(tmp_path: Path) -> None:
    """Only the name and the time zone of a venue must be written."""
    found = site(tmp_path, "  database: {role: redis}\n", "venue: {name: a, time_zone: UTC}\n")
    assert (found.title, found.sales_open, found.race_card) == ("a", None, None)
    assert (found.verdict_valid_minutes, found.connect_timeout) == (720, 5)
    assert found.thresholds == Thresholds()


def test_the_deadline_and_the_race_card_are_resolved(tmp_path: Path) -> None:
    """sales_open becomes a time, and the race card's path starts at the inventory."""
    head = "venue: {name: a, time_zone: UTC, sales_open: 09:30, race_card: ../cards/a.json}\n"
    (tmp_path / "inventory").mkdir()
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards/a.json").touch()
    found = site(tmp_path / "inventory", "  database: {role: redis}\n", head)
    assert found.sales_open == dt.time(9, 30)
    assert found.race_card == tmp_path / "inventory/../cards/a.json"


@pytest.mark.parametrize(
    ("written", "count"), [("1", 1), ("2", 2), ('"1%"', 1), ('"50%"', 1), ('"51%"', 2)]
)
def test_min_ready_becomes_a_count(tmp_path: Path, written: str, count: int) -> None:
    """A share of the hosts is rounded up, so that "1%" of two still wants one."""
    found = site(tmp_path, f"  wagering: {{role: redis, min_ready: {written}}}\n")
    assert found.components["wagering"].min_ready == count


def test_both_forms_of_depends_on_mean_the_same(tmp_path: Path) -> None:
    """The short form waits until the other is healthy; the long form may say so."""
    found = site(
        tmp_path,
        "  database: {role: postgresql}\n"
        "  wagering: {role: kiosk_gateway, depends_on: [database]}\n"
        "  ticketing: {role: redis, depends_on: {database: {condition: service_healthy}, "
        "wagering: {}}}\n",
    )
    assert found.components["wagering"].depends_on == (Dependency("database", "service_healthy"),)
    assert found.components["ticketing"].depends_on == (
        Dependency("database", "service_healthy"),
        Dependency("wagering", "service_healthy"),
    )


def test_an_external_component_is_asked_by_those_that_need_it(tmp_path: Path) -> None:
    """Without hosts of its own it is asked from every host of its dependents, once each."""
    found = site(
        tmp_path,
        '  bank: {external: true, healthcheck: {tcp: "bank.example:443"}, min_ready: 1}\n'
        "  wagering: {role: kiosk_gateway, depends_on: [bank]}\n"
        "  both: {role: haproxy, hosts: all, depends_on: [bank]}\n",
    )
    assert found.components["bank"].hosts == ("w1", "w2", "db1", "t1")
    assert found.components["bank"].min_ready == 1


def test_two_components_may_share_a_host(tmp_path: Path) -> None:
    """Components on one host are fine while their units and ports differ."""
    found = site(
        tmp_path,
        "  a: {role: postgresql, unit: postgresql@15-a, ports: [5432], hosts: database}\n"
        "  b: {role: postgresql, unit: postgresql@15-b, ports: [5433], hosts: database}\n",
    )
    assert found.components["a"].hosts == found.components["b"].hosts == ("db1",)


def test_anchors_and_merges_are_read(tmp_path: Path) -> None:
    """YAML's anchors save writing a healthcheck twice; a block's own keys win."""
    found = site(
        tmp_path,
        "  wagering: &common\n    role: service\n    unit: a\n"
        '    healthcheck: {tcp: "127.0.0.1:1", timeout: 9}\n'
        "  ticketing:\n    <<: *common\n    unit: b\n",
    )
    assert found.components["ticketing"].unit == "b"
    assert found.components["ticketing"].healthcheck == Healthcheck(tcp="127.0.0.1:1", timeout=9.0)


def test_the_words_of_a_whole_component_are_kept(tmp_path: Path) -> None:
    """Every block of a component arrives as it is written."""
    found = site(
        tmp_path,
        "  database: {role: haproxy}\n"
        "  wagering:\n    title: 마권 발매\n    role: service\n    commands:\n"
        "      {start: [a, start], stop: [a, stop], status: [a, status]}\n"
        '    restart: {serial: [1, "50%"], behind: {component: database, backend: b}}\n'
        "    tests: [{name: a bet, command: [bet, --amount, '100'], timeout: 3}]\n"
        "    manual_minutes: {low: 4, likely: 6, high: 9}\n    certificates: [/etc/a.pem]\n",
    ).components["wagering"]
    assert found.title == "마권 발매"
    assert found.commands is not None
    assert found.commands.stop == ("a", "stop")
    assert found.restart.serial == (1, "50%")
    assert found.tests[0].command == ("bet", "--amount", "100")
    assert found.manual_minutes == ManualMinutes(low=4, likely=6, high=9)
    assert found.certificates == ("/etc/a.pem",)


def test_the_digest_follows_the_file(tmp_path: Path) -> None:
    """The same inputs have the same digest, and another file has another."""
    first = site(tmp_path, "  database: {role: postgresql}\n").digest
    assert site(tmp_path, "  database: {role: postgresql}\n").digest == first
    assert site(tmp_path, "  database: {role: postgresql, retries: 1}\n").digest != first
