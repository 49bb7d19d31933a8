"""`metrics.prom` for node_exporter's textfile collector. The only user of prometheus_client."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from automation.run.verdict import CONDITIONAL, GO, NO_GO
from automation.views.components import ComponentState
from automation.views.document import Report

PLACE = ("venue", "procedure")
RESULTS = (GO, CONDITIONAL, NO_GO)


def render_metrics(report: Report, last_go: datetime | None = None) -> str:
    """The text of the file; `last_go` is the last GO before this run, kept if this is none."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Run(report, last_go))
    return generate_latest(registry).decode()


class _Run(Collector):
    """One run's figures, labelled with its venue and procedure."""

    def __init__(self, report: Report, last_go: datetime | None) -> None:
        self._report = report
        self._last_go = last_go
        self._place = (report.venue, report.procedure)

    def collect(self) -> Iterable[Metric]:
        """Every family, in a fixed order."""
        yield from self._of_run()
        yield from self._of_verdict()
        yield from self._of_sales()
        yield from self._of_components()

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
        standing = None if verdict and verdict.revoked_at else verdict
        family = GaugeMetricFamily(
            "raceday_verdict",
            "1 for the verdict of the run unless it was revoked, 0 else.",
            labels=(*PLACE, "result"),
        )
        for result in RESULTS:
            is_it = standing is not None and standing.result == result
            family.add_metric((*self._place, result), float(is_it))
        yield family
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

    def _of_components(self) -> Iterator[Metric]:
        state = GaugeMetricFamily(
            "raceday_component_state",
            "1 for the state of the component, 0 else.",
            labels=(*PLACE, "component", "state"),
        )
        ready = GaugeMetricFamily(
            "raceday_component_ready_seconds",
            "From its release until it was ready.",
            labels=(*PLACE, "component"),
        )
        for item in self._report.components:
            for word in ComponentState:
                state.add_metric((*self._place, item.name, word), float(item.state == word))
            if item.duration_seconds is not None:
                ready.add_metric((*self._place, item.name), item.duration_seconds)
        yield state
        yield ready

    def _moment(self, name: str, help_text: str, moment: datetime | None) -> Metric:
        return self._gauge(name, help_text, moment.timestamp() if moment else None)

    def _gauge(self, name: str, help_text: str, value: float | None) -> Metric:
        """A gauge of the whole run; without a value it has no sample."""
        family = GaugeMetricFamily(name, help_text, labels=PLACE)
        if value is not None:
            family.add_metric(self._place, value)
        return family
