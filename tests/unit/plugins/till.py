"""A till on a port of its own that takes purchases and can be told to misbehave."""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

BALANCE = 1000
SOLD = 201


class Till:
    """Sells at 1 each over HTTP (POST /buy, GET and DELETE /of/CUSTOMER) and in lines of JSON."""

    def __init__(self) -> None:
        self.bought: Counter[str] = Counter()
        self.count = 0
        self.at_once = self.most_at_once = 0
        self.together = 0  # nobody is served before so many have waited at once
        self.refused = threading.Semaphore(0)  # one more for each purchase with another status
        self.status = SOLD
        self.delay = 0.0
        self.drops = self.keeps = False
        self.fee = 0
        self.account: dict[str, Any] | None = None
        self.port = 0
        self._all_here = asyncio.Event()

    @property
    def url(self) -> str:
        """Where it sells."""
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request; a hang-up is a hang-up."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readline()
            if head.startswith(b"{"):
                order = json.loads(head)
                writer.write(json.dumps(await self._line(order)).encode() + b"\n")
            else:
                writer.write(await self._http(head, reader))
            await writer.drain()
        writer.close()

    async def _line(self, order: dict[str, Any]) -> dict[str, Any]:
        if order["op"] == "sell":
            await self._sell(order["machine"])
        return {"ok": True, "left": 0, "back": self._take_back(order)}

    def _take_back(self, order: dict[str, Any]) -> int:
        return self.bought.pop(order["machine"], 0) if order["op"] == "clean_up" else 0

    async def _http(self, head: bytes, reader: asyncio.StreamReader) -> bytes:
        method, path, _ = head.decode().split()
        length = 0
        while (line := await reader.readline()).strip():
            name, _, value = line.decode().partition(":")
            length = int(value) if name == "Content-Length" else length
        body = json.loads(await reader.readexactly(length) or b"{}")
        return await self._answer(method, path.rpartition("/")[2], body)

    async def _answer(self, method: str, customer: str, body: dict[str, Any]) -> bytes:
        if method == "POST":
            await self._sell(body["customer"])
            if self.status != SOLD:
                self.refused.release()
            return b"" if self.drops else _reply(self.status, {})
        if method == "DELETE":
            back = 0 if self.keeps else self.bought.pop(customer, 0)
            return _reply(200, {"back": back, "left": self.bought[customer]})
        balance = BALANCE - self.bought[customer] - self.fee
        return _reply(200, {"balance": balance} if self.account is None else self.account)

    async def _sell(self, customer: str) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        if self.at_once >= self.together:
            self._all_here.set()
        await self._all_here.wait()
        await asyncio.sleep(self.delay)
        self.at_once -= 1
        self.count += 1
        self.bought[customer] += 1


@contextmanager
def open_till() -> Iterator[Till]:
    """A till in a thread of its own."""
    till, loop, ready = Till(), asyncio.new_event_loop(), threading.Event()

    async def run() -> None:
        server = await asyncio.start_server(till.serve, "127.0.0.1", 0, backlog=1000)
        till.port = server.sockets[0].getsockname()[1]
        ready.set()

    loop.create_task(run())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    ready.wait()
    yield till
    for task in asyncio.all_tasks(loop):
        loop.call_soon_threadsafe(task.cancel)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def _reply(status: int, body: dict[str, Any]) -> bytes:
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} Said\r\nContent-Length: {len(data)}\r\nConnection: close\r\n\r\n"
    return head.encode() + data
