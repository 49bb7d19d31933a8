"""Who can stand in for the servers that a restart is about to take from customers. Pure."""

from collections.abc import Iterator

from automation.run.plan import Step, Verb
from automation.run.state import ROTATION, State


def out_of_rotation(state: State, capacity: Step) -> tuple[str, ...]:
    """Hosts of a capacity step that no customers are sent to: however ready, they are no help.

    By what the load balancers said right before; all of them when one said nothing. One that sends
    nobody to the servers in question loses none, and while sales are closed nobody is missed.
    """
    said = tuple(_said(state, capacity))
    if not said or state.sales_said() == "closed":
        return ()
    if not all(said):
        return capacity.hosts
    losing = [words for words in said if words.intersection(capacity.servers)]
    backend, _, _ = capacity.servers[0].rpartition("/")
    return tuple(
        host for host in capacity.hosts if not all(f"{backend}/{host}" in words for words in losing)
    )


def _said(state: State, capacity: Step) -> Iterator[frozenset[str]]:
    """Whom each load balancer sends customers to, by the look that the step needs.

    A word for each, "none" for nobody; no word at all when it said nothing.
    """
    for name in capacity.needs:
        look = state.steps[name]
        if look.step.verb is Verb.PROBE and look.step.component in state.plan.fronts:
            for host in look.step.hosts:
                yield frozenset(look.hosts[host].evidence.get(ROTATION, "").split())
