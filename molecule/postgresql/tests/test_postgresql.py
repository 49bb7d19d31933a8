"""PostgreSQL, a primary and its streaming standby, after both were started and tested twice."""

from collections.abc import Iterator, Mapping

import pytest
from conftest import Play, facts, wait_until
from testinfra.host import Host

AS_POSTGRES = "runuser -u postgres -- psql -d demo -XAtc"


def sql(host: Host, statement: str) -> str:
    """What PostgreSQL on this host answers."""
    return host.check_output(f'{AS_POSTGRES} "{statement}"')


@pytest.fixture
def alone(hosts: Mapping[str, Host]) -> Iterator[Host]:
    """The primary, whose standby was stopped behind everybody's back."""
    unit = hosts["db2"].check_output("systemctl list-units --plain --no-legend 'postgresql@*'")
    unit = unit.split()[0]
    hosts["db2"].check_output(f"systemctl stop {unit}")
    yield hosts["db1"]
    hosts["db2"].check_output(f"systemctl start {unit}")


def test_a_row_reaches_the_standby(hosts: Mapping[str, Host]) -> None:
    """What is written on the primary is read on the standby once it was replayed there."""
    sql(hosts["db1"], "create table molecule as select 7 as seven")
    place = sql(hosts["db1"], "select pg_current_wal_flush_lsn()")
    replayed = f"select pg_last_wal_replay_lsn() >= '{place}'"
    wait_until(lambda: sql(hosts["db2"], replayed) == "t", "the standby has replayed it")
    assert sql(hosts["db2"], "select seven from molecule") == "7"


def test_each_host_says_whether_it_leads(hosts: Mapping[str, Host]) -> None:
    """By this a restart leaves the primary out."""
    leads = {name: facts(host, "database")["leader"] for name, host in hosts.items()}
    assert leads == {"db1": "yes", "db2": "no"}


def test_a_primary_whose_standby_is_away_fails_its_test(alone: Host, play: Play) -> None:
    """Two copies are wanted, and one is not two."""
    test = play("test", raceday_hosts=["db1"])
    assert not test.passed, test.output
    assert "The standby does not stream from its primary" in test.said


def test_a_counter_that_runs_out_fails_the_test(hosts: Mapping[str, Host], play: Play) -> None:
    """Bets are numbered, and numbers end."""
    counter = "select 'bets', 96, 100"
    test = play("test", postgresql_counters_query=counter)
    assert not test.passed, test.output
    assert "The counter bets has used 96 of 100, that is 96 %" in test.said
