"""Is this server ready? The truth, asked anew every time."""

import asyncio
import logging
import os
import time

from redis.exceptions import RedisError

from .faults import Faults
from .stores import AWAY, Stores

ASK_SECONDS = 1.0
POLL_SECONDS = 0.1

log = logging.getLogger(__name__)


class Readiness:
    """Warm-up, then whether database and cache really answer."""

    def __init__(self, stores: Stores, warm_up_seconds: float) -> None:
        self._stores = stores
        self._warm_at = time.monotonic() + warm_up_seconds
        self._last = "starting"

    def warm(self) -> bool:
        """Whether the warm-up is over."""
        return time.monotonic() >= self._warm_at

    async def status(self) -> str:
        """`ok`, or why not: `starting`, `database away`, `cache away`."""
        status = await self._ask()
        if status != self._last:
            log.info("status: %s (was: %s)", status, self._last)
            self._last = status
        return status

    async def _ask(self) -> str:
        if not self.warm():
            return "starting"
        database, cache = await asyncio.gather(self._database_answers(), self._cache_answers())
        if not database:
            return "database away"
        return "ok" if cache else "cache away"

    async def _database_answers(self) -> bool:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                return bool(await self._stores.database.fetchval("SELECT 1") == 1)
        except AWAY:
            return False

    async def _cache_answers(self) -> bool:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                return bool(await self._stores.cache.ping())
        except (RedisError, OSError, TimeoutError):
            return False


async def watch_start(readiness: Readiness, faults: Faults) -> None:
    """Log the moment the server is ready; then die, if the fault switch says so."""
    while await readiness.status() != "ok":
        await asyncio.sleep(POLL_SECONDS)
    crash = faults.asked("crash_after")
    if crash is not None:
        await asyncio.sleep(crash.seconds)
        log.error("fault switch: crashing %g seconds after ready", crash.seconds)
        os._exit(1)
