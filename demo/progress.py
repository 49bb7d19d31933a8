"""Lines that say what is going on, each with the seconds since the start."""

import sys
import time


class Progress:
    """Tells an operator what is being done and how long it has taken so far."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def say(self, sentence: str) -> None:
        """Print one line at once."""
        print(f"{self.seconds():6.1f} s  {sentence}", file=sys.stderr, flush=True)

    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start
