"""The ticketing service of the mobile card: issue, show, validate once, void."""

import contextlib
import logging

from aiohttp import web
from redis.exceptions import RedisError

from . import fields, tickets
from .race_card import read_card
from .refusal import Refusal
from .service import Service, run, serve_http

HURRY_LIMIT = 20
HURRY_SECONDS = 10
"""A real card buys at most this many tickets in this time: a finger stuck on the button."""

log = logging.getLogger(__name__)


class TicketOffice:
    """The service's answers; everything it knows is in the database."""

    def __init__(self, service: Service) -> None:
        self._database = service.stores.database
        self._cache = service.stores.cache

    def routes(self) -> list[web.RouteDef]:
        """Which request is answered by whom."""
        return [
            web.get("/card", self.show_race_card),
            web.get("/cards/{card}", self.show_card),
            web.delete("/cards/{card}/tickets", self.void_test_tickets),
            web.post("/tickets", self.issue),
            web.get("/tickets/{ticket}", self.show_ticket),
            web.post("/tickets/{ticket}/validate", self.validate),
            web.post("/tickets/{ticket}/void", self.void),
        ]

    async def show_race_card(self, _request: web.Request) -> web.Response:
        """The race card as ticketing has it."""
        return web.json_response(await read_card(self._database, "ticketing"))

    async def show_card(self, request: web.Request) -> web.Response:
        """A mobile card's balance; a test card is made when first asked for."""
        card = fields.name(request.match_info, "card")
        if fields.is_test(card):
            await tickets.open_test_card(self._database, card)
        balance = await self._database.fetchval(
            "SELECT balance FROM ticketing.cards WHERE card = $1", card
        )
        if balance is None:
            raise Refusal(404, f"there is no card {card}")
        return web.json_response({"card": card, "balance": balance})

    async def issue(self, request: web.Request) -> web.Response:
        """Sell one ticket."""
        given = fields.json_object(await request.json())
        card, race = fields.name(given, "card"), fields.name(given, "race")
        test = fields.flag(given, "test")
        fields.keep_apart(test=test, race=race, card=card)
        if not test:
            await self._refuse_hurry(card)
        issued = await tickets.issue(self._database, card, race, test=test)
        log.info("ticket %d issued: race %s, card %s", issued.ticket, race, card)
        answer = {
            "ticket": issued.ticket,
            "code": issued.code,
            "state": "issued",
            "balance": issued.balance,
        }
        return web.json_response(answer, status=201)

    async def show_ticket(self, request: web.Request) -> web.Response:
        """One ticket."""
        ticket = fields.identifier(request.match_info["ticket"])
        row = await self._database.fetchrow(
            "SELECT ticket, code, card, race, test, state FROM ticketing.tickets WHERE ticket = $1",
            ticket,
        )
        if row is None:
            raise Refusal(404, f"there is no ticket {ticket}")
        return web.json_response(dict(row))

    async def validate(self, request: web.Request) -> web.Response:
        """Let a ticket in, once."""
        ticket = fields.identifier(request.match_info["ticket"])
        await tickets.validate(self._database, ticket)
        log.info("ticket %d validated", ticket)
        return web.json_response({"ticket": ticket, "state": "validated"})

    async def void(self, request: web.Request) -> web.Response:
        """Take a ticket back, once."""
        ticket = fields.identifier(request.match_info["ticket"])
        balance = await tickets.void(self._database, ticket)
        log.info("ticket %d void", ticket)
        return web.json_response({"ticket": ticket, "state": "void", "balance": balance})

    async def void_test_tickets(self, request: web.Request) -> web.Response:
        """Void all that a test card has left, as after a test that crashed."""
        card = fields.name(request.match_info, "card")
        fields.keep_apart(test=True, card=card)
        voided = await tickets.void_all(self._database, card)
        left = await tickets.count_live(self._database, card)
        return web.json_response({"card": card, "voided": voided, "left": left})

    async def _refuse_hurry(self, card: str) -> None:
        """Count a card's purchases in Redis; without Redis nobody is refused."""
        key = f"ticketing:hurry:{card}"
        try:
            bought = await self._cache.incr(key)
            if bought == 1:
                await self._cache.expire(key, HURRY_SECONDS)
        except RedisError as error:
            log.warning("purchases of card %s not counted: %s", card, error)
            return
        if bought > HURRY_LIMIT:
            raise Refusal(429, f"card {card} buys too fast")


def _serve(service: Service) -> contextlib.AbstractAsyncContextManager[None]:
    return serve_http(service, service.settings.listen_port, TicketOffice(service).routes())


if __name__ == "__main__":
    run(_serve)
