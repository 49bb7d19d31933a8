"""Bets and the money on accounts: every change is one transaction under row locks.

Locks are taken in the order bet, account, race, pool, counter, so no two transactions can wait
for each other.
"""

from dataclasses import dataclass
from typing import Any

import asyncpg

from .race_card import check_open, check_runner
from .refusal import Refusal

TEST_BALANCE = 1_000_000
POOLS = ("win",)
UNIT = 100
HIGHEST_AMOUNT = 100_000


@dataclass(frozen=True)
class Order:
    """A bet that a customer wants; `amount` in won."""

    account: str
    race: str
    pool: str
    selection: int
    amount: int
    test: bool
    idempotency_key: str | None = None


@dataclass(frozen=True)
class Placed:
    """A bet that stands, and the account's balance after it."""

    bet: int
    number: int
    state: str
    balance: int
    repeated: bool = False


async def open_test_account(database: asyncpg.Pool, account: str) -> None:
    """Make a test account with its balance, unless it is there."""
    await database.execute(
        "INSERT INTO wagering.accounts VALUES ($1, $2, true) ON CONFLICT DO NOTHING",
        account,
        TEST_BALANCE,
    )


async def place(database: asyncpg.Pool, order: Order) -> Placed:
    """Take the money, add it to the pool and write the bet down: all of it or nothing."""
    _check_terms(order)
    async with database.acquire() as connection, connection.transaction():
        balance = await _lock_account(connection, order.account)
        repeated = await _find_repeated(connection, order, balance)
        if repeated is not None:
            return repeated
        await check_open(connection, "wagering", order.race)
        await check_runner(connection, "wagering", order.race, order.selection)
        if balance < order.amount:
            raise Refusal(409, f"insufficient balance: {balance} won, the bet is {order.amount}")
        await _add_to_pool(connection, order.race, order.pool, order.selection, order.amount)
        return await _write_bet(connection, order)


async def cancel(database: asyncpg.Pool, bet: int) -> tuple[dict[str, Any], int]:
    """Undo a bet exactly: the bet as it was, and the account's balance after."""
    async with database.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(
            "SELECT * FROM wagering.bets WHERE bet = $1 FOR UPDATE", bet
        )
        if row is None:
            raise Refusal(404, f"there is no bet {bet}")
        if row["state"] == "cancelled":
            raise Refusal(409, f"bet {bet} is already cancelled")
        balance = await _move_money(connection, row["account"], row["amount"])
        await check_open(connection, "wagering", row["race"])
        await _add_to_pool(connection, row["race"], row["pool"], row["selection"], -row["amount"])
        await connection.execute(
            "UPDATE wagering.bets SET state = 'cancelled', cancelled_at = now() WHERE bet = $1", bet
        )
        return dict(row), balance


async def cancel_all(database: asyncpg.Pool, account: str) -> list[dict[str, Any]]:
    """Undo every bet of an account that still stands; the bets as they were."""
    rows = await database.fetch(
        "SELECT bet FROM wagering.bets WHERE account = $1 AND state = 'accepted' ORDER BY bet",
        account,
    )
    return [(await cancel(database, row["bet"]))[0] for row in rows]


async def count_live(database: asyncpg.Pool, account: str) -> int:
    """How many bets of an account still stand."""
    return int(
        await database.fetchval(
            "SELECT count(*) FROM wagering.bets WHERE account = $1 AND state = 'accepted'", account
        )
    )


def _check_terms(order: Order) -> None:
    if order.pool not in POOLS:
        raise Refusal(400, f"pool must be one of {', '.join(POOLS)}, not {order.pool!r}")
    if order.amount % UNIT or order.amount > HIGHEST_AMOUNT:
        raise Refusal(400, f"amount must be a multiple of {UNIT} and at most {HIGHEST_AMOUNT}")


async def _lock_account(connection: asyncpg.Connection, account: str) -> int:
    balance = await connection.fetchval(
        "SELECT balance FROM wagering.accounts WHERE account = $1 FOR UPDATE", account
    )
    if balance is None:
        raise Refusal(404, f"there is no account {account}")
    return int(balance)


async def _find_repeated(
    connection: asyncpg.Connection, order: Order, balance: int
) -> Placed | None:
    if order.idempotency_key is None:
        return None
    row = await connection.fetchrow(
        "SELECT bet, number, state, race, pool, selection, amount FROM wagering.bets"
        " WHERE account = $1 AND idempotency_key = $2",
        order.account,
        order.idempotency_key,
    )
    if row is None:
        return None
    if tuple(row)[3:] != (order.race, order.pool, order.selection, order.amount):
        raise Refusal(409, "this idempotency key belongs to a different bet")
    return Placed(row["bet"], row["number"], row["state"], balance, repeated=True)


async def _write_bet(connection: asyncpg.Connection, order: Order) -> Placed:
    balance = await _move_money(connection, order.account, -order.amount)
    number = await _next_number(connection)
    bet = await connection.fetchval(
        "INSERT INTO wagering.bets"
        " (number, account, race, pool, selection, amount, test, idempotency_key)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING bet",
        number,
        order.account,
        order.race,
        order.pool,
        order.selection,
        order.amount,
        order.test,
        order.idempotency_key,
    )
    return Placed(bet, number, "accepted", balance)


async def _move_money(connection: asyncpg.Connection, account: str, amount: int) -> int:
    return int(
        await connection.fetchval(
            "UPDATE wagering.accounts SET balance = balance + $2 WHERE account = $1"
            " RETURNING balance",
            account,
            amount,
        )
    )


async def _add_to_pool(
    connection: asyncpg.Connection, race: str, pool: str, runner: int, amount: int
) -> None:
    """Change a running total; a negative amount only ever meets a row that is there."""
    changed = await connection.fetchval(
        "UPDATE wagering.pools SET total = total + $4"
        " WHERE race = $1 AND pool = $2 AND runner = $3 RETURNING total",
        race,
        pool,
        runner,
        amount,
    )
    if changed is None:
        await connection.execute(
            "INSERT INTO wagering.pools VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (race, pool, runner) DO UPDATE SET total = pools.total + excluded.total",
            race,
            pool,
            runner,
            amount,
        )


async def _next_number(connection: asyncpg.Connection) -> int:
    """The day's next bet number; there are only so many a day."""
    number = await connection.fetchval(
        "UPDATE wagering.counters"
        " SET used = CASE WHEN day = current_date THEN used ELSE 0 END + 1, day = current_date"
        " WHERE name = 'bet_numbers' AND (day < current_date OR used < limit_) RETURNING used"
    )
    if number is None:
        raise Refusal(503, "the counter bet_numbers is used up for today")
    return int(number)
