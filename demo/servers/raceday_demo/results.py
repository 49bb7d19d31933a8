"""Results: a race is closed with its winner, then its bets are settled and winners paid.

These are two transactions. The first waits for the bets in flight, and no bet or cancellation comes
after it; so the second can lock bets and then accounts, in the order of bets.py, and be repeated
after a crash: what it finds still accepted is not paid yet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from .odds import win_payout
from .race_card import check_runner
from .refusal import Refusal


@dataclass(frozen=True)
class Settled:
    """How many bets won and lost, and what was paid, in won."""

    won: int
    lost: int
    paid: int


async def enter(database: asyncpg.Pool, race: str, winner: int) -> None:
    """Close a race for good and write its winner down; the same winner may be entered again."""
    async with database.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(
            "SELECT winner FROM wagering.races WHERE race = $1 FOR UPDATE", race
        )
        if row is None:
            raise Refusal(404, f"there is no race {race}")
        if row["winner"] not in {None, winner}:
            raise Refusal(409, f"race {race} was won by {row['winner']}")
        await check_runner(connection, "wagering", race, winner)
        await connection.execute(
            "UPDATE wagering.races SET closed = true, winner = $2 WHERE race = $1", race, winner
        )


async def settle(database: asyncpg.Pool, race: str) -> Settled:
    """Pay the winners of a race with a result, and mark every bet that still stands."""
    async with database.acquire() as connection, connection.transaction():
        winner = await connection.fetchval(
            "SELECT winner FROM wagering.races WHERE race = $1", race
        )
        bets = await connection.fetch(
            "SELECT bet, account, selection, amount FROM wagering.bets"
            " WHERE race = $1 AND pool = 'win' AND state = 'accepted' ORDER BY bet FOR UPDATE",
            race,
        )
        winning = [bet for bet in bets if bet["selection"] == winner]
        paid = await _pay(connection, winning, await _totals(connection, race))
        await _mark(connection, "won", winning)
        await _mark(connection, "lost", [bet for bet in bets if bet["selection"] != winner])
        return Settled(len(winning), len(bets) - len(winning), paid)


async def _totals(connection: asyncpg.Connection, race: str) -> dict[int, int]:
    rows = await connection.fetch(
        "SELECT runner, total FROM wagering.pools WHERE race = $1 AND pool = 'win'", race
    )
    return {row["runner"]: row["total"] for row in rows}


async def _pay(
    connection: asyncpg.Connection, bets: Sequence[Mapping[str, Any]], totals: Mapping[int, int]
) -> int:
    """Pay each account once, accounts in order, so that two races never wait for each other."""
    due: dict[str, int] = {}
    for bet in bets:
        payout = win_payout(totals, bet["selection"], bet["amount"])
        due[bet["account"]] = due.get(bet["account"], 0) + payout
    for account, amount in sorted(due.items()):
        await connection.execute(
            "UPDATE wagering.accounts SET balance = balance + $2 WHERE account = $1",
            account,
            amount,
        )
    return sum(due.values())


async def _mark(
    connection: asyncpg.Connection, state: str, bets: Sequence[Mapping[str, Any]]
) -> None:
    await connection.execute(
        "UPDATE wagering.bets SET state = $1, settled_at = now() WHERE bet = ANY($2::bigint[])",
        state,
        [bet["bet"] for bet in bets],
    )
