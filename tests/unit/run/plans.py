"""Random venues, what is planned for them, and random faults to befall them."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random

from automation.execute.simulator import FIRST, MORNING, WHOLE_STEP, Fault, Faults, World
from automation.procedures import checks as promised
from automation.procedures import leaders
from automation.procedures import steps as planned
from automation.procedures.evening import plan_evening
from automation.procedures.morning import plan_morning
from automation.procedures.restart import plan_emergency, plan_restart
from automation.run.plan import Plan, PlannedComponent, Step, Verb
from automation.venue import loads
from automation.venue.kinds import read_kind
from automation.venue.model import (
    Behind,
    FunctionalTest,
    Healthcheck,
    ManualMinutes,
    Restart,
    Thresholds,
)
from automation.venue.site import Component, Dependency, Venue

HOST_FAULTS = tuple(fault for fault in Fault if fault not in {Fault.CRASHES, Fault.HANGS})
COMPONENT_COUNTS = (54, 46, 22, 8, 4, 2, 1, 1, 1, 1, 1, 1)
HOST_COUNTS = (14, 5, 2, 1, 1)
MORNINGS, RESTARTS, EVENINGS, EMERGENCIES = (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)
ALL = (55, 15, 15, 15)
SERVERS = ("wagering", "ticketing", "kiosk_gateway")
OTHERS = ("postgresql", "redis", "service")
SERIALS: tuple[tuple[int | str, ...], ...] = ((1,), (1,), (2,), ("50%",), (1, 2))
PORT = Healthcheck(tcp="127.0.0.1:8081", timeout=40.0)
BANK = Healthcheck(tcp="bank.example:443", timeout=10.0)
TESTS = (FunctionalTest(name="1경주 배당판", command=("/bin/true",)),)
MANUAL = ManualMinutes(low=4, likely=6, high=9)


@dataclass(frozen=True)
class Task:
    """A procedure to be done on a venue, and how the venue is before."""

    venue: Venue
    plan: Plan
    world: World


def remember_kinds(put: Callable[[object, str, object], None] = setattr) -> None:
    """Read what a role says of its kind once only in this process: ten thousand venues ask."""
    remembered = cache(read_kind)
    for module in (promised, planned, loads, leaders):
        put(module, "read_kind", remembered)


def random_task(random: Random, procedures: Sequence[int] = ALL) -> Task:
    """Mostly a morning, else a restart, an evening, an emergency, as often as `procedures` says."""
    venue = random_venue(random)
    make = random.choices((_morning, _restart, _evening, _emergency), procedures)[0]
    task = make(venue, random)
    plan = replace(
        task.plan,
        check=random.random() < 0.05,
        reason="the second board is for show",
        estimates={name: random.random() for name in venue.components},
    )
    return replace(task, plan=plan)


def random_venue(random: Random) -> Venue:
    """1 to 12 components of 1 to 5 hosts, small ones more often; the last ones are in front."""
    count = _draw(random, COMPONENT_COUNTS)
    fronts = random.choice((1, 1, 2)) if count > 2 else count - 1
    names = [f"c{number}" for number in range(1, count + 1)]
    components: dict[str, Component] = {}
    for name in names:
        in_front = names[count - fronts :]
        component = _random_component(random, name, tuple(components), in_front)
        components[name] = _moved_in(random, component, components)
    return _venue(components)


def random_world(
    venue: Venue, random: Random, up: float, selling: float, seen_down: float = 0.0
) -> World:
    """This share of the hosts up, customers perhaps betting, here and there a server taken out.

    Some are out at one of a load balancer's hosts only, and some are seen down there.
    """
    servers: dict[str, list[str]] = {}
    for component in venue.components.values():
        if behind := component.restart.behind:
            its = (f"{behind.backend}/{host}" for host in component.hosts)
            servers.setdefault(behind.component, []).extend(its)
    taken_out = [word for front in servers.values() for word in front if random.random() < 0.15]
    return World(
        up=up,
        sales_open=up > 0 and random.random() < selling,
        servers={front: tuple(words) for front, words in servers.items()},
        taken_out=frozenset(taken_out),
        taken_out_at={
            host: frozenset(word for word in words if random.random() < 0.15)
            for front, words in servers.items()
            for host in venue.components[front].hosts[1:]
        },
        down=frozenset(
            (host, word)
            for front, words in servers.items()
            for host in venue.components[front].hosts
            for word in words
            if random.random() < seen_down
        ),
        leading=frozenset(
            (name, item.hosts[0])
            for name, item in venue.components.items()
            if item.role == "postgresql"
        ),
        comes_up_open=len(taken_out) % 3 == 1,
    )


def plan_of(components: Sequence[PlannedComponent]) -> Plan:
    """A small morning for tests by hand: in start order, the last one in front, no checks."""
    return Plan(
        venue="demo",
        title="데모 경마장",
        time_zone="Asia/Seoul",
        procedure="morning",
        components={item.name: item for item in components},
        steps={step.id: step for step in _steps(components)},
        fronts=(components[-1].name,),
        deadline="09:00",
        digest="0" * 64,
    )


def random_faults(plan: Plan, random: Random) -> Faults:
    """None at all in one run of four, else anything from one in a hundred to one in five."""
    rate = random.choice((0.0, 0.01, 0.05, 0.2))
    faults: dict[tuple[str, str], Fault] = {}
    if not rate:
        return faults
    for step in plan.steps.values():
        for host in step.hosts:
            if random.random() < rate:
                faults[step.id, host] = random.choice(HOST_FAULTS)
        if random.random() < rate / 4:
            faults[step.id, WHOLE_STEP] = random.choice((Fault.CRASHES, Fault.HANGS))
    return faults


def _morning(venue: Venue, random: Random) -> Task:
    """Mostly nothing is up yet; sometimes most or all is, and customers are betting on it."""
    plan = replace(
        plan_morning(venue, MORNING),
        accept_conditional=random.random() < 0.5,
        standing=_standing(venue) if random.random() < 0.5 else {},
    )
    up = random.choice((0.0, 0.0, 0.0, 0.8, 1.0))
    return Task(venue, plan, random_world(venue, random, up, 0.5))


def _restart(venue: Venue, random: Random) -> Task:
    """Some hosts of some components, in any order; now and then among customers."""
    ours = [name for name, item in venue.components.items() if not item.external]
    names = random.sample(ours, random.randint(1, len(ours)))
    hosts = [(name, host) for name in names for host in venue.components[name].hosts]
    chosen = random.sample(hosts, random.randint((len(hosts) + 1) // 2, len(hosts)))
    rolled = {name: tuple(host for other, host in chosen if other == name) for name in names}
    plan = replace(
        plan_restart(venue, rolled),
        break_glass=random.random() < 0.5,
        include_primary=len(chosen) % 2 == 0,
    )
    seen_down = random.choice((0.0, 0.0, 0.2))
    world = random_world(venue, random, random.choice((1.0, 1.0, 0.9)), 0.6, seen_down)
    return Task(venue, plan, world)


def _evening(venue: Venue, random: Random) -> Task:
    """Nearly everything is up, and mostly customers are still betting."""
    up = random.choice((1.0, 1.0, 0.9))
    return Task(venue, plan_evening(venue), random_world(venue, random, up, 0.8))


def _emergency(venue: Venue, random: Random) -> Task:
    """Some components hang, mostly among customers: those that are struck, now and then others."""
    ours = [name for name, item in venue.components.items() if not item.external]
    names = random.sample(ours, random.randint(1, min(3, len(ours))))
    plan = replace(plan_emergency(venue, names), break_glass=random.random() < 0.5)
    hung = frozenset(
        (name, host)
        for name in ours
        for host in venue.components[name].hosts
        if random.random() < (0.7 if name in names else 0.03)
    )
    seen_down = random.choice((0.0, 0.0, 0.2))
    world = random_world(venue, random, random.choice((1.0, 1.0, 0.9)), 0.9, seen_down)
    return Task(venue, plan, replace(world, hung=hung))


def _standing(venue: Venue) -> dict[str, str]:
    """A GO that stands, when every unit ran its first start."""
    parts = venue.components.values()
    return {f"{part.name}/{host}": FIRST for part in parts for host in part.hosts}


def _random_component(
    random: Random, name: str, earlier: Sequence[str], fronts: Sequence[str]
) -> Component:
    """An ordinary server, one behind a load balancer, a load balancer, or a partner's."""
    is_front = name in fronts
    external = not is_front and bool(earlier or fronts) and random.random() < 0.15
    behind = not is_front and not external and bool(fronts) and random.random() < 0.7
    role = "haproxy" if is_front else random.choice(SERVERS if behind else OTHERS)
    hosts = tuple(f"{name}-{number}" for number in range(1, _draw(random, HOST_COUNTS) + 1))
    density = random.random() ** 2
    depends_on = tuple(other for other in earlier if not external and random.random() < density)
    place = Behind(component=random.choice(fronts), backend=f"to_{name}") if behind else None
    return Component(
        name=name,
        title=f"부문 {name}",
        role=None if external else role,
        hosts=hosts,
        depends_on=tuple(Dependency(other, "service_healthy") for other in depends_on),
        critical=random.random() < 0.8,
        min_ready=len(hosts) if random.random() < 0.5 else random.randint(1, len(hosts)),
        external=external,
        healthcheck=BANK if external else random.choice((None, PORT)),
        unit=name if role == "service" else None,
        commands=None,
        restart=Restart(serial=random.choice(SERIALS), behind=place),
        tests=TESTS if role == "service" and random.random() < 0.5 else (),
        manual_minutes=MANUAL if random.random() < 0.2 else None,
        keep_running=not external and random.random() < 0.1,
        retries=0,
        ports=(8081,) if random.random() < 0.1 else (),
        certificates=("/etc/ssl/site.pem",) if random.random() < 0.1 else (),
    )


