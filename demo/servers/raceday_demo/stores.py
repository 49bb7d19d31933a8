"""PostgreSQL and Redis, as every server uses them: they may go away and come back at any time."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
from redis.asyncio import Redis

from .settings import Settings

CONNECT_SECONDS = 2
COMMAND_SECONDS = 10

AWAY = (OSError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError)
"""What asyncpg raises when the database cannot be reached, or goes in the middle of a command."""


@dataclass(frozen=True)
class Stores:
    """The open connections of one server."""

    database: asyncpg.Pool
    cache: "Redis[str]"


@contextlib.asynccontextmanager
async def open_stores(settings: Settings) -> AsyncIterator[Stores]:
    """Open both without connecting yet: a server starts before its database answers."""
    database = await asyncpg.create_pool(
        host=settings.database_host,
        database=settings.database_name,
        user=settings.database_user,
        password=settings.database_password,
        min_size=0,
        max_size=20,
        timeout=CONNECT_SECONDS,
        command_timeout=COMMAND_SECONDS,
        server_settings={"application_name": settings.service},
    )
    cache = Redis(
        host=settings.redis_host,
        username=settings.redis_user,
        password=settings.redis_password,
        socket_timeout=CONNECT_SECONDS,
        socket_connect_timeout=CONNECT_SECONDS,
        decode_responses=True,
    )
    try:
        yield Stores(database, cache)
    finally:
        database.terminate()
        await cache.close()
