"""What must be true of restarts and evenings, whatever came of them: nobody is cut off by us."""

from collections.abc import Iterator, Sequence

from automation.run.events import Event, StepFinished, StepReused, StepStarted
from automation.run.plan import Step, Verb
from automation.run.state import server_of
from automation.venue.site import Component
from tests.unit.run.promises import Promise
from tests.unit.run.trials import Trial

TAKES = frozenset({Verb.DRAIN, Verb.STOP, Verb.KILL})


def dependents_stop_first(trial: Trial) -> Iterator[str]:
    """In the evening nothing is stopped before all that depends on it is proven to be down."""
    ended: set[str] = set()
    for event in trial.events:
        if isinstance(event, StepFinished):
            ended.add(event.step)
        elif isinstance(event, StepStarted) and trial.plan.procedure == "evening":
            step = trial.plan.steps[event.step]
            up = _still_up(trial, step.component, ended) if step.verb is Verb.STOP else []
            yield from (f"{step.id} began before {name} was down" for name in up)


def _still_up(trial: Trial, name: str, ended: set[str]) -> list[str]:
    others = (item for other, item in trial.venue.components.items() if _waits(item, name))
    return [
        other.name
        for other in others
        if f"{other.name}.stop" not in ended
        or any((f"{other.name}.stop", host) not in trial.truth.answered for host in other.hosts)
    ]


def _waits(component: Component, name: str) -> bool:
    return any(dependency.component == name for dependency in component.depends_on)


def sales_are_closed_first(trial: Trial) -> Iterator[str]:
    """Nothing is drained, stopped or killed among customers, unless somebody broke the glass."""
    if trial.plan.break_glass or trial.plan.check:
        return
    for step in _begun(trial, Verb.DRAIN, Verb.STOP, Verb.KILL):
        if trial.truth.customers[step.id]:
            yield f"{step.id} began while customers were betting"


def nobody_is_cut_off(trial: Trial) -> Iterator[str]:
    """No server is stopped while customers are sent to it, glass or no glass."""
    if trial.plan.check:
        return
    for step in _begun(trial, Verb.STOP):
        busy = _words(trial, step.component, step.hosts) & trial.truth.customers[step.id]
        yield from (f"{step.id} began while customers were sent to {word}" for word in busy)


def primaries_are_spared(trial: Trial) -> Iterator[str]:
    """A restart stops no host that leads, unless that was asked for."""
    if trial.plan.include_primary or trial.plan.check:
        return
    for step in _begun(trial, Verb.STOP):
        leading = [host for host in step.hosts if (step.id, host) in trial.truth.led]
        if step.spares_leader and leading:
            yield f"{step.id} began on the primary {leading[0]}"


def drained_before_stopped(trial: Trial) -> Iterator[str]:
    """In a restart a batch is stopped only after its own drain was proven at the load balancer."""
    ended: set[str] = set()
    for event in trial.events:
        if isinstance(event, StepFinished | StepReused):
            ended.add(event.step)
        elif isinstance(event, StepStarted) and trial.plan.procedure == "restart":
            step = trial.plan.steps[event.step]
            drain = trial.plan.steps.get(_beside(step, Verb.DRAIN))
            if step.verb is Verb.STOP and _is_behind(trial, step):
                proven = drain and _is_proven(trial, drain) and drain.id in ended
                drained = map(server_of, drain.servers if drain else ())
                if not proven or set(step.hosts) - set(drained):
                    yield f"{step.id} began before its drain had succeeded"


def batches_are_kept(trial: Trial) -> Iterator[str]:
    """In a restart no more hosts of a component are down than `serial` and `min_ready` allow."""
    down = _left_down(trial)
    for event in trial.events:
        step = trial.plan.steps.get(getattr(event, "step", ""))
        if step is None or trial.plan.procedure != "restart":
            continue
        ours = down.setdefault(step.component, set())
        if isinstance(event, StepStarted) and step.verb is Verb.STOP:
            ours |= set(event.hosts)
            if len(ours) > _serial(trial.venue.components[step.component]):
                yield f"{step.id} takes {sorted(ours)} down together"
        if isinstance(event, StepFinished) and step.verb is Verb.START:
            ours -= {host for host in step.hosts if (step.id, host) in trial.truth.answered}


def _left_down(trial: Trial) -> dict[str, set[str]]:
    """The hosts of each component that an earlier part of the run stopped and did not start."""
    down: dict[str, set[str]] = {}
    for event in trial.earlier:
        step = trial.plan.steps.get(getattr(event, "step", ""))
        if isinstance(event, StepStarted) and step and step.verb is Verb.STOP:
            gone = {
                host for host in event.hosts if (step.component, host) not in trial.before_last.up
            }
            down.setdefault(step.component, set()).update(gone)
    return down