def _moved_in(random: Random, component: Component, earlier: Mapping[str, Component]) -> Component:
    """Now and then it shares the hosts of another one that stands behind a load balancer, too."""
    others = [item for item in earlier.values() if item.restart.behind]
    if not (component.restart.behind and others) or random.random() < 0.8:
        return component
    hosts = random.choice(others).hosts
    return replace(component, hosts=hosts, min_ready=random.randint(1, len(hosts)))


def _venue(components: Mapping[str, Component]) -> Venue:
    return Venue(
        name="demo",
        title="데모 경마장",
        time_zone="Asia/Seoul",
        sales_open=dt.time(9),
        race_card=None,
        verdict_valid_minutes=720,
        connect_timeout=5,
        thresholds=Thresholds(),
        components=components,
        hosts={},
        inventory=Path("/site/inventories/demo"),
        venue_file=Path("/site/inventories/demo/group_vars/all/venue.yml"),
        digest="0" * 64,
    )


def _draw(random: Random, weights: Sequence[int]) -> int:
    """A number from 1 on, as often as its weight says."""
    return random.choices(range(1, len(weights) + 1), weights)[0]


def _steps(components: Sequence[PlannedComponent]) -> Iterator[Step]:
    managed = [item for item in components if not item.external]
    front = managed[-1]
    others = tuple(f"{item.name}.test" for item in managed if item is not front)
    before = tuple(
        f"{item.name}.{verb}"
        for item in components
        for verb in (("probe",) if item.external else ("preflight", "start", "test"))
    )
    healthy = {
        item.name: f"{item.name}.{'probe' if item.external else 'start'}" for item in components
    }
    for item in components:
        if item.external:
            yield from _external(item, before)
        else:
            needs = tuple(healthy[name] for name in item.depends_on)
            after = (f"{front.name}.preflight", *(others if item is front else ()))
            yield from _managed(item, needs, after, before)
    opened = _step(front, "open", Verb.UNDRAIN, lane="open")
    yield replace(opened, on_verdict=True)


