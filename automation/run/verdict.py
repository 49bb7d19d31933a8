"""Gates and checks -> verdict, pure. It believes only evidence: what did not report is bad."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from automation.run.events import GOOD, Check, HostState, Message, Problem
from automation.run.leading import DOWN
from automation.run.plan import LETS_FINISH, PlannedComponent, Verb
from automation.run.state import (
    CUT_OFF,
    ENDED,
    FORMER,
    INTERRUPTED,
    PASSED,
    READY,
    SALES,
    SESSIONS,
    HostResult,
    State,
    Status,
    StepState,
    is_drain_cut_short,
    is_look_cut_short,
    left_alone,
    meant,
    missing_checks,
    server_of,
    set_to,
    stopped_before,
)

LOOKS = frozenset({Verb.PREFLIGHT, Verb.CLOCKS})
SALES_OPEN = Message("sales are open: a test now would stand among customers' bets")
RUN_OUT = Message("the GO that it rests on has run out meanwhile: run raceday morning")
LONGER = Message("To give them longer another time: haproxy_close_timeout")
LONGER_IN_THE_EVENING = Message("To give them longer another time: haproxy_evening_timeout")
PERHAPS_OPEN = Message(
    "Whether customers can buy there is not known. To ask: raceday sales status. "
    "To put it right: raceday recover"
)
GO, CONDITIONAL, NO_GO = "GO", "CONDITIONAL", "NO-GO"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, and where. `lost_host` marks a host that is out of the game."""

    component: str
    host: str
    step: str
    problem: Problem
    lost_host: bool = False


@dataclass(frozen=True)
class Judgement:
    """A verdict before it is written down; `valid_until` is UTC ISO 8601, empty for NO-GO."""

    result: str
    reasons: tuple[Message, ...]
    valid_until: str = ""


def judge(state: State, now: datetime) -> Judgement:
    """The verdict on everything that has been seen so far."""
    found, skipped = findings(state), tuple(_unexcused(state))
    results = {
        _component_result(state, component, found, skipped)
        for component in state.plan.components.values()
    }
    result = next((word for word in (NO_GO, CONDITIONAL, GO) if word in results), NO_GO)
    if result == NO_GO:
        return Judgement(result, reasons(state))
    until = _valid_until(state, now)
    if until <= now:
        return Judgement(NO_GO, (*reasons(state), RUN_OUT))
    return Judgement(result, reasons(state), until.isoformat())


def _valid_until(state: State, now: datetime) -> datetime:
    """When a verdict of now ends: no later than the one that it rests on."""
    until = now + timedelta(minutes=state.plan.verdict_valid_minutes)
    rests_on = state.plan.valid_until
    return min(until, datetime.fromisoformat(rests_on)) if rests_on else until


def reasons(state: State) -> tuple[Message, ...]:
    """One sentence per root cause, then one for all that was not executed because of them."""
    found = [_sentence(item) for item in findings(state)]
    skipped = [item.step.id for item in _unexcused(state)]
    if not state.plan.components:
        found.append(Message("the plan names no component, so nothing was proven"))
    if skipped:
        found.append(Message("not executed: %(steps)s", {"steps": ", ".join(skipped)}))
    return tuple(found) or tuple(_unconfirmed(state))


def findings(state: State) -> tuple[Finding, ...]:
    """Everything that is wrong, in the order of the plan; each host's loss is named once."""
    lost: set[tuple[str, str]] = set()
    found: list[Finding] = []
    for item in state.steps.values():
        is_none = item.step.is_look or is_drain_cut_short(item)
        for finding in () if is_none else _step_findings(item):
            place = (finding.component, finding.host)
            if finding.lost_host and place in lost:
                continue
            lost |= {place} if finding.lost_host else set()
            found.append(_as_it_is_now(state, finding))
    return (*found, *_not_stood_in_for(state), *_untested(state), *_started_since(state))


def unheard(state: State) -> tuple[Finding, ...]:
    """Why it is not known whether sales are open: load balancers of which nothing was heard."""
    heard = state.last_said(SALES)
    return tuple(
        Finding(item.step.owner, host, item.step.id, result.problem or _unexplained(item, host))
        for item in state.steps.values()
        for host, result in item.hosts.items()
        if item.step.owner in state.plan.fronts and host not in heard and result.state not in GOOD
    )


