"""States of a small run, made by hand."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from automation.run.events import HostState
from automation.run.plan import Plan, PlannedComponent
from automation.run.state import HostResult, State, Status, StepState
from tests.unit.run.plans import plan_of

NOW = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)
PLAN = plan_of(
    [
        PlannedComponent("db", "DB", ("db1",)),
        PlannedComponent("web", "Web", ("w1", "w2"), depends_on=("db",), min_ready=1),
    ]
)
OK, LOST = HostResult(HostState.OK), HostResult(HostState.UNREACHABLE)


def seen(statuses: Mapping[str, Status], *, rest: Status, plan: Plan = PLAN) -> State:
    """A run in which these steps have these statuses; every host has reported that all is well."""
    steps = {
        name: StepState(
            step,
            statuses.get(name, rest),
            started_at=NOW,
            targets=() if statuses.get(name, rest) is Status.WAITING else step.hosts,
            hosts=dict.fromkeys(step.hosts, OK),
        )
        for name, step in plan.steps.items()
    }
    return State("run", "kim", plan, NOW, steps)


def with_hosts(state: State, name: str, **hosts: HostResult) -> State:
    """The same run, but this step has these results."""
    return replace(state, steps={**state.steps, name: replace(state.steps[name], hosts=hosts)})
