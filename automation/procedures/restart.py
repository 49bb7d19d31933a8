"""The rolling restart: batch by batch out of rotation, stopped, started, tested, and back."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count

from automation.procedures.checks import test_checks
from automation.procedures.leaders import has_leader
from automation.procedures.steps import (
    PROBE_SECONDS,
    ROTATION_SECONDS,
    close_steps,
    fronts,
    gate_step,
    in_order,
    look_step,
    make_plan,
    make_step,
    patience,
    start_patience,
    test_patience,
    test_steps,
    through_steps,
)
from automation.run.leading import LEADER
from automation.run.plan import Plan, Step, Verb
from automation.run.state import ROTATION
from automation.venue.graph import dependents
from automation.venue.model import Behind
from automation.venue.site import Component, Venue


def plan_restart(venue: Venue, hosts: Mapping[str, Sequence[str]]) -> Plan:
    """Restart these hosts of each component, in start order. The first failure ends the roll.

    A component's hosts are in the order in which they are to be restarted.
    """
    steps = tuple(_steps(venue, hosts))
    return make_plan(venue, "restart", steps, gives_verdict=False, stops_at_failure=True)


def plan_emergency(venue: Venue, names: Sequence[str]) -> Plan:
    """All hosts of these components at once, without a drain: for what hangs and serves nobody.

    Sales are closed meanwhile, and opened again as they were once all is tested.
    """
    steps = tuple(_emergency(venue, names))
    return make_plan(venue, "emergency", steps, gives_verdict=False, stops_at_failure=True)


def batches(component: Component, hosts: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The hosts in batches of `restart.serial`; the last size counts for all that follow.

    None is so large that fewer than `min_ready` would be left, unless that is all of them.
    """
    rest = tuple(hosts)
    for number in count(1):
        if not rest:
            return
        size = _size(component, number)
        yield rest[:size]
        rest = rest[size:]


