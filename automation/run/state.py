"""What is known of a run: `fold(state, event) -> state`, pure and total over its events."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

from automation.run.events import (
    GOOD,
    Check,
    Event,
    HostReported,
    HostState,
    Message,
    Problem,
    RunFinished,
    RunInterrupted,
    RunRecovered,
    RunResumed,
    RunStarted,
    StepFinished,
    StepReused,
    StepSkipped,
    StepStarted,
    VerdictDecided,
    VerdictRevoked,
)
from automation.run.plan import Plan, Step, Verb, load_plan


class Status(StrEnum):
    """Where a step stands."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    DEGRADED = "degraded"  # some hosts are bad, but min_ready is met
    FAILED = "failed"
    SKIPPED = "skipped"


SALES, ROTATION = "sales", "rotation"  # facts that a load balancer's hosts tell
SERVING = "serving"  # those in rotation that it sees up
SESSIONS = "sessions"  # how many customers are still at it after a closing
CUT_OFF = "cut_off"  # how many the closing has cut off
FORMER = "ended"  # processes of before a reload that it has ended, with whoever was at them
BEFORE = "before:"  # and how each server was set when they were told to take it out
READY = "ready"  # to customers
INTERRUPTED = Message("the operator interrupted the run")
CHANGES = frozenset({Verb.START, Verb.STOP, Verb.KILL})
TOUCHES = CHANGES | {Verb.CLOSE, Verb.DRAIN, Verb.UNDRAIN}
PASSED = frozenset({Status.SUCCEEDED, Status.DEGRADED})
ENDED = PASSED | {Status.FAILED, Status.SKIPPED}


@dataclass(frozen=True)
class HostResult:
    """What one host reported in one step."""

    state: HostState
    seconds: float = 0.0
    checks: tuple[Check, ...] = ()
    problem: Problem | None = None
    evidence: Mapping[str, str] = field(default_factory=dict)
    failed_tries: tuple[Problem, ...] = ()

    @property
    def good(self) -> bool:
        """The host did what the step asked and every check it reported passed."""
        return self.state in GOOD and all(check.passed for check in self.checks)


@dataclass(frozen=True)
class StepState:
    """One step's progress. `hosts` holds results; `targets` the hosts it was released on.

    `servers` are those that each host of a load balancer was told of. `earlier` is what came of it
    before the run was resumed; a step that is `reused` still stands as it did then.
    """

    step: Step
    status: Status = Status.WAITING
    started_at: datetime | None = None
    finished_at: datetime | None = None
    targets: tuple[str, ...] = ()
    servers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    hosts: Mapping[str, HostResult] = field(default_factory=dict)
    reason: Message | None = None
    earlier: "StepState | None" = None
    reused: bool = False

    @property
    def latest(self) -> "StepState":
        """What last happened to its hosts, be it before the run was resumed."""
        return self if self.targets or self.earlier is None else self.earlier


@dataclass(frozen=True)
class Resumption:
    """When a run was gone on with, and by whom."""

    at: datetime
    by: str


@dataclass(frozen=True)
class Verdict:
    """GO, CONDITIONAL or NO-GO. `valid_until` is empty when it never was valid."""

    result: str
    reasons: tuple[Message, ...]
    decided_at: datetime
    valid_until: str
    revoked_at: datetime | None = None
    revoked_because: tuple[Message, ...] = ()

    def holds(self, now: datetime) -> bool:
        """Not NO-GO, not revoked, not past its time, and decided before now."""
        is_valid = bool(self.valid_until) and not self.revoked_at and not self.is_ahead(now)
        return is_valid and now < datetime.fromisoformat(self.valid_until)

    def is_ahead(self, now: datetime) -> bool:
        """Whether it is of the future: a clock was set back, and nobody knows how old it is."""
        return now < self.decided_at


