"""The wagering engines as the kiosk gateway sees them: one after the other until one answers."""

import logging
from dataclasses import dataclass
from typing import Any

import aiohttp

from .refusal import Refusal

ENGINES = ("http://wagering1:8081", "http://wagering2:8081")
CONNECT_SECONDS = 2
ANSWER_SECONDS = 5

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """What an engine said."""

    status: int
    body: dict[str, Any]


class Engines:
    """Ask one engine after the other until one is well enough to answer.

    Every request here may be repeated safely: bets carry an idempotency key, and a second
    cancellation is refused.
    """

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def open_account(self, account: str) -> None:
        """Make sure that a test account exists."""
        _expect(await self._ask("GET", f"/accounts/{account}"), 200)

    async def place(self, order: dict[str, Any], idempotency_key: str) -> int:
        """Place a bet and return its number."""
        headers = {"Idempotency-Key": idempotency_key}
        answer = await self._ask("POST", "/bets", json=order, headers=headers)
        return int(_expect(answer, 200, 201)["bet"])

    async def cancel(self, bet: int) -> None:
        """Cancel a bet; one that is cancelled already is what was wanted."""
        answer = await self._ask("DELETE", f"/bets/{bet}")
        if not await self._is_cancelled(bet, answer):
            _expect(answer, 200)

    async def cancel_test_bets(self, account: str) -> int:
        """Cancel every bet of a test account; how many are left."""
        answer = await self._ask("DELETE", f"/accounts/{account}/bets")
        return int(_expect(answer, 200)["left"])

    async def _is_cancelled(self, bet: int, answer: Answer) -> bool:
        if answer.status != 409:  # noqa: PLR2004 - conflict: cancelled before, or the race closed
            return False
        shown = await self._ask("GET", f"/bets/{bet}")
        return shown.body.get("state") == "cancelled"

    async def _ask(self, method: str, path: str, **options: Any) -> Answer:
        for engine in ENGINES:
            try:
                async with self._session.request(method, engine + path, **options) as response:
                    answer = Answer(response.status, await response.json())
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                log.warning("%s %s%s: %r", method, engine, path, error)
                continue
            if answer.status < 500:  # noqa: PLR2004 - server errors: the other engine may be well
                return answer
            log.warning("%s %s%s: %d %s", method, engine, path, answer.status, answer.body)
        raise Refusal(503, "no wagering engine answers")


def connect() -> aiohttp.ClientSession:
    """A session whose requests end in bounded time."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS, sock_connect=CONNECT_SECONDS)
    return aiohttp.ClientSession(timeout=timeout)


def _expect(answer: Answer, *statuses: int) -> dict[str, Any]:
    if answer.status not in statuses:
        raise Refusal(answer.status, str(answer.body.get("error", "no reason given")))
    return answer.body
