"""Figures for Prometheus: `metrics.prom` of a run, and a server of what holds now.

The only user of prometheus_client.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from automation.idle.record import Record
from automation.run.events import Message
from automation.run.ledger import Place
from automation.run.lock import Holder
from automation.run.verdict import CONDITIONAL, GO, NO_GO
from automation.venue.calendar import Opening
from automation.views.components import ComponentState
from automation.views.document import Report
from automation.views.i18n import Translator

PLACE = ("venue", "procedure")
NAMES = frozenset(  # what a reason may name: of these there are only so many
    {
        "alert",
        "component",
        "cutoff",
        "every",
        "host",
        "limit",
        "operator",
        "period",
        "rule",
        "selector",
        "server",
        "servers",
        "signal",
        "what",
        "window",
    }
)
_ENGLISH = Translator("en")
RESULTS = (GO, CONDITIONAL, NO_GO)


def render_metrics(report: Report, last_go: datetime | None = None) -> str:
    """The text of the file; `last_go` is the last GO before this run, kept if this is none."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Run(report, last_go))
    return generate_latest(registry).decode()


@dataclass(frozen=True)
class Waiting:
    """What unattended work there is to do; all empty while nobody knows.

    For each host of the inventory, with its component: whether its restart is `due`, and whether it
    is `postponed`. For each of the scheduled `tests`, by what is typed for it: whether it is due.
    """

    due: Mapping[Place, bool] = field(default_factory=dict)
    postponed: Mapping[Place, bool] = field(default_factory=dict)
    tests: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Now:
    """What holds of a venue now. `newest` is its last run with a verdict, as a report;
    the verdict `is_over` when what it was said of was stopped on purpose since.

    `holder` is the run that holds the venue, `forecast` when it will be over; `opening` is the
    present opening for unattended work or the next one; `idle` is what `raceday idle` remembers;
    `left` counts what dead or failed runs have left, and runs that cannot be read. `gates` has the
    state of each component, and `probed` is when hosts were last asked for all of them.
    """

    venue: str
    at: datetime
    newest: Report | None = None
    is_over: bool = False
    holder: Holder | None = None
    forecast: datetime | None = None
    opening: Opening | None = None
    idle: Record = field(default_factory=Record)
    left: int = 0
    waiting: Waiting = field(default_factory=Waiting)
    gates: Mapping[str, ComponentState] = field(default_factory=dict)
    probed: datetime | None = None


