"""Who can stand in for the servers that a restart is about to take from customers. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from automation.run.events import Message
from automation.run.plan import Step, Verb
from automation.run.state import ROTATION, SERVING, State, words_of


@dataclass(frozen=True)
class _Said:
    """What a load balancer's host said right before: whom it lets customers to, whom it sees up.

    One that was `mute` did not say whom it sees up, not even that it is nobody.
    """

    host: str
    let_in: frozenset[str]
    up: frozenset[str]
    mute: bool


def not_serving(state: State, capacity: Step) -> tuple[str, ...]:
    """Hosts of a capacity step that no customers get to: however ready, they are no help.

    They are out of rotation, or the load balancer sees them down; all of them when one said
    nothing. One whose customers get to none of the servers in question loses none, and while sales
    are closed nobody is missed.
    """
    said = tuple(_said(state, capacity))
    if state.sales_said() == "closed":
        return ()
    if any(item.mute for item in said):
        return capacity.hosts
    losing = _losing(said, capacity)
    return tuple(
        host
        for host in capacity.hosts
        if not all(_word(capacity, host) in item.up for item in losing)
    )


def why_not_serving(state: State, capacity: Step) -> Message:
    """Why those that are `not_serving` are not, and that without them too few are left."""
    said = tuple(_said(state, capacity))
    mute = [item.host for item in said if item.mute]
    if mute:
        text = "%(hosts)s does not say which servers it sees up, so none stands in for another"
        return Message(text, {"hosts": ", ".join(mute)})
    hosts = not_serving(state, capacity)
    down = {
        host
        for host in hosts
        for item in _losing(said, capacity)
        if _word(capacity, host) in item.let_in - item.up
    }
    args = {"hosts": ", ".join(hosts)}
    if down.issuperset(hosts):
        return Message(
            "the load balancer sees %(hosts)s down, and without it too few servers would be left",
            args,
        )
    text = "no customers are sent to %(hosts)s, and without it too few servers would be left"
    return Message(text, args)


def _losing(said: Sequence[_Said], capacity: Step) -> list[_Said]:
    """The load balancers whose customers get to servers that are about to be taken."""
    return [item for item in said if item.up.intersection(capacity.servers)]


def _word(capacity: Step, host: str) -> str:
    """A host as the load balancers name it."""
    backend, _, _ = capacity.servers[0].rpartition("/")
    return f"{backend}/{host}"


def _said(state: State, capacity: Step) -> Iterator[_Said]:
    """What each load balancer says, by the look that the step needs."""
    for name in capacity.needs:
        look = state.steps[name]
        if look.step.verb is Verb.PROBE and look.step.component in state.plan.fronts:
            for host in look.step.hosts:
                told = look.hosts[host].evidence
                up = told.get(SERVING, "")
                yield _Said(host, words_of(told.get(ROTATION, "")), words_of(up), not up.strip())
