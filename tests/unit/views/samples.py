"""Whole runs of a small racecourse, told event by event."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from automation.run.decide import decide
from automation.run.events import (
    Check,
    Event,
    HostReported,
    HostState,
    Message,
    Problem,
    RunFinished,
    RunInterrupted,
    RunStarted,
    StepFinished,
    StepSkipped,
    StepStarted,
    VerdictDecided,
    VerdictRevoked,
)
from automation.run.plan import Plan, PlannedComponent, Step, Verb
from automation.run.state import State, fold
from automation.run.verdict import judge

BEGAN = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
DEADLINE = "2026-11-21T00:00:00+00:00"
RUN_ID = "20261120T233000Z-morning-3f2a"
HEAD = "c4" * 32
_SAID = (
    "12+0900 wagering1 systemd[1]: Starting wagering.service - Wagering engine...",
    "13+0900 wagering1 wagering[412]: config /etc/wagering/engine.toml read",
    '14+0900 wagering1 wagering[412]: FATAL: password authentication failed for user "wager"',
    "14+0900 wagering1 systemd[1]: wagering.service: Main process exited, status=1/FAILURE",
    "14+0900 wagering1 systemd[1]: Failed to start wagering.service - Wagering engine.",
)
LOG = "\n".join(f"2026-11-21T08:30:{line}" for line in _SAID)


def component(name: str, title: str, hosts: int, *needs: str, **more: object) -> PlannedComponent:
    """A planned component with hosts name1, name2, …"""
    names = tuple(f"{name}{number}" for number in range(1, hosts + 1))
    planned = PlannedComponent(name, title, names, needs, min_ready=hosts)
    return replace(planned, **more)  # type: ignore[arg-type]


COMPONENTS = (
    component(
        "database", "PostgreSQL, bets and tickets", 2, min_ready=2, manual_minutes=(6.0, 9.0, 14.0)
    ),
    component("cache", "Redis", 1, manual_minutes=(1.0, 2.0, 3.0)),
    component(
        "wagering",
        "발매 엔진",
        2,
        "database",
        "cache",
        min_ready=1,
        manual_minutes=(6.0, 8.0, 12.0),
    ),
    component("ticketing", "Mobile ticketing", 2, "wagering", manual_minutes=(5.0, 7.0, 10.0)),
    component("load_balancer", "HAProxy", 1, "wagering", "ticketing"),
    component("settlement_bank", "Settlement bank", 1, external=True, critical=False),
)
START_SECONDS = {"database": 6.2, "cache": 0.8, "wagering": 9.4, "ticketing": 4.1}
TESTS = {
    "wagering": "a test bet leaves the balance as it was",
    "ticketing": "a ticket is valid once",
}


def morning_plan(**changes: object) -> Plan:
    """Preflight, start, test and gate each component, then open the load balancer."""
    steps = {step.id: step for item in COMPONENTS for step in _steps(item)}
    steps["load_balancer.undrain"] = Step(
        "load_balancer.undrain",
        "load_balancer",
        Verb.UNDRAIN,
        ("load_balancer1",),
        "undrain",
        on_verdict=True,
    )
    plan = Plan(
        venue="demo",
        title="Demo racecourse",
        time_zone="Asia/Seoul",
        procedure="morning",
        components={item.name: item for item in COMPONENTS},
        steps=steps,
        deadline=DEADLINE,
        fronts=("load_balancer",),
        digest="9b" * 32,
        estimates={name: START_SECONDS.get(step.component, 1.0) for name, step in steps.items()},
    )
    return replace(plan, **changes)  # type: ignore[arg-type]


def _steps(item: PlannedComponent) -> tuple[Step, ...]:
    def step(verb: Verb, suffix: str, **more: object) -> Step:
        name = f"{item.name}.{suffix}"
        made = Step(name, item.name, verb, item.hosts, name, min_ready=item.min_ready)
        return replace(made, **more)  # type: ignore[arg-type]

    gate = step(Verb.PROBE, "gate", after=tuple(f"{name}.test" for name in TESTS))
    if item.external:
        return (gate,)
    first = step(Verb.PREFLIGHT, "preflight", checks=("clock against the controller",))
    needs = (first.id, *(f"{name}.start" for name in item.depends_on))
    start = step(Verb.START, "start", needs=needs)
    gate = replace(gate, needs=(start.id,))
    if item.name not in TESTS:
        return first, start, gate
    needs = (start.id, "load_balancer.start")
    test = step(Verb.TEST, "test", needs=needs, hosts=item.hosts[:1], min_ready=1)
    return first, start, test, gate


@dataclass
class Story:
    """Tells a run: `reports` replaces what a host would say, by (step, host)."""

    plan: Plan = field(default_factory=morning_plan)
    reports: Mapping[tuple[str, str], HostReported] = field(default_factory=dict)
    events: list[tuple[Event, datetime]] = field(default_factory=list)
    seconds: float = 0.0
    _folded: tuple[int, State | None] = (0, None)

    def tell(self, event: Event, after: float = 0.0) -> "Story":
        """Add an event, so many seconds later."""
        self.seconds += after
        self.events.append((event, BEGAN + timedelta(seconds=self.seconds)))
        return self

    def begin(self) -> "Story":
        """Tell that the run began."""
        versions = {"raceday": "0.1.0", "ansible-core": "2.21.0", "python": "3.12.4"}
        return self.tell(RunStarted(RUN_ID, "hana", self.plan.dump(), versions))

    def go_on(self, until: str = "") -> "Story":
        """Do what the engine decides, each step in the time it usually takes, until a step ends."""
        while self.state.finished_at is None:
            moves = decide(self.state, self.now)
            for move in moves:
                self.perform(move)
            if not moves and self._end_next() == until:
                break
        return self

    def perform(self, move: object) -> None:
        """Tell what an action of the engine does."""
        match type(move).__name__:
            case "Begin":
                self.tell(StepStarted(move.step.id, move.hosts), 0.02)  # type: ignore[attr-defined]
            case "Skip":
                self.tell(StepSkipped(move.step.id, move.reason), 0.001)  # type: ignore[attr-defined]
            case "Conclude":
                found = judge(self.state, self.now)
                self.tell(VerdictDecided(found.result, found.reasons, found.valid_until), 0.005)
            case "Finish":
                self.tell(RunFinished(move.result_state), 0.01)  # type: ignore[attr-defined]

    def _end_next(self) -> str:
        running = [item for item in self.state.steps.values() if item.status == "running"]
        ends = {
            item.step.id: (item.started_at or BEGAN) + timedelta(seconds=_takes(item.step))
            for item in running
        }
        name = min(ends, key=ends.__getitem__)
        self.seconds = max(self.seconds, (ends[name] - BEGAN).total_seconds())
        for host in self.state.steps[name].targets:
            self.tell(self.reports.get((name, host)) or usual(self.plan.steps[name], host))
        self.tell(StepFinished(name), 0.03)
        return name

    @property
    def now(self) -> datetime:
        """The moment of the last event."""
        return self.events[-1][1]

    @property
    def state(self) -> State:
        """What the events come to."""
        count, state = self._folded
        for event, at in self.events[count:]:
            state = fold(state, event, at)
        assert state, "a story begins with `begin`"
        self._folded = len(self.events), state
        return state


def _takes(step: Step) -> float:
    return START_SECONDS.get(step.component, 0.6) if step.verb is Verb.START else 0.7


def usual(step: Step, host: str) -> HostReported:
    """What a healthy host says."""
    seconds = _takes(step) - 0.05
    evidence = {"unit": f"{step.component}.service", "active": "active"}
    match step.verb:
        case Verb.PREFLIGHT:
            name = "clock against the controller"
            checks = (
                Check(name, "within 1 s", "0.004 s", passed=True, seconds=0.01),
                Check("disk use of /var", "at most 90 %", "41 %", passed=True, seconds=0.01),
            )
            closed = {"sales": "closed"} if step.component == "load_balancer" else {}
            return HostReported(step.id, host, HostState.OK, 0.4, checks, None, closed)
        case Verb.TEST:
            check = Check(TESTS[step.component], "1,000,000", "1,000,000", passed=True, seconds=0.3)
            return HostReported(step.id, host, HostState.OK, seconds, (check,))
        case _:
            return HostReported(step.id, host, HostState.OK, seconds, (), None, evidence)


def died(step: str, host: str) -> HostReported:
    """A unit that ends before it is ready, with its log."""
    args = {"unit": "wagering.service", "host": host, "status": "1", "result": "exit-code"}
    problem = Problem(
        Message("%(unit)s did not start on %(host)s", args),
        Message("its process ended with status %(status)s (%(result)s) before it was ready", args),
        Message("Read the log lines and mend the cause."),
    )
    return HostReported(step, host, HostState.FAILED, 2.1, (), problem, {"log": LOG})


def unreachable(step: str, host: str) -> HostReported:
    """A host that no connection can be made to."""
    args = {"host": host, "why": "ssh: connect to host: Connection timed out"}
    problem = Problem(
        Message("%(host)s cannot be reached", args),
        Message("%(why)s", args),
        Message(
            "Is it powered on, is sshd running, is its address right? Try: %(login)s",
            {"login": f"ssh -p 2201 raceday@{host}"},
        ),
    )
    return HostReported(step, host, HostState.UNREACHABLE, 5.0, (), problem)


def go() -> Story:
    """Everything is up in time."""
    return Story().begin().go_on()


def second_try() -> Story:
    """One wagering host comes up at the second try."""
    first = died("wagering.start", "wagering1")
    late = HostReported(
        "wagering.start",
        "wagering1",
        HostState.OK,
        9.0,
        evidence={"log": LOG},
        failed_tries=(first.problem,) if first.problem else (),
    )
    return Story(reports={("wagering.start", "wagering1"): late}).begin().go_on()


def conditional() -> Story:
    """One of two wagering hosts is away, and one is enough; nobody accepted that."""
    away = {("wagering.preflight", "wagering2"): unreachable("wagering.preflight", "wagering2")}
    return Story(reports=away).begin().go_on()


def no_go() -> Story:
    """Both wagering hosts die at their start."""
    hosts = ("wagering1", "wagering2")
    dead = {("wagering.start", host): died("wagering.start", host) for host in hosts}
    return Story(reports=dead).begin().go_on()


def revoked() -> Story:
    """A GO that a later look found broken."""
    return go().tell(VerdictRevoked((Message("the port is closed"),)), 600.0)


def failed_check() -> Story:
    """Ticketing answers, but a ticket is accepted twice; a planned check never comes."""
    why = Message("the second validation was accepted")
    bad = Check(TESTS["ticketing"], "refused", "accepted", passed=False, seconds=0.2, why=why)
    report = HostReported("ticketing.test", "ticketing1", HostState.OK, 0.4, (bad,))
    silent = HostReported("cache.preflight", "cache1", HostState.OK, 0.4)
    reports = {("ticketing.test", "ticketing1"): report, ("cache.preflight", "cache1"): silent}
    return Story(reports=reports).begin().go_on()


def running() -> Story:
    """The database is up, wagering has just begun."""
    story = Story().begin().go_on(until="database.start")
    for move in decide(story.state, story.now):
        story.perform(move)
    return story


def interrupted() -> Story:
    """The operator stops the run while the database starts."""
    story = Story().begin().go_on(until="cache.start").tell(RunInterrupted("hana"), 1.5)
    for item in story.state.steps.values():
        if item.status == "running":
            story.tell(StepFinished(item.step.id, Message("the operator interrupted the run")))
    return story.go_on()


STORIES = {
    "go": go,
    "second_try": second_try,
    "conditional": conditional,
    "no_go": no_go,
    "revoked": revoked,
    "failed_check": failed_check,
    "running": running,
    "interrupted": interrupted,
}
