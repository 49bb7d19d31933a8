"""What each component comes to, computed from its steps. Pure; shared by every view."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from automation.run.events import GOOD, HostState
from automation.run.leading import DOWN
from automation.run.ledger import Place
from automation.run.plan import PlannedComponent, Verb
from automation.run.state import (
    ENDED,
    PASSED,
    HostResult,
    State,
    Status,
    StepState,
    is_drain_cut_short,
    is_look_cut_short,
    missing_checks,
)
from automation.run.verdict import Finding, was_stopped_before

LOG = "log"  # the evidence that holds a service's own last lines


class ComponentState(StrEnum):
    """Where a component stands."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    ALREADY_UP = "already_up"
    DEGRADED = "degraded"  # enough of its hosts for min_ready, but not all
    FAILED = "failed"
    UNKNOWN = "unknown"  # nothing proves that it is up
    SKIPPED = "skipped"
    PARTLY = "partly"  # its first batches were restarted, and then the roll ended
    WOULD = "would"  # check mode
    STOPPED = "stopped"
    STOPPING = "stopping"
    CLOSED = "closed"  # it refuses customers, as it was asked to
    CHECKED = "checked"  # from elsewhere, or on its own hosts that were only tested or looked at


UP = frozenset({ComponentState.READY, ComponentState.ALREADY_UP, ComponentState.DEGRADED})


@dataclass(frozen=True)
class HostView:
    """One host of a component: its worst answer so far, and all that it showed but its log."""

    name: str
    state: str
    evidence: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ComponentView:
    """One component as it stands; `hosts` are its own, or those from which it was checked.

    `waits_for` names components that are not up yet.

    `started_at` and `ended_at` are those of the step that makes it ready. It `is_tested` while a
    test goes on and nothing is to make it ready, and `is_drained` while one of its hosts goes out
    of rotation. It `was_down` when its stop had nothing to do.
    """

    planned: PlannedComponent
    state: ComponentState
    started_at: datetime | None
    ended_at: datetime | None
    hosts: tuple[HostView, ...]
    waits_for: tuple[str, ...] = ()
    is_tested: bool = False
    is_drained: bool = False
    was_down: bool = False

    @property
    def word(self) -> str:
        """Its state as people read it: a test starts nothing, and what was down is not stopped."""
        if self.was_down and self.state is ComponentState.STOPPED:
            return "already_stopped"
        if self.is_drained and self.state is ComponentState.STARTING:
            return "draining"
        under_way = self.state in {ComponentState.WAITING, ComponentState.STARTING}
        return "running" if self.is_tested and under_way else str(self.state)

    @property
    def ready_hosts(self) -> int:
        """How many of its hosts answered well and failed nothing."""
        return sum(host.state in {*GOOD, "stopped"} for host in self.hosts)

    @property
    def ready_at(self) -> datetime | None:
        """Since when it is up; None while it is not."""
        return self.ended_at if self.state in UP else None

    @property
    def seconds(self) -> float | None:
        """From its first release until it was ready; None while it is not."""
        if self.started_at is None or self.ready_at is None:
            return None
        return (self.ready_at - self.started_at).total_seconds()


def view_components(
    state: State, resting: Collection[Place] = frozenset()
) -> tuple[ComponentView, ...]:
    """Every component of the plan, in its order.

    One that is down on all its hosts is stopped where that was on purpose: these are `resting`.
    """
    states = {name: _shown(state, name) for name in state.plan.components}
    views = (_view(state, item, states) for item in state.plan.components.values())
    return tuple(_at_rest(view) if _rests(view, resting) else view for view in views)


def but_at_rest(found: Iterable[Finding], views: Iterable[ComponentView]) -> tuple[Finding, ...]:
    """Without what is found wrong with components that are shown as stopped."""
    stopped = {view.planned.name for view in views if view.state is ComponentState.STOPPED}
    return tuple(item for item in found if item.component not in stopped)


def _rests(view: ComponentView, resting: Collection[Place]) -> bool:
    """Whether each of its hosts was stopped on purpose, and says that it is down."""
    places = {(view.planned.name, host.name) for host in view.hosts}
    down = all(host.evidence.get("active") in DOWN for host in view.hosts)
    return bool(places) and places <= set(resting) and down


def _at_rest(view: ComponentView) -> ComponentView:
    hosts = tuple(replace(host, state=str(ComponentState.STOPPED)) for host in view.hosts)
    return replace(view, state=ComponentState.STOPPED, hosts=hosts)


