"""Tickets, the money on mobile cards and a race's capacity: one transaction per change.

Locks are taken in the order ticket, card, race, capacity.
"""

import secrets
from dataclasses import dataclass
from typing import Any

import asyncpg

from .fields import is_test
from .race_card import check_open
from .refusal import Refusal

PRICE = 1_000
"""What a ticket costs, in won."""
TEST_BALANCE = 1_000_000
TEST_CAPACITY = 100
CODE_BYTES = 12


@dataclass(frozen=True)
class Issued:
    """A ticket just sold, and the card's balance after it."""

    ticket: int
    code: str
    balance: int


async def open_test_card(database: asyncpg.Pool, card: str) -> None:
    """Make a test card with its balance, unless it is there."""
    await database.execute(
        "INSERT INTO ticketing.cards VALUES ($1, $2, true) ON CONFLICT DO NOTHING",
        card,
        TEST_BALANCE,
    )


async def issue(database: asyncpg.Pool, card: str, race: str, *, test: bool) -> Issued:
    """Take the price and one place in the race; two processes never sell the last one twice."""
    async with database.acquire() as connection, connection.transaction():
        balance = await _lock_card(connection, card)
        if balance < PRICE:
            raise Refusal(409, f"insufficient balance: {balance} won, a ticket is {PRICE}")
        await check_open(connection, "ticketing", race)
        await _take_place(connection, race)
        balance = await _move_money(connection, card, -PRICE)
        row = await connection.fetchrow(
            "INSERT INTO ticketing.tickets (code, card, race, test) VALUES ($1, $2, $3, $4)"
            " RETURNING ticket, code",
            secrets.token_urlsafe(CODE_BYTES),
            card,
            race,
            test,
        )
        return Issued(row["ticket"], row["code"], balance)


async def validate(database: asyncpg.Pool, ticket: int) -> None:
    """Let a ticket in, once."""
    async with database.acquire() as connection, connection.transaction():
        row = await _lock_ticket(connection, ticket)
        if row["state"] != "issued":
            raise Refusal(409, f"ticket {ticket} is already {row['state']}")
        await connection.execute(
            "UPDATE ticketing.tickets SET state = 'validated', validated_at = now()"
            " WHERE ticket = $1",
            ticket,
        )


async def void(database: asyncpg.Pool, ticket: int) -> int:
    """Give the price and the place back, once; return the card's balance."""
    async with database.acquire() as connection, connection.transaction():
        row = await _lock_ticket(connection, ticket)
        if row["state"] == "void" or (row["state"] == "validated" and not row["test"]):
            raise Refusal(409, f"ticket {ticket} is already {row['state']}")
        balance = await _move_money(connection, row["card"], PRICE)
        await connection.execute(
            "UPDATE ticketing.capacity SET sold = sold - 1 WHERE race = $1", row["race"]
        )
        await connection.execute(
            "UPDATE ticketing.tickets SET state = 'void', voided_at = now() WHERE ticket = $1",
            ticket,
        )
        return balance


async def void_all(database: asyncpg.Pool, card: str) -> int:
    """Take every live ticket of a test card back; how many there were."""
    rows = await database.fetch(
        "SELECT ticket FROM ticketing.tickets WHERE card = $1 AND state <> 'void' ORDER BY ticket",
        card,
    )
    for row in rows:
        await void(database, row["ticket"])
    return len(rows)


async def count_live(database: asyncpg.Pool, card: str) -> int:
    """How many tickets of a card are not void."""
    return int(
        await database.fetchval(
            "SELECT count(*) FROM ticketing.tickets WHERE card = $1 AND state <> 'void'", card
        )
    )


async def _lock_ticket(connection: asyncpg.Connection, ticket: int) -> dict[str, Any]:
    row = await connection.fetchrow(
        "SELECT * FROM ticketing.tickets WHERE ticket = $1 FOR UPDATE", ticket
    )
    if row is None:
        raise Refusal(404, f"there is no ticket {ticket}")
    return dict(row)


async def _lock_card(connection: asyncpg.Connection, card: str) -> int:
    balance = await connection.fetchval(
        "SELECT balance FROM ticketing.cards WHERE card = $1 FOR UPDATE", card
    )
    if balance is None:
        raise Refusal(404, f"there is no card {card}")
    return int(balance)


async def _take_place(connection: asyncpg.Connection, race: str) -> None:
    if is_test(race):
        await connection.execute(
            "INSERT INTO ticketing.capacity (race, capacity) VALUES ($1, $2)"
            " ON CONFLICT DO NOTHING",
            race,
            TEST_CAPACITY,
        )
    sold = await connection.fetchval(
        "UPDATE ticketing.capacity SET sold = sold + 1"
        " WHERE race = $1 AND sold < capacity RETURNING sold",
        race,
    )
    if sold is None:
        raise Refusal(409, f"race {race} is sold out")


async def _move_money(connection: asyncpg.Connection, card: str, amount: int) -> int:
    return int(
        await connection.fetchval(
            "UPDATE ticketing.cards SET balance = balance + $2 WHERE card = $1 RETURNING balance",
            card,
            amount,
        )
    )