@dataclass(frozen=True)
class State:
    """A run as its journal tells it. One that `died` was recovered, which is its end.

    `before` is every step as its earlier parts left it. Once it is resumed, the steps named in
    `again` are not reused whatever the looks find. By host
    of a load balancer, `at_first` is whom it sent customers to before anything was done, and `owed`
    whom of these the run has taken out since and not put back; both as "backend/server". Those that
    are `unheard` were touched before they had said so: it is not known any more.
    """

    run_id: str
    operator: str
    plan: Plan
    started_at: datetime
    steps: Mapping[str, StepState]
    versions: Mapping[str, str] = field(default_factory=dict)
    verdict: Verdict | None = None
    interrupted: bool = False
    died: bool = False
    resumed: tuple[Resumption, ...] = ()
    before: tuple[StepState, ...] = ()
    again: frozenset[str] = frozenset()
    at_first: Mapping[str, frozenset[str]] = field(default_factory=dict)
    owed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unheard: frozenset[str] = frozenset()
    finished_at: datetime | None = None
    result_state: str = "RUNNING"

    def sales_said(self) -> str:
        """Whether sales are "open" at any load balancer, "closed" at all of them, else "".

        The last word of each counts, unless customers were to be sent on since, and nobody heard
        what came of that. They are "closed" too when the venue has no load balancer.
        """
        hosts = {host for name in self.plan.fronts for host in self.plan.components[name].hosts}
        said, doubtful = self.last_said(SALES), self._perhaps_opened()
        if "open" in said.values():
            return "open"
        closed = {host for host, word in said.items() if word == "closed"} - doubtful
        return "closed" if hosts <= closed else ""

    def _perhaps_opened(self) -> set[str]:
        """Load balancers' hosts that were told to let customers in, and said nothing since."""
        told: set[str] = set()
        for item in self._asked():
            told |= set(item.targets) if item.step.verb is Verb.UNDRAIN else set()
            told -= {host for host, result in item.hosts.items() if SALES in result.evidence}
        return told

    def last_said(self, fact: str) -> Mapping[str, str]:
        """What each load balancer's host said last of a fact."""
        return dict(self._said(fact))

    def first_said(self, fact: str) -> Mapping[str, str]:
        """What each load balancer's host said of a fact before this process did anything to it."""
        said: dict[str, str] = {}
        touched: set[str] = set()
        for item in self._asked():
            if not item.reused:
                touched |= set(item.targets) if item.step.verb in TOUCHES else set()
                for host in item.hosts.keys() - touched:
                    if fact in item.hosts[host].evidence:
                        said.setdefault(host, item.hosts[host].evidence[fact])
        return said

    def said_before(self, fact: str, at: datetime | None) -> Mapping[str, str]:
        """What each said of it last until then, to this process; the first if not until then."""
        return {**self.first_said(fact), **dict(self._said(fact, but_reused=True, until=at))}

    def _said(
        self, fact: str, *, but_reused: bool = False, until: datetime | None = None
    ) -> Iterator[tuple[str, str]]:
        for item in self._asked():
            if (but_reused and item.reused) or (until is not None and ended_at(item) > until):
                continue
            for host, result in item.hosts.items():
                if fact in result.evidence:
                    yield host, result.evidence[fact]

    def _asked(self) -> Sequence["StepState"]:
        """What load balancers were asked, as it ended; a step that is reused was heard before."""
        asked = [item for item in self.steps.values() if item.step.owner in self.plan.fronts]
        return sorted(asked, key=ended_at)

    def hosts_lost(self, component: str) -> Mapping[str, StepState]:
        """Hosts of a component that no later step can use, with the step that lost them.

        A probe only looks: a host that is down may be stopped, and one that hangs restarted. What
        was started after all is not lost any more. The question whether a host is quiet loses
        none: it is answered by this controller, and not by the host.
        """
        lost: dict[str, StepState] = {}
        for item in self.steps.values():
            looked = item.step.verb in {Verb.PROBE, Verb.QUIET}
            if item.step.owner == component and item.status in ENDED and not looked:
                for host, result in item.hosts.items():
                    if result.state not in GOOD:
                        lost.setdefault(host, item)
                    elif item.step.verb is Verb.START:
                        lost.pop(host, None)
        return lost


def words_of(rotation: str) -> frozenset[str]:
    """The servers in what a load balancer says: "backend/server backend/server"."""
    return frozenset(word for word in rotation.split() if "/" in word)


def server_of(word: str) -> str:
    """The server's own name, which is its host's, whatever backend it is in."""
    return word.rpartition("/")[2]


def is_drain_cut_short(item: "StepState") -> bool:
    """Whether the operator interrupted a drain: nobody failed, and its undrain is due."""
    return item.step.verb is Verb.DRAIN and item.reason == INTERRUPTED


def is_look_cut_short(item: "StepState") -> bool:
    """Whether the operator did not wait for a look: who was not heard until then says nothing."""
    return item.step.verb is Verb.PROBE and item.reason == INTERRUPTED