def _size(component: Component, number: int) -> int:
    """How many hosts the batch of this number may have."""
    serial, hosts = component.restart.serial, len(component.hosts)
    share = serial[min(number, len(serial)) - 1]
    size = share if isinstance(share, int) else max(1, hosts * int(share.removesuffix("%")) // 100)
    spare = hosts - component.min_ready
    return min(size, spare) if spare else size


def _steps(venue: Venue, hosts: Mapping[str, Sequence[str]]) -> Iterator[Step]:
    rolled = [item for item in in_order(venue) if item.name in hosts]
    looked = dict.fromkeys((*fronts(venue), *(item.name for item in rolled)))
    looks = [look_step(venue.components[name]) for name in looked]
    yield from looks
    after = tuple(step.id for step in looks)
    needs: tuple[str, ...] = ()
    ids: list[str] = []
    for component in rolled:
        for number, batch in enumerate(batches(component, hosts[component.name]), start=1):
            steps = tuple(_batch(venue, component, batch, number, after, needs))
            yield from steps
            ids += [step.id for step in steps]
            after, needs = (steps[-1].id,), (_last(venue, component, number),)
    affected = (name for item in rolled for name in (item.name, *dependents(venue, item.name)))
    for name in dict.fromkeys(affected):
        yield gate_step(venue.components[name], tuple(ids))


def _emergency(venue: Venue, names: Sequence[str]) -> Iterator[Step]:
    struck = [item for item in in_order(venue) if item.name in names]
    looked = dict.fromkeys((*fronts(venue), *(item.name for item in struck)))
    looks = [look_step(venue.components[name]) for name in looked]
    closes = list(close_steps(venue, after=tuple(step.id for step in looks)))
    yield from (*looks, *closes)
    before = tuple(step.id for step in (*looks, *closes))
    done: list[str] = []
    for component in struck:
        for step in _strike(venue, component, before, tuple(done)):
            yield step
            if step.verb in {Verb.START, Verb.TEST, Verb.THROUGH}:
                done.append(step.id)
    for front, closed in zip(fronts(venue), closes, strict=True):
        yield make_step(
            venue.components[front],
            Verb.UNDRAIN,
            f"{front}.open",
            id=f"{front}.open",
            needs=tuple(done),
            after=(closed.id,),
            puts_back=closed.id,
            timeout=ROTATION_SECONDS,
        )


def _strike(
    venue: Venue, component: Component, after: tuple[str, ...], needs: tuple[str, ...]
) -> Iterator[Step]:
    killed, started = f"{component.name}.kill", f"{component.name}.start"
    bound = patience(venue, component)
    least = {"min_ready": len(component.hosts)}
    yield make_step(
        component, Verb.KILL, component.name, needs=needs, after=after, timeout=bound, **least
    )
    back = f"{component.name}.{Verb.START}"
    bound = start_patience(venue, component)
    yield make_step(component, Verb.START, back, after=(killed,), puts_back=killed, timeout=bound)
    yield from test_steps(venue, component, (), started, puts_back=killed)
    tested = f"{component.name}.test" if test_checks(venue, component) else started
    yield from through_steps(venue, component, (), tested, puts_back=killed)


def _batch(
    venue: Venue,
    component: Component,
    batch: tuple[str, ...],
    number: int,
    after: tuple[str, ...],
    needs: tuple[str, ...],
) -> Iterator[Step]:
    """One batch; what took a host out of its normal state is put back whatever comes of it."""

    def step(verb: Verb, lane: str = component.name, **fields: object) -> Step:
        values = {"hosts": batch, "min_ready": len(batch), **fields}
        return make_step(component, verb, lane, id=f"{component.name}.{verb}.{number}", **values)

    behind = component.restart.behind

    def rotation(verb: Verb, lane: str, behind: Behind, **fields: object) -> Step:
        front = venue.components[behind.component]
        values = {"hosts": front.hosts, "hosts_of": front.name, "min_ready": len(front.hosts)}
        servers = tuple(f"{behind.backend}/{host}" for host in batch)
        return step(verb, lane, servers=servers, timeout=ROTATION_SECONDS, **values, **fields)

    capacity = _capacity(venue, component, batch, number, after, needs)
    yield from capacity
    needs = tuple(step.id for step in capacity) or needs
    if component.name in fronts(venue) and not behind:
        look = _batch_look(component, ROTATION, batch, number, needs, after)
        yield look
        needs = (look.id,)
    if behind:
        yield rotation(Verb.DRAIN, component.name, behind, needs=needs, after=after)
        needs = (_id(component, Verb.DRAIN, number),)
    led = has_leader(venue, component)
    if led:  # asked right before: a standby may have been promoted meanwhile
        look = _batch_look(component, LEADER, batch, number, needs, after)
        yield look
        needs = (*needs, look.id)
    bound = patience(venue, component)
    yield step(Verb.STOP, needs=needs, after=after, timeout=bound, spares_leader=led)
    stopped = _id(component, Verb.STOP, number)
    back = f"{component.name}.{Verb.START}"  # a process of its own: the stop may take its own along
    bound = start_patience(venue, component)
    yield step(Verb.START, back, after=(stopped,), puts_back=stopped, timeout=bound)
    started = _id(component, Verb.START, number)
    checks = test_checks(venue, component)
    if checks:
        yield step(
            Verb.TEST,
            back,
            needs=(started,),
            puts_back=stopped,
            checks=checks,
            timeout=test_patience(component),
        )
    if behind:
        drained = _id(component, Verb.DRAIN, number)
        lane = f"{component.name}.{Verb.UNDRAIN}"
        after = (drained, started, _last(venue, component, number))
        yield rotation(Verb.UNDRAIN, lane, behind, after=after, puts_back=drained)
    if component.name in fronts(venue):  # it comes up with every server closed
        lane = f"{component.name}.{Verb.UNDRAIN}"
        after = (started, _last(venue, component, number))
        yield step(Verb.UNDRAIN, lane, after=after, puts_back=stopped, timeout=ROTATION_SECONDS)


def _batch_look(
    component: Component,
    about: str,
    batch: tuple[str, ...],
    number: int,
    needs: tuple[str, ...],
    after: tuple[str, ...],
) -> Step:
    """What a batch says of itself right before its stop; one that is down may be restarted, too."""
    return make_step(
        component,
        Verb.PROBE,
        component.name,
        id=f"{component.name}.{about}.{number}",
        hosts=batch,
        needs=needs,
        after=after,
        min_ready=0,
        timeout=PROBE_SECONDS,
    )


def _capacity(
    venue: Venue,
    component: Component,
    batch: tuple[str, ...],
    number: int,
    after: tuple[str, ...],
    needs: tuple[str, ...],
) -> tuple[Step, ...]:
    """The others, seen right before: enough of them must be ready to do without this batch.

    Never more than `serial` are down together, and never fewer than `min_ready` are left, unless
    that is all of them: then a restart without an outage is not possible at all. Whom the load
    balancer sends no customers to counts as down while sales are open.
    """
    others = tuple(host for host in component.hosts if host not in batch)
    if not others:
        return ()
    least = component.min_ready if component.min_ready < len(component.hosts) else 0
    spare = _size(component, number) - len(batch)
    asked = tuple(_rotation_looks(venue, component, number, after, needs))
    backend = component.restart.behind.backend if component.restart.behind else ""
    capacity = make_step(
        component,
        Verb.PROBE,
        component.name,
        id=f"{component.name}.capacity.{number}",
        hosts=others,
        servers=tuple(f"{backend}/{host}" for host in batch if backend),
        needs=(*needs, *(step.id for step in asked)),
        after=after,
        min_ready=max(len(others) - max(spare, 0), least, 1),
        timeout=PROBE_SECONDS,
    )
    return (*asked, capacity)


def _rotation_looks(
    venue: Venue,
    component: Component,
    number: int,
    after: tuple[str, ...],
    needs: tuple[str, ...],
) -> Iterator[Step]:
    """Whom the load balancer sends customers to, asked anew: somebody may be at it meanwhile."""
    behind = component.restart.behind
    if behind:
        front = venue.components[behind.component]
        yield make_step(
            front,
            Verb.PROBE,
            f"{component.name}.{Verb.UNDRAIN}",  # its hosts' process, which is there already
            id=f"{component.name}.rotation.{number}",
            needs=needs,
            after=after,
            min_ready=len(front.hosts),
            timeout=PROBE_SECONDS,
        )


def _last(venue: Venue, component: Component, number: int) -> str:
    """What proves that a batch is back."""
    verb = Verb.TEST if test_checks(venue, component) else Verb.START
    return _id(component, verb, number)


def _id(component: Component, verb: Verb, number: int) -> str:
    return f"{component.name}.{verb}.{number}"