def _serial(component: Component) -> int:
    """The largest batch that the venue allows; a share is rounded down, and is one at least.

    `min_ready` hosts stay up, unless that is all of them.
    """
    largest = max(
        size if isinstance(size, int) else max(1, len(component.hosts) * int(size[:-1]) // 100)
        for size in component.restart.serial
    )
    return min(largest, (len(component.hosts) - component.min_ready) or largest)


def enough_are_left(trial: Trial) -> Iterator[str]:
    """In a restart `min_ready` others were seen ready before a batch, if it leaves any to spare."""
    if trial.plan.procedure != "restart":
        return
    for step in _begun(trial, Verb.STOP):
        component = trial.venue.components[step.component]
        seen = step.id.replace(".stop.", ".capacity.")
        others = [host for host in component.hosts if host not in step.hosts]
        ready = sum((seen, host) in trial.truth.answered for host in others)
        least = component.min_ready if component.min_ready < len(component.hosts) else 0
        if others and ready < max(least, 1):
            yield f"{step.id} began with {ready} others ready"


def customers_keep_enough(trial: Trial) -> Iterator[str]:
    """In a restart a drain leaves customers `min_ready` others that are ready, if it leaves any.

    At each load balancer, and it must see them up: nobody gets to the others.
    """
    if trial.plan.procedure != "restart" or trial.plan.check:
        return
    for step in _begun(trial, Verb.DRAIN):
        component = trial.venue.components[step.component]
        drained = set(map(server_of, step.servers))
        others = [host for host in component.hosts if host not in drained]
        seen = _beside(step, "capacity")
        ready = [host for host in others if (seen, host) in trial.truth.answered]
        least = component.min_ready if component.min_ready < len(component.hosts) else 1
        for (_, host), serving in trial.truth.serving[step.id].items():
            left = _words(trial, component.name, ready) & serving
            if others and serving.intersection(step.servers) and len(left) < least:
                yield f"{step.id} left customers {len(left)} servers at {host}"


def a_failure_ends_it(trial: Trial) -> Iterator[str]:
    """After a failure nothing more is drained, stopped or killed: what is up then stays up."""
    failed = ""
    for event in trial.events:
        if not isinstance(event, StepStarted | StepFinished) or not trial.plan.stops_at_failure:
            continue
        step = trial.plan.steps[event.step]
        anyhow = step.verb is Verb.CLOSE and trial.plan.break_glass
        if isinstance(event, StepFinished) and step.verb is not Verb.PROBE and not anyhow:
            failed = failed or ("" if _has_succeeded(trial, step) else step.id)
        if isinstance(event, StepStarted) and step.verb in TAKES and failed:
            yield f"{step.id} began after {failed} had failed"


def _has_succeeded(trial: Trial, step: Step) -> bool:
    begun = trial.truth.begun[step.id]
    answered = sum((step.id, host) in trial.truth.answered for host in begun)
    proven = all((step.id, host) in trial.truth.proven for host in begun)
    return answered >= min(step.min_ready, len(begun)) and (proven or not step.is_strict)


def what_is_stopped_is_started(trial: Trial) -> Iterator[str]:
    """Every stop of a restart is followed by its start, whatever comes in between."""
    owed: set[str] = set()
    for event in (*trial.earlier, *trial.events):
        step = trial.plan.steps.get(getattr(event, "step", ""))
        if isinstance(event, StepStarted) and step and step.verb is Verb.STOP:
            owed.add(_beside(step, Verb.START))
        if isinstance(event, StepStarted | StepReused) and step:
            owed.discard(step.id)
    if trial.plan.procedure == "restart" and trial.state:
        yield from (f"{name} was never begun" for name in sorted(owed))


def what_is_drained_is_put_back(trial: Trial) -> Iterator[str]:
    """Customers are sent to a drained server again, unless something on its host is not ready.

    Be it that an operator had put it in since the run began; not if one has taken it out.
    """
    if trial.state is None or trial.plan.check:
        return
    by_hand = {word for _, word in trial.simulator.taken_out}
    now = {word for words in trial.truth.rotation.values() for word in words}
    for step in _ever_begun(trial, Verb.DRAIN):
        undrain = trial.plan.steps[_beside(step, Verb.UNDRAIN)]
        began = undrain.id in trial.truth.begun
        if (began and not _is_proven(trial, undrain)) or _was_restarted(trial, step.owner):
            continue
        looked = trial.state.steps[f"{step.owner}.look"].hosts
        said = [
            host for host in undrain.hosts if host in looked and "rotation" in looked[host].evidence
        ]
        if trial.earlier and len(said) < len(undrain.hosts):
            continue  # when it was resumed, not every load balancer said whom it sends customers to
        servers = map(server_of, step.servers)
        ready = [host for host in servers if _is_ready_host(trial, host)]
        before = trial.simulator.drained(step) - by_hand
        left = (_words(trial, step.component, ready) & before) - now
        yield from (f"{word} was drained and not put back" for word in left)


def _was_restarted(trial: Trial, front: str) -> bool:
    return any(step.component == front for step in _ever_begun(trial, Verb.STOP))


def _is_ready_host(trial: Trial, host: str) -> bool:
    parts = trial.plan.components.items()
    return all(_is_ready(trial, name, host) for name, part in parts if host in part.hosts)


def _is_ready(trial: Trial, component: str, host: str, until: str = "") -> bool:
    """Nothing was found wrong with it since it was started last; gates come when all is done.

    What was stopped and started must have been tested, if it has a test; what comes after the step
    `until` was not known then.
    """
    ready, stopped = True, False
    for step in trial.plan.of_component(component):
        if step.id == until:
            break
        began = host in trial.truth.begun.get(step.id, ())
        stopped = stopped or (step.verb is Verb.STOP and host in step.hosts and _ever(trial, step))
        is_tested = step.verb is Verb.TEST and host in step.hosts
        if is_tested and stopped and not trial.simulator.was_tested(step, host):
            ready = False
        if began and not step.id.endswith(".gate"):
            if (step.id, host) not in trial.truth.proven or step.verb is Verb.STOP:
                ready = False
            elif step.verb is Verb.START:
                ready = True
    return ready


def nothing_new_is_in_rotation(trial: Trial) -> Iterator[str]:
    """What got no customers before a restart or an evening gets none because of it.

    What an operator has taken out since got none before; what one has put in did.
    """
    if trial.plan.gives_verdict:
        return
    hand = trial.simulator
    for place, words in trial.truth.rotation.items():
        put_in = {word for at, word in hand.put_in if at == place}
        taken_out = {word for at, word in hand.taken_out if at == place}
        new = words - ((trial.before.rotation.get(place, set()) | put_in) - taken_out)
        yield from (f"{word} at {place[1]} was not in rotation before" for word in sorted(new))


def nobody_is_sent_to_the_unready(trial: Trial) -> Iterator[str]:
    """A restart puts no server back that it stopped and could not prove to be ready again."""
    for step in _begun(trial, Verb.UNDRAIN):
        if trial.plan.procedure == "restart" and trial.state and not trial.plan.check:
            sick = [
                host
                for host in map(server_of, step.servers)
                if not _is_ready(trial, step.component, host, until=step.id)
            ]
            told = trial.truth.begun[step.id]
            now = {
                word
                for (_, host), words in trial.truth.rotation.items()
                if host in told
                for word in words
            }
            bad = _words(trial, step.component, sick) & now
            yield from (f"{step.id} sent customers to {word}, not ready" for word in bad)


def _begun(trial: Trial, *verbs: Verb) -> list[Step]:
    """The steps of these verbs that the last process has begun, and not only written down."""
    steps = _begun_in(trial, trial.events, verbs)
    return [step for step in steps if step.id in trial.truth.begun]


def _ever_begun(trial: Trial, *verbs: Verb) -> list[Step]:
    """Those that any process has begun."""
    return _begun_in(trial, (*trial.earlier, *trial.events), verbs)


def _begun_in(trial: Trial, events: Sequence[Event], verbs: Sequence[Verb]) -> list[Step]:
    names = dict.fromkeys(event.step for event in events if isinstance(event, StepStarted))
    steps = (trial.plan.steps[name] for name in names)
    return [step for step in steps if step.verb in verbs]


def _ever(trial: Trial, step: Step) -> bool:
    return step in _ever_begun(trial, step.verb)


def _beside(step: Step, verb: str) -> str:
    """The step of the same batch with another verb."""
    return step.id.replace(f".{step.verb}.", f".{verb}.")


def _is_behind(trial: Trial, step: Step) -> bool:
    return trial.venue.components[step.component].restart.behind is not None


def _is_proven(trial: Trial, step: Step) -> bool:
    return all((step.id, host) in trial.truth.proven for host in step.hosts)


def _words(trial: Trial, component: str, hosts: Sequence[str]) -> set[str]:
    """Hosts of a component as its load balancer names them."""
    behind = trial.venue.components[component].restart.behind
    return {f"{behind.backend}/{host}" for host in hosts} if behind else set()


WHEN_ROLLING: tuple[Promise, ...] = (
    dependents_stop_first,
    sales_are_closed_first,
    nobody_is_cut_off,
    primaries_are_spared,
    drained_before_stopped,
    batches_are_kept,
    enough_are_left,
    customers_keep_enough,
    a_failure_ends_it,
    what_is_stopped_is_started,
    what_is_drained_is_put_back,
    nothing_new_is_in_rotation,
    nobody_is_sent_to_the_unready,
)
