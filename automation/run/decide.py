"""What to do next: `decide(state, now) -> actions`, pure. Doubt means not ready."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from automation.run.capacity import not_serving, why_not_serving
from automation.run.events import HostState, Message
from automation.run.leading import may_lead
from automation.run.plan import Step, Verb
from automation.run.reuse import has_looked, still_stands
from automation.run.state import (
    ENDED,
    INTERRUPTED,
    PASSED,
    READY,
    ROTATION,
    SALES,
    State,
    Status,
    StepState,
    in_rotation,
    left_alone,
    meant,
    server_of,
    stopped_before,
    was_heard,
    words_of,
)
from automation.run.verdict import (
    LOOKS,
    SALES_OPEN,
    Judgement,
    confirmed_hosts,
    findings,
    is_excused,
    judge,
    unready_hosts,
    warnings,
    was_closed_before,
)


@dataclass(frozen=True)
class Begin:
    """Release a step on these hosts, with what a load balancer must know of the servers behind it.

    No test goes through an `unready` one and no customer is sent there; by host, of `servers` it
    is told, none meaning all.
    """

    step: Step
    hosts: tuple[str, ...]
    unready: tuple[str, ...] = ()
    servers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Skip:
    """Do not execute a step, for a reason."""

    step: Step
    reason: Message


@dataclass(frozen=True)
class Reuse:
    """A step of a resumed run was done before, and a fresh look found it unchanged."""

    step: Step


@dataclass(frozen=True)
class Abandon:
    """A step is past its bound: end its processes and count silent hosts as unknown."""

    step: Step
    cause: Message


@dataclass(frozen=True)
class Conclude:
    """Everything that feeds the verdict has ended: this is it."""

    judgement: Judgement


@dataclass(frozen=True)
class Finish:
    """The run is over."""

    result_state: str


UNHEARD = "%(host)s did not say right before whom it sends customers to, so it is not stopped"
CHANGES_NOTHING = Message("check mode changes nothing")
NOT_RUNNING = Message("it does not run, so nobody can be asked")
NOT_KNOWN = Message("it is not known which servers customers are sent to")
CLOSED_SINCE = Message("sales were closed since, so nothing is put into rotation")
NOT_IN_ROTATION = Message("nothing of it was in rotation before")
WHOLE = frozenset({Verb.STOP, Verb.KILL, Verb.CLOSE, Verb.UNDRAIN})
DISTURBING = frozenset({Verb.STOP, Verb.KILL, Verb.DRAIN})

Action = Begin | Skip | Reuse | Abandon | Conclude | Finish


def decide(state: State, now: datetime) -> tuple[Action, ...]:
    """Everything that may be done now. Empty while only waiting remains."""
    running = _running(state)
    moves = (*_abandoned(running, now), *_moves(state))
    if moves or running or state.finished_at:
        return moves
    if _is_to_be_judged(state):
        return (Conclude(judge(state, now)),)
    return (Finish(_result_state(state)),)


def is_protected(step: Step) -> bool:
    """Whether an interruption waits for its end: half of it would be worse than all of it."""
    return bool(step.puts_back) or step.verb in WHOLE


def overdue_at(state: State) -> datetime | None:
    """When the next running step passes its bound, in UTC; None when nothing runs."""
    return min(map(_bound, _running(state)), default=None)


def _is_to_be_judged(state: State) -> bool:
    plan = state.plan
    return plan.gives_verdict and not (state.verdict or state.interrupted or plan.check)


def _abandoned(running: Sequence[StepState], now: datetime) -> Iterator[Abandon]:
    for item in running:
        if now >= _bound(item):
            args = {"step": item.step.id, "seconds": round(item.step.timeout)}
            yield Abandon(
                item.step, Message("%(step)s did not end within its %(seconds)s seconds", args)
            )


def _running(state: State) -> list[StepState]:
    return [item for item in state.steps.values() if item.status is Status.RUNNING]


def _bound(item: StepState) -> datetime:
    started = item.started_at or datetime.max.replace(tzinfo=UTC)
    return started + timedelta(seconds=item.step.timeout)


Move = Begin | Skip | Reuse


def _moves(state: State) -> Iterator[Move]:
    ended = frozenset(name for name, item in state.steps.items() if item.status in ENDED)
    for item in state.steps.values():
        if item.status is Status.WAITING:
            move = _move(state, item.step, ended)
            if move is not None:
                yield move


def _move(state: State, step: Step, ended: frozenset[str]) -> Move | None:
    for name in (*step.needs, *step.after):
        if name not in state.steps:
            return Skip(step, Message("%(step)s is not in the plan", {"step": name}))
    if step.puts_back:
        return _put_back(state, step, ended)
    if state.interrupted:
        return Skip(step, INTERRUPTED)
    if step.on_verdict:
        return _on_verdict(state, step)
    is_due = ended.issuperset(step.needs) and ended.issuperset(step.after)
    if is_due and _is_to_be_compared(state, step):
        return _compared(state, step)
    failed = _failed_before(state, step, ended)
    if failed is not None and (is_due or not state.steps[step.id].earlier):
        return Skip(step, _blocked(failed))
    return _released(state, step) if is_due else None


def _failed_before(state: State, step: Step, ended: frozenset[str]) -> StepState | None:
    """What it needs and what failed; where the first failure is the end, any step that failed."""
    for name in step.needs:
        item = state.steps[name]
        if name in ended and item.status not in PASSED and item.reason != CHANGES_NOTHING:
            return item
    if state.plan.stops_at_failure and step.verb is not Verb.PROBE:
        for item in state.steps.values():
            if item.status is Status.FAILED and not _is_no_obstacle(state, item.step):
                return item
    return None


def _is_no_obstacle(state: State, step: Step) -> bool:
    """A probe only looks, and who broke the glass goes on although sales could not be closed."""
    return step.verb is Verb.PROBE or (step.verb is Verb.CLOSE and state.plan.break_glass)


def _is_to_be_compared(state: State, step: Step) -> bool:
    """It was done in an earlier part of the run, and has not been found to stand no more."""
    if state.steps[step.id].earlier is None or state.interrupted:
        return False
    if step.is_look or step.verb in LOOKS:
        return False
    return not has_looked(state) or still_stands(state, step)


def _compared(state: State, step: Step) -> Reuse | None:
    return Reuse(step) if has_looked(state) else None


def _put_back(state: State, step: Step, ended: frozenset[str]) -> Move | None:
    """Due when what it undoes was begun, even after a failure or an interruption."""
    if not (ended.issuperset(step.needs) and ended.issuperset(step.after)):
        return None
    if not _is_taken(state, step):
        return Skip(step, Message("%(step)s was not executed", {"step": step.puts_back}))
    if _is_to_be_compared(state, step):
        return _compared(state, step)
    for name in step.needs:
        needed = state.steps[name]
        met = needed.status in PASSED or _had_nothing_to_put_back(state, needed.step)
        met |= needed.reason == CHANGES_NOTHING
        if name != step.puts_back and not met:
            return Skip(step, _blocked(needed))
    if step.verb is Verb.UNDRAIN:
        return _back_in_rotation(state, step)
    return _released(state, step) if step.is_test else Begin(step, step.hosts)


def _had_nothing_to_put_back(state: State, step: Step) -> bool:
    """What it would have undone was never begun, so all is as it was before."""
    return bool(step.puts_back) and not _is_taken(state, step)


def _back_in_rotation(state: State, step: Step) -> Begin | Skip:
    if state.resumed and not _knows_rotation(state, step):
        return Skip(step, NOT_KNOWN)
    if state.resumed and _is_closed_by_others(state, step):
        return Skip(step, CLOSED_SINCE)
    before = in_rotation(state, step)
    as_before = left_alone(state, step)
    unready = tuple(host for host in unready_hosts(state) if host not in as_before)
    ready = {host: _without(words, unready) for host, words in before.items()}
    servers = {host: words for host, words in ready.items() if words}
    if servers:
        return Begin(step, tuple(servers), unready, servers)
    if before:
        return Skip(step, _not_ready(word for words in before.values() for word in words))
    heard = all(was_heard(state, host) for host in step.hosts)
    return Skip(step, NOT_IN_ROTATION if heard else NOT_KNOWN)


def _without(servers: Sequence[str], left_out: Collection[str]) -> tuple[str, ...]:
    return tuple(word for word in servers if server_of(word) not in left_out)


def _not_ready(servers: Iterable[str]) -> Message:
    args = {"hosts": ", ".join(sorted(set(map(server_of, servers))))}
    return Message("%(hosts)s is not ready, so it stays out of rotation", args)


def _is_closed_by_others(state: State, step: Step) -> bool:
    """While the run was not working, whoever else got customers lost them."""
    said = state.first_said(ROTATION)
    for host in step.hosts:
        others = state.at_first.get(host, frozenset()) - state.owed.get(host, frozenset())
        if others and not others & words_of(said[host]):
            return True
    return False


def _is_taken(state: State, step: Step) -> bool:
    """What a step puts back was begun, and no earlier part of the run has put it back since."""
    taken, back = state.steps[step.puts_back], state.steps[step.id].earlier
    return bool(taken.targets or (taken.earlier and not (back and back.status in PASSED)))


def _released(state: State, step: Step) -> Begin | Skip:
    """It is begun on every host that is left to it, unless something forbids it."""
    if state.plan.check and _is_only_for_real(state, step):
        return Skip(step, CHANGES_NOTHING)
    forbidden = _sales_forbid(state) if step.is_test or step.verb in DISTURBING else None
    if forbidden and not state.plan.may_meet_sales:
        return Skip(step, forbidden)
    if step.verb is Verb.DRAIN and not _knows_rotation(state, step):
        return Skip(step, NOT_KNOWN)
    spared = may_lead(state, step) if step.spares_leader else None
    if spared and not state.plan.include_primary:
        return Skip(step, spared)
    unheard = _unheard_before(state, step) if step.verb is Verb.STOP else ()
    if unheard:
        return Skip(step, Message(UNHEARD, {"host": ", ".join(unheard)}))
    if step.is_capacity:
        return _standing_in(state, step)
    lost = {} if step.verb is Verb.KILL else state.hosts_lost(step.owner)
    hosts = left = tuple(host for host in step.hosts if host not in lost)
    if step.verb in {Verb.SETTLED, Verb.CLOSE}:
        hosts = tuple(host for host in left if not _is_stopped(state, step.component, host))
        if not hosts and not lost:
            return Skip(step, NOT_RUNNING)
    if hosts and len(left) >= step.min_ready:  # what is stopped in order needs no closing
        return _ordered(state, step, hosts)
    return Skip(step, _too_few_hosts(step, lost))


def _standing_in(state: State, step: Step) -> Begin | Skip:
    """Only those are asked that can take the customers; who cannot counts as down."""
    lost, out = state.hosts_lost(step.owner), not_serving(state, step)
    hosts = tuple(host for host in step.hosts if host not in lost and host not in out)
    if len(hosts) >= step.min_ready:
        return Begin(step, hosts, unready_hosts(state))
    if not out:
        return Skip(step, _too_few_hosts(step, lost))
    return Skip(step, why_not_serving(state, step))


def _ordered(state: State, step: Step, hosts: tuple[str, ...]) -> Begin | Skip:
    """Into rotation goes only what is ready; any other order names all that it is about."""
    unready = unready_hosts(state)
    if step.verb is not Verb.UNDRAIN:
        return Begin(step, hosts, unready, _told(hosts, step.servers))
    if not _may_sell(state, hosts):
        text = 'sales are not open, so it stays out; raceday sales open --reason "..." puts it back'
        return Skip(step, Message(text))
    proven = confirmed_hosts(state, step.component)
    ready = _without(step.servers, unready)
    servers = tuple(word for word in ready if server_of(word) in proven)
    if servers:
        return Begin(step, hosts, unready, _told(hosts, servers))
    return Skip(step, _not_ready(step.servers))


def _may_sell(state: State, hosts: Sequence[str]) -> bool:
    """Sales are open, or look closed at these hosts for no reason but what is to be put back."""
    said = state.last_said(SALES)
    emptied = (host in state.plan.emptied and said.get(host) == "closed" for host in hosts)
    return state.sales_said() == "open" or all(emptied)


def _told(hosts: Sequence[str], servers: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    return dict.fromkeys(hosts, servers) if servers else {}


def _knows_rotation(state: State, step: Step) -> bool:
    """Every load balancer has said whom it sends customers to, so that can be put back."""
    return all(state.first_said(ROTATION).get(host, "").strip() for host in step.hosts)


def _unheard_before(state: State, stop: Step) -> tuple[str, ...]:
    """A load balancer's hosts that did not answer the look right before their stop.

    Whom they send customers to may have been changed since the first look, so what to put back is
    not known. Who is down says so, and so does who hangs that it is up: these may be restarted.
    """
    looks = [state.steps[name] for name in stop.needs if stop.component in state.plan.fronts]
    own = [look for look in looks if look.step.verb is Verb.PROBE and stop.hosts == look.step.hosts]
    return tuple(
        host for look in own for host in stop.hosts if "active" not in look.hosts[host].evidence
    )


def _is_stopped(state: State, component: str, host: str) -> bool:
    """A probe of this run found its unit stopped in order; one that failed is not."""
    looks = (item for item in state.steps.values() if item.step.component == component)
    seen = (item.hosts[host] for item in looks if host in item.hosts)
    return any(result.evidence.get("active") == "inactive" for result in seen)


def _is_only_for_real(state: State, step: Step) -> bool:
    """A test writes; a refusal and a gate want what check mode has not closed and not started."""
    needed = (state.steps[name].hosts.values() for name in step.needs)
    would = any(result.state is HostState.WOULD for results in needed for result in results)
    return step.is_test or step.verb is Verb.REFUSAL or (step.verb is Verb.PROBE and would)


def _too_few_hosts(step: Step, lost: Mapping[str, StepState]) -> Message:
    if not lost:
        return Message("%(step)s has too few hosts to run on", {"step": step.id})
    args = {"hosts": ", ".join(lost), "step": next(iter(lost.values())).step.id}
    return Message("%(step)s failed on %(hosts)s", args)


def _on_verdict(state: State, step: Step) -> Begin | Skip | None:
    """Sales open on GO, and on CONDITIONAL only when somebody accepted it with a reason."""
    if state.plan.check:
        return Skip(step, CHANGES_NOTHING)
    if state.verdict is None:
        return None
    accepted = state.verdict.result == "CONDITIONAL" and state.plan.accept_conditional
    if state.verdict.result == "GO" or accepted:
        unready = unready_hosts(state)
        doubtful = {*unready, *_unproven(state)}
        opened = {host: _without(_opened_at(state, step, host), doubtful) for host in step.hosts}
        servers = {host: words for host, words in opened.items() if words}
        if servers or not step.servers:
            return Begin(step, tuple(servers) or step.hosts, unready, servers)
        return Skip(step, Message("none of the servers behind it is ready"))
    return Skip(step, Message("the verdict is %(verdict)s", {"verdict": state.verdict.result}))


def _opened_at(state: State, step: Step, host: str) -> tuple[str, ...]:
    """Those that were in when sales were closed, and are known.

    All where nobody has closed them, or where none was in anywhere.
    """
    found = state.plan.found
    if host not in found or not any(READY in words.values() for words in found.values()):
        return step.servers
    ready = [word for word, was in found[host].items() if was == READY]
    known = meant(ready, step.servers)
    return tuple(word for word in ready if word in known)


def _unproven(state: State) -> Iterator[str]:
    """Hosts on which any component of ours was not confirmed at its last gate."""
    for name, component in state.plan.components.items():
        if not component.external:
            confirmed = confirmed_hosts(state, name)
            yield from (host for host in component.hosts if host not in confirmed)


def _blocked(item: StepState) -> Message:
    if item.status is Status.SKIPPED:
        return Message("%(step)s was not executed", {"step": item.step.id})
    return Message("%(step)s failed", {"step": item.step.id})


def _sales_forbid(state: State) -> Message | None:
    """A test, a stop or a drain needs to know that sales are closed."""
    match "closed" if state.plan.check else state.sales_said():
        case "open":
            return SALES_OPEN
        case "closed":
            return None
        case _:
            return Message("it is not known whether sales are closed, so no test may run")


def _weighed(state: State, item: StepState) -> Status:
    """Who broke the glass knew that something was unsettled, and to wait is no failure either."""
    unsettled = item.step.verb is Verb.SETTLED and state.plan.break_glass
    failed = item.status is Status.FAILED and (unsettled or item.step.verb is Verb.QUIET)
    return Status.DEGRADED if failed else item.status


def _is_postponed(state: State) -> bool:
    """Customers came back, or the window is over: what is left is done another time."""
    asked = (item for item in state.steps.values() if item.step.verb is Verb.QUIET)
    return any(item.status is Status.FAILED for item in asked)


def _would_be_refused(state: State) -> bool:
    """What was due and may not be: too few other servers would be left, or it is a primary."""
    items = [item for item in state.steps.values() if item.status is Status.SKIPPED]
    skipped = (item.step for item in items if item.step.is_capacity or item.step.spares_leader)
    return any(all(state.steps[name].status in PASSED for name in step.needs) for step in skipped)


def undone(state: State) -> tuple[StepState, ...]:
    """What was to be done and was not, and not because there was nothing to do it on."""
    skipped = (item for item in state.steps.values() if item.status is Status.SKIPPED)
    return tuple(item for item in skipped if not _had_nothing_to_do(state, item))


def _had_nothing_to_do(state: State, item: StepState) -> bool:
    return _had_nothing_to_put_back(state, item.step) or item.reason in (
        NOT_RUNNING,
        NOT_IN_ROTATION,
    )


def _is_untested(state: State) -> bool:
    """A test was asked for, and was not done; only a verdict can do without."""
    skipped = (item for item in state.steps.values() if item.status is Status.SKIPPED)
    return not state.plan.gives_verdict and any(item.step.is_test for item in skipped)


def _is_half_started(state: State) -> bool:
    """A recovery has started some and not others: there is still something to recover from."""
    starts = (item for item in state.steps.values() if item.step.verb is Verb.START)
    return state.plan.must_be_whole and any(item.status is Status.DEGRADED for item in starts)


def _is_no_matter(state: State, item: StepState) -> bool:
    """A first look, a put-back that had nothing to do, a test that the standing GO excuses.

    Nor what could not be asked because the run itself had stopped it before it was resumed, or
    because the venue was closed before.
    """
    if item.status is not Status.SKIPPED:
        return item.step.is_look
    is_down = item.reason == NOT_RUNNING
    if is_down and stopped_before(state, item) >= set(item.step.hosts):
        return True
    if is_down and was_closed_before(state):
        return True
    if item.step.puts_back and _had_nothing_to_do(state, item):
        return True
    return is_excused(state, item)


def _result_state(state: State) -> str:
    if state.interrupted:
        return "CANCELLED"
    items = [item for item in state.steps.values() if not _is_no_matter(state, item)]
    statuses = {_weighed(state, item) for item in items}
    if state.plan.check:
        return "ERRORS" if findings(state) or _would_be_refused(state) else "SUCCESS"
    if Status.FAILED in statuses or (state.verdict and state.verdict.result == "NO-GO"):
        return "ERRORS"
    whole = state.plan.must_be_whole or state.plan.stops_at_failure
    incomplete = _is_untested(state) or _is_half_started(state) or bool(whole and undone(state))
    if incomplete and not _is_postponed(state):
        return "ERRORS"
    flawed = statuses & {Status.DEGRADED, Status.SKIPPED} or warnings(state)
    return "WARNINGS" if flawed else "SUCCESS"
