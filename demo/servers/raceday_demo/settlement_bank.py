"""The partner's settlement service: somebody else's server, which raceday may only look at."""

import asyncio
import signal

PORT = 9443
GREETING = b"SETTLEMENT READY\n"


async def _greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(GREETING)
    writer.close()


async def _serve() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with await asyncio.start_server(_greet, port=PORT):
        print(f"settlement-bank listens on port {PORT}")
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(_serve())