def _external(item: PlannedComponent, before: tuple[str, ...]) -> Iterator[Step]:
    probe = _step(item, "probe", Verb.PROBE, lane="preflight")
    yield probe
    yield _step(item, "gate", Verb.PROBE, lane="gate", needs=(probe.id,), after=before)


def _managed(
    item: PlannedComponent, needs: tuple[str, ...], after: tuple[str, ...], before: tuple[str, ...]
) -> Iterator[Step]:
    preflight = _step(item, "preflight", Verb.PREFLIGHT, lane="preflight")
    start = _step(item, "start", Verb.START, needs=(preflight.id, *needs))
    test = _step(item, "test", Verb.TEST, needs=(start.id,), after=after)
    yield from (preflight, start, replace(test, min_ready=1))
    yield _step(item, "gate", Verb.PROBE, lane="gate", needs=(start.id,), after=before)


def _step(
    item: PlannedComponent,
    name: str,
    verb: Verb,
    *,
    lane: str = "",
    needs: tuple[str, ...] = (),
    after: tuple[str, ...] = (),
) -> Step:
    return Step(
        id=f"{item.name}.{name}",
        component=item.name,
        verb=verb,
        hosts=item.hosts,
        lane=lane or item.name,
        needs=needs,
        after=after,
        min_ready=item.min_ready,
        timeout=60.0,
    )
