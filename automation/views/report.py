"""`build_report(state, now, journal_head)`: the run as a document, pure."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from automation.run.events import GOOD, Check, Message
from automation.run.ledger import Place
from automation.run.plan import Verb
from automation.run.state import ENDED, State, Status, StepState
from automation.run.verdict import NO_GO, Finding, findings, found_at_rest, warnings
from automation.views.components import (
    LOG,
    UP,
    ComponentState,
    ComponentView,
    but_at_rest,
    unreported_checks,
    view_components,
)
from automation.views.critical_path import beyond_seconds, critical_path
from automation.views.document import (
    CheckReport,
    ComponentHost,
    ComponentReport,
    ErrorReport,
    NotExecuted,
    Report,
    Resumed,
    StepHost,
    StepReport,
    TimeSaved,
    VerdictReport,
    to_data,
)
from automation.views.leftovers import left_by, leftovers
from automation.views.sales import view_deadline, view_sales
from automation.views.telling import way_on
from automation.views.text import tail

LOG_LINES = 40
NOTHING = (0.0, 0.0, 0.0)


def build_report(
    state: State, now: datetime, journal_head: str, resting: Collection[Place] = frozenset()
) -> Report:
    """The report as of `now`; the same state, moment and head give the same report.

    Of a probe, what is down and `resting` is stopped, and no error.
    """
    plan = state.plan
    components = view_components(state, resting)
    chain = critical_path(state)
    wall = ((state.finished_at or now) - state.started_at).total_seconds()
    sales = view_sales(state)
    errors = tuple(_error(state, item) for item in but_at_rest(findings(state), components))
    return Report(
        run_id=state.run_id,
        venue=plan.venue,
        title=plan.title,
        time_zone=plan.time_zone,
        procedure=plan.procedure,
        operator=state.operator,
        check=plan.check,
        started_at=state.started_at,
        finished_at=state.finished_at,
        duration_seconds=wall,
        result_state=state.result_state,
        verdict=_verdict(state),
        sales=sales,
        deadline=view_deadline(state, sales, now),
        components=tuple(_component(item) for item in components),
        steps=tuple(_step(state, item) for item in state.steps.values() if item.started_at),
        checks=tuple(_checks(state)),
        not_executed=tuple(_not_executed(state)),
        errors=errors,
        warnings=tuple(_error(state, item) for item in warnings(state)),
        critical_path=chain,
        beyond_critical_path_seconds=beyond_seconds(state, chain),
        time_saved=_time_saved(state, components, wall),
        venue_digest=plan.digest,
        versions=state.versions,
        journal_head=journal_head,
        resumed=tuple(Resumed(item.at, item.by) for item in state.resumed),
        earlier=tuple(_step(state, item) for item in _earlier(state)),
        glass_broken_because=plan.reason if plan.break_glass else None,
        extra_vars=plan.extra_vars,
        left=tuple(leftovers(left_by(state))),
        next=_next(state, errors),
        died=state.died,
    )


def dump_report(report: Report) -> str:
    """The text of `report.json`."""
    return dump_document(to_data(report))


def dump_document(document: Mapping[str, Any]) -> str:
    """JSON with sorted keys, to be read by people too."""
    return json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def _verdict(state: State) -> VerdictReport | None:
    verdict = state.verdict
    if verdict is None:
        return None
    return VerdictReport(
        result=verdict.result,
        reasons=verdict.reasons,
        decided_at=verdict.decided_at,
        valid_until=datetime.fromisoformat(verdict.valid_until) if verdict.valid_until else None,
        revoked_at=verdict.revoked_at,
        revoked_because=verdict.revoked_because,
    )


def _component(view: ComponentView) -> ComponentReport:
    planned = view.planned
    return ComponentReport(
        name=planned.name,
        title=planned.title,
        state=str(view.state),
        critical=planned.critical,
        external=planned.external,
        started_at=view.started_at,
        ready_at=view.ready_at,
        duration_seconds=view.seconds,
        hosts=tuple(ComponentHost(host.name, host.state, host.evidence) for host in view.hosts),
    )


def _earlier(state: State) -> Iterator[StepState]:
    """What earlier parts of the run did, without that which still stands and is told as it does."""
    for item in state.before:
        now = state.steps.get(item.step.id)
        if not (now and now.reused and now.started_at == item.started_at):
            yield item


def _step(state: State, item: StepState) -> StepReport:
    stopped = found_at_rest(state, item)
    down = {name for name, result in item.hosts.items() if result.state not in GOOD}
    has_ended = item.status in ENDED
    return StepReport(
        id=item.step.id,
        component=item.step.component,
        verb=str(item.step.verb),
        status=str(Status.SUCCEEDED if has_ended and down and down <= stopped else item.status),
        started_at=item.started_at,
        finished_at=item.finished_at,
        seconds=_seconds(item),
        hosts=tuple(
            StepHost(
                name,
                "stopped" if name in down & stopped else str(result.state),
                result.seconds,
                result.evidence,
            )
            for name, result in item.hosts.items()
        ),
        reused=item.reused,
    )


def _seconds(item: StepState) -> float | None:
    if item.started_at is None or item.finished_at is None:
        return None
    return (item.finished_at - item.started_at).total_seconds()


def _checks(state: State) -> Iterator[CheckReport]:
    for item in state.steps.values():
        for host, result in item.hosts.items():
            silent = unreported_checks(item, result)
            missing = (Check(name, "", "", passed=False) for name in silent)
            yield from (_check(item, host, check) for check in (*result.checks, *missing))


def _check(item: StepState, host: str, check: Check) -> CheckReport:
    return CheckReport(
        component=item.step.component,
        host=host,
        step=item.step.id,
        name=check.name,
        expected=check.expected,
        observed=check.observed,
        passed=check.passed,
        seconds=check.seconds,
    )


def _not_executed(state: State) -> Iterator[NotExecuted]:
    for item in state.steps.values():
        if item.status is Status.SKIPPED and item.reason:
            yield NotExecuted(item.step.id, item.reason)


def _error(state: State, finding: Finding) -> ErrorReport:
    problem = finding.problem
    result = state.steps[finding.step].hosts.get(finding.host)
    return ErrorReport(
        component=finding.component,
        host=finding.host,
        step=finding.step,
        what=problem.what,
        why=problem.why,
        next=problem.next,
        log=tail(result.evidence.get(LOG, ""), LOG_LINES) if result else (),
    )


def _next(state: State, errors: Sequence[ErrorReport]) -> tuple[Message, ...]:
    """Nothing of a run that goes on or was stopped: nobody knows yet what will be to do."""
    if not errors or state.finished_at is None or state.interrupted:
        return ()
    return way_on(state, left_by(state), [to_data(item.next) for item in errors if item.next.text])


def _time_saved(
    state: State, components: tuple[ComponentView, ...], wall: float
) -> TimeSaved | None:
    """Only what this run made ready counts, and only when it came to a verdict to open on."""
    told = any(item.planned.manual_minutes for item in components)
    if not told or state.verdict is None or state.verdict.result == NO_GO:
        return None
    started = {step.component for step in state.plan.steps.values() if step.verb is Verb.START}
    ready = UP - {ComponentState.ALREADY_UP}
    done = [item for item in components if item.state in ready and item.planned.name in started]
    if not done:
        return None
    by_hand = [item.planned.manual_minutes or NOTHING for item in done]
    low, likely, high = (sum(minutes) for minutes in zip(NOTHING, *by_hand, strict=True))
    spent = wall / 60
    return TimeSaved(max(low - spent, 0.0), max(likely - spent, 0.0), max(high - spent, 0.0))
