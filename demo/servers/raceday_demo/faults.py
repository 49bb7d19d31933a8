"""The fault switch: a file that makes a server misbehave, so that tests can see it noticed."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path("/etc/raceday-demo")
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Fault:
    """What to do wrong, and for `slow` and `crash_after` the seconds."""

    name: str
    seconds: float = 0.0


class Faults:
    """One server's fault file, read anew on every question because tests change it at will."""

    def __init__(self, service: str) -> None:
        self._file = FOLDER / f"fault.{service}"

    def current(self) -> Fault | None:
        """The fault asked for, or None; a word nobody knows is no fault."""
        try:
            name, _, seconds = self._file.read_text().strip().partition("=")
        except FileNotFoundError:
            return None
        return Fault(name, float(seconds or 0))

    def asked(self, name: str) -> Fault | None:
        """The current fault if it is the one named."""
        fault = self.current()
        return fault if fault is not None and fault.name == name else None

    async def delay(self) -> None:
        """Wait as `slow` and `hang` demand; a hang ends when the file goes."""
        slow = self.asked("slow")
        if slow is not None:
            await asyncio.sleep(slow.seconds)
        while self.asked("hang") is not None:
            await asyncio.sleep(POLL_SECONDS)
