"""Whole sentences about a month, which its page and its text both say. Pure."""

from datetime import date

from automation.history import Duration
from automation.run.events import Message
from automation.views.month import Day, MonthReport, ProcedureMonth, Saved
from automation.views.times import Clock
from automation.views.words import HEADLINES

NOTHING = Message("No run of %(month)s is on record.")


def first_day(month: MonthReport) -> date:
    """Of the month."""
    return date.fromisoformat(f"{month.month}-01")


def punctuality(month: MonthReport) -> Message | None:
    """On how many days sales opened in time; None when they were never due."""
    if not month.days:
        return None
    args = {"good": len(month.days_in_time), "all": len(month.days)}
    return Message("Sales opened in time on %(good)s of %(all)s days.", args)


def lateness(month: MonthReport) -> tuple[Message, ...]:
    """On how many they did not; nothing when they always did."""
    late, closed = len(month.days_late), len(month.days_closed)
    told = (
        (late, Message("They opened late on %(days)s.", {"days": late})),
        (closed, Message("No morning opened them on %(days)s.", {"days": closed})),
    )
    return tuple(sentence for days, sentence in told if days)


def spare(month: MonthReport, clock: Clock) -> Message | None:
    """How near the deadline came."""
    least, usual = month.least_to_spare, month.spare_seconds
    if least is None or usual is None:
        return None
    args = {
        "usual": clock.duration(usual),
        "least": clock.duration(least.margin_seconds or 0.0),
        "day": clock.day(least.date),
    }
    return Message("Usually %(usual)s to spare; least on %(day)s: %(least)s.", args)


def margin(day: Day, clock: Clock) -> Message:
    """What was to spare on one day."""
    if day.margin_seconds is None:
        return Message("not opened")
    args = {"margin": clock.duration(day.margin_seconds)}
    return Message("%(margin)s to spare" if day.met else "%(margin)s late", args)


def took(duration: Duration | None, clock: Clock) -> Message:
    """The middle one of some runs, and what 95 of 100 stay under."""
    if duration is None:
        return Message("-")
    args = {"median": clock.duration(duration.median), "p95": clock.duration(duration.p95)}
    return Message("%(median)s (p95 %(p95)s)", args)


def change(item: ProcedureMonth, clock: Clock) -> Message:
    """How both moved against the month before."""
    if item.change is None:
        return Message("nothing to compare with")
    args = {"median": _moved(item.change.median, clock), "p95": _moved(item.change.p95, clock)}
    return Message("%(median)s (p95 %(p95)s)", args)


def _moved(seconds: float, clock: Clock) -> Message:
    if round(seconds, 1) == 0:
        return Message("unchanged")
    args = {"change": clock.duration(seconds)}
    return Message("%(change)s slower" if seconds > 0 else "%(change)s faster", args)


def results(item: ProcedureMonth) -> tuple[tuple[str, Message, int], ...]:
    """Tone, word and number of what its runs came to."""
    told = [(HEADLINES[word].tone, HEADLINES[word].word, n) for word, n in item.results.items()]
    if item.revoked:
        told.append((HEADLINES["REVOKED"].tone, Message("of which revoked"), item.revoked))
    return tuple(told)


def saved(time_saved: Saved) -> Message:
    """The likely sum."""
    return Message("about %(likely)s", {"likely": _hours(time_saved.likely)})


def saved_base(time_saved: Saved) -> Message:
    """Between what the sum may lie, and what it is measured against."""
    args = {
        "low": _hours(time_saved.low),
        "high": _hours(time_saved.high),
        "runs": time_saved.runs,
    }
    return Message(
        "Between %(low)s and %(high)s, over %(runs)s runs: by hand as the venue file says "
        "(manual_minutes), minus what each run took.",
        args,
    )


def evidence(month: MonthReport) -> Message:
    """How many of the month's journals are whole."""
    whole, broken = len(month.proofs), len(month.unproven)
    args = {"whole": whole, "all": whole + broken}
    if broken:
        return Message("Only %(whole)s of %(all)s journals are whole.", args)
    return Message("All %(all)s journals are whole, each line sealed to the one before it.", args)


def _hours(minutes: float) -> Message:
    hours, rest = divmod(round(minutes), 60)
    args = {"hours": hours, "minutes": rest}
    return Message("%(hours)s h %(minutes)s min" if hours else "%(minutes)s min", args)