def warnings(state: State) -> tuple[Finding, ...]:
    """What went well in the end, but not as it was meant to. It weighs nothing in the verdict."""
    late = (
        _late(item, host, result)
        for item in state.steps.values()
        for host, result in item.hosts.items()
        if result.state in GOOD and result.failed_tries
    )
    return (
        *late,
        *_came_up_open(state),
        *_cut_off(state),
        *_as_before(state),
        *_staying_out(state),
        *_put_in(state),
        *_drained_in_vain(state),
    )


def _came_up_open(state: State) -> Iterator[Finding]:
    """Load balancers that let customers in as they came up: their start has closed them again."""
    for item in state.steps.values():
        if item.step.verb is Verb.START and item.step.component in state.plan.fronts:
            for host in item.hosts:
                words = sorted(word for word, was in set_to(item, host).items() if was == READY)
                if words:
                    problem = _let_in(host, ", ".join(words))
                    yield Finding(item.step.component, host, item.step.id, problem)


def _let_in(host: str, servers: str) -> Problem:
    what = Message("Customers were let in at %(host)s as it came up", {"host": host})
    text = "its configuration opens %(servers)s; its start closed them"
    following = Message("Add `disabled` to these server lines of haproxy.cfg")
    return Problem(what, Message(text, {"servers": servers}), following)


def _cut_off(state: State) -> Iterator[Finding]:
    """Load balancers at which customers had not finished when they had to."""
    items = [item for item in state.steps.values() if item.step.verb is Verb.CLOSE]
    for item in items if not state.plan.check else ():
        for host, result in item.hosts.items():
            if processes := result.evidence.get(FORMER):
                yield Finding(item.step.component, host, item.step.id, _former(host, processes))
            count = _number_cut_off(state, host, result)
            if count:
                args = {"count": count, "host": host}
                what = Message("%(count)s customers at %(host)s were cut off", args)
                why = Message("they were still connected when their time to finish was over")
                unhurried = bool(item.step.options.get(LETS_FINISH))
                following = LONGER_IN_THE_EVENING if unhurried else LONGER
                problem = Problem(what, why, following)
                yield Finding(item.step.component, host, item.step.id, problem)


def _former(host: str, processes: str) -> Problem:
    what = Message("Customers of a former process at %(host)s were cut off", {"host": host})
    text = "the load balancer was reloaded, and process %(processes)s of before served them on"
    following = Message("To bound it: hard-stop-after in HAProxy's configuration")
    return Problem(what, Message(text, {"processes": processes}), following)


def cut_off_at(result: HostResult) -> int:
    """How many customers a closing has cut off at a host of a load balancer."""
    return _count(result, CUT_OFF)


def _number_cut_off(state: State, host: str, result: HostResult) -> int:
    """With those of an earlier closing, and those who were left when servers were stopped."""
    stops = (item for item in state.steps.values() if item.step.verb is Verb.STOP)
    left = _count(result, SESSIONS) if any(item.targets for item in stops) else 0
    return state.plan.cut_off.get(host, 0) + cut_off_at(result) + left


def _count(result: HostResult, fact: str) -> int:
    """A number that a host has told; a site's own role may tell none."""
    told = result.evidence.get(fact, "")
    return int(told) if told.isdecimal() else 0


def confirmed_hosts(state: State, component: str) -> frozenset[str]:
    """Hosts whose final gate was probed and good. Earlier success counts for nothing here."""
    gates = (item for item in state.steps.values() if _is_gate(item, component))
    return frozenset(host for item in gates for host, result in item.hosts.items() if result.good)


