"""Random venues as a morning plans them, and random faults to befall them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random

from automation.execute.simulator import WHOLE_STEP, Fault, Faults, World
from automation.run.plan import Plan, PlannedComponent, Step, Verb

HOST_FAULTS = tuple(fault for fault in Fault if fault not in {Fault.CRASHES, Fault.HANGS})
COMPONENT_COUNTS = (26, 22, 12, 6, 3, 2, 1, 1, 1, 1, 1, 1)
HOST_COUNTS = (14, 5, 2, 1, 1)


def random_plan(random: Random) -> Plan:
    """1 to 12 components of 1 to 5 hosts, small ones more often; the last one is in front."""
    plan = plan_of(_random_components(random))
    return replace(
        plan,
        steps={step.id: _with_checks(step, random) for step in plan.steps.values()},
        check=random.random() < 0.05,
        accept_reason="the second board is for show" if random.random() < 0.5 else "",
        standing=_standing(plan) if random.random() < 0.5 else {},
        estimates={name: random.random() for name in plan.components},
    )


def _standing(plan: Plan) -> dict[str, str]:
    """A GO that stands, when every unit ran its first start."""
    parts = plan.components.values()
    return {f"{part.name}/{host}": "the first" for part in parts for host in part.hosts}


def plan_of(components: Sequence[PlannedComponent]) -> Plan:
    """A morning over these components, in an order in which they can start; no checks planned."""
    return Plan(
        venue="demo",
        title="데모 경마장",
        time_zone="Asia/Seoul",
        procedure="morning",
        components={item.name: item for item in components},
        steps={step.id: step for step in _steps(components)},
        deadline="09:00",
        digest="0" * 64,
    )


def random_world(random: Random) -> World:
    """Mostly nothing is up yet; sometimes most or all is, and customers are betting on it."""
    up = random.choice((0.0, 0.0, 0.0, 0.8, 1.0))
    return World(up=up, sales_open=up > 0 and random.random() < 0.5)


def random_faults(plan: Plan, random: Random) -> Faults:
    """None at all in one run of four, else anything from one in a hundred to one in five."""
    rate = random.choice((0.0, 0.01, 0.05, 0.2))
    faults: dict[tuple[str, str], Fault] = {}
    for step in plan.steps.values():
        for host in step.hosts:
            if random.random() < rate:
                faults[step.id, host] = random.choice(HOST_FAULTS)
        if random.random() < rate / 4:
            faults[step.id, WHOLE_STEP] = random.choice((Fault.CRASHES, Fault.HANGS))
    return faults


def _random_components(random: Random) -> tuple[PlannedComponent, ...]:
    components: list[PlannedComponent] = []
    for number in range(_draw(random, COMPONENT_COUNTS), 0, -1):
        components.append(_random_component(random, components, last=number == 1))
    return tuple(components)


def _random_component(
    random: Random, earlier: Sequence[PlannedComponent], *, last: bool
) -> PlannedComponent:
    name = f"c{len(earlier) + 1}"
    hosts = tuple(f"{name}-{number}" for number in range(1, _draw(random, HOST_COUNTS) + 1))
    density = random.random() ** 2
    external = not last and random.random() < 0.15
    return PlannedComponent(
        name=name,
        title=f"부문 {name}",
        hosts=hosts,
        depends_on=tuple(
            item.name for item in earlier if not external and random.random() < density
        ),
        critical=random.random() < 0.8,
        external=external,
        min_ready=len(hosts) if random.random() < 0.5 else random.randint(1, len(hosts)),
        manual_minutes=(4.0, 6.0, 9.0) if random.random() < 0.2 else None,
    )


def _with_checks(step: Step, random: Random) -> Step:
    """A test always proves something by name, the other verbs sometimes do."""
    least = 1 if step.verb is Verb.TEST else 0
    count = random.randint(least, 2) if step.verb is not Verb.UNDRAIN else 0
    names = (f"{step.id}: 확인 {number}" for number in range(1, count + 1))
    return replace(step, checks=tuple(names), timeout=random.choice((30.0, 60.0, 120.0)))


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
