"""A month of a venue, for its manager: `build_month(...)` from the reports of its runs, pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from statistics import median
from zoneinfo import ZoneInfo

from automation.history import SUCCESSFUL, Duration, PastRun, duration_of
from automation.run.events import Message
from automation.run.state import INTERRUPTED
from automation.run.verdict import CONDITIONAL, GO, NO_GO
from automation.views.document import ErrorReport, Report, to_data

RESULTS = (GO, CONDITIONAL, NO_GO, "SUCCESS", "WARNINGS", "ERRORS", "CANCELLED", "DIED", "RUNNING")
OPENING = "morning"


@dataclass(frozen=True)
class Period:
    """Which month (2026-11) of which venue, in the time zone of the venue."""

    venue: str
    title: str
    time_zone: str
    month: str


@dataclass(frozen=True)
class ProcedureMonth:
    """One procedure's runs by what came of them, and how long those took that did their work.

    `change` is how many seconds longer that was than in the month before.
    """

    procedure: str
    runs: int
    results: Mapping[str, int]
    revoked: int
    duration: Duration | None
    before: Duration | None
    change: Duration | None


@dataclass(frozen=True)
class Day:
    """A day on which sales were to be opened: by which run, and whether in time.

    `margin_seconds` is what was to spare when they opened, negative when late; it and `opened_at`
    are None when no morning of the day opened them.
    """

    date: date
    runs: int
    run_id: str
    result: str
    due: datetime
    opened_at: datetime | None
    met: bool
    margin_seconds: float | None
    duration_seconds: float


@dataclass(frozen=True)
class Failure:
    """Something that went wrong in `runs` runs of the month; `mended` when a later try helped."""

    component: str
    title: str
    host: str
    what: Message
    why: Message
    runs: int
    last_at: datetime
    last_run: str
    mended: bool


@dataclass(frozen=True)
class Saved:
    """Minutes saved over `runs` runs, each against its venue file's manual_minutes of that day."""

    low: float
    likely: float
    high: float
    runs: int


@dataclass(frozen=True)
class Proof:
    """A run whose journal was verified just now, down to its last line."""

    run_id: str
    procedure: str
    operator: str
    started_at: datetime
    result: str
    duration_seconds: float
    check: bool
    journal_head: str


@dataclass(frozen=True)
class Unproven:
    """A run that is not counted, because its journal is not whole."""

    run_id: str
    why: str


@dataclass(frozen=True)
class MonthReport:
    """What a manager asks of a month. Check mode is in `proofs`, and counts nowhere else."""

    venue: str
    title: str
    time_zone: str
    month: str
    made_at: datetime
    days: tuple[Day, ...]
    procedures: tuple[ProcedureMonth, ...]
    failures: tuple[Failure, ...]
    time_saved: Saved | None
    proofs: tuple[Proof, ...]
    unproven: tuple[Unproven, ...]
    schema_version: int = 1

    @property
    def days_in_time(self) -> tuple[Day, ...]:
        """Days on which sales opened before the deadline."""
        return tuple(day for day in self.days if day.met)

    @property
    def days_late(self) -> tuple[Day, ...]:
        """Days on which they opened after it."""
        return tuple(day for day in self.days if day.opened_at and not day.met)

    @property
    def days_closed(self) -> tuple[Day, ...]:
        """Days on which no morning opened them."""
        return tuple(day for day in self.days if not day.opened_at)

    @property
    def least_to_spare(self) -> Day | None:
        """The day in time that came nearest to the deadline."""
        return min(self.days_in_time, key=lambda day: day.margin_seconds or 0.0, default=None)

    @property
    def spare_seconds(self) -> float | None:
        """What was to spare on the middle one of the days in time."""
        margins = [day.margin_seconds or 0.0 for day in self.days_in_time]
        return median(margins) if margins else None


def build_month(
    period: Period,
    runs: Sequence[Report],
    before: Sequence[Report],
    unproven: Sequence[Unproven],
    now: datetime,
) -> MonthReport:
    """The month from its runs, the oldest first; `before` are those of the month before."""
    real = [run for run in runs if not run.check]
    return MonthReport(
        venue=period.venue,
        title=period.title,
        time_zone=period.time_zone,
        month=period.month,
        made_at=now,
        days=tuple(_days(real, ZoneInfo(period.time_zone))),
        procedures=tuple(_procedures(real, before)),
        failures=tuple(_failures(real)),
        time_saved=_saved(real),
        proofs=tuple(_proof(run) for run in runs),
        unproven=tuple(unproven),
    )


