"""The pari-mutuel wagering engine: accounts, bets, pools and odds over HTTP."""

import contextlib
import json
import logging
from typing import Any

from aiohttp import web
from redis.exceptions import RedisError

from . import bets, fields, results
from .odds import win_odds
from .race_card import TEST_RUNNERS, read_card
from .refusal import Refusal
from .service import Service, run, serve_http

ODDS_SECONDS = 2
"""How long odds may be shown from the cache when nobody bets; a bet drops them at once."""

log = logging.getLogger(__name__)


class Engine:
    """The engine's answers; everything it knows is in the database."""

    def __init__(self, service: Service) -> None:
        self._database = service.stores.database
        self._cache = service.stores.cache

    def routes(self) -> list[web.RouteDef]:
        """Which request is answered by whom."""
        return [
            web.get("/card", self.show_card),
            web.get("/accounts/{account}", self.show_account),
            web.delete("/accounts/{account}/bets", self.cancel_test_bets),
            web.post("/bets", self.place_bet),
            web.get("/bets/{bet}", self.show_bet),
            web.delete("/bets/{bet}", self.cancel_bet),
            web.get("/races/{race}/pools", self.show_race),
            web.post("/races/{race}/result", self.enter_result),
            web.get("/pools", self.show_totals),
        ]

    async def show_card(self, _request: web.Request) -> web.Response:
        """The race card as this engine has it."""
        return web.json_response(await read_card(self._database, "wagering"))

    async def show_account(self, request: web.Request) -> web.Response:
        """An account's balance; a test account is made when first asked for."""
        account = fields.name(request.match_info, "account")
        if fields.is_test(account):
            await bets.open_test_account(self._database, account)
        balance = await self._database.fetchval(
            "SELECT balance FROM wagering.accounts WHERE account = $1", account
        )
        if balance is None:
            raise Refusal(404, f"there is no account {account}")
        return web.json_response({"account": account, "balance": balance})

    async def place_bet(self, request: web.Request) -> web.Response:
        """Take a bet; a repeated idempotency key answers with the bet it made before."""
        order = _order(await request.json(), request.headers.get("Idempotency-Key"))
        placed = await bets.place(self._database, order)
        if not placed.repeated:
            await self._forget_odds(order.race)
        log.info("bet %d %s: %s", placed.bet, "repeated" if placed.repeated else "placed", order)
        answer = {
            "bet": placed.bet,
            "number": placed.number,
            "state": placed.state,
            "balance": placed.balance,
        }
        return web.json_response(answer, status=200 if placed.repeated else 201)

    async def show_bet(self, request: web.Request) -> web.Response:
        """One bet."""
        bet = fields.identifier(request.match_info["bet"])
        row = await self._database.fetchrow(
            "SELECT bet, account, race, pool, selection, amount, test, state"
            " FROM wagering.bets WHERE bet = $1",
            bet,
        )
        if row is None:
            raise Refusal(404, f"there is no bet {bet}")
        return web.json_response(dict(row))

    async def cancel_bet(self, request: web.Request) -> web.Response:
        """Undo a bet exactly, once."""
        bet = fields.identifier(request.match_info["bet"])
        row, balance = await bets.cancel(self._database, bet)
        await self._forget_odds(row["race"])
        log.info("bet %d cancelled: %d won back to %s", bet, row["amount"], row["account"])
        return web.json_response({"bet": bet, "state": "cancelled", "balance": balance})

    async def cancel_test_bets(self, request: web.Request) -> web.Response:
        """Cancel all that a test account has left, as after a test that crashed."""
        account = fields.name(request.match_info, "account")
        fields.keep_apart(test=True, account=account)
        cancelled = await bets.cancel_all(self._database, account)
        for row in cancelled:
            await self._forget_odds(row["race"])
        left = await bets.count_live(self._database, account)
        return web.json_response({"account": account, "cancelled": len(cancelled), "left": left})

    async def enter_result(self, request: web.Request) -> web.Response:
        """Close a race, write its winner down and settle its bets; again, it settles the rest."""
        race = fields.name(request.match_info, "race")
        winner = fields.whole_number(fields.json_object(await request.json()), "winner")
        await results.enter(self._database, race, winner)
        settled = await results.settle(self._database, race)
        log.info("race %s won by %d: %s", race, winner, settled)
        answer = {
            "race": race,
            "winner": winner,
            "won": settled.won,
            "lost": settled.lost,
            "paid": settled.paid,
        }
        return web.json_response(answer)

    async def show_race(self, request: web.Request) -> web.Response:
        """A race's pools and odds, from the cache when they are there."""
        race = fields.name(request.match_info, "race")
        with contextlib.suppress(RedisError):
            cached = await self._cache.get(_odds_key(race))
            if cached is not None:
                return web.Response(text=cached, content_type="application/json")
        answer = json.dumps({"race": race, "pools": {"win": await self._win_pool(race)}})
        with contextlib.suppress(RedisError):
            await self._cache.set(_odds_key(race), answer, ex=ODDS_SECONDS)
        return web.Response(text=answer, content_type="application/json")

    async def show_totals(self, _request: web.Request) -> web.Response:
        """The engine's own running totals of every real race."""
        rows = await self._database.fetch(
            "SELECT race, coalesce(sum(total), 0)::bigint AS total FROM wagering.races"
            " LEFT JOIN wagering.pools USING (race) WHERE pool IS NULL OR pool = 'win'"
            " GROUP BY race ORDER BY race::integer"
        )
        return web.json_response({"totals": {row["race"]: {"win": row["total"]} for row in rows}})

    async def _win_pool(self, race: str) -> dict[str, Any]:
        rows = await self._database.fetch(
            "SELECT runner, total FROM wagering.pools WHERE race = $1 AND pool = 'win'", race
        )
        totals = dict.fromkeys(await self._runners(race), 0)
        totals.update({row["runner"]: row["total"] for row in rows})
        return {
            "total": sum(totals.values()),
            "runners": {str(runner): total for runner, total in totals.items()},
            "odds": {str(runner): odds for runner, odds in win_odds(totals).items()},
        }

    async def _runners(self, race: str) -> list[int]:
        if fields.is_test(race):
            return list(range(1, TEST_RUNNERS + 1))
        rows = await self._database.fetch(
            "SELECT runner FROM wagering.runners WHERE race = $1 ORDER BY runner", race
        )
        if not rows:
            raise Refusal(404, f"there is no race {race}")
        return [row["runner"] for row in rows]

    async def _forget_odds(self, race: str) -> None:
        try:
            await self._cache.delete(_odds_key(race))
        except RedisError as error:
            log.warning("odds of race %s stay cached for %d s: %s", race, ODDS_SECONDS, error)


def _odds_key(race: str) -> str:
    return f"wagering:odds:{race}"


def _order(body: object, idempotency_key: str | None) -> bets.Order:
    given = fields.json_object(body)
    order = bets.Order(
        account=fields.name(given, "account"),
        race=fields.name(given, "race"),
        pool=fields.name(given, "pool"),
        selection=fields.whole_number(given, "selection"),
        amount=fields.whole_number(given, "amount"),
        test=fields.flag(given, "test"),
        idempotency_key=idempotency_key,
    )
    fields.keep_apart(test=order.test, race=order.race, account=order.account)
    return order


def _serve(service: Service) -> contextlib.AbstractAsyncContextManager[None]:
    return serve_http(service, service.settings.listen_port, Engine(service).routes())


if __name__ == "__main__":
    run(_serve)