def component_state(state: State, name: str) -> ComponentState:
    """One word for a component. Whatever is not proven is not ready."""
    items = _own(state, name)
    main = _readying(items)
    if main is None:
        return ComponentState.UNKNOWN
    if any(item.status is Status.FAILED for item in items):
        return _failure(items)
    if main.status is Status.SKIPPED:
        goes_on = any(item.step.puts_back and item.status not in ENDED for item in items)
        return ComponentState.STARTING if goes_on else _left_out(state, items, main)
    if main.status not in PASSED:
        return _under_way(items, main, was_down=_was_seen_down(state, main))
    return _passed(items, main)


def _left_out(state: State, items: tuple[StepState, ...], main: StepState) -> ComponentState:
    same = (item for item in items if item.step.verb is main.step.verb)
    is_begun = not (main.step.is_gate or state.plan.check) and any(map(_went_well, same))
    return ComponentState.PARTLY if is_begun else ComponentState.SKIPPED


def _went_well(item: StepState) -> bool:
    return item.status in PASSED and any(result.good for result in item.hosts.values())


def _shown(state: State, name: str) -> ComponentState:
    """Of a component that is only looked at an answer is all that is wanted."""
    if _own(state, name):
        return component_state(state, name)
    looks = [item for item in state.steps.values() if _is_look_at(item, name)]
    if not looks or any(item.status in ENDED - PASSED for item in looks):
        return ComponentState.UNKNOWN
    passed = all(item.status in PASSED for item in looks)
    return ComponentState.CHECKED if passed else ComponentState.WAITING


def _was_seen_down(state: State, main: StepState) -> bool:
    """Whether the first look found nothing of a component running on the hosts of a step."""
    looks = [item for item in state.steps.values() if _is_look_at(item, main.step.component)]
    seen = {host: result for item in looks for host, result in item.hosts.items()}
    return all(host in seen and seen[host].evidence.get("active") in DOWN for host in main.targets)


def _is_look_at(item: StepState, name: str) -> bool:
    return item.step.component == name and item.step.is_look


def _under_way(items: tuple[StepState, ...], main: StepState, *, was_down: bool) -> ComponentState:
    if main.step.verb is Verb.STOP and main.status is Status.RUNNING:
        return ComponentState.WAITING if was_down else ComponentState.STOPPING
    rolled = main.step.verb is Verb.START and any(
        item.started_at for item in items if item.step.verb in {Verb.DRAIN, Verb.STOP, Verb.KILL}
    )
    begun = main.status is Status.RUNNING or rolled
    return ComponentState.STARTING if begun else ComponentState.WAITING


def unreported_checks(item: StepState, result: HostResult) -> tuple[str, ...]:
    """Planned checks that did not come by the step's end, from a host that did answer."""
    is_due = item.status in ENDED and result.state in GOOD
    return missing_checks(item.step, result) if is_due else ()


def _own(state: State, name: str) -> tuple[StepState, ...]:
    return tuple(
        _as_asked(item)
        for item in state.steps.values()
        if item.step.component == name
        and not (item.step.on_verdict or item.step.is_look or item.step.verb is Verb.QUIET)
    )


def _as_asked(item: StepState) -> StepState:
    """A look that the operator cut short says nothing of its hosts, as if they were not asked.

    Nor does such a drain, of which its undrain tells.
    """
    if not is_look_cut_short(item) and not is_drain_cut_short(item):
        return item
    heard = {host: result for host, result in item.hosts.items() if result.good}
    return replace(item, status=Status.SKIPPED, hosts=heard)


def _own_hosts(items: tuple[StepState, ...]) -> bool:
    """Whether any step was on the component's own hosts."""
    return any(item.step.owner == item.step.component for item in items)


def _readying(items: tuple[StepState, ...]) -> StepState | None:
    """The step that brings the component where it is to be: its last start, else its stop, ..."""
    for verb in (Verb.START, Verb.STOP, Verb.PROBE):
        found = [item for item in items if item.step.verb is verb]
        if found:
            return found[-1]
    return items[-1] if items else None


def _failure(items: tuple[StepState, ...]) -> ComponentState:
    """Silence everywhere is not a failure that anybody saw: it is unknown."""
    bad = {
        result.state
        for item in items
        if item.status is Status.FAILED
        for result in item.hosts.values()
        if not result.good
    }
    return ComponentState.UNKNOWN if bad == {HostState.UNKNOWN} else ComponentState.FAILED


