"""Who can stand in for the servers that a restart is about to take from customers. Pure."""

from collections.abc import Iterator

from automation.run.plan import Step, Verb
from automation.run.state import ROTATION, State, names_of


def out_of_rotation(state: State, capacity: Step) -> tuple[str, ...]:
    """Hosts of a capacity step that no customers are sent to: however ready, they are no help.

    By what the load balancers said right before; all of them when one said nothing. One that sends
    nobody to the servers in question loses none, and while sales are closed nobody is missed.
    """
    said = tuple(_said(state, capacity))
    if not said or state.sales_said() == "closed":
        return ()
    known = all(word.strip() for word in said)
    losing = [names for names in map(names_of, said) if names.intersection(capacity.servers)]
    stay = (host for host in capacity.hosts if known and all(host in names for names in losing))
    in_rotation = frozenset(stay)
    return tuple(host for host in capacity.hosts if host not in in_rotation)


def _said(state: State, capacity: Step) -> Iterator[str]:
    """Whom each load balancer sends customers to, by the look that the step needs."""
    for name in capacity.needs:
        look = state.steps[name]
        if look.step.verb is Verb.PROBE and look.step.component in state.plan.fronts:
            yield from (look.hosts[host].evidence.get(ROTATION, "") for host in look.step.hosts)
