"""What hosts show before an unattended run is begun, so that none is begun only to be refused."""

from collections.abc import Iterator, Sequence

from automation.procedures.steps import make_plan
from automation.run.events import GOOD, Message
from automation.run.ledger import Place
from automation.run.plan import Plan, Verb
from automation.run.state import ROTATION, SALES, State
from automation.run.verdict import SALES_OPEN
from automation.venue.site import Venue


def plan_beforehand(venue: Venue, plans: Sequence[Plan]) -> Plan:
    """The first looks of all these plans side by side: one question with one deadline."""
    looks = [step for plan in plans for step in plan.steps.values() if step.is_look]
    return make_plan(venue, "status", looks, gives_verdict=False)


def hindrances(plan: Plan, seen: State) -> Iterator[Message]:
    """Why a run would be refused, by what first looks have `seen`; its own questions come later.

    A test wants sales closed, a drain must know whom customers are sent to, and where a host is
    stopped every other one of its component must be ready.
    """
    if not plan.may_meet_sales and seen.sales_said() == "open":
        yield SALES_OPEN
    places = (*_silent_on_sales(plan, seen), *_silent_on_rotation(plan, seen), *_down(plan, seen))
    for place in dict.fromkeys(places):
        yield _why(seen, place)


def _silent_on_sales(plan: Plan, seen: State) -> Iterator[Place]:
    said = seen.last_said(SALES)
    for name in () if plan.may_meet_sales else plan.fronts:
        yield from ((name, host) for host in plan.components[name].hosts if host not in said)


def _silent_on_rotation(plan: Plan, seen: State) -> Iterator[Place]:
    said = seen.last_said(ROTATION)
    for step in plan.steps.values():
        if step.verb is Verb.DRAIN:
            yield from ((step.owner, host) for host in step.hosts if not said.get(host, "").strip())


def _down(plan: Plan, seen: State) -> Iterator[Place]:
    """The other hosts of the component whose hosts the first question is about."""
    asked = next(step for step in plan.steps.values() if step.verb is Verb.QUIET)
    for item in seen.steps.values():
        if item.step.component == asked.component:
            bad = (host for host, result in item.hosts.items() if result.state not in GOOD)
            yield from ((asked.component, host) for host in bad if host not in asked.hosts)


def _why(seen: State, place: Place) -> Message:
    """What a host said that is wrong with it; else only that it said too little."""
    component, host = place
    results = (item.hosts.get(host) for item in seen.steps.values() if item.step.owner == component)
    problem = next((item.problem for item in results if item and item.problem), None)
    if problem:
        return Message("%(what)s: %(why)s", {"what": problem.what, "why": problem.why})
    text = "%(host)s does not say of %(component)s what must be known of it"
    return Message(text, {"host": host, "component": component})
