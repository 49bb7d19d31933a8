"""The engine's own simulator: a clock that only waiting moves, a world of hosts, seeded faults.

It is an executor for testing the engine. Beside its reports it keeps the truth: what really
happened in its world, so that a test can hold a verdict against it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from heapq import heappop, heappush
from operator import itemgetter
from random import Random

from automation.run.decide import Begin
from automation.run.events import Check, HostReported, HostState, Message, Problem, StepFinished
from automation.run.leading import LEADER
from automation.run.plan import Plan, Step, Verb
from automation.run.state import BEFORE, meant

Report = HostReported | StepFinished
MORNING = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)


class Fault(StrEnum):
    """What can go wrong with one host in one step, or, for the last two, with a whole step."""

    SILENT = "silent"  # the host never reports
    UNREACHABLE = "unreachable"
    FAILS = "fails"
    DIES = "dies"  # it reports that all is well, and is down some seconds later
    BAD_CHECK = "bad check"
    MISSING_CHECK = "missing check"
    TWICE = "twice"  # the host is asked twice, and reports twice
    TAKES_BACK = "takes back"  # it reports a failure, and then that all is well
    STRAY = "stray"  # reports come that nobody asked for
    LATE = "late"  # the report comes after the step's bound
    MUTE = "mute"  # it does what is asked, and says nothing of what it knows
    CRASHES = "crashes"  # the process of its lane dies; later reports still arrive
    HANGS = "hangs"  # the step never ends


TESTS = frozenset({Verb.TEST, Verb.THROUGH, Verb.SETTLED, Verb.REHEARSE, Verb.FLOW, Verb.TIDY})
ROTATES = frozenset({Verb.CLOSE, Verb.DRAIN, Verb.UNDRAIN})
NEEDS_UP = TESTS | ROTATES | {Verb.PROBE}
NEEDS_ANSWER = NEEDS_UP | {Verb.START}  # what is up and hangs gets ready by no start
ENDS = frozenset({Verb.STOP, Verb.KILL})
DISTURBS = ROTATES | TESTS | ENDS
UNHEARD = frozenset({Fault.SILENT, Fault.LATE})
FAILURES = frozenset({Fault.FAILS, Fault.TAKES_BACK})
WHOLE_STEP = ""
FIRST = "the first"  # invocation of whatever ran from the beginning
Faults = Mapping[tuple[str, str], Fault]  # by step id and host, or step id and WHOLE_STEP


class FakeClock:
    """Time that passes only when somebody waits."""

    def __init__(self, now: datetime = MORNING) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True)
class World:
    """How things are before the run: this share of the hosts is up, customers bet already.

    `servers` are those behind each load balancer, as "backend/server"; when sales are open,
    customers are sent to all but those `taken_out`, be it everywhere or at one of its hosts; those
    that a host sees `down`, as (host, "backend/server"), get none for all that. What is `hung` is
    up and answers nobody until it is ended. The places that are `leading` are primaries. A load
    balancer that `comes_up_open` lets all in as it is started; its start closes it.
    """

    up: float = 0.0
    sales_open: bool = False
    servers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    taken_out: frozenset[str] = frozenset()
    taken_out_at: Mapping[str, frozenset[str]] = field(default_factory=dict)
    down: frozenset[tuple[str, str]] = frozenset()
    hung: frozenset[tuple[str, str]] = frozenset()
    leading: frozenset[tuple[str, str]] = frozenset()
    comes_up_open: bool = False


@dataclass
class Truth:
    """What really happened, whatever was recorded or concluded; most of it by (step, host).

    A host has `answered` when it did what was asked and its report was delivered in time; what it
    did is `proven` when every planned check was good too, `untouched` when it said how it was so
    before. `customers` are the places that took customers when a step that disturbs them was begun,
    and `told_open` the hosts that said so, `told_let_in` those that said at their start that they
    had let customers in. `up` is what runs, be it that it is `hung`,
    `invocations` which start of it where that is not the first, `boots` which boot of a host where
    that is not, and `rotation` what each host of a load balancer sends customers to, unless it sees
    it `down`. What was `serving` at each of them when a step that disturbs was begun is by place.
    The primaries are `leading`, and some `led` when their stop was begun.
    """

    up: set[tuple[str, str]] = field(default_factory=set)
    hung: set[tuple[str, str]] = field(default_factory=set)
    invocations: dict[tuple[str, str], str] = field(default_factory=dict)
    rotation: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    down: set[tuple[str, str]] = field(default_factory=set)
    boots: dict[str, str] = field(default_factory=dict)
    leading: set[tuple[str, str]] = field(default_factory=set)

    begun: dict[str, tuple[str, ...]] = field(default_factory=dict)
    customers: dict[str, frozenset[str]] = field(default_factory=dict)
    serving: dict[str, Mapping[tuple[str, str], frozenset[str]]] = field(default_factory=dict)
    led: set[tuple[str, str]] = field(default_factory=set)
    told_open: set[str] = field(default_factory=set)
    told_let_in: set[tuple[str, str]] = field(default_factory=set)
    answered: set[tuple[str, str]] = field(default_factory=set)
    proven: set[tuple[str, str]] = field(default_factory=set)
    untouched: set[tuple[str, str]] = field(default_factory=set)


class Simulator:
    """An executor whose hosts do what `faults` say, at times that `random` draws.

    `answer` is for questions; without it every question is answered as if nobody was there.
    """

    def __init__(
        self,
        random: Random,
        faults: Faults,
        clock: FakeClock,
        world: World | None = None,
        left: Truth | None = None,
        answer: Callable[[Step], tuple[Check, ...]] | None = None,
    ) -> None:
        self.clock = clock
        self.world = world or World()
        self.truth = Truth()
        self._left = left
        self.closed = False
        self._answer_to = answer
        self._random = random
        self._faults = faults
        self._steps: tuple[Step, ...] = ()
        self._orders: dict[str, Begin] = {}
        self._changes_nothing = False
        self._deaths: dict[tuple[str, str], datetime] = {}
        self._open: set[str] = set()
        self._found: dict[tuple[str, str], frozenset[str]] = {}
        self._dead_lanes: dict[str, Message] = {}
        self._queue: list[tuple[datetime, int, Callable[[], Report]]] = []
        self._queued = 0

    def prepare(self, plan: Plan) -> None:
        """Set up the world: what is not ours to start is up, of the rest the world's share.

        After a run that was killed the world is as that one `left` it.
        """
        self._steps = tuple(plan.steps.values())
        self._changes_nothing = plan.check
        if self._left:
            self.truth.up, self.truth.rotation = self._left.up, self._left.rotation
            self.truth.invocations, self.truth.hung = self._left.invocations, self._left.hung
            self.truth.leading, self.truth.boots = self._left.leading, self._left.boots
            self.truth.down = self._left.down
            return
        self.truth.down = set(self.world.down)
        self.truth.leading = set(self.world.leading)
        self.truth.up = {
            (component.name, host)
            for component in plan.components.values()
            for host in component.hosts
            if component.external or self._random.random() < self.world.up
        }
        self.truth.hung = self.truth.up & self.world.hung
        self.truth.rotation = {
            (name, host): self._at_first(name, host)
            for name in plan.fronts
            for host in plan.components[name].hosts
        }

    def begin(self, order: Begin) -> None:
        """Schedule what the hosts will report. Refuses a second time, and after the end."""
        step, hosts = order.step, order.hosts
        if self.closed or step.id in self._orders:
            raise RuntimeError(f"{step.id} was begun twice or after the end")
        self.truth.begun[step.id] = hosts
        if step.verb in DISTURBS:
            self.truth.customers[step.id] = self.customers()
            self.truth.serving[step.id] = {
                place: self._serving(place) for place in self.truth.rotation if self._sells(place)
            }
        if step.verb in ENDS:
            places = ((step.component, host) for host in hosts if self.is_up(step.component, host))
            self.truth.led |= {(step.id, host) for _, host in self.truth.leading & set(places)}
        self._orders[step.id] = order
        self._open.add(step.id)
        if step.lane in self._dead_lanes:
            cause = self._dead_lanes[step.lane]
            self._schedule(self.clock.now, partial(self._end, step, cause))
        else:
            answers = [self._schedule_host(step, host) for host in hosts]
            self._schedule_end(step, max(answers))

    def skip(self, step: Step) -> None:
        """Nothing was got ready."""

    def die(self) -> Truth:
        """The process is killed: of what hosts were told some is still done. The world is left."""
        for _, _, act in sorted(self._queue, key=itemgetter(0, 1)):
            if self._random.choice((True, False)):
                act()
        self._queue.clear()
        self.truth.up -= {place for place in self._deaths if self._is_dead(place)}
        self.close()
        return self.truth

    def abandon(self, step: Step) -> None:
        """Give a step up, and the process of its lane with it.

        What is already on its way still arrives, as on a real network.
        """
        self._open.discard(step.id)
        self._end_lane(step, Message("its process was ended"))

    def is_up(self, component: str, host: str) -> bool:
        """Whether it runs, whatever anybody was told."""
        place = (component, host)
        return place in self.truth.up and not self._is_dead(place)

    def customers(self) -> frozenset[str]:
        """The places that take customers now: load balancers that are up, servers as they say."""
        selling = (place for place in self.truth.rotation if self._sells(place))
        return frozenset(word for place in selling for word in self.truth.rotation[place])

    def report(self, timeout: float | None) -> Report | None:
        """Let time pass until the next report, or until the timeout."""
        if timeout is None and not self._queue:
            raise RuntimeError("the engine waits for ever: nothing is running")
        until = None if timeout is None else self.clock.now + timedelta(seconds=timeout)
        if until is not None and (not self._queue or self._queue[0][0] > until):
            self.clock.now = until
            return None
        at, _, make = heappop(self._queue)
        self.clock.now = max(at, self.clock.now)
        return make()

    def close(self) -> None:
        """End everything."""
        self.closed = True
        self._open.clear()

    def _schedule_host(self, step: Step, host: str) -> datetime:
        fault = self._faults.get((step.id, host))
        seconds = self._random.uniform(0.1, min(20.0, step.timeout / 2))
        if fault is Fault.LATE:
            seconds += step.timeout
        at = self.clock.now + timedelta(seconds=seconds)
        if fault in UNHEARD and self._can(step, host):
            self._do(step, host, fault)
        if fault is not Fault.SILENT:
            self._schedule(at, partial(self._answer, step, host, fault))
        if fault is Fault.TWICE:
            self._schedule(at, partial(self._answer, step, host, fault))
        if fault is Fault.TAKES_BACK:
            self._schedule(at, partial(HostReported, step.id, host, HostState.OK))
        if fault is Fault.STRAY:
            self._schedule(at, self._stray_report)
            self._schedule(at, self._stray_end)
        return at

    def _schedule_end(self, step: Step, last_answer: datetime) -> None:
        match self._faults.get((step.id, WHOLE_STEP)):
            case Fault.HANGS:
                return
            case Fault.CRASHES:
                part = self._random.random() * (last_answer - self.clock.now)
                cause = Message("the process of %(step)s ended with code 250", {"step": step.id})
                self._schedule(self.clock.now + part, partial(self._crash, step, cause))
            case _:
                self._schedule(last_answer, partial(self._end, step, None))

    def _schedule(self, at: datetime, make: Callable[[], Report]) -> None:
        self._queued += 1
        heappush(self._queue, (at, self._queued, make))

    def _end(self, step: Step, cause: Message | None) -> StepFinished:
        self._open.discard(step.id)
        return StepFinished(step.id, cause)

    def _crash(self, step: Step, cause: Message) -> StepFinished:
        if step.id in self._open:
            self._end_lane(step, cause)
        return self._end(step, cause)

    def _end_lane(self, step: Step, cause: Message) -> None:
        """Its other steps end with it, and those that begin later end at once."""
        self._dead_lanes.setdefault(step.lane, cause)
        for other in self._steps:
            if other.lane == step.lane and other.id in self._open and other is not step:
                self._schedule(self.clock.now, partial(self._end, other, cause))

    def _answer(self, step: Step, host: str, fault: Fault | None) -> HostReported:
        place = (step.owner, host)
        if fault is Fault.UNREACHABLE or self._is_dead(place):
            return _bad_news(step, host, HostState.UNREACHABLE)
        if fault in FAILURES or not self._can(step, host):
            return _bad_news(step, host, HostState.FAILED, self._evidence(step, place, fault))
        is_open = step.id in self._open
        state = self._do(step, host, fault) if is_open else HostState.OK
        checks = tuple(_observe(step, fault))
        if step.verb is Verb.QUIET and self._answer_to:
            checks = self._answer_to(step)
        evidence = self._evidence(step, place, fault)
        if is_open and self._stays_down(step, place):
            return _bad_news(step, host, HostState.FAILED, evidence)
        report = HostReported(step.id, host, state, 1.5, checks, None, evidence)
        if is_open:
            self._learn(step, report)
        return report

    def _can(self, step: Step, host: str) -> bool:
        """Who is down can only be started or stopped, and who hangs only be stopped."""
        place = (step.owner, host)
        if place in self.truth.hung:
            return step.verb not in NEEDS_ANSWER
        return step.verb not in NEEDS_UP or place in self.truth.up

    def _do(self, step: Step, host: str, fault: Fault | None) -> HostState:
        """Change the world as the step asks, if there is anything to change."""
        place = (step.owner, host)
        if step.verb in ROTATES:
            self._found.setdefault((step.id, host), frozenset(self.truth.rotation[place]))
        if fault is Fault.DIES:
            self._deaths[place] = self.clock.now + timedelta(seconds=self._random.uniform(0, 60))
        if not (step.verb is Verb.START or step.verb in ENDS or step.verb in ROTATES):
            return HostState.OK
        change = self._change(step, place)
        if change is None:
            return HostState.ALREADY
        if self._changes_nothing:
            return HostState.WOULD
        change()
        if step.verb is Verb.START and place in self.truth.rotation and self.world.comes_up_open:
            self._found[step.id, host] = frozenset(self._behind(place[0]))
        return HostState.OK

    def _change(self, step: Step, place: tuple[str, str]) -> Callable[[], None] | None:
        """What would make it so; None when it is so already."""
        match step.verb:
            case Verb.START | Verb.STOP | Verb.KILL:
                is_so = (place in self.truth.up) == (step.verb is Verb.START)
                return None if is_so else partial(self._switch, place)
            case Verb.UNDRAIN:
                put_in = self._named(step, place) - self.truth.rotation[place]
                return partial(self.truth.rotation[place].update, put_in) if put_in else None
            case _:
                taken = self._named(step, place) & self.truth.rotation[place]
                return (
                    partial(self.truth.rotation[place].difference_update, taken) if taken else None
                )

    def _switch(self, place: tuple[str, str]) -> None:
        """Start what is down, stop what is up; a load balancer comes up with no customers."""
        self.truth.up ^= {place}
        self.truth.hung.discard(place)
        if place in self.truth.up:
            self.truth.invocations[place] = f"start {self.clock.now}"
        if place in self.truth.rotation:
            self.truth.rotation[place].clear()

    def _named(self, step: Step, place: tuple[str, str]) -> set[str]:
        """The places behind a load balancer that a step is about."""
        order, behind = self._orders[step.id], self._behind(place[0])
        servers = order.servers.get(place[1], step.servers)
        left_out = order.unready if step.verb is Verb.UNDRAIN else ()
        return set(meant(behind, servers or behind) - meant(behind, left_out))

    def _stays_down(self, step: Step, place: tuple[str, str]) -> bool:
        """Whether a load balancer was told to let in what it does not see up afterwards."""
        if step.verb is not Verb.UNDRAIN or self._changes_nothing:
            return False
        return any((place[1], word) in self.truth.down for word in self._named(step, place))

    def _serving(self, place: tuple[str, str]) -> frozenset[str]:
        """Whom customers of one load balancer really get to."""
        words = self.truth.rotation[place]
        return frozenset(word for word in words if (place[1], word) not in self.truth.down)

    def _behind(self, front: str) -> tuple[str, ...]:
        """What stands behind a load balancer; its own name when the world does not say."""
        return self.world.servers.get(front, (front,))

    def _at_first(self, front: str, host: str) -> set[str]:
        if not self.world.sales_open or (front, host) not in self.truth.up:
            return set()
        taken_out = self.world.taken_out | self.world.taken_out_at.get(host, frozenset())
        return set(self._behind(front)) - taken_out

    def _sells(self, place: tuple[str, str]) -> bool:
        return (
            place in self.truth.up and not self._is_dead(place) and bool(self.truth.rotation[place])
        )

    def _learn(self, step: Step, report: HostReported) -> None:
        pair = (step.id, report.host)
        first = pair not in self.truth.answered
        self.truth.answered.add(pair)
        left_alone = report.evidence.get("invocation") == FIRST
        if first and report.state is HostState.ALREADY and left_alone:
            self.truth.untouched.add(pair)
        names = {check.name for check in report.checks}
        if all(check.passed for check in report.checks) and names >= set(step.checks):
            self.truth.proven.add(pair)

    def _is_dead(self, place: tuple[str, str]) -> bool:
        return place in self._deaths and self._deaths[place] <= self.clock.now

    def _evidence(
        self, step: Step, place: tuple[str, str], fault: Fault | None
    ) -> Mapping[str, str]:
        """What a host says beside its result: its unit's state, and who gets customers."""
        if fault is Fault.MUTE or step.verb in TESTS:
            return {}
        told = {}
        if step.verb is Verb.PROBE:
            told["active"] = "active" if place in self.truth.up else "inactive"
            if place in self.truth.up - self.truth.hung and self._has_leader(place[0]):
                told[LEADER] = "yes" if place in self.truth.leading else "no"
        if step.verb in {Verb.START, Verb.PROBE}:
            told["invocation"] = self.truth.invocations.get(place, FIRST)
            told["boot"] = self.truth.boots.get(place[1], FIRST)
        if place in self.truth.hung:
            return told
        if place in self.truth.rotation and step.verb is not Verb.CLOCKS:
            told["sales"] = "open" if self._sells(place) else "closed"
            if step.verb not in {Verb.DRAIN, Verb.UNDRAIN} and place[0] in self.world.servers:
                told["rotation"] = " ".join(sorted(self.truth.rotation[place])) or "none"
                told["serving"] = " ".join(sorted(self._serving(place))) or "none"
        if (found := self._found.get((step.id, place[1]))) is not None:
            for word in self._named(step, place):
                told[f"{BEFORE}{word}"] = "ready" if word in found else "maint"
            if step.verb is Verb.START and step.id in self._open:
                self.truth.told_let_in.add((step.id, place[1]))
        if told.get("sales") == "open" and step.id in self._open:
            self.truth.told_open.add(place[1])
        return told

    def _has_leader(self, component: str) -> bool:
        return any(step.spares_leader and step.component == component for step in self._steps)

    def _stray_report(self) -> HostReported:
        """Good news from a host that was not asked, or for a step that is not running."""
        step = self._random.choice(self._steps)
        host = "stranger" if step.id in self._open else self._random.choice(step.hosts)
        return HostReported(step.id, host, HostState.OK)

    def _stray_end(self) -> StepFinished:
        idle = [step.id for step in self._steps if step.id not in self._open]
        return StepFinished(self._random.choice([*idle, "nobody.start"]))


def _bad_news(
    step: Step, host: str, state: HostState, seen: Mapping[str, str] | None = None
) -> HostReported:
    what = Message("%(step)s failed on %(host)s", {"step": step.id, "host": host})
    why = Message("its unit said: %(cause)s", {"cause": Message("the port is taken")})
    evidence = {"log": "bind: 주소가 이미 사용 중입니다", **(seen or {})}
    return HostReported(step.id, host, state, 0.2, (), Problem(what, why), evidence)


def _observe(step: Step, fault: Fault | None) -> list[Check]:
    names = step.checks[1:] if fault is Fault.MISSING_CHECK else step.checks
    checks = [Check(name, "1", "1", passed=True, seconds=0.1) for name in names]
    if fault is Fault.BAD_CHECK:
        why = Message("the counter is at %(percent)s %%", {"percent": 99})
        checks[:1] = [Check(names[0] if names else "headroom", "< 90", "99", passed=False, why=why)]
    return checks
