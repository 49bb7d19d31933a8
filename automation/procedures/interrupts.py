"""What a signal means to a run, from its first event until what came of it was shown."""

import signal
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, Self

from automation.execute.processes import end_marked

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """The first signal stops a run in order; a second Ctrl-C hurries.

    What is no Ctrl-C asks, and may ask again: it never hurries. When the run is over, a signal
    changes nothing of what came of it. Caught from `catch` until the `with` ends.
    """

    def __init__(self) -> None:
        self._before: dict[signal.Signals, Any] = {}
        self._by = ""
        self._ctrl_c = False
        self._is_extra = False
        self._run_id = ""
        self._wake: Callable[[], None]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def __call__(self) -> str:
        """The signal that came; empty when none did."""
        return self._by

    def catch(self, run_id: str, wake: Callable[[], None]) -> None:
        """From now on; `wake` is called at each signal, `run_id` is whose processes may end."""
        self._run_id, self._wake = run_id, wake
        self._before = {number: signal.signal(number, self._on_signal) for number in NUMBERS}

    def until_next(self, work: Callable[[], object]) -> None:
        """Do what nobody has to wait for: a signal ends it, and one that came before forbids it."""
        with suppress(KeyboardInterrupt):
            self._is_extra = True
            if not self._by:
                work()
            self._is_extra = False

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._by = signal.Signals(number).name
        if self._is_extra:
            self._is_extra = False
            raise KeyboardInterrupt
        if number == signal.SIGINT:
            if self._ctrl_c:
                end_marked(self._run_id)
            self._ctrl_c = True
        self._wake()
