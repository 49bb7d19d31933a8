"""The engine's own simulator: a clock that only waiting moves, a world of hosts, seeded faults.

It is an executor for testing the engine. Beside its reports it keeps the truth: what really
happened in its world, so that a test can hold a verdict against it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from heapq import heappop, heappush
from random import Random

from automation.run.events import Check, HostReported, HostState, Message, Problem, StepFinished
from automation.run.plan import Plan, Step, Verb

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
    CRASHES = "crashes"  # the step ends with a cause; later reports still arrive
    HANGS = "hangs"  # the step never ends


LOOKS = frozenset({Verb.TEST, Verb.PROBE})
FAILURES = frozenset({Fault.FAILS, Fault.TAKES_BACK})
WHOLE_STEP = ""
Faults = Mapping[tuple[str, str], Fault]  # by step id and host, or step id and WHOLE_STEP


class FakeClock:
    """Time that passes only when somebody waits."""

    def __init__(self, now: datetime = MORNING) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True)
class World:
    """How things are before the run: this share of the hosts is up, customers bet already."""

    up: float = 0.0
    sales_open: bool = False


@dataclass
class Truth:
    """What really happened, whatever was recorded or concluded. All but `begun`: (step, host).

    A host has `answered` when it did what was asked and its report was delivered in time; what it
    did is `proven` when every planned check was good too, `untouched` when it was so before.
    """

    begun: dict[str, tuple[str, ...]] = field(default_factory=dict)
    answered: set[tuple[str, str]] = field(default_factory=set)
    proven: set[tuple[str, str]] = field(default_factory=set)
    untouched: set[tuple[str, str]] = field(default_factory=set)


class Simulator:
    """An executor whose hosts do what `faults` say, at times that `random` draws."""

    def __init__(
        self, random: Random, faults: Faults, clock: FakeClock, world: World | None = None
    ) -> None:
        self.clock = clock
        self.world = world or World()
        self.truth = Truth()
        self.closed = False
        self._random = random
        self._faults = faults
        self._steps: tuple[Step, ...] = ()
        self._front = ""
        self._up: set[tuple[str, str]] = set()
        self._deaths: dict[tuple[str, str], datetime] = {}
        self._open: set[str] = set()
        self._queue: list[tuple[datetime, int, Callable[[], Report]]] = []
        self._queued = 0

    def prepare(self, plan: Plan) -> None:
        """Set up the world: what is not ours to start is up, of the rest the world's share."""
        self._steps = tuple(plan.steps.values())
        self._front = next((step.component for step in self._steps if step.on_verdict), "")
        self._up = {
            (component.name, host)
            for component in plan.components.values()
            for host in component.hosts
            if component.external or self._random.random() < self.world.up
        }

    def begin(self, step: Step, hosts: Sequence[str], unready: Sequence[str] = ()) -> None:  # noqa: ARG002
        """Schedule what the hosts will report. Refuses a second time, and after the end."""
        if self.closed or step.id in self.truth.begun:
            raise RuntimeError(f"{step.id} was begun twice or after the end")
        self.truth.begun[step.id] = tuple(hosts)
        self._open.add(step.id)
        answers = [self._schedule_host(step, host) for host in hosts]
        self._schedule_end(step, max(answers))

    def abandon(self, step: Step) -> None:
        """Give a step up. What is already on its way still arrives, as on a real network."""
        self._open.discard(step.id)

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
                self._schedule(self.clock.now + part, partial(self._end, step, cause))
            case _:
                self._schedule(last_answer, partial(self._end, step, None))

    def _schedule(self, at: datetime, make: Callable[[], Report]) -> None:
        self._queued += 1
        heappush(self._queue, (at, self._queued, make))

    def _end(self, step: Step, cause: Message | None) -> StepFinished:
        self._open.discard(step.id)
        return StepFinished(step.id, cause)

    def _answer(self, step: Step, host: str, fault: Fault | None) -> HostReported:
        place = (step.component, host)
        if fault is Fault.UNREACHABLE or self._is_dead(place):
            return _bad_news(step, host, HostState.UNREACHABLE)
        if fault in FAILURES or (step.verb in LOOKS and place not in self._up):
            return _bad_news(step, host, HostState.FAILED)
        state = self._do(step, place, fault)
        checks = tuple(_observe(step, fault))
        if step.id in self._open:
            self._learn(step, host, state, checks)
        return HostReported(step.id, host, state, 1.5, checks, None, self._evidence(step))

    def _do(self, step: Step, place: tuple[str, str], fault: Fault | None) -> HostState:
        if fault is Fault.DIES:
            self._deaths[place] = self.clock.now + timedelta(seconds=self._random.uniform(0, 60))
        if step.verb is not Verb.START or place in self._up:
            return HostState.ALREADY if step.verb is Verb.START else HostState.OK
        self._up.add(place)
        return HostState.OK

    def _learn(self, step: Step, host: str, state: HostState, checks: Sequence[Check]) -> None:
        pair = (step.id, host)
        first = pair not in self.truth.answered
        self.truth.answered.add(pair)
        if first and state is HostState.ALREADY:
            self.truth.untouched.add(pair)
        names = {check.name for check in checks}
        if all(check.passed for check in checks) and names >= set(step.checks):
            self.truth.proven.add(pair)

    def _is_dead(self, place: tuple[str, str]) -> bool:
        return place in self._deaths and self._deaths[place] <= self.clock.now

    def _evidence(self, step: Step) -> Mapping[str, str]:
        """Whether sales are open, from the component that opens them; which start a unit runs."""
        knows = step.verb is Verb.PREFLIGHT and step.component == self._front
        sales = {"sales": "open" if self.world.sales_open else "closed"} if knows else {}
        return {**sales, **({"invocation": "the first"} if step.verb is Verb.START else {})}

    def _stray_report(self) -> HostReported:
        """Good news from a host that was not asked, or for a step that is not running."""
        step = self._random.choice(self._steps)
        host = "stranger" if step.id in self._open else self._random.choice(step.hosts)
        return HostReported(step.id, host, HostState.OK)

    def _stray_end(self) -> StepFinished:
        idle = [step.id for step in self._steps if step.id not in self._open]
        return StepFinished(self._random.choice([*idle, "nobody.start"]))


def _bad_news(step: Step, host: str, state: HostState) -> HostReported:
    what = Message("%(step)s failed on %(host)s", {"step": step.id, "host": host})
    why = Message("its unit said: %(cause)s", {"cause": Message("the port is taken")})
    evidence = {"log": "bind: 주소가 이미 사용 중입니다"}
    return HostReported(step.id, host, state, 0.2, (), Problem(what, why), evidence)


def _observe(step: Step, fault: Fault | None) -> list[Check]:
    names = step.checks[1:] if fault is Fault.MISSING_CHECK else step.checks
    checks = [Check(name, "1", "1", passed=True, seconds=0.1) for name in names]
    if fault is Fault.BAD_CHECK:
        why = Message("the counter is at %(percent)s %%", {"percent": 99})
        checks[:1] = [Check(names[0] if names else "headroom", "< 90", "99", passed=False, why=why)]
    return checks
