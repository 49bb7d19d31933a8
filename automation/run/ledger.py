"""What runs have taken out of its normal state and not put back, as their journals tell. Pure.

A step is written down before it is begun, so whatever may have been taken is known even of a run
that was killed in the middle of it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from automation.run.events import HostState
from automation.run.plan import Verb
from automation.run.state import (
    PASSED,
    SALES,
    State,
    StepState,
    in_rotation,
    meant,
    missing_checks,
    sent_to,
    sent_to_until,
    server_of,
    was_heard,
)

type Place = tuple[str, str]
TAKES_DOWN = frozenset({Verb.STOP, Verb.KILL})


@dataclass(frozen=True)
class Ledger:
    """What is to be put back, as components with their hosts, and load balancers by name.

    `servers` get no customers from these hosts of the load balancer, which sent them some before;
    `stopped` were not started again, `untested` were, and nobody has proved them since. Of those
    `stopped`, nobody knows it for sure where a start was begun and gave no end (`doubtful`). Load
    balancers are `half_open`, or `closed`, wholly or at some of their hosts, by a restart that
    would have opened them again. At hosts that are `emptied` nobody else was in rotation, so sales
    look closed there because of that alone. Of the components that are `bought` at, a rehearsal's
    purchases were not taken back. `reason` is why the glass was broken when it was.
    """

    servers: Mapping[Place, tuple[str, ...]] = field(default_factory=dict)
    stopped: tuple[Place, ...] = ()
    untested: tuple[Place, ...] = ()
    half_open: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reason: str = ""
    bought: tuple[str, ...] = ()
    doubtful: tuple[Place, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is left."""
        return bool(self.is_to_be_done or self.closed)

    @property
    def is_to_be_done(self) -> bool:
        """Whether there is anything that a recovery would do."""
        return bool(self.places or self.left_out or self.half_open or self.bought)

    @property
    def places(self) -> tuple[Place, ...]:
        """Every host that something is to be done for."""
        return tuple(dict.fromkeys((*self.stopped, *self.untested, *self.servers)))


@dataclass(frozen=True)
class Rest:
    """The `places` that runs have stopped for good and none has started since.

    `run` is the newest that stopped one of them.
    """

    run: State
    places: frozenset[Place]

    @property
    def is_whole(self) -> bool:
        """Whether that run did all that it was asked for."""
        return self.run.result_state in {"SUCCESS", "WARNINGS"}


@dataclass
class _Settled:
    """What newer runs have put back or taken themselves, so that older ones do not count.

    `servers` are told by host of a load balancer, `sales` are the load balancers that were opened
    or closed as a whole.
    """

    servers: dict[str, set[str]] = field(default_factory=dict)
    started: set[Place] = field(default_factory=set)
    tried: set[Place] = field(default_factory=set)
    tested: set[Place] = field(default_factory=set)
    taken_back: set[str] = field(default_factory=set)
    sales: set[str] = field(default_factory=set)

    def add(self, state: State, items: Sequence[StepState]) -> None:
        """What a run has put back."""
        for item in items:
            good = {
                (item.step.component, host)
                for host, result in item.hosts.items()
                if result.good and not missing_checks(item.step, result)
            }
            if item.step.verb is Verb.UNDRAIN and _has_put_in(state, item):
                for host, servers in item.servers.items():
                    since = _drained_since(items, item, host)
                    self.servers.setdefault(host, set()).update(set(servers) - since)
            if item.step.verb is Verb.START:
                self.started |= good
                self.tried.update(_maybe_started(item))
            if item.step.verb is Verb.TEST:
                self.tested |= good
            if item.step.verb is Verb.TIDY and item.status in PASSED:
                self.taken_back.add(item.step.component)


def _maybe_started(item: StepState) -> Iterator[Place]:
    """Where a start was begun, and no host says that it failed."""
    for host in item.targets:
        if host not in item.hosts or item.hosts[host].state is not HostState.FAILED:
            yield item.step.component, host


def _drained_since(items: Iterable[StepState], back: StepState, host: str) -> frozenset[str]:
    """What was drained again after it had been put back, as a run that is resumed may have to."""
    drains = (item for item in items if item.step.verb is Verb.DRAIN)
    later = (item for item in drains if _began(item) > _began(back))
    return frozenset(word for item in later for word in item.servers.get(host, ()))


def _began(item: StepState) -> datetime:
    return item.started_at or datetime.max.replace(tzinfo=UTC)