def meant(words: Iterable[str], servers: Collection[str]) -> frozenset[str]:
    """Those of the words that are among the servers, be it whole or by the server's own name."""
    return frozenset(word for word in words if word in servers or server_of(word) in servers)


def sent_to(state: State, host: str) -> frozenset[str]:
    """The servers that a host of a load balancer sent customers to before the run touched them."""
    return words_of(state.first_said(ROTATION).get(host, "")) | _of(state.owed, host)


def was_heard(state: State, host: str) -> bool:
    """Whether it is known whom a load balancer's host sent customers to: nobody, if it was down."""
    looks = (item for item in state.steps.values() if item.step.is_look and host in item.hosts)
    seen = (item.hosts[host] for item in looks if item.step.owner in state.plan.fronts)
    was_down = any(result.evidence.get("active") == "inactive" for result in seen)
    said = bool(state.first_said(ROTATION).get(host, "").strip())
    return host not in state.unheard and (host in state.at_first or was_down or said)


def in_rotation(state: State, step: Step) -> Mapping[str, tuple[str, ...]]:
    """By host of a load balancer, those of a step's servers that it sent customers to before.

    That is right before this run took them out: what somebody else had put in until then is among
    them, and what somebody else had taken out is not.
    """
    taken = state.steps[step.puts_back or step.id].latest
    found: dict[str, tuple[str, ...]] = {}
    for host in step.hosts:
        before = sent_to_until(state, taken, host)
        own = meant(before, step.servers or before)
        found |= {host: tuple(sorted(own))} if own else {}
    return found


def left_alone(state: State, step: Step) -> frozenset[str]:
    """Servers it opens as they were: not drained, and nothing of theirs was ended or started.

    Who hangs among them hung before, too.
    """
    taken = state.plan.steps.get(step.puts_back)
    if step.verb is not Verb.UNDRAIN or taken is None or taken.verb is Verb.DRAIN:
        return frozenset()
    changed = (item for item in state.steps.values() if item.step.verb in CHANGES)
    struck = {host for item in changed for host in item.latest.targets}
    opened = in_rotation(state, step).values()
    return frozenset(server_of(word) for words in opened for word in words) - struck


def sent_to_until(state: State, taken: StepState, host: str) -> frozenset[str]:
    """By the newest word on each server: of when it was taken out, else of the last look before.

    What this run itself had taken out and not put back yet is found out, and was in.
    """
    seen = words_of(state.said_before(ROTATION, taken.started_at).get(host, ""))
    told = set_to(taken, host)
    ready = {word for word, was in told.items() if was == READY}
    owed = _of(state.owed, host) - _put_back(state, host)
    return (seen - told.keys()) | ready | owed


def set_to(taken: StepState, host: str) -> Mapping[str, str]:
    """How a load balancer had each server set when it was told to take it out."""
    evidence = taken.hosts[host].evidence if host in taken.hosts else {}
    before = {name: was for name, was in evidence.items() if name.startswith(BEFORE)}
    return {name.removeprefix(BEFORE): was for name, was in before.items()}


def _put_back(state: State, host: str) -> frozenset[str]:
    """What this process has put into rotation again."""
    done = (item for item in state.steps.values() if item.status in PASSED and not item.reused)
    undrained = (item for item in done if item.step.verb is Verb.UNDRAIN)
    return frozenset(word for item in undrained for word in item.servers.get(host, ()))


def fold(state: State | None, event: Event, at: datetime) -> State:
    """The state after one more event. Raises ValueError if the first is not `run.started`."""
    if isinstance(event, RunStarted):
        return _begin(event, at)
    if state is None:
        raise ValueError(f"a journal begins with run.started, not {type(event).__name__}")
    match event:
        case StepStarted() | HostReported() | StepFinished() | StepSkipped() | StepReused():
            return _fold_step(state, event, at)
        case VerdictDecided():
            verdict = Verdict(event.result, event.reasons, at, event.valid_until)
            return _changed(state, verdict=verdict)
        case VerdictRevoked(reasons):
            return _changed(state, verdict=_revoked(state.verdict, reasons, at))
        case RunInterrupted():
            return _changed(state, interrupted=True)
        case RunRecovered():
            return _changed(state, died=True, finished_at=at, result_state="CANCELLED")
        case RunResumed():
            return _resume(state, event, at)
        case RunFinished():
            return _changed(state, finished_at=at, result_state=event.result_state)


type StepEvent = StepStarted | HostReported | StepFinished | StepSkipped | StepReused