def result_of(run: Report) -> str:
    """The verdict's word, or what the run came to without one."""
    if run.verdict:
        return run.verdict.result
    return "DIED" if run.died else run.result_state


def _days(runs: Iterable[Report], zone: ZoneInfo) -> Iterator[Day]:
    """Each day's first run that opened sales speaks for it, else its last."""
    by_day: dict[date, list[Report]] = {}
    for run in runs:
        if run.procedure == OPENING and run.deadline:
            by_day.setdefault(run.deadline.at.astimezone(zone).date(), []).append(run)
    for day, items in by_day.items():
        opened = next((run for run in items if run.sales and run.sales.at), items[-1])
        yield _day(day, len(items), opened)


def _day(day: date, runs: int, run: Report) -> Day:
    deadline, sales = run.deadline, run.sales
    if deadline is None:
        raise ValueError(f"{run.run_id} has no deadline")
    opened_at = sales.at if sales else None
    return Day(
        date=day,
        runs=runs,
        run_id=run.run_id,
        result=result_of(run),
        due=deadline.at,
        opened_at=opened_at,
        met=bool(opened_at and deadline.met),
        margin_seconds=deadline.margin_seconds if opened_at else None,
        duration_seconds=run.duration_seconds,
    )


def _procedures(runs: Sequence[Report], before: Sequence[Report]) -> Iterator[ProcedureMonth]:
    for name in dict.fromkeys(run.procedure for run in runs):
        own = [run for run in runs if run.procedure == name]
        duration, earlier = _taken(own), _taken(run for run in before if run.procedure == name)
        words = [result_of(run) for run in own]
        yield ProcedureMonth(
            procedure=name,
            runs=len(own),
            results={word: words.count(word) for word in RESULTS if word in words},
            revoked=sum(bool(run.verdict and run.verdict.revoked_at) for run in own),
            duration=duration,
            before=earlier,
            change=_change(duration, earlier),
        )


def _taken(runs: Iterable[Report]) -> Duration | None:
    """Of the runs that came to a good end and had something to do, as the forecast counts them."""
    good = (run for run in runs if run.result_state in SUCCESSFUL and not run.check)
    worked = (run for run in good if PastRun.model_validate(to_data(run)).did_work)
    seconds = [run.duration_seconds for run in worked]
    return duration_of(seconds) if seconds else None


def _change(now: Duration | None, before: Duration | None) -> Duration | None:
    if now is None or before is None:
        return None
    return Duration(now.median - before.median, now.p95 - before.p95)


def _failures(runs: Iterable[Report]) -> Iterator[Failure]:
    """What went wrong most often first; once a run, however many of its steps saw it.

    What an operator interrupted did not go wrong.
    """
    seen: dict[tuple[str, ...], list[tuple[Report, ErrorReport, bool]]] = {}
    for run in runs:
        told = [(item, False) for item in run.errors] + [(item, True) for item in run.warnings]
        failed = [(error, mended) for error, mended in told if error.why != INTERRUPTED]
        for key, item in {_sameness(error): (error, mended) for error, mended in failed}.items():
            seen.setdefault(key, []).append((run, *item))
    often = sorted(seen.values(), key=lambda found: (-len(found), -_moment(found[-1][0])))
    return (_failure(found) for found in often)


def _sameness(error: ErrorReport) -> tuple[str, ...]:
    """Equal for what differs in its figures only; a sentence that is all argument is itself."""
    said = (
        text.text if not text.text.startswith("%(") else str(text)
        for text in (error.what, error.why)
    )
    return (error.component, error.host, *said)


def _moment(run: Report) -> float:
    return run.started_at.timestamp()


def _failure(found: Sequence[tuple[Report, ErrorReport, bool]]) -> Failure:
    run, error, mended = found[-1]
    titles = {item.name: item.title for item in run.components}
    return Failure(
        component=error.component,
        title=titles.get(error.component, error.component),
        host=error.host,
        what=error.what,
        why=error.why,
        runs=len(found),
        last_at=run.started_at,
        last_run=run.run_id,
        mended=mended,
    )


def _saved(runs: Iterable[Report]) -> Saved | None:
    saved = [run.time_saved for run in runs if run.time_saved]
    if not saved:
        return None
    return Saved(
        low=sum(item.low for item in saved),
        likely=sum(item.likely for item in saved),
        high=sum(item.high for item in saved),
        runs=len(saved),
    )


def _proof(run: Report) -> Proof:
    return Proof(
        run_id=run.run_id,
        procedure=run.procedure,
        operator=run.operator,
        started_at=run.started_at,
        result=result_of(run),
        duration_seconds=run.duration_seconds,
        check=run.check,
        journal_head=run.journal_head,
    )