def ledger_of(states: Iterable[State]) -> Ledger:
    """What runs, newest first, have left.

    An opening or a closing of sales that came to its end settles every rotation before it at that
    load balancer; a morning that opened them and an evening that stops settle all.
    """
    servers: dict[Place, tuple[str, ...]] = {}
    stopped: dict[Place, None] = {}
    doubtful: dict[Place, None] = {}
    untested: dict[Place, None] = {}
    half_open: dict[str, None] = {}
    closed: dict[str, None] = {}
    bought: dict[str, None] = {}
    left_out: dict[str, tuple[str, ...]] = {}
    out: dict[str, set[str]] = {}
    sent: dict[str, set[str]] = {}
    reason, settled = "", _Settled()
    for state in states:
        items = _begun(state)
        settled.add(state, items)
        known = len(servers) + len(stopped) + len(untested)
        down = [place for place in _not_started(state, items, settled) if place not in stopped]
        doubtful.update(dict.fromkeys(place for place in down if place in settled.tried))
        stopped.update(dict.fromkeys(down))
        untested.update(dict.fromkeys(_not_tested(state, items, settled)))
        bought.update(dict.fromkeys(_not_taken_back(items, settled)))
        open_ones = [item for item in items if item.step.owner not in settled.sales]
        for item, host, words in _not_undrained(state, open_ones, settled):
            out.setdefault(host, set()).update(words)
            sent.setdefault(host, set()).update(sent_to_until(state, item, host))
            for place in ((item.step.component, server_of(word)) for word in words):
                servers[place] = tuple(dict.fromkeys((*servers.get(place, ()), host)))
        for host, words in _not_opened_to(state, open_ones, settled):
            left_out[host] = tuple(dict.fromkeys((*left_out.get(host, ()), *words)))
        half_open.update(dict.fromkeys(_unfinished(state, open_ones)))
        closed.update(dict.fromkeys(_not_reopened(state, open_ones)))
        settled.sales.update(item.step.owner for item in items if _settles_sales(state, item))
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
        left_out=left_out,
        reason=reason,
        bought=tuple(bought),
        doubtful=tuple(doubtful),
    )


def rest_of(states: Iterable[State]) -> Rest | None:
    """What runs, newest first, have stopped on purpose, as an evening does; None when all is up."""
    resting: dict[Place, State] = {}
    settled = _Settled()
    for state in states:
        items = _begun(state)
        settled.add(state, items)
        for item in items:
            if item.step.verb is Verb.STOP and not _returns(state, item, Verb.START):
                places = {(item.step.component, host) for host in item.targets} - settled.started
                resting = {**dict.fromkeys(places, state), **resting}
    newest = max(resting.values(), key=lambda state: state.started_at, default=None)
    return Rest(newest, frozenset(resting)) if newest else None


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
        if item.step.verb is Verb.DRAIN:
            for host, words in _still_out(state, item, settled):
                yield item, host, words


def _not_opened_to(
    state: State, items: Iterable[StepState], settled: _Settled
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Hosts of load balancers that were opened again, and whom they sent customers to before."""
    for item in items:
        if _reopens(state, item) and _has_put_in(state, item):
            yield from _still_out(state, item, settled)


def _still_out(
    state: State, item: StepState, settled: _Settled
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """By host of a load balancer, which servers a step took out, or left out, and nobody put in."""
    for host, words in in_rotation(state, item.step).items():
        back = meant(words, settled.servers.get(host, ()))
        if left := tuple(word for word in words if word not in back):
            yield host, left


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


def _not_taken_back(items: Iterable[StepState], settled: _Settled) -> Iterator[str]:
    for item in items:
        if item.step.verb is Verb.REHEARSE and item.step.component not in settled.taken_back:
            yield item.step.component


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
    """It opens a load balancer that was closed, as an emergency does, or that came up closed."""
    taken = state.plan.steps.get(item.step.puts_back)
    return item.step.verb is Verb.UNDRAIN and taken is not None and taken.verb is not Verb.DRAIN


def _unfinished(state: State, items: Iterable[StepState]) -> Iterator[str]:
    """Load balancers that were being opened, opened again, or closed, and not opened since."""
    for item in items:
        reopened = item if _reopens(state, item) else _returns(state, item, Verb.UNDRAIN)
        is_open = reopened is not None and _has_put_in(state, reopened)
        moving = _is_of_sales(item) or _reopens(state, item)
        if moving and item.status not in PASSED and not is_open:
            yield item.step.component


def _has_put_in(state: State, item: StepState) -> bool:
    """Whether customers are sent again to those that it names, whatever else was not right.

    An opening may say so of all that it told: servers that hang are seen down, and known to be in.
    """
    return item.status in PASSED or (_reopens(state, item) and _says_open(item))


def _says_open(item: StepState) -> bool:
    """All were told, and sell again."""
    said = [item.hosts[host].evidence.get(SALES) for host in item.targets if host in item.hosts]
    return bool(said) and said == ["open"] * len(item.targets)


def _not_reopened(state: State, items: Sequence[StepState]) -> Iterator[str]:
    """Load balancers that were closed, or came up closed, and were to be opened again.

    Of a closing that failed nobody knows what it has closed: it counts where others were opened,
    but for hosts that it could not reach.
    """
    backs = [item.latest for item in state.steps.values() if _reopens(state, item)]
    opened = {(item.step.component, host) for item in backs for host in item.targets}
    fronts = {item.step.component for item in backs}
    unfinished = set(_unfinished(state, items))
    for item in items:
        is_doubtful = item.status not in PASSED and item.step.component in unfinished
        closed = item.step.verb is Verb.CLOSE and not is_doubtful
        if item.step.component in fronts and (closed or item.step.verb in TAKES_DOWN):
            closed_at = [host for host in item.targets if _may_be_closed(item, host)]
            left = [host for host in closed_at if (item.step.component, host) not in opened]
            if any(sent_to(state, host) or not was_heard(state, host) for host in left):
                yield item.step.component


def _may_be_closed(item: StepState, host: str) -> bool:
    """Whether a host may have been closed; not by a closing that failed and could not reach it."""
    unreached = host in item.hosts and item.hosts[host].state is HostState.UNREACHABLE
    return item.step.verb is not Verb.CLOSE or item.status in PASSED or not unreached