def unready_hosts(state: State) -> tuple[str, ...]:
    """Hosts that were lost or stopped, or where something was found wrong since they started.

    What was started again and was not tested counts with them: no test goes through them and
    no customer is sent there. What fails at a partner is not theirs, nor is a question that was
    answered with no.
    """
    unready: dict[tuple[str, str], None] = {}  # a host may be of several components
    stopped: set[tuple[str, str]] = set()
    for item in _in_time(state):
        name = item.step.component
        if state.plan.components[name].external or item.step.verb is Verb.QUIET:
            continue
        if item.step.verb in {Verb.STOP, Verb.KILL} and not state.plan.check:
            stopped.update((name, host) for host in item.targets)
            unready.update(dict.fromkeys((name, host) for host in item.targets))
        if item.step.verb is Verb.TEST:
            untested = ((name, host) for host in item.step.hosts if not _has_answered(item, host))
            unready.update(dict.fromkeys(place for place in untested if place in stopped))
        if item.status in ENDED:
            for host, result in item.hosts.items():
                if _is_unready(item, result):
                    unready[name, host] = None
                elif item.step.verb is Verb.START:
                    unready.pop((name, host), None)
    return tuple(dict.fromkeys(host for _, host in unready))


def was_closed_before(state: State) -> bool:
    """Whether all that the run was to stop had been stopped in order: it was to be down."""
    items = state.steps.values()
    stops = [item for item in items if item.step.verb is Verb.STOP]
    looks = [result for item in items if item.step.is_look for result in item.hosts.values()]
    is_in_order = all(item.good or item.evidence.get("active") == "inactive" for item in looks)
    return bool(stops) and is_in_order and all(map(was_stopped_before, stops))


def was_stopped_before(item: StepState) -> bool:
    """Whether a stop found every one of its hosts down."""
    found = {result.state for result in item.hosts.values()}
    return item.status is Status.SUCCEEDED and found == {HostState.ALREADY}


def found_at_rest(state: State, item: StepState) -> frozenset[str]:
    """Hosts that a first look found down, as they were to be.

    The venue was closed, or this run had ended them or not yet started them before it was resumed.
    """
    if not item.step.is_look:
        return frozenset()
    told = {host: result.evidence.get("active") for host, result in item.hosts.items()}
    ended = {host for host in stopped_before(state, item) if told.get(host) in DOWN}
    starts = (step for step in state.plan.of_component(item.step.owner) if step.verb is Verb.START)
    due = {host for step in starts for host in step.hosts if state.resumed}
    closed = set(told) if was_closed_before(state) else due
    return frozenset({*ended, *(host for host in closed if told.get(host) == "inactive")})


def failed_hosts(state: State) -> Mapping[str, tuple[str, ...]]:
    """Each component with hosts that failed a step, in plan order; what is not ours is left out."""
    failed: dict[str, dict[str, None]] = {}
    for item in state.steps.values():
        owner, rest = state.plan.components.get(item.step.owner), found_at_rest(state, item)
        bad = [host for host, result in item.hosts.items() if _is_bad(item, result)]
        bad = [host for host in bad if host not in rest]
        if item.step.verb is Verb.QUIET:
            continue  # nothing is wrong with the host
        if owner and not owner.external and bad:
            failed.setdefault(owner.name, {}).update(dict.fromkeys(bad))
    return {name: tuple(hosts) for name, hosts in failed.items()}


def _component_result(
    state: State,
    component: PlannedComponent,
    found: Sequence[Finding],
    skipped: Sequence[StepState],
) -> str:
    own = [item for item in found if item.component == component.name]
    left_out = any(item.step.component == component.name for item in skipped)
    confirmed = confirmed_hosts(state, component.name)
    if not own and not left_out and confirmed >= set(component.hosts):
        return GO
    only_lost_hosts = all(item.lost_host for item in own) and not left_out
    if only_lost_hosts and len(confirmed) >= component.min_ready:
        return CONDITIONAL
    return NO_GO if component.critical else CONDITIONAL


def _is_unready(item: StepState, result: HostResult) -> bool:
    """A wrong clock or a full disk is for the verdict; it does not keep a server from working."""
    if result.state not in GOOD or item.step.verb in LOOKS:
        return result.state not in GOOD
    return not result.good or bool(missing_checks(item.step, result))


def _in_time(state: State) -> Iterator[StepState]:
    """What last happened in each step; first that which was before the run was resumed.

    What was seen then counts no more: a resumed run has looked anew.
    """
    items = state.steps.values()
    before = (item.latest for item in items if item.latest is not item)
    yield from (item for item in before if item.step.verb is not Verb.PROBE)
    yield from (item for item in items if item.latest is item)