def _passed(items: tuple[StepState, ...], main: StepState) -> ComponentState:
    if any(_would(items, host) for item in items for host in item.hosts):
        return ComponentState.WOULD
    results = [result for item in items for result in item.hosts.values()]
    if any(not check.passed for result in results for check in result.checks):
        return ComponentState.FAILED
    if any(_is_unproven(item) for item in items):
        return ComponentState.UNKNOWN
    if main.step.verb is Verb.STOP:
        return ComponentState.STOPPED
    if any(item.status is Status.DEGRADED for item in items):
        return ComponentState.DEGRADED
    if not _own_hosts(items) or main.step.is_test:
        return ComponentState.CHECKED
    if {result.state for result in main.hosts.values()} == {HostState.ALREADY}:
        return ComponentState.ALREADY_UP
    return ComponentState.CLOSED if main.step.verb is Verb.CLOSE else ComponentState.READY


def _would(items: tuple[StepState, ...], host: str) -> bool:
    """Whether something would be done to the component on its host: a stop, and then a start."""
    own = (item.hosts.get(host) for item in items if item.step.owner == item.step.component)
    return any(result is not None and result.state is HostState.WOULD for result in own)


def _is_unproven(item: StepState) -> bool:
    """A gate that was not asked, or a planned check that a good host never reported."""
    if item.status is Status.SKIPPED:
        return item.step.is_gate or item.step.is_patient
    return any(unreported_checks(item, result) for result in item.hosts.values())


def _view(
    state: State, planned: PlannedComponent, states: Mapping[str, ComponentState]
) -> ComponentView:
    looks = (item for item in state.steps.values() if _is_look_at(item, planned.name))
    items = _own(state, planned.name) or tuple(looks)
    main = _readying(items)
    return ComponentView(
        planned=planned,
        state=states[planned.name],
        started_at=main.started_at if main else None,
        ended_at=main.finished_at if main else None,
        hosts=tuple(_host(items, main, host) for host in _hosts(items, main, planned)),
        is_tested=main is not None and main.step.is_test and _goes_on(items),
        is_drained=any(_is_running(item, Verb.DRAIN) for item in items),
        was_down=main is not None and main.step.verb is Verb.STOP and was_stopped_before(main),
        waits_for=tuple(name for name in planned.depends_on if states.get(name) not in UP),
    )


def _is_running(item: StepState, verb: Verb) -> bool:
    return item.step.verb is verb and item.status is Status.RUNNING


def _goes_on(items: tuple[StepState, ...]) -> bool:
    return any(item.status is Status.RUNNING for item in items)


def _hosts(
    items: tuple[StepState, ...], main: StepState | None, planned: PlannedComponent
) -> tuple[str, ...]:
    """Those that the procedure is about: of a test, only those on which it is done."""
    if items and not _own_hosts(items):
        return items[0].step.hosts
    if main is None or not main.step.is_test:
        return planned.hosts
    own = [item.step for item in items if item.step.owner == planned.name]
    return tuple(dict.fromkeys(host for step in own for host in step.hosts))


def _host(items: tuple[StepState, ...], main: StepState | None, name: str) -> HostView:
    results = [item.hosts[name] for item in items if name in item.hosts]
    evidence = {
        key: text for result in results for key, text in result.evidence.items() if key != LOG
    }
    bad = next((result for result in results if not result.good), None)
    if bad or not _would(items, name):
        return HostView(name, _bad_word(bad) if bad else _good_word(items, main, name), evidence)
    return HostView(name, str(HostState.WOULD), evidence)


def _bad_word(result: HostResult) -> str:
    return str(HostState.FAILED if result.state in GOOD else result.state)


def _good_word(items: tuple[StepState, ...], main: StepState | None, name: str) -> str:
    """What the readying steps said of the host, the last one first, else where they stand.

    Where nothing was to be started its gate speaks for it.
    """
    if main is None:
        return str(HostState.UNKNOWN)
    tested = main.step.is_test
    same = [
        item for item in items if item.step.verb is main.step.verb or (tested and item.step.is_test)
    ]
    if main.step.verb is Verb.START and all(name not in item.step.hosts for item in same):
        same = [item for item in items if item.step.is_gate]
    said = next((item.hosts[name] for item in reversed(same) if name in item.hosts), None)
    if said is not None and not _is_unasked(main):
        return "stopped" if main.step.verb is Verb.STOP else str(said.state)
    return {Status.RUNNING: "starting", Status.SKIPPED: "skipped"}.get(main.status, "waiting")


def _is_unasked(main: StepState) -> bool:
    """Whether a last gate was left out: earlier looks at other things do not stand in for it."""
    return main.step.is_gate and main.status is Status.SKIPPED