def serve_metrics(address: str, port: int, read: Callable[[], Now]) -> int:
    """Serve what `read` gives at each scrape, in a thread; returns the port. Raises OSError."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Venue(read))
    server, _ = start_http_server(port, address, registry)
    return int(server.server_port)


class _Venue(Collector):
    """A venue's figures at the moment of a scrape."""

    def __init__(self, read: Callable[[], Now]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        """Every family, in a fixed order."""
        now = self._read()
        if now.newest:
            yield from _Run(now.newest, None, is_over=now.is_over).apart_from_states()
        yield _states({"venue": now.venue}, now.gates)
        for name, (text, value) in _figures(now).items():
            family = GaugeMetricFamily(name, text, labels=("venue",))
            if value is not None:
                family.add_metric((now.venue,), float(value))
            yield family
        yield _holder(now)
        yield _blocked(now)
        due, postponed = now.waiting.due, now.waiting.postponed
        yield _hosts(now, "raceday_idle_due", "1 for a host whose restart is due, 0 else.", due)
        yield _hosts(now, "raceday_idle_postponed", "1 for one that has to wait.", postponed)
        yield _tests(now)


def _figures(now: Now) -> dict[str, tuple[str, float | None]]:
    opening, decision, call, holder = now.opening, now.idle.decision, now.idle.last_call, now.holder
    since = datetime.fromisoformat(holder.since) if holder else None
    is_open = opening is not None and opening.start <= now.at < opening.cutoff
    return {
        "raceday_lock_held": ("1 while a run holds the venue.", holder is not None),
        "raceday_lock_since_timestamp_seconds": ("Since when.", _epoch(since)),
        "raceday_run_forecast_finish_timestamp_seconds": (
            "When that run will be over, by earlier ones.",
            _epoch(now.forecast),
        ),
        "raceday_gates_probed_timestamp_seconds": (
            "When every gate was last probed.",
            _epoch(now.probed),
        ),
        "raceday_left_behind": ("What dead or failed runs have left to put back.", now.left),
        "raceday_window_open": ("1 while unattended work may be begun.", is_open),
        "raceday_window_start_timestamp_seconds": (
            "When the window that is open, or the next one, starts.",
            _epoch(opening.start if opening else None),
        ),
        "raceday_idle_last_call_timestamp_seconds": (
            "When raceday idle was last called.",
            _epoch(call.at if call else None),
        ),
        "raceday_idle_decision_timestamp_seconds": (
            "When it was last called inside a window.",
            _epoch(decision.at if decision else None),
        ),
    }


def _holder(now: Now) -> Metric:
    family = GaugeMetricFamily(
        "raceday_lock_info",
        "Who holds the venue, and for what.",
        labels=("venue", "operator", "procedure", "run_id"),
    )
    if now.holder:
        family.add_metric((now.venue, now.holder.operator, now.holder.why, now.holder.run_id), 1.0)
    return family


def _blocked(now: Now) -> Metric:
    """Reasons with the names that are in them, without their figures: there are only so many.

    Those of the last call inside a window stay when later ones find it closed.
    """
    family = GaugeMetricFamily(
        "raceday_idle_blocked",
        "1 for each reason why nothing was done, in the last window and now.",
        labels=("venue", "reason"),
    )
    calls = (call for call in (now.idle.decision, now.idle.closed) if call)
    for text in dict.fromkeys(_unfigured(reason) for call in calls for reason in call.reasons):
        family.add_metric((now.venue, text), 1.0)
    return family


def _unfigured(reason: Message) -> str:
    """The sentence with names of what is there, and a mark for what is another one each time."""
    return _ENGLISH(
        Message(reason.text, {key: _named(key, reason.args[key]) for key in reason.args})
    )


def _named(key: str, value: object) -> str:
    if isinstance(value, Message):
        return _unfigured(value)
    return str(value) if key in NAMES else "…"


def _hosts(now: Now, name: str, text: str, places: Mapping[Place, bool]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=("venue", "component", "host"))
    for place, holds in places.items():
        family.add_metric((now.venue, *place), float(holds))
    return family


def _tests(now: Now) -> Metric:
    family = GaugeMetricFamily(
        "raceday_idle_test_due",
        "1 for a scheduled test that is due, 0 else.",
        labels=("venue", "test"),
    )
    for words, is_due in now.waiting.tests.items():
        family.add_metric((now.venue, words), float(is_due))
    return family


def _states(place: Mapping[str, str], states: Mapping[str, str]) -> Metric:
    """One series for each state that a component may be in; `place` are the labels before them."""
    family = GaugeMetricFamily(
        "raceday_component_state",
        "1 for the state of the component, 0 else.",
        labels=(*place, "component", "state"),
    )
    for name, state in states.items():
        for word in ComponentState:
            family.add_metric((*place.values(), name, word), float(state == word))
    return family


def _epoch(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None


class _Run(Collector):
    """One run's figures, labelled with its venue and procedure."""

    def __init__(self, report: Report, last_go: datetime | None, *, is_over: bool = False) -> None:
        self._report = report
        self._last_go = last_go
        self._is_over = is_over
        self._place = (report.venue, report.procedure)

    def collect(self) -> Iterable[Metric]:
        """Every family, in a fixed order."""
        yield from self.apart_from_states()
        place = dict(zip(PLACE, self._place, strict=True))
        yield _states(place, {item.name: item.state for item in self._report.components})

    def apart_from_states(self) -> Iterable[Metric]:
        """All but what its components came to, which may be another state by now."""
        yield from self._of_run()
        yield from self._of_verdict()
        yield from self._of_sales()
        yield self._ready()

    def _of_run(self) -> Iterator[Metric]:
        report = self._report
        info = GaugeMetricFamily(
            "raceday_run_info", "The last run.", labels=(*PLACE, "run_id", "result_state")
        )
        info.add_metric((*self._place, report.run_id, report.result_state), 1)
        yield info
        began = report.started_at.timestamp()
        yield self._gauge("raceday_run_timestamp_seconds", "When the run began.", began)
        yield self._gauge(
            "raceday_run_duration_seconds", "How long the run took.", report.duration_seconds
        )
        yield self._gauge(
            "raceday_run_beyond_critical_path_seconds",
            "What the run took on top of its hosts' own time along the critical path.",
            report.beyond_critical_path_seconds,
        )
        yield self._checks()

    def _checks(self) -> Metric:
        passed = sum(item.passed for item in self._report.checks)
        family = CounterMetricFamily(
            "raceday_checks", "Checks of the run.", labels=(*PLACE, "passed")
        )
        family.add_metric((*self._place, "true"), passed)
        family.add_metric((*self._place, "false"), len(self._report.checks) - passed)
        return family

    def _of_verdict(self) -> Iterator[Metric]:
        verdict = self._report.verdict
        standing = None if self._is_over or (verdict and verdict.revoked_at) else verdict
        family = GaugeMetricFamily(
            "raceday_verdict",
            "1 for the verdict of the run unless it was revoked or is over, 0 else.",
            labels=(*PLACE, "result"),
        )
        for result in RESULTS:
            is_it = standing is not None and standing.result == result
            family.add_metric((*self._place, result), float(is_it))
        yield family
        decided = verdict.decided_at if verdict else None
        yield self._moment("raceday_verdict_timestamp_seconds", "When it was decided.", decided)
        until = standing.valid_until if standing else None
        yield self._moment(
            "raceday_verdict_valid_until_timestamp_seconds", "Until when it holds.", until
        )
        revoked = verdict.revoked_at if verdict else None
        yield self._moment(
            "raceday_verdict_revoked_timestamp_seconds", "When it was revoked.", revoked
        )
        is_go = verdict is not None and verdict.result == GO
        last_go = verdict.decided_at if verdict and is_go else self._last_go
        yield self._moment("raceday_last_go_timestamp_seconds", "When GO was last said.", last_go)

    def _of_sales(self) -> Iterator[Metric]:
        sales, deadline = self._report.sales, self._report.deadline
        opened = sales.at if sales else None
        yield self._moment(
            "raceday_sales_opened_timestamp_seconds", "When this run opened sales.", opened
        )
        yield self._gauge(
            "raceday_sales_margin_seconds",
            "What was left until the deadline when sales opened, else at the run's end.",
            deadline.margin_seconds if deadline else None,
        )

    def _ready(self) -> Metric:
        ready = GaugeMetricFamily(
            "raceday_component_ready_seconds",
            "From its release until it was ready.",
            labels=(*PLACE, "component"),
        )
        for item in self._report.components:
            if item.duration_seconds is not None:
                ready.add_metric((*self._place, item.name), item.duration_seconds)
        return ready

    def _moment(self, name: str, help_text: str, moment: datetime | None) -> Metric:
        return self._gauge(name, help_text, moment.timestamp() if moment else None)

    def _gauge(self, name: str, help_text: str, value: float | None) -> Metric:
        """A gauge of the whole run; without a value it has no sample."""
        family = GaugeMetricFamily(name, help_text, labels=PLACE)
        if value is not None:
            family.add_metric(self._place, value)
        return family