def _has_answered(item: StepState, host: str) -> bool:
    return item.status in ENDED and host in item.hosts


def _unconfirmed(state: State) -> Iterator[Message]:
    for name, component in state.plan.components.items():
        if not confirmed_hosts(state, name) >= set(component.hosts):
            yield Message("%(component)s: no final gate was confirmed", {"component": name})


def _is_gate(item: StepState, component: str) -> bool:
    return item.step.component == component and item.step.is_gate


def is_excused(state: State, item: StepState) -> bool:
    """Whether nobody misses a skipped step: a standing GO excuses tests while sales are open.

    Not where tests are all that was asked for.
    """
    return state.plan.gives_verdict and item.step.is_test and _stands(state, item)


def is_untested(state: State) -> bool:
    """Whether tests were left out because customers could buy."""
    return any(item.reason == SALES_OPEN for item in state.steps.values())


def _unexcused(state: State) -> Iterator[StepState]:
    """Skipped steps that the verdict misses."""
    for item in state.steps.values():
        skipped = item.status is Status.SKIPPED and not item.step.on_verdict
        if skipped and not is_excused(state, item):
            yield item


def _stands(state: State, item: StepState) -> bool:
    """Sales are open on an earlier GO, and the component still runs as it did then."""
    starts = (
        other
        for other in state.steps.values()
        if other.step.component == item.step.component and other.step.verb is Verb.START
    )
    return state.sales_said() == "open" and all(
        state.plan.standing.get(f"{item.step.component}/{host}", "-") == _invocation(result)
        for other in starts
        for host, result in other.hosts.items()
    )


def _invocation(result: HostResult) -> str:
    """Which start of its unit a host runs; nothing unless it was up before this run."""
    return result.evidence.get("invocation", "") if result.state is HostState.ALREADY else ""


def _is_bad(item: StepState, result: HostResult) -> bool:
    if result.state in GOOD and item.status in ENDED and missing_checks(item.step, result):
        return True
    return not result.good


def _not_stood_in_for(state: State) -> Iterator[Finding]:
    """Batches of a restart that were left alone, because too few others could do without them."""
    for item in () if state.interrupted else state.steps.values():
        step = item.step
        if not step.id.startswith(f"{step.component}.capacity."):
            continue
        due = all(state.steps[name].status in PASSED for name in step.needs)
        if item.status is Status.FAILED or (item.status is Status.SKIPPED and due):
            yield Finding(step.component, "", step.id, _too_few_others(state, item))


def _too_few_others(state: State, item: StepState) -> Problem:
    step, hosts = item.step, state.plan.components[item.step.component].hosts
    args = {
        "component": step.component,
        "batch": ", ".join(host for host in hosts if host not in step.hosts),
        "ready": sum(result.state in GOOD for result in item.hosts.values()),
        "needed": step.min_ready,
    }
    what = Message("%(component)s was not restarted on %(batch)s", args)
    short = Message("%(ready)s others are ready, and %(needed)s must be to do without it", args)
    why = short if item.status is Status.FAILED else item.reason or short
    text = (
        "See which others are missing (raceday status), mend them, then: "
        "raceday restart %(component)s"
    )
    return Problem(what, why, Message(text, args))


def _untested(state: State) -> Iterator[Finding]:
    """While sales are open nothing is tested, so what was started since is not proven."""
    if not state.plan.gives_verdict or state.sales_said() != "open":
        return
    for item in _unexcused(state):
        if item.step.verb is Verb.TEST and item.reason == SALES_OPEN:
            args = {"component": item.step.component}
            what = Message("%(component)s could not be tested", args)
            why = Message("sales are open, and no GO stands for it as it runs now")
            following = Message(
                'Close sales (raceday sales close --reason "..."), then run raceday morning again.'
            )
            yield Finding(item.step.component, "", item.step.id, Problem(what, why, following))


