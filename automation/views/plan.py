"""A plan for people: what would run, in which order, what is slowest, and when it would be done."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from automation.run.plan import Plan, Step
from automation.venue.graph import critical_path
from automation.views.i18n import Translator

MOST_NAMED = 2  # steps that one row names; the graph has them all


def plan_data(plan: Plan) -> dict[str, Any]:
    """The plan as one document; seconds are medians of earlier runs, null where there are none."""
    path = _critical_path(plan)
    return {
        "venue": plan.venue,
        "procedure": plan.procedure,
        "deadline": plan.deadline or None,
        "steps": [_step_data(step, plan.estimates, path) for step in plan.steps.values()],
        "critical_path": list(path),
        "estimated_seconds": _total(plan),
    }


def render_plan(plan: Plan, translate: Translator) -> RenderableType:
    """The plan as a table with the critical path marked, and the estimate under it."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    longest = max((len(name) for name in plan.steps), default=0) + 2
    table.add_column(translate("step"), no_wrap=True, min_width=longest)
    for title in ("hosts", "waits for"):
        table.add_column(translate(title), overflow="fold")
    table.add_column(translate("usually"), no_wrap=True, justify="right")
    path = _critical_path(plan)
    for step in plan.steps.values():
        mark = "◆ " if step.id in path else "  "
        table.add_row(
            mark + step.id,
            ", ".join(step.hosts),
            _waits_for(step, translate),
            _seconds(plan.estimates.get(step.id), translate),
        )
    return Group(table, *_foot(plan, path, translate))


def _foot(plan: Plan, path: tuple[str, ...], translate: Translator) -> Iterator[Text]:
    yield Text("")
    yield Text("◆ " + translate("critical path") + ": " + " → ".join(path), style="bold")
    total = _total(plan)
    if total is None:
        yield Text(translate("No earlier run tells how long it takes."))
    else:
        yield Text(translate("It usually takes %(seconds)s s.", seconds=round(total)))


def _waits_for(step: Step, translate: Translator) -> str:
    if step.on_verdict:
        return translate("the verdict")
    if step.lane == "gate":
        return translate("everything before it")
    named = step.needs or step.after
    more = translate("and %(count)s more", count=len(named) - MOST_NAMED)
    return ", ".join((*named[:MOST_NAMED], *([more] if len(named) > MOST_NAMED else ()))) or "-"


def _seconds(value: float | None, translate: Translator) -> str:
    return "-" if value is None else translate("%(seconds)s s", seconds=f"{value:.1f}")


def _step_data(step: Step, estimates: Mapping[str, float], path: tuple[str, ...]) -> dict[str, Any]:
    return {
        "id": step.id,
        "hosts": list(step.hosts),
        "needs": list(step.needs),
        "after_everything": bool(step.after),
        "on_verdict": step.on_verdict,
        "estimated_seconds": estimates.get(step.id),
        "critical": step.id in path,
    }


def _critical_path(plan: Plan) -> tuple[str, ...]:
    """Along the longest estimates; with none of them known, along the most steps."""
    graph = {step.id: (*step.needs, *step.after) for step in plan.steps.values()}
    openings = [step.id for step in plan.steps.values() if step.on_verdict]
    graph |= dict.fromkeys(openings, tuple(name for name in graph if name not in openings))
    return critical_path(graph, {name: plan.estimates.get(name, 0.001) for name in graph})


def _total(plan: Plan) -> float | None:
    if not plan.estimates:
        return None
    return round(sum(plan.estimates.get(name, 0.0) for name in _critical_path(plan)), 1)
