"""Tells people elsewhere of a run. It never delays the run: what cannot be sent is lost, and said.

Who is told stands in Apprise's own configuration file, with a tag for each occasion.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from queue import Full, Queue
from threading import Lock, Thread, Timer
from time import monotonic
from typing import TextIO

from pydantic import BaseModel, ValidationError

from automation.errors import UsageError
from automation.history import read_history, reports_of
from automation.run.events import Event, Message
from automation.run.plan import Plan
from automation.run.state import State
from automation.settings import Settings
from automation.views.aside import say
from automation.views.i18n import Translator
from automation.views.notices import Notice, Occasion, Rule, due, write_notice
from automation.views.targets import Target, read_targets

TARGETS, LONGER, ON_CHANGE = "RACEDAY_NOTIFY", "RACEDAY_NOTIFY_LONGER", "RACEDAY_NOTIFY_ON_CHANGE"
WAITING = 16  # messages that one target may be behind
PATIENCE = 2.0  # seconds at the end of a run, for all targets together
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


class Notifier:
    """An observer of a run. Each target has a thread, so that none waits for another."""

    def __init__(
        self,
        targets: Sequence[Target],
        rule: Rule,
        translate: Translator,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        stream: TextIO | None = None,
    ) -> None:
        self._couriers = [_Courier(target) for target in targets]
        self._rule = rule
        self._translate = translate
        self._now = now
        self._stream = stream
        self._told: set[Occasion] = set()
        self._state: State | None = None
        self._timer: Timer | None = None
        self._lock = Lock()

    def __call__(self, state: State, event: Event) -> None:
        """Note what a run has come to; returns at once, whatever happens to the messages."""
        self._state = state
        with suppress(Exception):  # no message is worth a run
            self._watch_time()
            self._tell(state, event)

    def close(self) -> None:
        """Give what is under way a moment, then say which targets missed something."""
        if self._timer:
            self._timer.cancel()
        until = monotonic() + PATIENCE
        for courier in self._couriers:
            courier.dismiss()
        for courier in self._couriers:
            courier.wait(until)
        lost = [f"{courier.name} ({courier.lost})" for courier in self._couriers if courier.lost]
        if lost:
            text = "Messages that did not arrive: %(targets)s"
            with suppress(OSError, ValueError):
                say(f"raceday: {self._translate(text, targets=', '.join(lost))}", self._stream)

    def _watch_time(self) -> None:
        if self._timer is None and self._rule.slow_after is not None:
            self._timer = Timer(self._rule.slow_after, self._notice_time)
            self._timer.daemon = True
            self._timer.start()

    def _notice_time(self) -> None:
        if self._state is not None:
            self._tell(self._state, None)

    def _tell(self, state: State, event: Event | None) -> None:
        with self._lock:
            occasion = due(state, event, self._told, self._rule)
            if occasion is None:
                return
            self._told.add(occasion)
            now = self._now()
            write = partial(write_notice, state, occasion, self._rule, now, self._translate)
            for courier in self._couriers:
                courier.take(occasion, write)


class _Courier:
    """Carries messages to one target, in a thread that dies with the process."""

    def __init__(self, target: Target) -> None:
        self.name = target.name
        self._target = target
        self._taken = self._arrived = 0
        self._queue: Queue[Callable[[], Notice] | None] = Queue(WAITING)
        self._thread = Thread(target=self._carry, name=f"notify {target.name}", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        """Messages that have not arrived."""
        return self._taken - self._arrived

    def take(self, occasion: Occasion, write: Callable[[], Notice]) -> None:
        """One more message, to be written on the way; lost when too many wait already."""
        if self._target.wants(occasion):
            self._taken += 1
            with suppress(Full):
                self._queue.put_nowait(write)

    def dismiss(self) -> None:
        """No more messages will come."""
        with suppress(Full):
            self._queue.put_nowait(None)

    def wait(self, until: float) -> None:
        """Wait for what is under way, at most until a moment of the monotonic clock."""
        self._thread.join(max(until - monotonic(), 0.0))

    def _carry(self) -> None:
        for write in iter(self._queue.get, None):
            with suppress(Exception):  # whatever it is, it is a message lost and no more
                self._arrived += self._target.send(write())


def open_notifier(settings: Settings, plan: Plan, environ: Mapping[str, str]) -> Notifier | None:
    """The notifier that the environment asks for; None when it asks for none, or in check mode.

    Raises UsageError when one of its settings makes no sense.
    """
    if not environ.get(TARGETS) or plan.check:
        return None
    longer, changes = read_longer(environ.get(LONGER) or "20%"), environ.get(ON_CHANGE) or "0"
    if changes not in {"0", "1"}:
        raise UsageError(
            Message("%(name)s is '%(value)s'.", {"name": ON_CHANGE, "value": changes}),
            "Say 1 for yes, or 0 for no.",
        )
    targets = read_targets(Path(environ[TARGETS]))
    run = read_history(settings.reports, plan.venue, plan.procedure).run
    rule = Rule(
        usual_seconds=run.median if run else None,
        slow_after=longer.than(run.median) if run else None,
        previous=previous_outcome(settings.reports / plan.venue, plan.procedure),
        only_on_change=changes == "1",
    )
    return Notifier(targets, rule, Translator(settings.lang))


def announce(notice: Notice, environ: Mapping[str, str]) -> None:
    """One message about no run, to all who want its occasion. Raises UsageError."""
    path = environ.get(TARGETS)
    for target in read_targets(Path(path)) if path else ():
        if target.wants(notice.occasion):
            target.send(notice)


@dataclass(frozen=True)
class Longer:
    """By how much a run may exceed what is usual."""

    share: float = 0.0
    seconds: float = 0.0

    def than(self, usual: float) -> float:
        """The seconds after which a run is longer than usual."""
        return usual * (1 + self.share) + self.seconds


def read_longer(text: str) -> Longer:
    """`20%`, `+30s`, `+5m` or `+1h`. Raises UsageError."""
    share = re.fullmatch(r"(\d{1,4})%", text)
    more = re.fullmatch(r"\+(\d{1,5})([smh])", text)
    if share:
        return Longer(share=int(share[1]) / 100)
    if more:
        return Longer(seconds=int(more[1]) * _UNITS[more[2]])
    raise UsageError(
        Message(
            "%(name)s is '%(value)s', which is neither a share nor a time.",
            {"name": LONGER, "value": text},
        ),
        "Write 20% for a fifth longer than usual, or +5m for five minutes longer.",
    )


class _Verdict(BaseModel):
    result: str


class _Earlier(BaseModel):
    procedure: str
    result_state: str
    check: bool
    verdict: _Verdict | None


def previous_outcome(folder: Path, procedure: str) -> str | None:
    """What the last finished run of a procedure came to, in a venue's folder of runs."""
    for path in reports_of(folder, procedure):
        try:
            run = _Earlier.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            continue
        if run.procedure == procedure and not run.check and run.result_state != "RUNNING":
            return run.verdict.result if run.verdict else run.result_state
    return None
