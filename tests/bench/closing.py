"""`make bench`, its second part: how long after Enter `raceday sales close` has stopped customers.

A customer on each channel asks twenty times a second, from the partner's host through the load
balancer. Prints for each channel when the last one got in, and when the command had proven it.
"""

import json
import shlex
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from tests.bench import ROOT, SSH

RACEDAY = (str(Path(sys.executable).with_name("raceday")), "--venue", "demo")
ROUNDS = 5
CHANNELS = ("wagering", "ticketing", "machines")
SECONDS = 8  # as long as customers go on asking
CUSTOMERS = f"""
import asyncio, json, time, aiohttp

async def web(url):
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as answer:
            return answer.status != 503

async def machine():
    reader, writer = await asyncio.open_connection("lb1", 9000)
    writer.write(json.dumps(dict(op="heartbeat", machine="K1")).encode() + b"\\n")
    answer = await reader.readline()
    writer.close()
    return bool(answer)

async def customer(ask):
    last = 0.0
    while time.time() < over:
        try:
            last = time.time() if await ask() else last
        except (OSError, aiohttp.ClientError):
            pass
        await asyncio.sleep(0.05)
    return last

async def main():
    bets, tickets = (f"http://lb1:{{port}}/health" for port in (8081, 8082))
    asks = (lambda: web(bets), lambda: web(tickets), machine)
    print("asking", flush=True)
    print(json.dumps(await asyncio.gather(*map(customer, asks))))

over = time.time() + {SECONDS}
asyncio.run(main())
"""


def main() -> None:
    """Open the venue, close and open sales in rounds, print the medians."""
    raceday("morning")
    rounds = [measure() for _ in range(ROUNDS)]
    table = Table("channel", "last customer, s after Enter", box=None)
    for name, seconds in zip((*CHANNELS, "proven on each"), zip(*rounds, strict=True), strict=True):
        table.add_row(name, f"{median(seconds):.2f}")
    console = Console()
    console.print(f"raceday sales close, {ROUNDS} rounds, medians")
    console.print(table)


def measure() -> tuple[float, ...]:
    """Seconds from Enter to the last customer on each channel, and to the command's end."""
    command = [*SSH, "partner1", f"python3 -c {shlex.quote(CUSTOMERS)}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as asking:
        assert asking.stdout is not None
        asking.stdout.readline()
        began = time.time()
        raceday("sales", "close", "--reason", "bench")
        ended = time.time()
        last = json.loads(asking.stdout.readline())
    raceday("sales", "open", "--reason", "bench")
    return (*(moment - began for moment in last), ended - began)


def raceday(*words: str) -> None:
    """Run a command on the demo. Raises CalledProcessError unless it went well."""
    subprocess.run([*RACEDAY, *words, "--yes"], cwd=ROOT, check=True, capture_output=True)


if __name__ == "__main__":
    main()
