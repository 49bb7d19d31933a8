"""Where each step lies in the run, in per cent of its length. Pure; the page only draws it."""

from dataclasses import dataclass
from datetime import datetime

from automation.views.document import Report, StepReport
from automation.views.times import stopwatch

_INTERVALS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
_MOST_TICKS = 6


@dataclass(frozen=True)
class Bar:
    """One step; `left` and `width` in per cent."""

    step: StepReport
    left: float
    width: float
    is_critical: bool


@dataclass(frozen=True)
class Row:
    """One component's steps."""

    component: str
    title: str
    state: str
    seconds: float | None
    bars: tuple[Bar, ...]

    @property
    def is_critical(self) -> bool:
        """Whether the run waited for any of its steps."""
        return any(bar.is_critical for bar in self.bars)


@dataclass(frozen=True)
class Tick:
    """A mark on the axis: minutes and seconds since the run began, `left` in per cent."""

    label: str
    left: float


@dataclass(frozen=True)
class Timeline:
    """Rows in the order of the plan, under one axis."""

    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]


def build_timeline(report: Report) -> Timeline:
    """The timeline of a report; steps still running reach to its end."""
    length = max(report.duration_seconds, 0.001)
    critical = {link.step for link in report.critical_path}
    rows = tuple(
        Row(
            component=item.name,
            title=item.title,
            state=item.state,
            seconds=item.duration_seconds,
            bars=tuple(
                _bar(report, step, length, is_critical=step.id in critical)
                for step in report.steps
                if step.component == item.name
            ),
        )
        for item in report.components
    )
    return Timeline(rows, _ticks(length))


def _bar(report: Report, step: StepReport, length: float, *, is_critical: bool) -> Bar:
    left = _since(report, step.started_at or report.started_at)
    right = _since(report, step.finished_at) if step.finished_at else length
    left, right = min(left, length), min(right, length)
    return Bar(step, 100 * left / length, 100 * max(right - left, 0.0) / length, is_critical)


def _ticks(length: float) -> tuple[Tick, ...]:
    interval = next((item for item in _INTERVALS if length / item <= _MOST_TICKS), None)
    every = interval or round(length / _MOST_TICKS)
    marks = range(0, int(length) + 1, every)
    return tuple(Tick(stopwatch(mark), 100 * mark / length) for mark in marks)


def _since(report: Report, moment: datetime) -> float:
    return (moment - report.started_at).total_seconds()
