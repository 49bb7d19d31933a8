"""An evening on the demo: sales close, nothing may be owed to anybody, then everything stops."""

from collections.abc import Iterator

import pytest

from tests.venue.command import Raceday, Result
from tests.venue.hands import UNITS, Venue
from tests.venue.plain import failed_checks, play

pytestmark = pytest.mark.long

RACE, ACCOUNT, CARD, MACHINE = "5", "A1005", "M2005", "K5"
AS_NEW = """
BEGIN;
DELETE FROM kiosk.sales WHERE race = :'race';
DELETE FROM wagering.bets WHERE race = :'race';
DELETE FROM wagering.pools WHERE race = :'race';
DELETE FROM ticketing.tickets WHERE race = :'race';
UPDATE wagering.races SET closed = false, winner = NULL WHERE race = :'race';
UPDATE ticketing.capacity SET sold = 0 WHERE race = :'race';
UPDATE wagering.accounts SET balance = 100000 WHERE account = :'account';
UPDATE wagering.accounts SET balance = 1000000000 WHERE account = 'cash';
UPDATE ticketing.cards SET balance = 100000 WHERE card = :'card';
COMMIT;
"""
CLOSE_RACE = "UPDATE wagering.races SET closed = true WHERE race = :'race'"
MONEY = """
SELECT 'bets', state, count(*), sum(amount) FROM wagering.bets WHERE NOT test GROUP BY state
UNION SELECT 'tickets', state, count(*), 0 FROM ticketing.tickets WHERE NOT test GROUP BY state
UNION SELECT 'sales', state, count(*), sum(amount) FROM kiosk.sales WHERE NOT test GROUP BY state
UNION SELECT 'pools', race, count(*), sum(total) FROM wagering.pools
  WHERE race NOT LIKE 'test-%' GROUP BY race
UNION SELECT 'accounts', '', count(*), sum(balance) FROM wagering.accounts WHERE NOT test
UNION SELECT 'cards', '', count(*), sum(balance) FROM ticketing.cards WHERE NOT test
ORDER BY 1, 2
"""
LISTENING = "ss -Hltn | awk '{print $4}' | sed 's/.*://' | sort -u"
OURS = {"5432", "6379", "8081", "8082", "8083", "9000", "8404", "18101", "18301"}


@pytest.fixture
def bought(selling: Venue) -> Iterator[Venue]:
    """Real bets, tickets and a cash sale of one race; afterwards as if nobody had been there."""
    ids = {"race": RACE, "account": ACCOUNT, "card": CARD}
    selling.sql(AS_NEW, **ids)
    try:
        bets = [place_bet(selling, selection) for selection in (1, 2, 2)]
        order = {"card": CARD, "race": RACE, "test": False}
        tickets = [selling.buy("POST", "/tickets", order) for _ in range(2)]
        assert {status for status, _ in (*bets, *tickets)} == {201}
        entered = selling.buy("POST", f"/tickets/{tickets[0][1]['ticket']}/validate", {})
        assert entered[0] == 200
        cash = {"op": "sell", "machine": MACHINE, "race": RACE, "selection": 1, "amount": 500}
        assert selling.machine("lb1", 9000, {**cash, "test": False})[0]["ok"] is True
        yield selling
    finally:
        selling.systemctl("db1", "start")
        selling.sql(AS_NEW, **ids)


def place_bet(venue: Venue, selection: int) -> tuple[int, dict[str, object]]:
    """A customer's bet of 1000 won."""
    bet = {"account": ACCOUNT, "race": RACE, "pool": "win", "selection": selection}
    return venue.buy("POST", "/bets", {**bet, "amount": 1000, "test": False})


def assert_down(venue: Venue) -> None:
    """No unit runs, nobody listens, no customer gets in."""
    assert venue.active() == set()
    listening = venue.run_on(dict.fromkeys(UNITS, LISTENING))
    assert {host: set(ports.split()) & OURS for host, ports in listening.items()} == {
        host: set() for host in UNITS
    }
    assert not venue.sales_are_open()


def test_an_evening_waits_for_results_and_a_morning_finds_every_won_again(
    bought: Venue, desk: Raceday
) -> None:
    """While a race has no result sales close and nothing stops; then all stops, and money is kept.

    A second evening changes nothing; after the next morning the database holds what it held.
    """
    bought.sql(CLOSE_RACE, race=RACE)
    assert_kept_up(bought, desk("evening", "--yes"))
    settle = bought.ask("wagering1", f"http://127.0.0.1:8081/races/{RACE}/result", {"winner": 1})
    assert (settle[0], settle[1]["won"], settle[1]["lost"]) == (200, 2, 2)
    money = bought.sql(MONEY)
    assert "bets|won|2|1500" in money.splitlines()

    result = desk("evening", "--yes")
    assert (result.code, result.errors) == (0, set()), str(result)
    assert result.report["sales"]["state"] == "closed"
    assert_down(bought)
    units = bought.units()
    again = desk("evening", "--yes")
    assert (again.code, again.errors) == (0, set()), str(again)
    assert bought.units() == units

    morning = desk("morning", "--yes")
    assert (morning.code, morning.verdict) == (0, "GO"), str(morning)
    assert bought.sales_are_open()
    assert bought.sql(MONEY) == money


def assert_kept_up(venue: Venue, result: Result) -> None:
    """Exit 20 says how many bets of which race; sales are closed, no server was touched."""
    assert result.code == 20, str(result)
    owed = f"Bets of closed races that are neither settled nor cancelled: 4 (races {RACE})"
    assert {why for _, _, why in result.errors} == {owed}
    assert {item["step"] for item in result.report["errors"]} == {"wagering.settled"}
    assert {f"{name}.stop" for name in ("wagering", "database")} <= result.not_executed.keys()
    assert_up_and_closed(venue)


def assert_up_and_closed(venue: Venue) -> None:
    """Every server runs, and customers are sent to none."""
    assert venue.active() == set(UNITS)
    assert venue.in_rotation() == set()
    assert not venue.sales_are_open()


def test_a_plain_evening_closes_sales_first_and_stops_nothing_that_is_owed(bought: Venue) -> None:
    """With ansible-playbook alone: it ends failed with what is unsettled, closed and all up."""
    bought.sql(CLOSE_RACE, race=RACE)
    evening = play("evening")
    assert evening.returncode != 0, evening.stdout
    assert set(failed_checks(evening).values()) == {"no unsettled bets"}
    assert_up_and_closed(bought)


def test_broken_glass_stops_what_is_unsettled(bought: Venue, desk: Raceday) -> None:
    """With a reason it goes on: everything is down, and the report still names what is owed."""
    bought.sql(CLOSE_RACE, race=RACE)
    result = desk("evening", "--yes", "--break-glass", "--reason", "the bank settles by hand")
    assert {item["step"] for item in result.report["errors"]} == {"wagering.settled"}, str(result)
    assert (result.code, result.report["result_state"]) == (0, "WARNINGS")
    assert_down(bought)
