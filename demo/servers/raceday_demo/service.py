"""The frame of every server: settings, log, fault switch, HTTP, an orderly end on SIGTERM."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from .faults import Faults
from .readiness import Readiness, watch_start
from .refusal import Refusal
from .settings import Settings, read_settings
from .stores import AWAY, Stores, open_stores

FINISH_SECONDS = 5
SYSLOG_LEVELS = {logging.ERROR: "<3>", logging.WARNING: "<4>"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Service:
    """What a server's own code works with."""

    settings: Settings
    stores: Stores
    readiness: Readiness
    faults: Faults


def run(serve: Callable[[Service], contextlib.AbstractAsyncContextManager[None]]) -> None:
    """Run a server until SIGTERM; `serve` opens its port and closes it again."""
    _log_to_journal()
    settings = read_settings(os.environ)
    faults = Faults(settings.service)
    if faults.asked("refuse_start") is not None:
        log.error("fault switch: %s refuses to start", settings.service)
        sys.exit(1)
    asyncio.run(_run(settings, faults, serve))


async def _run(
    settings: Settings,
    faults: Faults,
    serve: Callable[[Service], contextlib.AbstractAsyncContextManager[None]],
) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with open_stores(settings) as stores:
        readiness = Readiness(stores, settings.warm_up_seconds)
        async with serve(Service(settings, stores, readiness, faults)):
            log.info("%s listens on port %d", settings.service, settings.listen_port)
            watch = asyncio.create_task(watch_start(readiness, faults))
            await stop.wait()
            watch.cancel()
            log.info("stopping: no new work, finishing what is in flight")
    log.info("stopped")


@contextlib.asynccontextmanager
async def serve_http(
    service: Service, port: int, routes: Iterable[web.RouteDef]
) -> AsyncIterator[None]:
    """Serve `routes` and /health on a port; on leaving, finish what is in flight."""
    app = web.Application(middlewares=_middlewares(service))
    app.add_routes([web.get("/health", _health(service)), *routes])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, port=port, shutdown_timeout=FINISH_SECONDS, reuse_address=True)
    try:
        await site.start()
        yield
    finally:
        await runner.cleanup()


def _health(service: Service) -> Handler:
    async def health(_request: web.Request) -> web.StreamResponse:
        if service.faults.asked("broken") is not None:
            return web.json_response({"status": "ok"})
        status = await service.readiness.status()
        return web.json_response({"status": status}, status=200 if status == "ok" else 503)

    return health


def _middlewares(service: Service) -> list[Any]:
    async def misbehave(request: web.Request, handler: Handler) -> web.StreamResponse:
        await service.faults.delay()
        if request.path != "/health" and service.faults.asked("broken") is not None:
            raise Refusal(500, "fault switch: broken")
        return await handler(request)

    async def wait_for_warm_up(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path != "/health" and not service.readiness.warm():
            raise Refusal(503, "starting")
        return await handler(request)

    return [web.middleware(step) for step in (_refusals, misbehave, wait_for_warm_up)]


async def _refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every no into one JSON answer."""
    try:
        return await handler(request)
    except Refusal as refusal:
        log.info("%s %s refused: %s", request.method, request.path, refusal.sentence)
        return web.json_response({"error": refusal.sentence}, status=refusal.status)
    except json.JSONDecodeError:
        return web.json_response({"error": "the body is not JSON"}, status=400)
    except AWAY as error:
        log.error("%s %s: database away: %r", request.method, request.path, error)  # noqa: TRY400
        return web.json_response({"error": "database away"}, status=503)


class _JournalFormatter(logging.Formatter):
    """One line per event; systemd reads the level from its prefix."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record).replace("\n", " | ")
        return SYSLOG_LEVELS.get(record.levelno, "<6>") + line


def _log_to_journal() -> None:
    output = logging.StreamHandler(sys.stdout)
    output.setFormatter(_JournalFormatter("%(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[output])
