"""What is really wrong with a run: root causes first, and each of them once. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from automation.run.decide import undone
from automation.run.events import Message, Problem
from automation.run.plan import Plan
from automation.run.state import State, Status, StepState
from automation.run.verdict import Finding, findings
from automation.views.alike import sameness, told_of
from automation.views.components import ComponentState, component_state


@dataclass(frozen=True)
class Cause:
    """One thing that is wrong. `unit` is the component's name where it has no unit.

    `at` is when its step ended; None while that still runs.
    """

    component: str
    unit: str
    hosts: tuple[str, ...]
    step: str
    problem: Problem
    at: datetime | None


def causes(state: State) -> tuple[Cause, ...]:
    """Everything that is wrong: what keeps the venue closed, then what follows from it."""
    found = findings(state)
    lost = frozenset(item.component for item in found if item.lost_host)
    same: dict[tuple[str, ...], list[Finding]] = {}
    for item in sorted(found, key=lambda item: _rank(state, item, lost)):
        same.setdefault(_sameness(item), []).append(item)
    return tuple(_cause(state, items) for items in same.values())


def left_out(state: State) -> tuple[Message, ...]:
    """Why a run ended with less than it was asked for: each step that is no other one's sequel."""
    if state.result_state == "SUCCESS":
        return ()
    return tuple(
        Message(
            "Not executed: %(step)s (%(reason)s)", {"step": item.step.id, "reason": item.reason}
        )
        for item in undone(state)
        if item.reason and not _follows(state, item)
    )


def _follows(state: State, item: StepState) -> bool:
    """Whether it was not executed because another step was not."""
    name = item.reason.args.get("step") if item.reason else None
    before = state.steps.get(str(name))
    return before is not None and before is not item and before.status is Status.SKIPPED


def _rank(state: State, finding: Finding, lost: frozenset[str]) -> tuple[bool, bool, bool]:
    """Later is what the venue can open without, and what stands on a component that is down."""
    name = finding.component
    return (
        not state.plan.components[name].critical,
        component_state(state, name) is ComponentState.DEGRADED,
        not lost.isdisjoint(set(_below(state.plan, name)) - {name}),
    )


def _below(plan: Plan, name: str) -> Iterator[str]:
    """All that a component stands on, however far down."""
    seen, left = {name}, [name]
    while left:
        fresh = set(plan.components[left.pop()].depends_on) & set(plan.components) - seen
        seen |= fresh
        left += fresh
        yield from fresh


def _sameness(finding: Finding) -> tuple[str, ...]:
    """Equal for findings that differ only in their host."""
    return (finding.component, finding.step, *sameness(finding.problem))


def _cause(state: State, same: Sequence[Finding]) -> Cause:
    first, hosts = same[0], tuple(item.host for item in same)
    return Cause(
        component=first.component,
        unit=state.plan.components[first.component].unit or first.component,
        hosts=hosts,
        step=first.step,
        problem=told_of(first.problem, ", ".join(hosts)) if len(hosts) > 1 else first.problem,
        at=state.steps[first.step].finished_at,
    )
