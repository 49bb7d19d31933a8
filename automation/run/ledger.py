"""What runs have taken out of its normal state and not put back, as their journals tell. Pure.

A step is written down before it is begun, so whatever may have been taken is known even of a run
that was killed in the middle of it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from automation.run.plan import Verb
from automation.run.state import (
    PASSED,
    SALES,
    State,
    StepState,
    in_rotation,
    meant,
    missing_checks,
    sent_to_until,
    server_of,
)

type Place = tuple[str, str]
TAKES_DOWN = frozenset({Verb.STOP, Verb.KILL})


@dataclass(frozen=True)
class Ledger:
    """What is to be put back, as components with their hosts, and load balancers by name.

    `servers` get no customers from these hosts of the load balancer, which sent them some before;
    `stopped` were not started again, `untested` were, and nobody has proved them since. Load
    balancers are `half_open`, or `closed` by a restart that would have opened them again. At hosts
    that are `emptied` nobody else was in rotation, so sales look closed there because of that
    alone. `reason` is why the glass was broken when it was.
    """

    servers: Mapping[Place, tuple[str, ...]] = field(default_factory=dict)
    stopped: tuple[Place, ...] = ()
    untested: tuple[Place, ...] = ()
    half_open: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()
    reason: str = ""

    def __bool__(self) -> bool:
        """Whether anything is left."""
        return bool(self.servers or self.stopped or self.untested or self.half_open or self.closed)

    @property
    def places(self) -> tuple[Place, ...]:
        """Every host that something is to be done for."""
        return tuple(dict.fromkeys((*self.stopped, *self.untested, *self.servers)))


@dataclass
class _Settled:
    """What newer runs have put back or taken themselves, so that older ones do not count.

    `servers` are told by host of a load balancer.
    """

    servers: dict[str, set[str]] = field(default_factory=dict)
    started: set[Place] = field(default_factory=set)
    tested: set[Place] = field(default_factory=set)
    sales: bool = False

    def add(self, items: Iterable[StepState]) -> None:
        """What a run has put back."""
        for item in items:
            good = {
                (item.step.component, host)
                for host, result in item.hosts.items()
                if result.good and not missing_checks(item.step, result)
            }
            if item.step.verb is Verb.UNDRAIN and item.status in PASSED:
                for host, servers in item.servers.items():
                    self.servers.setdefault(host, set()).update(servers)
            if item.step.verb is Verb.START:
                self.started |= good
            if item.step.verb is Verb.TEST:
                self.tested |= good


def ledger_of(states: Iterable[State]) -> Ledger:
    """What runs, newest first, have left.

    An opening or a closing of sales that came to its end settles every rotation before it; a
    morning that opened them and an evening that stops settle all.
    """
    servers: dict[Place, tuple[str, ...]] = {}
    stopped: dict[Place, None] = {}
    untested: dict[Place, None] = {}
    half_open: dict[str, None] = {}
    closed: dict[str, None] = {}
    out: dict[str, set[str]] = {}
    sent: dict[str, set[str]] = {}
    reason, settled = "", _Settled()
    for state in states:
        items = _begun(state)
        settled.add(items)
        known = len(servers) + len(stopped) + len(untested)
        stopped.update(dict.fromkeys(_not_started(state, items, settled)))
        untested.update(dict.fromkeys(_not_tested(state, items, settled)))
        if not settled.sales:
            for item, host, words in _not_undrained(state, items, settled):
                out.setdefault(host, set()).update(words)
                sent.setdefault(host, set()).update(sent_to_until(state, item, host))
                for place in ((item.step.component, server_of(word)) for word in words):
                    servers[place] = tuple(dict.fromkeys((*servers.get(place, ()), host)))
            half_open.update(dict.fromkeys(_unfinished(state, items)))
            closed.update(dict.fromkeys(_not_reopened(state, items)))
            settled.sales = any(_settles_sales(state, item) for item in items)
        if state.plan.break_glass and len(servers) + len(stopped) + len(untested) > known:
            reason = reason or state.plan.reason
        if settles_all(state):
            break
    return Ledger(
        servers=servers,
        stopped=tuple(stopped),
        untested=tuple(place for place in untested if place not in stopped),
        half_open=tuple(half_open),
        closed=tuple(closed),
        emptied=tuple(host for host, words in out.items() if sent[host] <= words),
        reason=reason,
    )


def settles_all(state: State) -> bool:
    """Whether nothing that came before this run counts any more."""
    return any(_is_of_the_day(state, item) for item in _begun(state))


def _begun(state: State) -> list[StepState]:
    latest = (item.latest for item in state.steps.values())
    return [] if state.plan.check else [item for item in latest if item.targets]


def _returns(state: State, taken: StepState, verb: Verb) -> StepState | None:
    """What was planned to put back what a step takes out."""
    back = (item.latest for item in state.steps.values() if item.step.puts_back == taken.step.id)
    return next((item for item in back if item.step.verb is verb), None)


def _not_undrained(
    state: State, items: Iterable[StepState], settled: _Settled
) -> Iterator[tuple[StepState, str, tuple[str, ...]]]:
    """Drains, each with a host of the load balancer, and which of its servers are still out."""
    for item in items:
        taken = in_rotation(state, item.step) if item.step.verb is Verb.DRAIN else {}
        for host, words in taken.items():
            back = meant(words, settled.servers.get(host, ()))
            if left := tuple(word for word in words if word not in back):
                yield item, host, left


def _not_started(state: State, items: Iterable[StepState], settled: _Settled) -> Iterator[Place]:
    for item in items:
        if item.step.verb in TAKES_DOWN and _returns(state, item, Verb.START):
            places = ((item.step.component, host) for host in item.targets)
            yield from (place for place in places if place not in settled.started)


def _not_tested(state: State, items: Iterable[StepState], settled: _Settled) -> Iterator[Place]:
    for item in items:
        if item.step.verb in TAKES_DOWN and _returns(state, item, Verb.TEST):
            places = ((item.step.component, host) for host in item.targets)
            yield from (place for place in places if place not in settled.tested)


def _is_of_sales(item: StepState) -> bool:
    return item.step.on_verdict or item.step.verb is Verb.CLOSE


def _settles_sales(state: State, item: StepState) -> bool:
    """An emergency's closing, which is to be undone, settles nothing."""
    undone = _returns(state, item, Verb.UNDRAIN)
    return _is_of_sales(item) and item.status in PASSED and not undone


