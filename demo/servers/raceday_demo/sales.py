"""What the cash machines sold: every sale is written down before its bet is placed.

A sale is pending, then sold or failed; a sold one is cancelling, then cancelled. One that is
found pending or cancelling after a crash says exactly which bet to look for: its idempotency
key is `kiosk-<sale>`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg

from . import fields
from .engines import Engines
from .refusal import Refusal

CASH_ACCOUNT = "cash"


@dataclass(frozen=True)
class CashBet:
    """A bet that somebody pays in cash at a machine; `amount` in won."""

    machine: str
    race: str
    selection: int
    amount: int
    test: bool

    @property
    def account(self) -> str:
        """Where the bet is booked."""
        return test_account(self.machine) if self.test else CASH_ACCOUNT


def test_account(machine: str) -> str:
    """Where a machine's test bets are booked."""
    return f"test-kiosk-{machine}"


def read_cash_bet(message: Mapping[str, Any]) -> CashBet:
    """Read a `sell` message."""
    bet = CashBet(
        machine=fields.name(message, "machine"),
        race=fields.name(message, "race"),
        selection=fields.whole_number(message, "selection"),
        amount=fields.whole_number(message, "amount"),
        test=fields.flag(message, "test"),
    )
    fields.keep_apart(test=bet.test, race=bet.race)
    return bet


async def sell(database: asyncpg.Pool, engines: Engines, bet: CashBet) -> tuple[int, int]:
    """Write the sale down, place its bet; return the numbers of both."""
    sale = await _write_sale(database, bet)
    try:
        if bet.test:
            await engines.open_account(bet.account)
        number = await engines.place(_order(bet), f"kiosk-{sale}")
    except Refusal as refusal:
        if refusal.status < 500:  # noqa: PLR2004 - else the bet may stand: the sale stays pending
            await database.execute("UPDATE kiosk.sales SET state = 'failed' WHERE sale = $1", sale)
        raise
    await database.execute(
        "UPDATE kiosk.sales SET state = 'sold', bet = $2 WHERE sale = $1", sale, number
    )
    return sale, number


async def cancel(database: asyncpg.Pool, engines: Engines, sale: int) -> None:
    """Cancel a sale's bet and then the sale, once."""
    bet = await database.fetchval(
        "UPDATE kiosk.sales SET state = 'cancelling'"
        " WHERE sale = $1 AND state IN ('sold', 'cancelling') RETURNING bet",
        sale,
    )
    if bet is None:
        raise await _why_not(database, sale)
    try:
        await engines.cancel(bet)
    except Refusal:
        await database.execute(
            "UPDATE kiosk.sales SET state = 'sold' WHERE sale = $1 AND state = 'cancelling'", sale
        )
        raise
    done = await database.fetchval(
        "UPDATE kiosk.sales SET state = 'cancelled', cancelled_at = now()"
        " WHERE sale = $1 AND state = 'cancelling' RETURNING sale",
        sale,
    )
    if done is None:
        raise await _why_not(database, sale)


async def clean_up(database: asyncpg.Pool, engines: Engines, machine: str) -> tuple[int, int]:
    """Cancel every test sale that a machine has left: how many there were, how many are left.

    The account is the machine's own, so its bets are cancelled whether or not a sale knows its bet.
    """
    left = await engines.cancel_test_bets(test_account(machine))
    if left:
        return 0, left
    rows = await database.fetch(
        "UPDATE kiosk.sales SET state = 'cancelled', cancelled_at = now()"
        " WHERE machine = $1 AND test AND state NOT IN ('cancelled', 'failed') RETURNING sale",
        machine,
    )
    return len(rows), 0


def _order(bet: CashBet) -> dict[str, Any]:
    return {
        "account": bet.account,
        "race": bet.race,
        "pool": "win",
        "selection": bet.selection,
        "amount": bet.amount,
        "test": bet.test,
    }


async def _write_sale(database: asyncpg.Pool, bet: CashBet) -> int:
    return int(
        await database.fetchval(
            "INSERT INTO kiosk.sales (machine, race, selection, amount, test)"
            " VALUES ($1, $2, $3, $4, $5) RETURNING sale",
            bet.machine,
            bet.race,
            bet.selection,
            bet.amount,
            bet.test,
        )
    )


async def _why_not(database: asyncpg.Pool, sale: int) -> Refusal:
    state = await database.fetchval("SELECT state FROM kiosk.sales WHERE sale = $1", sale)
    if state is None:
        return Refusal(404, f"there is no sale {sale}")
    return Refusal(409, f"already {state}" if state == "cancelled" else f"the sale is {state}")