def _fold_step(state: State, event: StepEvent, at: datetime) -> State:
    match event:
        case StepStarted():
            return _started(state, event, at)
        case HostReported():
            return _reported(state, event)
        case StepFinished():
            return _finished(state, event, at)
        case StepSkipped(name, reason):
            return _update(state, name, status=Status.SKIPPED, finished_at=at, reason=reason)
        case StepReused(name):
            return _reused(state, name)


def fold_all(events: Iterable[tuple[Event, datetime]]) -> State:
    """The state a whole journal tells. Raises ValueError when there is no event at all."""
    state: State | None = None
    for event, at in events:
        state = fold(state, event, at)
    if state is None:
        raise ValueError("the journal is empty")
    return state


def _revoked(verdict: Verdict | None, reasons: tuple[Message, ...], at: datetime) -> Verdict | None:
    return verdict and replace(verdict, revoked_at=at, revoked_because=reasons)


def _begin(event: RunStarted, at: datetime) -> State:
    plan = load_plan(event.plan)
    steps = {name: StepState(step) for name, step in plan.steps.items()}
    return State(event.run_id, event.operator, plan, at, steps, event.versions)


def _update(state: State, name: str, **changes: object) -> State:
    return _changed(state, steps={**state.steps, name: _changed(state.steps[name], **changes)})


def _changed[T](record: T, **changes: object) -> T:
    """`dataclasses.replace` at a quarter of its cost: every event needs it twice."""
    copy = object.__new__(type(record))
    vars(copy).update(vars(record), **changes)
    return copy


def ended_at(item: StepState) -> datetime:
    """When a step ended, to sort by; what has not comes last."""
    return item.finished_at or datetime.max.replace(tzinfo=UTC)


def _resume(state: State, event: RunResumed, at: datetime) -> State:
    """Every step is open again and remembers what came of it; what was first said stays so."""
    plan = load_plan(event.plan)
    done = {name: item.latest for name, item in state.steps.items() if item.latest.targets}
    earlier = {name: _changed(item, earlier=None, reused=False) for name, item in done.items()}
    hosts = {host for name in plan.fronts for host in plan.components[name].hosts}
    taken = {host: _taken(state, host) for host in hosts}
    return _changed(
        state,
        plan=plan,
        steps={
            name: StepState(step, earlier=earlier.get(name)) for name, step in plan.steps.items()
        },
        verdict=None,
        interrupted=False,
        died=False,
        finished_at=None,
        result_state="RUNNING",
        resumed=(*state.resumed, Resumption(at, event.by)),
        before=(*state.before, *_of_this_part(state)),
        again=plan.following(event.from_step) if event.from_step else frozenset(),
        at_first={
            host: sent_to(state, host) | words
            for host, words in taken.items()
            if was_heard(state, host)
        },
        unheard=state.unheard | {host for host in hosts if _was_touched_unheard(state, host)},
        owed=taken,
    )


def _of_this_part(state: State) -> Iterator[StepState]:
    """What was begun since the run began or was last resumed."""
    begun = (item for item in state.steps.values() if item.targets and not item.reused)
    return (_changed(item, earlier=None) for item in begun)


def stopped_before(state: State, item: StepState) -> frozenset[str]:
    """Hosts on which an earlier part of the run had stopped a step's component before it."""
    stops = (other for other in state.before if other.step.verb in {Verb.STOP, Verb.KILL})
    own = (other for other in stops if other.step.owner == item.step.owner)
    ended = item.finished_at or item.started_at
    earlier = (other for other in own if ended and other.started_at and other.started_at < ended)
    return frozenset(host for other in earlier for host in other.targets)


def _was_touched_unheard(state: State, host: str) -> bool:
    """Now or before it was resumed."""
    asked = (item.latest for item in state.steps.values() if item.step.owner in state.plan.fronts)
    touched = any(host in item.targets for item in asked if item.step.verb in TOUCHES)
    return touched and not was_heard(state, host)


def _of(words: Mapping[str, frozenset[str]], host: str) -> frozenset[str]:
    return words.get(host, frozenset())


def _taken(state: State, host: str) -> frozenset[str]:
    """The servers that a run took out of rotation at a load balancer and did not put back."""
    words: set[str] = set(_of(state.owed, host))
    for item in state.steps.values():
        if item.step.verb is Verb.UNDRAIN and item.step.puts_back and host in item.step.hosts:
            taken = state.steps[item.step.puts_back].latest
            if item.latest.status in PASSED and item.latest.targets:
                words -= meant(words, item.latest.servers.get(host, ()))
            elif taken.targets:
                words |= set(in_rotation(state, item.step).get(host, ()))
    return frozenset(words)


