"""Whether customers can buy, and whether they could in time. Pure."""

from datetime import datetime

from automation.run.events import HostState, Message
from automation.run.plan import Verb
from automation.run.state import PASSED, SALES, State, Status, StepState
from automation.views.document import Closing, Deadline, Sales

OPEN, CLOSED, OPENED, UNKNOWN = "open", "closed", "opened_by_this_run", "unknown"


def view_sales(state: State) -> Sales | None:
    """What is known of the sales; None when the venue has nothing that could open them."""
    if not state.plan.fronts:
        return None
    opening = [item for item in state.steps.values() if item.step.on_verdict]
    if opening and all(item.status in PASSED for item in opening):
        return _opened(state, opening)
    begun = [item for item in opening if item.started_at]
    if begun:
        return Sales(UNKNOWN, None, _doubt(begun))
    said = state.sales_said()
    if said == CLOSED:
        return Sales(CLOSED, None, next((item.reason for item in opening if item.reason), None))
    return Sales(said or UNKNOWN, None, None)


def view_deadline(state: State, sales: Sales | None, now: datetime) -> Deadline | None:
    """The time sales were due, and whether it was kept; None when they were open before."""
    if not state.plan.deadline or sales is None or sales.state == OPEN:
        return None
    due = datetime.fromisoformat(state.plan.deadline)
    margin = (due - (sales.at or state.finished_at or now)).total_seconds()
    if sales.at:
        return Deadline(due, met=margin >= 0, margin_seconds=margin)
    return Deadline(due, met=None if margin >= 0 else False, margin_seconds=margin)


def view_closing(state: State) -> Closing | None:
    """Who closed sales in this run, when and why; None when it is no closing, or did not.

    When customers were turned away counts, be it that it was recorded later.
    """
    closes = [item for item in state.steps.values() if item.step.verb is Verb.CLOSE]
    moments = [item.finished_at for item in closes if item.finished_at]
    is_done = bool(moments) and all(item.status in PASSED for item in closes)
    if state.plan.procedure != "sales-close" or state.plan.check or not is_done:
        return None
    early = state.plan.closed_at
    at = datetime.fromisoformat(early) if early else max(moments)
    return Closing(state.run_id, state.operator, at, state.plan.reason)


def _opened(state: State, opening: list[StepState]) -> Sales:
    results = [result.state for item in opening for result in item.hosts.values()]
    if all(result is HostState.ALREADY for result in results) or _were_open(state, opening):
        return Sales(OPEN, None, None)
    at = max(item.finished_at for item in opening if item.finished_at)
    accepted = state.plan.reason
    reason = Message("accepted as CONDITIONAL: %(reason)s", {"reason": accepted})
    is_accepted = state.verdict is not None and state.verdict.result == "CONDITIONAL"
    return Sales(OPENED, at, reason if is_accepted else None)


def _were_open(state: State, opening: list[StepState]) -> bool:
    """Before anything was opened; what a run that is resumed had opened itself does not count."""
    begun = min(item.started_at for item in opening if item.started_at)
    ours = any(item.earlier and item.earlier.targets for item in opening)
    return not ours and OPEN in state.said_before(SALES, begun).values()


def _doubt(begun: list[StepState]) -> Message:
    running = next((item for item in begun if item.status is Status.RUNNING), None)
    if running is not None:
        return Message("sales are being opened right now")
    failed = next((item for item in begun if item.status not in PASSED), None)
    if failed is None:  # of several load balancers one was left out
        return Message("sales are open at %(step)s only", {"step": begun[0].step.component})
    return Message("%(step)s failed", {"step": failed.step.id})
