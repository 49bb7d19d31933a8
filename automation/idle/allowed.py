"""Whether unattended work may be begun now: in a window, no blackout, and it fits. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from automation.history import History
from automation.run.events import Check, Message
from automation.run.plan import Step
from automation.venue.calendar import (
    INSTANT,
    Blackout,
    Calendar,
    Opening,
    blackouts_between,
    next_openings,
    opening_at,
    shown,
    window_at,
)

WINDOW = "inside a window"
ALONE = "nobody else was at work"


def judge_window(calendar: Calendar, now: datetime, needed: timedelta) -> Check:
    """Whether something that takes so long, with room to undo it, may be begun now."""
    why = why_closed(calendar, now) or _too_long(calendar, now, needed)
    expected = f"open for {_minutes(needed)} min"
    return Check(WINDOW, expected, "closed" if why else "open", passed=why is None, why=why)


def judge_meanwhile(before: Mapping[str, int], now: Mapping[str, int]) -> Check:
    """Whether only one run, this one, has written anything since it was decided what is due.

    Both have the length of each run's journal, in bytes. What another one did meanwhile may be just
    what was due.
    """
    others = sum(before.get(run_id) != length for run_id, length in now.items()) - 1
    text = "another run has begun or gone on since it was decided what is due"
    why = Message(text) if others > 0 else None
    return Check(ALONE, "0 runs", f"{max(others, 0)} runs", passed=why is None, why=why)


def why_closed(calendar: Calendar, now: datetime) -> Message | None:
    """Why nothing may be begun now, whatever it is; None inside a window."""
    if not calendar.windows:
        return Message("the venue file has no windows, so nothing is ever done unattended")
    found = opening_at(calendar, now)
    if found is None:
        return _too_little(calendar, now) or _outside(calendar, now)
    if isinstance(found, Blackout) and found.doubt:
        return _unknown(found)
    if isinstance(found, Blackout):
        args = {"what": found.what, "until": shown(calendar, found.end)}
        return Message("%(what)s: nothing is done until %(until)s", args)
    if now >= found.cutoff:
        args = {"window": found.name, "at": shown(calendar, found.cutoff)}
        return Message("nothing is begun in the window %(window)s after %(at)s", args)
    return None


def never_quiet(calendar: Calendar, now: datetime, wait: timedelta, why: Message) -> Message:
    """Why a signal is not quiet, and if so that it cannot be any more before the cut-off."""
    found = opening_at(calendar, now)
    if not isinstance(found, Opening) or now + wait < found.cutoff:
        return why
    text = "%(why)s; it cannot become quiet in the window %(window)s any more"
    return Message(text, {"why": why, "window": found.name})


def why_unknown(calendar: Calendar, now: datetime) -> Message | None:
    """Why it is not known what the next openings are: a calendar cannot be trusted."""
    found = blackouts_between(calendar, now, now + INSTANT)
    return next((_unknown(item) for item in found if item.doubt), None)


def _unknown(found: Blackout) -> Message:
    text = "it is not known whether this is a blackout, because %(why)s"
    return Message(text, {"why": found.what})


def needed_for(steps: Iterable[Step], histories: Sequence[History]) -> timedelta:
    """How long these steps take, with room to undo: p95 of earlier runs, else their own bound."""
    done = tuple(steps)
    undone = [step for step in done if step.puts_back]
    return timedelta(seconds=sum(_expected(step, histories) for step in (*done, *undone)))


def _expected(step: Step, histories: Sequence[History]) -> float:
    """The longest p95 of the component's steps with this verb: batches are numbered anew."""
    name = step.id.rstrip("0123456789")
    known = [
        duration.p95
        for history in histories
        for id_, duration in history.steps.items()
        if id_.rstrip("0123456789") == name
    ]
    return max(known, default=step.timeout)


def _too_long(calendar: Calendar, now: datetime, needed: timedelta) -> Message | None:
    found = opening_at(calendar, now)
    if not isinstance(found, Opening) or now + needed <= found.end:
        return None
    args = {
        "needed": _minutes(needed),
        "left": _minutes(found.end - now),
        "window": found.name,
    }
    return Message(
        "it may take %(needed)s min with room to undo it, and the window %(window)s ends in "
        "%(left)s min",
        args,
    )


def _too_little(calendar: Calendar, now: datetime) -> Message | None:
    """A blackout, or two, leave less of the window than its cut-off."""
    window = window_at(calendar, now)
    args = {"window": window.name, "cutoff": window.cutoff_minutes} if window else {}
    text = (
        "what blackouts leave of the window %(window)s is no longer than "
        "its cut-off of %(cutoff)s min"
    )
    return Message(text, args) if window else None


def _outside(calendar: Calendar, now: datetime) -> Message:
    coming = next_openings(calendar, now, 1)
    if not coming:
        return Message("it is outside of every window, and there is none in the next year")
    args = {"window": coming[0].name, "at": shown(calendar, coming[0].start)}
    return Message("it is outside of every window; the next is %(window)s at %(at)s", args)


def _minutes(span: timedelta) -> str:
    return f"{span.total_seconds() / 60:.1f}"
