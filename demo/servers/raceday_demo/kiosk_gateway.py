"""The gateway that cash betting machines talk to: JSON lines over TCP, bets go to the engines."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from redis.exceptions import RedisError

from . import fields, sales
from .engines import Engines, connect
from .refusal import Refusal
from .service import FINISH_SECONDS, Service, run, serve_http
from .stores import AWAY

HEALTH_PORT = 8083
MACHINE_SECONDS = 30
"""How long after its last heartbeat a machine counts as alive."""
LONGEST_LINE = 4096

Message = Mapping[str, Any]
Reply = dict[str, Any]

log = logging.getLogger(__name__)


class Gateway:
    """The gateway's replies."""

    def __init__(self, service: Service, engines: Engines) -> None:
        self._service = service
        self._engines = engines
        self._operations: dict[str, Callable[[Message], Awaitable[Reply]]] = {
            "heartbeat": self._heartbeat,
            "sell": self._sell,
            "cancel": self._cancel,
            "clean_up": self._clean_up,
        }

    async def reply(self, line: bytes) -> Reply:
        """Answer one line; every no is a sentence."""
        await self._service.faults.delay()
        try:
            message = fields.json_object(json.loads(line))
            return await self._operation(message)(message)
        except Refusal as refusal:
            log.info("refused: %s", refusal.sentence)
            return {"ok": False, "error": refusal.sentence}
        except ValueError:
            return {"ok": False, "error": "not a line of JSON"}
        except AWAY as error:
            log.error("database away: %r", error)  # noqa: TRY400 - the traceback says no more
            return {"ok": False, "error": "database away"}

    def _operation(self, message: Message) -> Callable[[Message], Awaitable[Reply]]:
        name = message.get("op")
        operation = self._operations.get(name) if isinstance(name, str) else None
        if operation is None:
            raise Refusal(400, f"op must be one of {', '.join(self._operations)}")
        if name != "heartbeat":
            self._refuse_unless_working()
        return operation

    def _refuse_unless_working(self) -> None:
        if self._service.faults.asked("broken") is not None:
            raise Refusal(500, "fault switch: broken")
        if not self._service.readiness.warm():
            raise Refusal(503, "starting")

    async def _heartbeat(self, message: Message) -> Reply:
        machine = fields.name(message, "machine")
        broken = self._service.faults.asked("broken") is not None
        status = "ok" if broken else await self._service.readiness.status()
        with contextlib.suppress(RedisError):
            await self._service.stores.cache.set(
                f"kiosk:heartbeat:{machine}", int(time.time()), ex=MACHINE_SECONDS
            )
        return {"ok": status == "ok", "status": status}

    async def _sell(self, message: Message) -> Reply:
        cash_bet = sales.read_cash_bet(message)
        sale, bet = await sales.sell(self._service.stores.database, self._engines, cash_bet)
        log.info("sale %d, bet %d: %s", sale, bet, cash_bet)
        return {"ok": True, "sale": sale, "bet": bet}

    async def _cancel(self, message: Message) -> Reply:
        sale = fields.whole_number(message, "sale")
        await sales.cancel(self._service.stores.database, self._engines, sale)
        log.info("sale %d cancelled", sale)
        return {"ok": True, "sale": sale}

    async def _clean_up(self, message: Message) -> Reply:
        machine = fields.name(message, "machine")
        fields.keep_apart(test=True, machine=machine)
        stores, engines = self._service.stores, self._engines
        cancelled, left = await sales.clean_up(stores.database, engines, machine)
        log.info("%d test sales of %s cancelled, %d left", cancelled, machine, left)
        return {"ok": True, "cancelled": cancelled, "left": left}


class Lines:
    """The machines' connections: one line in, one line out, until one side closes."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._idle: set[asyncio.Task[bytes]] = set()
        self._open: set[asyncio.Task[None]] = set()
        self._closing = False

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one machine."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs this in a task
        self._open.add(task)
        try:
            while not self._closing and (line := await self._next_line(reader)):
                writer.write(json.dumps(await self._gateway.reply(line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError) as error:
            log.info("connection ended: %r", error)
        finally:
            self._open.discard(task)
            writer.close()

    async def finish(self) -> None:
        """Hang up on the idle; give those at work a moment."""
        self._closing = True
        for idle in self._idle:
            idle.cancel()
        if self._open:
            await asyncio.wait(self._open, timeout=FINISH_SECONDS)

    async def _next_line(self, reader: asyncio.StreamReader) -> bytes:
        reading = asyncio.create_task(reader.readline())
        self._idle.add(reading)
        try:
            await asyncio.wait([reading])
            return b"" if reading.cancelled() else reading.result()
        finally:
            self._idle.discard(reading)


@contextlib.asynccontextmanager
async def _serve(service: Service) -> AsyncIterator[None]:
    async with connect() as session, serve_http(service, HEALTH_PORT, []):
        lines = Lines(Gateway(service, Engines(session)))
        server = await asyncio.start_server(
            lines.talk, port=service.settings.listen_port, limit=LONGEST_LINE
        )
        try:
            yield
        finally:
            server.close()
            await lines.finish()


if __name__ == "__main__":
    run(_serve)
