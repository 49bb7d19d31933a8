"""The stop-wagering command and its opposite: at once, confirmed, recorded."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from automation.procedures.checks import refusal_checks
from automation.procedures.records import read_runs
from automation.procedures.steps import (
    TEST_SECONDS,
    close_steps,
    fronts,
    gate_step,
    look_step,
    make_plan,
    make_step,
    open_steps,
)
from automation.run.events import GOOD
from automation.run.ledger import TAKES_DOWN, Ledger, ledger_of, settles_all
from automation.run.plan import Plan, Step, Verb
from automation.run.state import PASSED, READY, State, StepState, sent_to_until, set_to
from automation.venue.site import Component, Venue


def plan_sales_status(venue: Venue) -> Plan:
    """What the load balancers say of the sales."""
    looks = (look_step(venue.components[name]) for name in fronts(venue))
    return make_plan(venue, "sales-status", looks, gives_verdict=False)


def plan_close(venue: Venue) -> Plan:
    """Every backend refuses customers from now on; a sale is tried on each channel to prove it."""
    closes = tuple(close_steps(venue))
    after = tuple(step.id for step in closes)
    refusals = (
        step
        for component in venue.components.values()
        for step in _refusal(venue, component, after)
    )
    return make_plan(venue, "sales-close", (*closes, *refusals), gives_verdict=False)


def plan_cut(venue: Venue) -> Plan:
    """The closing alone, for when there is no time to prove it."""
    return make_plan(venue, "sales-close", close_steps(venue), gives_verdict=False)


def plan_open(venue: Venue, valid_until: str, runs: Sequence[State] = ()) -> Plan:
    """Every gate is probed, then sales open; the verdict ends when the one before it does.

    What was started again since it was tested is not proven by a gate. By the venue's `runs`,
    newest first, what was out when sales were closed stays out.
    """
    gates = [gate_step(component) for component in venue.components.values()]
    steps = (*gates, *open_steps(venue, on_verdict=True))
    return make_plan(
        venue,
        "sales-open",
        steps,
        valid_until=valid_until,
        untested=True,
        found=_found_at_closing(venue, runs),
    )


def runs_of_the_day(reports: Path) -> tuple[State, ...]:
    """The runs in a venue's folder, newest first, down to the one that settled all before it."""
    runs: list[State] = []
    for state in read_runs(reports):
        runs.append(state)
        if settles_all(state):
            break
    return tuple(runs)


def closed_by(runs: Iterable[State]) -> State | None:
    """The `sales close` after which nobody has opened sales; `runs` are newest first.

    Of several the one that took servers out counts, not those that found them out already.
    """
    found = None
    for state in runs:
        steps = [item.latest for item in state.steps.values() if not state.plan.check]
        if any(_let_in(steps)):
            break
        if any(item.step.verb is Verb.CLOSE and item.targets for item in steps):
            found = state if state.plan.procedure == "sales-close" else found
            if any(READY in words.values() for words in _found_by(state, steps).values()):
                break
    return found


def _found_at_closing(venue: Venue, runs: Sequence[State]) -> Mapping[str, Mapping[str, str]]:
    """How the first closing since sales were open found the servers of each load balancer's host.

    What runs of ours had taken out by then, and not put back, counts as in. Where nobody has closed
    it since an opening, what that one was told counts.
    """
    found: dict[str, Mapping[str, str]] = {}
    opened: set[str] = set()
    for number, state in enumerate(runs):
        if settles_all(state):
            break
        steps = [item.latest for item in state.steps.values() if not state.plan.check]
        let_in, told = set(_let_in(steps)), set(_to_be_opened(steps))
        ours = _left_out(venue, ledger_of(runs[number + 1 :]))
        for host, words in _found_by(state, steps).items():
            known = host in let_in and host in found
            known |= host in told and READY in found.get(host, {}).values()
            if host not in opened and not known:
                in_by_us = dict.fromkeys(words.keys() & ours.get(host, ()), READY)
                found[host] = {**found.get(host, {}), **words, **in_by_us}
        opened |= let_in | told
    return found


def _let_in(steps: Iterable[StepState]) -> Iterator[str]:
    """Hosts of load balancers that were opened, be it that the same run had closed them."""
    for item in steps:
        opens = item.step.verb is Verb.UNDRAIN and not item.step.servers
        if (item.step.on_verdict or opens) and item.status in PASSED:
            yield from (host for host in item.targets if item.hosts[host].state in GOOD)


def _to_be_opened(steps: Sequence[StepState]) -> Iterator[str]:
    """All hosts of load balancers when sales were opened, also where every server stayed out."""
    opens = [item for item in steps if item.step.on_verdict]
    for item in opens if any(item.status in PASSED for item in opens) else ():
        yield from item.step.hosts


def _found_by(state: State, steps: Sequence[StepState]) -> Mapping[str, Mapping[str, str]]:
    """How a run found servers when it closed or stopped load balancers, or was told to open them.

    What was ready at a closing that could not be recorded yet is found out, and was in.
    """
    found = {host: state.plan.found.get(host, {}) for host in _to_be_opened(steps)}
    for item in steps:
        for host in item.targets if item.step.verb is Verb.CLOSE else ():
            early = state.plan.found.get(host, {}).items()
            if words := set_to(item, host):
                found[host] = {**words, **{word: was for word, was in early if was == READY}}
    for item in steps:
        if item.step.verb in TAKES_DOWN and item.step.component in state.plan.fronts:
            for host in item.targets:
                found.setdefault(host, dict.fromkeys(sent_to_until(state, item, host), READY))
    return {host: words for host, words in found.items() if words}


def _left_out(venue: Venue, left: Ledger) -> Mapping[str, set[str]]:
    """By host of a load balancer, what runs have drained and not put back."""
    words: dict[str, set[str]] = {}
    for (name, server), hosts in left.servers.items():
        behind = venue.components[name].restart.behind if name in venue.components else None
        if behind:
            for host in hosts:
                words.setdefault(host, set()).add(f"{behind.backend}/{server}")
    return words


def _refusal(venue: Venue, component: Component, after: tuple[str, ...]) -> Iterator[Step]:
    checks, behind = refusal_checks(venue, component), component.restart.behind
    if checks and behind:
        front = venue.components[behind.component]
        yield make_step(
            component,
            Verb.REFUSAL,
            component.name,
            hosts=front.hosts,
            hosts_of=front.name,
            after=after,
            checks=checks,
            min_ready=len(front.hosts),
            timeout=TEST_SECONDS,
        )