def _started_since(state: State) -> Iterator[Finding]:
    """Without tests only that is ready which runs just as it did when it was tested."""
    gates = (item for item in state.steps.values() if item.step.is_gate)
    for item in gates if state.plan.untested else ():
        for host, result in item.hosts.items():
            name = item.step.component
            proven = state.plan.standing.get(f"{name}/{host}", "-")
            external = state.plan.components[name].external
            if result.good and not external and result.evidence.get("invocation", "") != proven:
                args = {"component": name, "host": host}
                what = Message(
                    "%(component)s on %(host)s was started again since it was tested", args
                )
                why = Message("nobody has proved what runs there now")
                following = Message(
                    "Run raceday morning: it tests everything and opens sales on GO."
                )
                yield Finding(name, host, item.step.id, Problem(what, why, following))


def _step_findings(item: StepState) -> Iterator[Finding]:
    step = item.step
    for host, result in item.hosts.items():
        unheard = result.state is HostState.UNKNOWN and is_look_cut_short(item)
        if result.state not in GOOD and not unheard:
            problem = result.problem or _unexplained(item, host)
            yield Finding(step.component, host, step.id, problem, lost_host=True)
        for check in result.checks:
            if not check.passed:
                yield Finding(step.component, host, step.id, _failed_check(host, check))
        yield from _unknown_checks(item, host, result)


def _as_before(state: State) -> Iterator[Finding]:
    """What hangs was closed with all others, and not restarted: customers are sent on to it."""
    unready = set(unready_hosts(state))
    for item in state.steps.values():
        hosts = sorted(unready & left_alone(state, item.step)) if item.targets else []
        if hosts:
            name = item.step.component
            what = Message("%(component)s sends customers on as before", {"component": name})
            why = Message("%(hosts)s hangs and was not restarted", {"hosts": ", ".join(hosts)})
            following = Message("What hangs hangs still: run the emergency restart again.")
            yield Finding(name, "", item.step.id, Problem(what, why, following))


def _staying_out(state: State) -> Iterator[Finding]:
    """Servers that were out before sales were closed, or are not ours, where it is open again."""
    opens = [item for item in state.steps.values() if item.step.on_verdict]
    for item in opens if any(item.targets for item in opens) else ():
        for host in item.step.hosts:
            words = state.plan.found.get(host, {})
            opened = meant(words, item.servers.get(host, ()))
            known = meant(words, item.step.servers)
            for word in (word for word in words if word not in opened):
                if word not in known or words[word] != READY:
                    problem = _stays_out(word, host, is_known=word in known)
                    yield Finding(item.step.component, host, item.step.id, problem)


def _put_in(state: State) -> Iterator[Finding]:
    """Servers that were out where customers could buy already, until this run opened sales."""
    opens = [item for item in state.steps.values() if item.step.on_verdict and item.started_at]
    for item in opens:
        said = state.said_before(SALES, item.started_at)
        for host in (host for host in item.hosts if said.get(host) == "open"):
            for word in (word for word, was in set_to(item, host).items() if was != READY):
                args = {"server": word, "host": host}
                what = Message("%(server)s was put back in rotation at %(host)s", args)
                why = Message("it was out while sales were open")
                following = Message("If somebody took it out on purpose: take it out again")
                problem = Problem(what, why, following)
                yield Finding(item.step.component, host, item.step.id, problem)


def _drained_in_vain(state: State) -> Iterator[Finding]:
    """Servers that were being drained when the operator interrupted, and are back."""
    for item in state.steps.values():
        drain = state.steps.get(item.step.puts_back)
        words = {word for words in item.servers.values() for word in words}
        if drain and is_drain_cut_short(drain) and item.status in PASSED and words:
            args = {"servers": ", ".join(sorted({server_of(word) for word in words}))}
            what = Message("%(servers)s was being drained, and is back in rotation", args)
            yield Finding(item.step.component, "", item.step.id, Problem(what, INTERRUPTED))


def _stays_out(word: str, host: str, *, is_known: bool) -> Problem:
    what = Message("%(server)s stays out of rotation at %(host)s", {"server": word, "host": host})
    if not is_known:
        why = Message("the venue file does not know it, so nobody has proved it")
        return Problem(what, why, Message("Once it is well: put it in by hand"))
    why = Message("it was out already when sales were closed")
    return Problem(what, why, Message("Once it is well: raceday morning proves it and puts it in"))


