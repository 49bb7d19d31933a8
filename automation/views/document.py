"""The shape of `report.json`. Sentences stay messages, so that a page can say them in Korean."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime
from typing import Any

from automation.run.events import Message
from automation.run.verdict import SALES_OPEN
from automation.views.critical_path import Link
from automation.views.i18n import Translator

SCHEMA_VERSION = 1
_ENGLISH = Translator("en")


@dataclass(frozen=True)
class VerdictReport:
    """The verdict as it was decided, until when it was to hold, and when and why it was revoked."""

    result: str
    reasons: tuple[Message, ...]
    decided_at: datetime
    valid_until: datetime | None
    revoked_at: datetime | None = None
    revoked_because: tuple[Message, ...] = ()


@dataclass(frozen=True)
class ComponentHost:
    """A host of a component: its worst answer, and what it showed."""

    name: str
    state: str
    evidence: Mapping[str, str]


@dataclass(frozen=True)
class ComponentReport:
    """A component; `duration_seconds` is from its release until it was ready."""

    name: str
    title: str
    state: str
    critical: bool
    external: bool
    started_at: datetime | None
    ready_at: datetime | None
    duration_seconds: float | None
    hosts: tuple[ComponentHost, ...]


@dataclass(frozen=True)
class StepHost:
    """What one host answered in one step; `seconds` is the time the host itself spent."""

    name: str
    state: str
    seconds: float
    evidence: Mapping[str, str]


@dataclass(frozen=True)
class StepReport:
    """A step that was begun; `reused` when it still stood as it was when the run was resumed."""

    id: str
    component: str
    verb: str
    status: str
    started_at: datetime | None
    finished_at: datetime | None
    seconds: float | None
    hosts: tuple[StepHost, ...]
    reused: bool = False


@dataclass(frozen=True)
class CheckReport:
    """One recorded observation; `expected` and `observed` are empty when it never came."""

    component: str
    host: str
    step: str
    name: str
    expected: str
    observed: str
    passed: bool
    seconds: float


@dataclass(frozen=True)
class NotExecuted:
    """A planned step that did not run."""

    step: str
    reason: Message


@dataclass(frozen=True)
class ErrorReport:
    """What failed, or did at first, where, why, what to do next, and the service's last lines."""

    component: str
    host: str
    step: str
    what: Message
    why: Message
    next: Message
    log: tuple[str, ...]


@dataclass(frozen=True)
class TimeSaved:
    """Minutes by hand minus the minutes this run took."""

    low: float
    likely: float
    high: float


@dataclass(frozen=True)
class Sales:
    """Whether customers can buy; `state` is open, closed, opened_by_this_run or unknown."""

    state: str
    at: datetime | None
    reason: Message | None


@dataclass(frozen=True)
class Closing:
    """Who closed sales, when and why."""

    run_id: str
    operator: str
    at: datetime
    reason: str


@dataclass(frozen=True)
class Deadline:
    """When sales are due to open; `met` is None while that is still to be seen.

    `margin_seconds` is what was left of the time when sales opened, else at the run's end or now;
    negative when late.
    """

    at: datetime
    met: bool | None
    margin_seconds: float


@dataclass(frozen=True)
class Resumed:
    """When a run that had stopped was gone on with, and by whom."""

    at: datetime
    operator: str


@dataclass(frozen=True)
class Report:
    """Everything a run comes to. It exists from the first second, as RUNNING.

    `earlier` is what was begun before the run was resumed, unless it is among `steps` as reused.
    `next` is what to do once the errors are mended.
    """

    run_id: str
    venue: str
    title: str
    time_zone: str
    procedure: str
    operator: str
    check: bool
    started_at: datetime
    finished_at: datetime | None
    duration_seconds: float
    result_state: str
    verdict: VerdictReport | None
    sales: Sales | None
    deadline: Deadline | None
    components: tuple[ComponentReport, ...]
    steps: tuple[StepReport, ...]
    checks: tuple[CheckReport, ...]
    not_executed: tuple[NotExecuted, ...]
    errors: tuple[ErrorReport, ...]
    warnings: tuple[ErrorReport, ...]
    critical_path: tuple[Link, ...]
    beyond_critical_path_seconds: float | None
    time_saved: TimeSaved | None
    venue_digest: str
    versions: Mapping[str, str]
    journal_head: str
    resumed: tuple[Resumed, ...] = ()
    earlier: tuple[StepReport, ...] = ()
    glass_broken_because: str | None = None
    extra_vars: tuple[str, ...] = ()
    left: tuple[Message, ...] = ()
    next: tuple[Message, ...] = ()
    died: bool = False
    schema_version: int = SCHEMA_VERSION

    @property
    def untested(self) -> bool:
        """Whether tests were left out because customers could buy."""
        return any(item.reason == SALES_OPEN for item in self.not_executed)


def to_data(value: Any) -> Any:
    """Plain data for JSON: UTC ISO 8601, seconds to the millisecond, sentences in English."""
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="milliseconds")
        case date():
            return value.isoformat()
        case float():
            return round(value, 3)
        case Message():
            return _ENGLISH(value)
        case Mapping():
            return {key: to_data(item) for key, item in value.items()}
        case tuple():
            return [to_data(item) for item in value]
        case _ if is_dataclass(value):
            return {item.name: to_data(getattr(value, item.name)) for item in fields(value)}
        case _:
            return value
