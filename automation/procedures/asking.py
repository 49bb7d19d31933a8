"""Asks whether unattended work may go on: the calendar, Prometheus, and the hosts themselves."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from automation.errors import Interrupted
from automation.idle.allowed import judge_meanwhile, judge_window, never_quiet
from automation.idle.prometheus import Client, Fetch, Reply, Unclear, fetch
from automation.idle.quiet import (
    LOOK_GAP,
    Look,
    Moment,
    Reading,
    judge_alerts,
    judge_signal,
    quiet_in,
    reading_of,
    recent_looks,
)
from automation.idle.record import Record, change_record, read_record, this_moment
from automation.procedures.beforehand import plan_beforehand
from automation.procedures.records import JOURNAL
from automation.procedures.session import probe_now
from automation.procedures.wear import read_number
from automation.run.decide import Begin
from automation.run.events import Check, HostReported, HostState, Message
from automation.run.loop import Observer
from automation.run.plan import Plan
from automation.run.state import State
from automation.venue.calendar import next_openings
from automation.venue.fields import span
from automation.venue.site import Venue
from automation.venue.unattended import Prometheus, Signal

SECONDS = 80.0  # for all alerts and signals of one question; its step has QUESTION_SECONDS
NOT_ASKED = (
    "%(what)s was not asked: the %(seconds)s s for all alerts and signals were over, and "
    "%(slowest)s took %(took)s s of them"
)
NOT_TO_THE_END = (
    "%(what)s was not asked to the end: the %(seconds)s s for all alerts and signals were over, "
    "and %(slowest)s took %(took)s s of them"
)

type Numbers = Callable[[Venue, Signal, float], float | Message]
type Probe = Callable[[Venue, Plan, Sequence[Observer]], State]


class Asker:
    """Answers the questions of a run; `needed` says how long is wanted from each of them on.

    What it sees of a signal without a history it `remembers` for later calls.
    """

    def __init__(  # noqa: PLR0913  # whom it asks, each by itself
        self,
        venue: Venue,
        reports: Path,
        *,
        now: Callable[[], Moment] = this_moment,
        numbers: Numbers = read_number,
        get: Fetch = fetch,
        probe: Probe = probe_now,
        remembers: bool = True,
    ) -> None:
        self.needed: Mapping[str, timedelta] = {}
        self._venue = venue
        self._reports = reports
        self._now = now
        self._before = _journals(reports)
        self._numbers = numbers
        self._probe = probe
        self._remembers = remembers
        self._get = get
        self._until = 0.0
        self._begun: list[tuple[float, Message]] = []  # what was asked, and at which uptime

    def answer(self, order: Begin) -> Iterator[HostReported]:
        """The same for every host of the question; signals only if it is about them.

        They come first: while they are asked the window may end, and somebody else begin.
        """
        began = time.monotonic()
        quiet = self._quiet(order.step.checks)
        alone = judge_meanwhile(self._before, _journals(self._reports))
        window = self.window(self.needed[order.step.id])
        checks = (alone, window, *quiet)
        seconds = time.monotonic() - began
        for host in order.hosts:
            yield HostReported(order.step.id, host, HostState.OK, seconds, checks)

    def window(self, needed: timedelta) -> Check:
        """Whether something that takes so long may be begun now."""
        return judge_window(self._venue.calendar, self._now().wall, needed)

    def signals(self) -> tuple[Check, ...]:
        """Whether anybody is at it, as each signal and the alerts say."""
        names = [signal.name for signal in self._venue.unattended.idle]
        return self._quiet(names)

    def look(self, plans: Sequence[Plan]) -> State:
        """What hosts show of which these plans want to know something. Raises Interrupted."""
        seen = self._probe(self._venue, plan_beforehand(self._venue, plans), ())
        if seen.interrupted:
            raise Interrupted
        return seen

    def watch(self) -> None:
        """Look at the signals without a history that must be known when the next window opens.

        Inside a window that is all of them; before it, those whose period reaches back to now.
        """
        now = self._now().wall
        opening = next(iter(next_openings(self._venue.calendar, now, 1)), None)
        self._begin()
        ahead = max(opening.start - now, timedelta()) if opening else timedelta.max
        for signal in self._venue.unattended.idle:
            if signal.command and ahead <= span(signal.quiet_for) + timedelta(seconds=LOOK_GAP):
                self._reading(signal)

    def _quiet(self, names: Collection[str]) -> tuple[Check, ...]:
        """Alerts and signals, with one deadline for all; who is too late for it is not asked."""
        self._begin()
        return (*self._alerts(), *self._signals(names))

    def _begin(self) -> None:
        self._until = self._now().uptime + SECONDS
        self._begun.clear()

    def _left(self) -> float:
        """Seconds."""
        return self._until - self._now().uptime

    def _client(self, settings: Prometheus, what: Message) -> Client:
        """To ask Prometheus this in the time that is left."""

        def get(url: str, timeout: float) -> Reply:
            left = self._left()
            if left <= 0:
                raise Unclear(self._too_late(NOT_TO_THE_END, what))
            return self._get(url, min(timeout, left))

        return Client(settings, lambda: self._now().wall, get)

    def _too_late(self, text: str, what: Message) -> Message:
        """What is said of what there was no time for: who took the most of it."""
        ends = (*(at for at, _ in self._begun[1:]), self._now().uptime)
        spans = ((end - at, who) for end, (at, who) in zip(ends, self._begun, strict=True))
        took, slowest = max(spans, key=lambda item: item[0])
        args = {"what": what, "seconds": round(SECONDS), "slowest": slowest, "took": round(took)}
        return Message(text, args)

    def _alerts(self) -> Iterator[Check]:
        settings = self._venue.unattended.prometheus
        if settings:
            what = Message("the question for alerts")
            self._begun.append((self._now().uptime, what))
            yield judge_alerts(settings, self._client(settings, what).alerts())

    def _signals(self, names: Collection[str]) -> Iterator[Check]:
        for signal in self._venue.unattended.idle:
            if signal.name in names:
                reading = self._reading(signal)
                yield self._foreseen(judge_signal(signal, reading), quiet_in(signal, reading))

    def _foreseen(self, check: Check, wait: timedelta) -> Check:
        """The check of a signal; where that is so it says that waiting for it is in vain."""
        if check.why is None:
            return check
        why = never_quiet(self._venue.calendar, self._now().wall, wait, check.why)
        return replace(check, why=why)

    def _reading(self, signal: Signal) -> Reading:
        what = Message("the signal '%(signal)s'", {"signal": signal.name})
        self._begun.append((self._now().uptime, what))
        if self._left() <= 0:
            return Reading(problem=self._too_late(NOT_ASKED, what))
        settings = self._venue.unattended.prometheus
        if signal.prometheus and settings:
            return self._client(settings, what).signal(signal)
        value = self._numbers(self._venue, signal, self._left())
        if isinstance(value, Message):
            return Reading(problem=value)
        now = self._now()
        return reading_of(signal, self._looks(Look(signal.name, now, value)), now)

    def _looks(self, new: Look) -> tuple[Look, ...]:
        """What was seen before, with this."""

        def add(record: Record) -> Record:
            return replace(record, looks=(*recent_looks(record.looks, new.at), new))

        if self._remembers:
            return change_record(self._reports, add).looks
        return add(read_record(self._reports)).looks


def _journals(reports: Path) -> Mapping[str, int]:
    """How long the journal of each run is, in bytes; they only grow."""
    return {file.parent.name: file.stat().st_size for file in reports.glob(f"2*/{JOURNAL}")}