def _late(item: StepState, host: str, result: HostResult) -> Finding:
    first = result.failed_tries[0]
    args = {"component": item.step.component, "host": host, "try": len(result.failed_tries) + 1}
    what = Message("%(component)s came up on %(host)s only at try %(try)s", args)
    why = Message("the first failed: %(what)s: %(why)s", {"what": first.what, "why": first.why})
    following = Message("Find out why before the next morning: raceday logs %(component)s", args)
    return Finding(item.step.component, host, item.step.id, Problem(what, why, following))


def _unknown_checks(item: StepState, host: str, result: HostResult) -> Iterator[Finding]:
    """Only of a step that has ended, on a host where nothing failed: that would explain it."""
    if item.status not in ENDED or not result.good:
        return
    for name in missing_checks(item.step, result):
        args = {"check": name, "host": host}
        what = Message("%(host)s never reported the check '%(check)s'", args)
        why = Message("what is not reported is unknown, and unknown is not ready")
        yield Finding(item.step.component, host, item.step.id, Problem(what, why))


def _failed_check(host: str, check: Check) -> Problem:
    args = {"host": host, "check": check.name, "expected": check.expected, "seen": check.observed}
    what = Message("%(host)s failed the check '%(check)s'", args)
    why = check.why or Message("expected %(expected)s, observed %(seen)s", args)
    return Problem(what, why, check.next or Message(""))


def _as_it_is_now(state: State, finding: Finding) -> Finding:
    """What hangs while customers wait has a next step of its own.

    So have a closing that fails, and an opening that was not heard of.
    """
    verb = state.steps[finding.step].step.verb
    if verb is Verb.CLOSE and finding.host:
        return replace(finding, problem=_stop_by_hand(state, finding))
    result = state.steps[finding.step].hosts[finding.host]
    if verb is Verb.UNDRAIN and result.state is HostState.UNKNOWN:
        return replace(finding, problem=replace(finding.problem, next=PERHAPS_OPEN))
    external = state.plan.components[finding.component].external
    if not finding.lost_host or external or state.sales_said() != "open":
        return finding
    following = _for_customers(finding, result)
    return replace(finding, problem=replace(finding.problem, next=following))


def _for_customers(finding: Finding, result: HostResult) -> Message:
    """What to do while customers wait: only what was proven to hang is restarted at once."""
    if result.evidence.get("hangs"):
        text = (
            "It hangs while sales are open: "
            'raceday restart %(component)s --emergency --reason "..."'
        )
        return Message(text, {"component": finding.component})
    if result.evidence.get("seen", "").endswith("(connected)"):
        return Message("Whether it hangs or is slow while sales are open: raceday status")
    return finding.problem.next


def _stop_by_hand(state: State, finding: Finding) -> Problem:
    """Of a load balancer that did not close; one that nobody reaches is stopped at its console."""
    unit = state.plan.components[finding.component].unit or finding.component
    args = {"unit": unit, "host": finding.host, "next": finding.problem.next}
    following = Message("Customers may still be buying. On %(host)s: systemctl stop %(unit)s", args)
    result = state.steps[finding.step].hosts[finding.host]
    if result.state in GOOD and finding.problem.next.text:
        text = "Customers may still be buying. %(next)s. Or on %(host)s: systemctl stop %(unit)s"
        following = Message(text, args)
    if result.state is HostState.UNREACHABLE and finding.problem.next.text:
        text = (
            "Customers may still be buying. At the console of %(host)s: systemctl stop %(unit)s. "
            "%(next)s"
        )
        following = Message(text, args)
    if state.plan.procedure == "emergency" and not state.plan.break_glass:
        text = "%(next)s. Or go on all the same: --break-glass"
        following = Message(text, {"next": following})
    return replace(finding.problem, next=following)


def _unexplained(item: StepState, host: str) -> Problem:
    what = Message("%(step)s failed on %(host)s", {"step": item.step.id, "host": host})
    return Problem(what, Message("no reason was reported"))


def _sentence(finding: Finding) -> Message:
    return Message("%(what)s: %(why)s", {"what": finding.problem.what, "why": finding.problem.why})
