"""A day of sales rehearsed while it is closed, and the failure of a server in the middle of it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from automation.procedures.checks import (
    channel_of,
    flow_checks,
    rehearsal_checks,
    tidy_checks,
)
from automation.procedures.steps import (
    PROBE_SECONDS,
    ROTATION_SECONDS,
    TEST_SECONDS,
    fronts,
    gate_step,
    in_order,
    look_step,
    make_plan,
    make_step,
    patience,
    start_patience,
)
from automation.run.plan import Plan, Step, Verb
from automation.venue.graph import dependents
from automation.venue.loads import front_of, rehearsable
from automation.venue.site import Component, Venue

FLOW_SECONDS = 30.0 + ROTATION_SECONDS  # purchases are answered; HAProxy sends some to each server
AROUND_SECONDS = 60.0  # what a load takes beside its purchases: setting up, the last answers
MOST_PURCHASES = 20_000  # on one channel: a wagering system has only so many numbers a day


@dataclass(frozen=True)
class Profile:
    """Purchases a second on each channel, for so many seconds, the last fifth `burst` times."""

    rate: float = 20.0
    seconds: float = 30.0
    burst: float = 1.0

    @property
    def purchases(self) -> float:
        """How many that makes."""
        return self.rate * self.seconds * (0.8 + 0.2 * self.burst)


@dataclass(frozen=True)
class Drill:
    """The host of a component that is stopped in the middle of sales."""

    component: Component
    host: str


def plan_rehearsal(venue: Venue, names: Sequence[str], profile: Profile) -> Plan:
    """Buy on the channels of these components, all at once; whatever comes of it is taken back."""
    steps = tuple(_rehearsal(venue, names, profile))
    return make_plan(venue, "rehearsal", steps, gives_verdict=False)


def plan_drill(venue: Venue, drills: Sequence[Drill], rate: float) -> Plan:
    """One host after the other is stopped under load, and started again whatever comes of it."""
    steps = tuple(_drills(venue, drills, rate))
    return make_plan(venue, "drill", steps, gives_verdict=False, stops_at_failure=True)


def _rehearsal(venue: Venue, names: Sequence[str], profile: Profile) -> Iterator[Step]:
    looks = [look_step(venue.components[name]) for name in fronts(venue)]
    yield from looks
    loaded = [item for item in in_order(venue) if item.name in names]
    tidied: list[str] = []
    for component in loaded:
        load = _load(venue, component, profile, after=_ids(looks))
        tidy = tidy_step(venue, component, (load.id,), puts_back=load.id)
        yield from (load, tidy)
        tidied.append(tidy.id)
    yield from (gate_step(component, tuple(tidied)) for component in loaded)


def _drills(venue: Venue, drills: Sequence[Drill], rate: float) -> Iterator[Step]:
    looks = [look_step(venue.components[name]) for name in fronts(venue)]
    yield from looks
    after, needs = _ids(looks), tuple[str, ...]()
    for number, drill in enumerate(drills, start=1):
        steps = tuple(_drill(venue, drill, rate, number, after, needs))
        yield from steps
        after, needs = _ids(steps), (f"{drill.component.name}.again",)
    touched = (name for drill in drills for name in _channels(venue, drill.component))
    for name in dict.fromkeys(touched):
        yield gate_step(venue.components[name], after)


def _drill(
    venue: Venue,
    drill: Drill,
    rate: float,
    number: int,
    after: tuple[str, ...],
    needs: tuple[str, ...],
) -> Iterator[Step]:
    """The load runs beside the steps that watch it, and ends when it is tidied up.

    The host is stopped once purchases are seen to be answered, and started once they are again.
    """
    component, name = drill.component, drill.component.name
    ready = _ready(component, after, needs)
    yield ready
    loaded = [venue.components[other] for other in _channels(venue, component)]
    profile = Profile(rate, min(_longest(venue, component), MOST_PURCHASES / rate))
    loads = [
        _load(venue, other, profile, number, needs=(ready.id,), judge_latency=False)
        for other in loaded
    ]
    yield from loads
    one = {"hosts": (drill.host,), "min_ready": 1}
    flow = _flow(venue, drill, loaded, "before", (ready.id,))
    stop = make_step(
        component,
        Verb.STOP,
        f"{name}.stop",
        needs=(flow.id,),
        timeout=patience(venue, component),
        **one,
    )
    during = _flow(venue, drill, loaded, "without", (stop.id,))
    start = make_step(
        component,
        Verb.START,
        f"{name}.start",
        after=(stop.id, during.id),
        puts_back=stop.id,
        timeout=start_patience(venue, component),
        **one,
    )
    again = _flow(venue, drill, loaded, "again", (stop.id, start.id))
    yield from (flow, stop, during, start, again)
    for other, load in zip(loaded, loads, strict=True):
        yield tidy_step(venue, other, (start.id, again.id), number, puts_back=load.id)


def _channels(venue: Venue, component: Component) -> Iterable[str]:
    """Its own, and those of all that depends on it: what its failure could disturb."""
    able = rehearsable(venue)
    return (name for name in (component.name, *dependents(venue, component.name)) if name in able)


def _longest(venue: Venue, component: Component) -> float:
    """Seconds that stop, start and all looks may take; the load mostly ends long before."""
    stop_and_start = patience(venue, component) + start_patience(venue, component)
    return stop_and_start + 3 * FLOW_SECONDS


def _ready(component: Component, after: tuple[str, ...], needs: tuple[str, ...]) -> Step:
    """All its hosts, so that those that are left can do without the one that is stopped."""
    return make_step(
        component,
        Verb.PROBE,
        component.name,
        id=f"{component.name}.ready",
        needs=needs,
        after=after,
        min_ready=len(component.hosts),
        timeout=PROBE_SECONDS,
    )


def _load(
    venue: Venue,
    component: Component,
    profile: Profile,
    number: int = 1,
    *,
    judge_latency: bool = True,
    **fields: object,
) -> Step:
    """Purchases on one channel, from the hosts of the load balancer it stands behind."""
    return _from_front(
        venue,
        component,
        Verb.REHEARSE,
        f"{component.name}.{Verb.REHEARSE}.{number}",
        id=f"{component.name}.{Verb.REHEARSE}.{number}",
        checks=rehearsal_checks(channel_of(venue, component)),
        timeout=profile.seconds + AROUND_SECONDS,
        options={
            "rate": profile.rate,
            "seconds": profile.seconds,
            "burst": profile.burst,
            "judge_latency": judge_latency,
        },
        **fields,
    )


def tidy_step(
    venue: Venue,
    component: Component,
    after: tuple[str, ...],
    number: int = 1,
    *,
    puts_back: str = "",
) -> Step:
    """Ends the load, if it still runs, and takes back what it bought, even after a failure."""
    return _from_front(
        venue,
        component,
        Verb.TIDY,
        f"{component.name}.{Verb.TIDY}.{number}",  # it must outlive the load's own process
        id=f"{component.name}.{Verb.TIDY}.{number}",
        after=after,
        puts_back=puts_back,
        checks=tidy_checks(channel_of(venue, component)),
        timeout=TEST_SECONDS,
    )


def _flow(
    venue: Venue, drill: Drill, loaded: Sequence[Component], when: str, needs: tuple[str, ...]
) -> Step:
    """Purchases are answered: by every server before, by the others without it, by it again."""
    name, rest = drill.component.name, drill.component.hosts
    without = tuple(host for host in rest if host != drill.host)
    servers = {"before": rest, "without": without, "again": (drill.host,)}[when]
    channels = {item.name: channel_of(venue, item) for item in loaded}
    return _from_front(
        venue,
        drill.component,
        Verb.FLOW,
        f"{name}.{Verb.FLOW}",
        id=f"{name}.{when}",
        needs=needs,
        checks=flow_checks(channels.values(), servers),
        timeout=FLOW_SECONDS,
        options={"channels": channels, "servers": servers, "mark": when == "before"},
    )


def _from_front(
    venue: Venue, component: Component, verb: Verb, lane: str, **fields: object
) -> Step:
    """A step done from the hosts of the load balancer that a component stands behind."""
    front = front_of(venue, component)
    values = {"hosts": front.hosts, "hosts_of": front.name, "min_ready": len(front.hosts)}
    return make_step(component, verb, lane, **values, **fields)


def _ids(steps: Iterable[Step]) -> tuple[str, ...]:
    return tuple(step.id for step in steps)