def _started(state: State, event: StepStarted, at: datetime) -> State:
    """What was put back or tested before the run was resumed is not so once it is done again."""
    for name in _undone_by(state, state.steps[event.step].step):
        state = _update(state, name, earlier=None)
    return _update(
        state,
        event.step,
        status=Status.RUNNING,
        started_at=at,
        targets=event.hosts,
        servers=event.servers,
    )


def _undone_by(state: State, step: Step) -> Iterator[str]:
    if not state.resumed:
        return
    redone = state.plan.following(step.id) if step.verb in CHANGES else frozenset()
    for name, item in state.steps.items():
        tested = item.step.is_test and name in redone
        if item.earlier and name != step.id and (tested or item.step.puts_back == step.id):
            yield name


def _reused(state: State, name: str) -> State:
    earlier = state.steps[name].earlier
    if earlier is None:
        raise ValueError(f"{name} was not done before, so it cannot be reused")
    return _changed(state, steps={**state.steps, name: _changed(earlier, reused=True)})


def _reported(state: State, event: HostReported) -> State:
    hosts = state.steps[event.step].hosts
    return _update(state, event.step, hosts={**hosts, event.host: _merge(hosts, event)})


def _merge(hosts: Mapping[str, HostResult], event: HostReported) -> HostResult:
    """Checks add up; what once was bad stays bad, and what once was done stays done."""
    earlier = hosts.get(event.host)
    if earlier is None:
        return HostResult(
            event.state,
            event.seconds,
            event.checks,
            event.problem,
            event.evidence,
            event.failed_tries,
        )
    return HostResult(
        state=_worse(earlier.state, event.state),
        seconds=earlier.seconds + event.seconds,
        checks=earlier.checks + event.checks,
        problem=earlier.problem or event.problem,
        evidence={**earlier.evidence, **event.evidence},
        failed_tries=earlier.failed_tries + event.failed_tries,
    )


def _worse(earlier: HostState, later: HostState) -> HostState:
    if earlier not in GOOD or (earlier is HostState.OK and later in GOOD):
        return earlier
    return later


def _finished(state: State, event: StepFinished, at: datetime) -> State:
    item = state.steps[event.step]
    silent = [host for host in item.targets if host not in item.hosts]
    hosts = {**item.hosts, **{host: _silent(item.step, host, event.cause) for host in silent}}
    return _update(
        state,
        event.step,
        status=_outcome(item, hosts, event.cause, _asked(state, item.step)),
        finished_at=at,
        hosts=hosts,
        reason=event.cause,
    )


def _asked(state: State, step: Step) -> int:
    """How many hosts a step is about: a load balancer that sent nobody there has nothing back."""
    if not (step.verb is Verb.UNDRAIN and step.puts_back):
        return len(step.hosts)
    unheard = {host for host in step.hosts if not was_heard(state, host)}
    return len(unheard | in_rotation(state, step).keys())


def _silent(step: Step, host: str, cause: Message | None) -> HostResult:
    args = {"step": step.id, "host": host}
    what = Message("no answer came from %(host)s for %(step)s", args)
    why = cause or Message("the step ended without a report from this host")
    return HostResult(HostState.UNKNOWN, problem=Problem(what, why))


def _outcome(
    item: StepState, hosts: Mapping[str, HostResult], cause: Message | None, asked: int
) -> Status:
    """A strict step fails with its first bad check; others need only min_ready.

    A question that did not end in order has failed whatever was answered: it may be too old.
    """
    if item.step.verb is Verb.QUIET and cause:
        return Status.FAILED
    good = sum(_complete(item.step, result) for result in hosts.values())
    ready = sum(result.state in GOOD for result in hosts.values())
    if ready < min(item.step.min_ready, len(item.targets)) or (
        item.step.is_strict and good < len(hosts)
    ):
        return Status.FAILED
    return Status.SUCCEEDED if good == asked else Status.DEGRADED


def _complete(step: Step, result: HostResult) -> bool:
    return result.good and not missing_checks(step, result)


def missing_checks(step: Step, result: HostResult) -> tuple[str, ...]:
    """Planned checks that this host never reported: unknown, and unknown is bad."""
    reported = {check.name for check in result.checks}
    return tuple(name for name in step.checks if name not in reported)
