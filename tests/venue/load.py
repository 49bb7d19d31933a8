"""Customers who buy at a steady rate, whatever the answers: an open-loop load."""

import json
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.venue.hands import SSH_CONFIG

CUSTOMERS = """
import asyncio, collections, json, sys, threading, time, aiohttp

RATE, LONGEST, PEOPLE = {rate}, {longest}, 20

def order(n):
    name = f"test-load-{{n % PEOPLE}}"
    if n % 3 == 0:
        return "http://lb1:8082/tickets", {{"card": name, "race": name, "test": True}}
    bet = {{"account": name, "race": name, "pool": "win", "selection": 1 + n % 8, "amount": 100}}
    return "http://lb1:8081/bets", {{**bet, "test": True}}

async def buy(session, n, answers, seconds):
    url, body = order(n)
    began = time.monotonic()
    try:
        async with session.post(url, json=body) as response:
            await response.read()
            answers[str(response.status)] += 1
    except Exception as error:
        answers[repr(error)] += 1
    seconds.append(time.monotonic() - began)

async def main():
    over, loop = asyncio.Event(), asyncio.get_running_loop()
    def wait_for_end():
        sys.stdin.read()
        loop.call_soon_threadsafe(over.set)
    answers, seconds, tasks = collections.Counter(), [], []
    timeout = aiohttp.ClientTimeout(total=10)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        for n in range(PEOPLE):
            for url in (f"http://lb1:8081/accounts/test-load-{{n}}", f"http://lb1:8082/cards/test-load-{{n}}"):
                async with session.get(url) as response:
                    assert response.status == 200, url
        print("buying", flush=True)
        threading.Thread(target=wait_for_end, daemon=True).start()
        began, n = loop.time(), 0
        while not over.is_set() and n < RATE * LONGEST:
            tasks.append(asyncio.create_task(buy(session, n, answers, seconds)))
            n += 1
            await asyncio.sleep(max(began + n / RATE - loop.time(), 0))
        await asyncio.gather(*tasks)
    print(json.dumps({{"sent": n, "answers": answers, "slowest": max(seconds)}}))

asyncio.run(main())
"""


@dataclass
class Load:
    """What came of it, once it is over: `answers` counts each status and each error."""

    sent: int = 0
    answers: dict[str, int] = field(default_factory=dict)
    slowest: float = 0.0


@contextmanager
def customers(rate: int = 30, longest: int = 90) -> Iterator[Load]:
    """Test bets and tickets per second, from the partner's host through the load balancer.

    They come as long as the block lasts, at most `longest` seconds.
    """
    script = CUSTOMERS.format(rate=rate, longest=longest)
    command = f"sudo sh -c {shlex.quote(f'exec python3 -c {shlex.quote(script)}')}"
    load = Load()
    with subprocess.Popen(
        ["ssh", "-F", str(SSH_CONFIG), "partner1", command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "buying\n"
        try:
            yield load
        finally:
            output, _ = process.communicate("", timeout=30)
            vars(load).update(json.loads(output))
