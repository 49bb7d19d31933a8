"""A system's own copy of the race card; wagering and ticketing each have theirs."""

from typing import Any

import asyncpg

from .fields import is_test
from .refusal import Refusal

TEST_RUNNERS = 8
"""How many runners a test race has, numbered from one, none withdrawn."""


async def read_card(database: asyncpg.Pool, schema: str) -> dict[str, Any]:
    """The whole card in the form of the official file."""
    rows = await database.fetch(
        f"SELECT race::integer AS number, post_time, runner, name, withdrawn"  # noqa: S608 - ours
        f" FROM {schema}.races JOIN {schema}.runners USING (race) ORDER BY 1, runner"
    )
    date = await database.fetchval(f"SELECT date FROM {schema}.race_card")  # noqa: S608 - ours
    races: dict[int, dict[str, Any]] = {}
    for row in rows:
        race = races.setdefault(
            row["number"],
            {"number": row["number"], "post_time": row["post_time"], "runners": []},
        )
        race["runners"].append(
            {"number": row["runner"], "name": row["name"], "withdrawn": row["withdrawn"]}
        )
    return {"date": date.isoformat(), "races": list(races.values())}


async def check_open(connection: asyncpg.Connection, schema: str, race: str) -> None:
    """Refuse an unknown or closed race, and keep it open until the transaction ends."""
    if is_test(race):
        return
    closed = await connection.fetchval(
        f"SELECT closed FROM {schema}.races WHERE race = $1 FOR SHARE",  # noqa: S608 - ours
        race,
    )
    if closed is None:
        raise Refusal(404, f"there is no race {race}")
    if closed:
        raise Refusal(409, f"race {race} is closed")


async def check_runner(connection: asyncpg.Connection, schema: str, race: str, runner: int) -> None:
    """Refuse a runner who does not start."""
    if is_test(race):
        withdrawn = False if runner <= TEST_RUNNERS else None
    else:
        withdrawn = await connection.fetchval(
            f"SELECT withdrawn FROM {schema}.runners"  # noqa: S608 - ours
            " WHERE race = $1 AND runner = $2 FOR SHARE",
            race,
            runner,
        )
    if withdrawn is None:
        raise Refusal(404, f"race {race} has no runner {runner}")
    if withdrawn:
        raise Refusal(409, f"runner {runner} of race {race} is withdrawn")