def _is_of_the_day(state: State, item: StepState) -> bool:
    """A morning's opening of sales, or an evening's stop, which nothing in the plan undoes."""
    if item.step.on_verdict:
        return state.plan.procedure == "morning" and item.status in PASSED
    return item.step.verb is Verb.STOP and not _returns(state, item, Verb.START)


def _reopens(state: State, item: StepState) -> bool:
    """It undoes a closing at a whole load balancer, as the end of an emergency does."""
    taken = state.plan.steps.get(item.step.puts_back)
    return taken is not None and taken.verb is Verb.CLOSE


def _unfinished(state: State, items: Iterable[StepState]) -> Iterator[str]:
    """Load balancers that were being opened, opened again, or closed, and not opened since."""
    for item in items:
        reopened = item if _reopens(state, item) else _returns(state, item, Verb.UNDRAIN)
        is_open = reopened is not None and (reopened.status in PASSED or _says_open(reopened))
        moving = _is_of_sales(item) or _reopens(state, item)
        if moving and item.status not in PASSED and not is_open:
            yield item.step.component


def _says_open(item: StepState) -> bool:
    """All were told, and sell again: servers that hang are seen down, and known to be in."""
    said = [item.hosts[host].evidence.get(SALES) for host in item.targets if host in item.hosts]
    return bool(said) and said == ["open"] * len(item.targets)


def _not_reopened(state: State, items: Iterable[StepState]) -> Iterator[str]:
    """Load balancers that were closed, or came up closed, and were to be opened again."""
    for item in items:
        back = _returns(state, item, Verb.UNDRAIN)
        if back is None or back.status in PASSED:
            continue
        closed = item.step.verb is Verb.CLOSE and item.status in PASSED and not back.targets
        if (closed or item.step.verb in TAKES_DOWN) and in_rotation(state, back.step):
            yield item.step.component
