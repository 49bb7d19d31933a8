"""An unattended restart: asked before each drain and each stop, given up, put back, chosen."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from automation.errors import Interrupted
from automation.execute.simulator import WHOLE_STEP, FakeClock, Fault, Faults, Simulator, World
from automation.exit_codes import ExitCode
from automation.history import Duration, History
from automation.idle.allowed import WINDOW
from automation.idle.due import Wear
from automation.idle.prometheus import Reply
from automation.idle.quiet import Moment
from automation.procedures.asking import Asker
from automation.procedures.idle import needed_by_question, plan_idle_restart, plan_idle_test
from automation.procedures.leaders import Leaders
from automation.procedures.records import JOURNAL, LOCK, run_folders
from automation.procedures.recover import left_behind, plan_recover
from automation.procedures.restart import plan_emergency
from automation.procedures.session import exit_code
from automation.procedures.unattended import Past, Seen, choose, due_plans, read_past
from automation.run.decide import Begin
from automation.run.events import Check, Event, Message, StepStarted
from automation.run.journal import Journal
from automation.run.lock import hold, this_process
from automation.run.loop import Observer, Run
from automation.run.plan import Plan, Step, Verb
from automation.run.state import State
from automation.venue.site import Venue
from automation.venue.unattended import Prometheus, Signal
from automation.views.explain import explain_run
from automation.views.i18n import Translator
from tests.unit.idle.hosts import looking
from tests.unit.procedures.desk import Desk, Died
from tests.unit.run.paper import Paper
from tests.unit.venue.sites import HEAD, site

VENUE = """
  wagering:
    role: wagering
    min_ready: 1
    restart: {serial: 1, behind: {component: ticketing, backend: to_wagering}}
  ticketing: {role: haproxy, depends_on: [wagering]}
  database: {role: postgresql}
windows: [{name: night, start_time: "01:00", length_minutes: 60, cutoff_minutes: 5}]
idle: [{name: bets, command: [bets], component: ticketing, below: 1, for: 1s}]
restarts: [{component: wagering, every: 7d}, {component: database, every: 7d}]
tests: [{component: wagering, every: 1d}]
"""
SERVERS = {"ticketing": ("to_wagering/w1", "to_wagering/w2")}
SELLING = World(up=1.0, sales_open=True, servers=SERVERS)
CLOSED = replace(SELLING, sales_open=False)
NIGHT = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)  # 01:00 in Seoul
WEEK = 7 * 86_400
BUSY = (Check("bets", "< 1", "9", passed=False, why=Message("9 bets a second")),)


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    """Two servers behind a load balancer, a database, and an hour each night."""
    return site(tmp_path, VENUE, HEAD.replace("}", ", race_card: venue.yml}"))


def roll(
    venue: Venue, busy_at: str = "", faults: Faults | None = None, world: World = SELLING
) -> tuple[State, Simulator]:
    """Both servers restarted; customers are there when the question of this name is asked."""
    plan = plan_idle_restart(venue, venue.components["wagering"], ("w2", "w1"))
    return run(plan, busy_at, faults, world)


def run(
    plan: Plan,
    busy_at: str = "",
    faults: Faults | None = None,
    world: World = SELLING,
    at: datetime = NIGHT,
) -> tuple[State, Simulator]:
    def answer(step: Step) -> tuple[Check, ...]:
        if step.id == busy_at:
            return BUSY
        return tuple(Check(name, "", "", passed=True) for name in step.checks)

    return drive(plan, Simulator(Random(1), faults or {}, FakeClock(at), world, answer=answer))  # noqa: S311


def drive(plan: Plan, simulator: Simulator) -> tuple[State, Simulator]:
    loop = Run(Journal(Paper()), simulator, simulator.clock)
    loop.start("run", "timer", plan, {})
    return loop.drive(), simulator


def stopped(simulator: Simulator) -> list[str]:
    """The hosts that were stopped, in order."""
    begun = simulator.truth.begun
    return [host for name, hosts in begun.items() if ".stop." in name for host in hosts]


def test_nobody_there_means_that_all_are_restarted(venue: Venue) -> None:
    """One after the other in the order given, although sales are open; all are back at the end."""
    state, simulator = roll(venue)
    assert (state.result_state, exit_code(state)) == ("SUCCESS", ExitCode.GO)
    assert stopped(simulator) == ["w2", "w1"]
    assert simulator.customers() == set(SERVERS["ticketing"])


def test_it_is_asked_whether_anybody_is_there_before_a_batch_is_touched(venue: Venue) -> None:
    """The other hosts are probed after that, and it is asked once more right before the stop."""
    state, simulator = roll(venue)
    assert state.result_state == "SUCCESS"
    begun = [name for name in simulator.truth.begun if name.endswith(".1")]
    probes = begun.index("wagering.drain.1")
    assert begun[0] == "wagering.quiet.1"
    assert "wagering.capacity.1" in begun[1:probes]
    last = ("others.1", "quiet.still.1", "stop.1")
    assert begun[probes + 1 : probes + 4] == [f"wagering.{name}" for name in last]


def test_without_a_load_balancer_too_it_is_asked_first(venue: Venue) -> None:
    """A no leaves the other hosts of the component unasked."""
    database = venue.components["database"]
    plan = plan_idle_restart(venue, database, database.hosts[:1])
    first = next(step for step in plan.steps.values() if not step.is_look)
    assert first.id == "database.quiet.1"
    state, simulator = run(plan, "database.quiet.1")
    assert [name for name in simulator.truth.begun if name.endswith(".1")] == [first.id]
    assert exit_code(state) is ExitCode.REFUSED


def test_a_database_that_leads_by_now_is_left_to_an_operator(venue: Venue) -> None:
    """It did not when it was chosen."""
    database = venue.components["database"]
    plan = plan_idle_restart(venue, database, database.hosts[:1])
    led = replace(SELLING, leading=frozenset({("database", database.hosts[0])}))
    state, simulator = run(plan, world=led)
    assert stopped(simulator) == []
    assert state.result_state == "ERRORS"


@pytest.mark.parametrize(
    ("busy_at", "hosts"),
    [
        ("wagering.quiet.1", []),
        ("wagering.quiet.still.1", []),
        ("wagering.quiet.2", ["w2"]),
        ("wagering.quiet.still.2", ["w2"]),
    ],
)
def test_customers_who_come_back_end_it(venue: Venue, busy_at: str, hosts: list[str]) -> None:
    """Before a drain and after it; who was drained is put back, and that is no failure."""
    state, simulator = roll(venue, busy_at)
    assert stopped(simulator) == hosts
    assert simulator.customers() == set(SERVERS["ticketing"])
    assert state.result_state == "WARNINGS"
    touched = busy_at != "wagering.quiet.1"
    assert exit_code(state) is (ExitCode.GO if touched else ExitCode.REFUSED)


def test_there_is_nothing_to_mend_when_customers_came_back(venue: Venue) -> None:
    """What is left is done when the timer finds nobody there."""
    state, _ = roll(venue, "wagering.quiet.2")
    told = explain_run(state, NIGHT, Translator("en"))
    again = "raceday idle does what is left when it may, asked again by its timer."
    assert [str(item) for item in told.next] == [again]


def test_another_host_that_is_down_refuses_it(venue: Venue) -> None:
    """Also where the venue could do with one; nothing is touched."""
    state, simulator = roll(venue, faults={("wagering.capacity.1", "w1"): Fault.FAILS})
    assert stopped(simulator) == []
    assert exit_code(state) is ExitCode.REFUSED


def test_the_last_server_that_gets_customers_is_left_alone(venue: Venue) -> None:
    """The other one is ready, and out of rotation: nothing is touched."""
    out = replace(SELLING, taken_out=frozenset({"to_wagering/w1"}))
    state, simulator = roll(venue, world=out)
    assert stopped(simulator) == []
    assert exit_code(state) is ExitCode.REFUSED


def test_another_host_that_goes_down_during_the_drain_ends_it(venue: Venue) -> None:
    """It is looked at once more right before the stop; the drained one is put back."""
    state, simulator = roll(venue, faults={("wagering.others.1", "w1"): Fault.UNREACHABLE})
    assert stopped(simulator) == []
    assert simulator.customers() == set(SERVERS["ticketing"])
    assert exit_code(state) is ExitCode.NO_GO


def test_an_unanswered_question_is_a_no(venue: Venue) -> None:
    """Silence is not quiet."""
    _, simulator = roll(venue, faults={("wagering.quiet.1", "w2"): Fault.SILENT})
    assert stopped(simulator) == []


@pytest.mark.parametrize("fault", [Fault.HANGS, Fault.CRASHES])
@pytest.mark.parametrize("question", ["wagering.quiet.1", "wagering.quiet.still.1"])
def test_a_question_that_does_not_end_in_order_is_a_no(
    venue: Venue, question: str, fault: Fault
) -> None:
    """When it is given up, the yes that it may have brought is too old to act on."""
    _, simulator = roll(venue, faults={(question, WHOLE_STEP): fault})
    assert stopped(simulator) == []
    assert simulator.customers() == set(SERVERS["ticketing"])


@pytest.mark.parametrize(("world", "tested"), [(CLOSED, True), (SELLING, False)])
def test_scheduled_tests_want_sales_closed(venue: Venue, world: World, tested: bool) -> None:
    """A quiet night is not enough: a test bet may not stand among customers' bets."""
    plan = plan_idle_test(venue, venue.components["wagering"])
    state, simulator = run(plan, world=world)
    assert ("wagering.test" in simulator.truth.begun) == tested
    assert exit_code(state) is (ExitCode.GO if tested else ExitCode.REFUSED)


@pytest.mark.parametrize(
    ("busy_at", "code"), [("", ExitCode.GO), ("wagering.quiet.1", ExitCode.REFUSED)]
)
def test_a_check_of_tests_says_the_same_as_its_exit_code(
    venue: Venue, busy_at: str, code: ExitCode
) -> None:
    """That they would be done is no refusal, although a check does none of them."""
    plan = replace(plan_idle_test(venue, venue.components["wagering"]), check=True)
    state, _ = run(plan, busy_at, world=CLOSED)
    assert exit_code(state) is code
    assert (state.result_state == "SUCCESS") == (code is ExitCode.GO)


def test_each_question_wants_the_time_of_what_hangs_on_it(venue: Venue) -> None:
    """From the drain, or from the stop, to the end of its own batch, with room to undo.

    The probes and the second question that come between may take their time, too.
    """
    plan = plan_idle_restart(venue, venue.components["wagering"], ("w2", "w1"))
    bound = {step.verb: step.timeout for step in plan.steps.values()}
    back = bound[Verb.START] + bound[Verb.TEST] + bound[Verb.UNDRAIN]
    from_stop = bound[Verb.STOP] + 2 * back
    asked = 2 * bound[Verb.PROBE] + bound[Verb.QUIET]  # capacity and others; still quiet
    needed = needed_by_question(plan, ())
    assert needed["wagering.quiet.still.1"] == timedelta(seconds=from_stop)
    assert needed["wagering.quiet.2"] == timedelta(seconds=asked + bound[Verb.DRAIN] + from_stop)


def test_what_was_asked_between_counts_by_what_it_took_before(venue: Venue) -> None:
    """A second question that took a second in earlier nights takes no minute and a half."""
    plan = plan_idle_restart(venue, venue.components["wagering"], ("w2", "w1"))
    steps = {"wagering.quiet.still.1": Duration(1, 2), "wagering.others.1": Duration(1, 3)}
    unknown = needed_by_question(plan, ())["wagering.quiet.2"]
    known = needed_by_question(plan, (History(9, None, steps),))["wagering.quiet.2"]
    bound = {step.verb: step.timeout for step in plan.steps.values()}
    saved = bound[Verb.QUIET] - 2 + bound[Verb.PROBE] - 3
    assert unknown - known == timedelta(seconds=saved)


def asked_by(desk: Asker) -> Callable[[Step], tuple[Check, ...]]:
    """What it answers to the questions of a run."""
    return lambda step: next(iter(desk.answer(Begin(step, step.hosts)))).checks


OURS = "20261121T170000Z-idle-0002"
OTHER = "20261121T160000Z-restart-0001"


@pytest.mark.parametrize(
    ("written", "restarted"),
    [((), ["w2", "w1"]), (("20261121T163000Z-idle-0003",), []), ((OTHER,), [])],
)
def test_what_another_run_did_before_we_had_the_lock_is_not_done_again(
    venue: Venue, tmp_path: Path, written: tuple[str, ...], restarted: list[str]
) -> None:
    """Between our decision and our lock a run began and ended, or an earlier one went on."""

    def write(run_id: str) -> None:
        (tmp_path / run_id).mkdir(exist_ok=True)
        with (tmp_path / run_id / JOURNAL).open("a") as journal:
            journal.write("{}\n")

    write(OTHER)
    plan = plan_idle_restart(venue, venue.components["wagering"], ("w2", "w1"))
    desk = asker(venue, tmp_path)
    desk.needed = needed_by_question(plan, ())
    for run_id in (*written, OURS):
        write(run_id)
    clock = FakeClock(NIGHT)
    simulator = Simulator(Random(1), {}, clock, SELLING, answer=asked_by(desk))  # noqa: S311
    state, _ = drive(plan, simulator)
    assert stopped(simulator) == restarted
    whys = [
        check.why
        for item in state.steps.values()
        for host in item.hosts.values()
        for check in host.checks
        if check.why
    ]
    assert any("another run has begun or gone on" in str(why) for why in whys) == bool(written)
    assert exit_code(state) is (ExitCode.REFUSED if written else ExitCode.GO)


@pytest.mark.parametrize(
    ("slow", "restarted"),
    [("", ["w2", "w1"]), ("wagering.drain.1", []), ("wagering.undrain.1", ["w2"])],
)
def test_what_no_longer_fits_because_a_step_took_long_is_not_begun(
    venue: Venue, tmp_path: Path, slow: str, restarted: list[str]
) -> None:
    """The window is open all the time: each stop is held against what is left of it."""
    quiet = replace(venue, unattended=venue.unattended.model_copy(update={"idle": ()}))
    plan = plan_idle_restart(quiet, quiet.components["wagering"], ("w2", "w1"))
    needed = needed_by_question(plan, ())
    clock = FakeClock(NIGHT)
    late = timedelta(minutes=60) - needed["wagering.quiet.still.1"] + timedelta(seconds=1)
    assert late < timedelta(minutes=55)  # by the window alone it might go on

    def now() -> Moment:
        took = late if slow in simulator.truth.begun else timedelta()
        return Moment(clock.now + took, 0.0, "boot")

    desk = Asker(quiet, tmp_path, now=now)
    desk.needed = needed
    simulator = Simulator(Random(1), {}, clock, SELLING, answer=asked_by(desk))  # noqa: S311
    drive(plan, simulator)
    assert stopped(simulator) == restarted


def asker(
    venue: Venue,
    folder: Path,
    value: float = 0.0,
    at: datetime = NIGHT,
    faults: Faults | None = None,
) -> Asker:
    """Bets at this rate, now and a second ago; the first looks have these faults."""
    now = [Moment(at - timedelta(seconds=1), 9.0, "boot"), Moment(at, 10.0, "boot")]
    probe = looking(faults or {})
    asked = Asker(venue, folder, now=lambda: now[0], numbers=lambda *_: value, probe=probe)
    asked.signals()
    now.pop(0)
    return asked


def choice(venue: Venue, folder: Path, **more: Any) -> tuple[str, str]:
    """The first host to be restarted, or what is tested; and why others are not."""
    worn = more.get("worn", (worn_host("w1", WEEK + 1), worn_host("w2", WEEK + 2)))
    seen = Seen(worn, more.get("leaders", {}))
    made = Past(tuple(more.get("runs", ())), tuple(more.get("histories", ())))
    past = more.get("past", made)
    at = more.get("at", NIGHT)
    desk = asker(venue, folder, more.get("value", 0.0), at, more.get("faults"))
    found = choose(venue, seen, past, desk, at)
    asked = (step for step in found.plan.steps.values()) if found.plan else ()
    first = next((step for step in asked if step.verb is Verb.QUIET), None)
    done = found.plan and [step.verb for step in found.plan.steps.values()]
    what = (
        f"{'restart' if Verb.STOP in done else 'test'} {first.hosts[0]}" if first and done else ""
    )
    return what, "; ".join(map(str, found.reasons))


def worn_host(host: str, age: int, component: str = "wagering") -> Wear:
    return Wear(component, host, {"active": "active", "age": str(age)})


def test_who_waited_longest_is_restarted_first(venue: Venue, tmp_path: Path) -> None:
    """Before any test that is due."""
    assert choice(venue, tmp_path) == ("restart w2", "")


@pytest.mark.parametrize(
    ("look", "host", "done"),
    [("wagering", "w1", "test w1"), ("wagering", "w2", "restart w2"), ("ticketing", "t1", "")],
)
def test_what_its_first_looks_would_refuse_is_not_begun(
    venue: Venue, tmp_path: Path, look: str, host: str, done: str
) -> None:
    """The other server is down: tests have their turn. The balancer is: nothing can be done."""
    faults = {(f"{look}.look", host): Fault.UNREACHABLE}
    what, why = choice(venue, tmp_path, worn=(worn_host("w2", WEEK + 2),), faults=faults)
    assert what == done
    said = f"{look}.look failed on {host}: its unit said: the port is taken"
    assert why == ("" if done else said)


def test_an_interruption_while_hosts_are_looked_at_begins_nothing(
    venue: Venue, tmp_path: Path
) -> None:
    """The operator's Ctrl-C is for the call, not for the look alone."""

    def look(venue: Venue, plan: Plan, observers: Sequence[Observer]) -> State:
        return replace(looking({})(venue, plan, observers), interrupted=True)

    quiet = replace(venue, unattended=venue.unattended.model_copy(update={"idle": ()}))
    desk = Asker(quiet, tmp_path, now=lambda: Moment(NIGHT, 0.0, "boot"), probe=look)
    with pytest.raises(Interrupted):
        choose(quiet, Seen((worn_host("w2", WEEK + 2),)), Past(), desk, NIGHT)


def test_tests_are_done_when_no_restart_is_due(venue: Venue, tmp_path: Path) -> None:
    """They were never done here."""
    assert choice(venue, tmp_path, worn=()) == ("test w1", "")


def test_customers_keep_everything_from_being_done(venue: Venue, tmp_path: Path) -> None:
    """The reason says what was seen."""
    what, why = choice(venue, tmp_path, value=3.0)
    assert what == ""
    assert why.startswith("the signal 'bets' was 3 0:00:00 ago")


def test_all_signals_share_one_deadline(venue: Venue, tmp_path: Path) -> None:
    """Each has its own bound, but many that hang are not waited for one after the other."""
    signal = venue.unattended.idle[0]
    many = tuple(signal.model_copy(update={"name": name}) for name in "abcde")
    slow = replace(venue, unattended=venue.unattended.model_copy(update={"idle": many}))
    passed, given = [0.0], list[float]()

    def hang(_venue: Venue, _signal: Signal, seconds: float) -> Message:
        given.append(seconds)
        passed[0] += min(seconds, 25.0)
        return Message("db1 cannot be asked")

    def now() -> Moment:
        return Moment(NIGHT, passed[0], "boot")

    checks = Asker(slow, tmp_path, now=now, numbers=hang).signals()
    assert given == [80.0, 55.0, 30.0, 5.0]
    assert not any(check.passed for check in checks)
    assert [str(check.why) for check in checks] == [
        *["db1 cannot be asked"] * 4,
        "the signal 'e' was not asked: the 80 s for all alerts and signals were over, "
        "and the signal 'a' took 25 s of them",
    ]


def test_the_window_is_asked_last(venue: Venue, tmp_path: Path) -> None:
    """A signal may take its time, and the window's end may come meanwhile."""
    passed = [0.0]

    def slow(_venue: Venue, _signal: Signal, _seconds: float) -> float:
        passed[0] += 20.0
        return 0.0

    def now() -> Moment:
        return Moment(NIGHT + timedelta(seconds=passed[0]), passed[0], "boot")

    plan = plan_idle_restart(venue, venue.components["wagering"], ("w2",))
    question = next(step for step in plan.steps.values() if step.verb is Verb.QUIET)
    desk = Asker(venue, tmp_path, now=now, numbers=slow)
    needed = timedelta(minutes=60) - timedelta(seconds=10)
    assert desk.window(needed).passed
    desk.needed = {question.id: needed}
    [report] = desk.answer(Begin(question, ("w2",)))
    assert [check.passed for check in report.checks if check.name == WINDOW] == [False]


def test_a_signal_that_the_deadline_cuts_off_says_who_took_the_time(
    venue: Venue, tmp_path: Path
) -> None:
    """Prometheus is slow, and not blamed for the question that it was never asked."""
    prometheus = Prometheus(url="http://prometheus.example")
    signals = tuple(Signal(name=name, prometheus="x + y", below=1) for name in "ab")
    keys = {"prometheus": prometheus, "idle": signals}
    slow = replace(venue, unattended=venue.unattended.model_copy(update=keys))
    passed, series = [0.0], {"metric": {}, "values": [[NIGHT.timestamp(), "0"]]}

    def get(url: str, _timeout: float) -> Reply:
        passed[0] += 12.0
        data = {"result": [] if "ALERTS" in url else [series], "groups": []}
        body = json.dumps({"status": "success", "data": data}).encode()
        return Reply(200, format_datetime(NIGHT), body)

    def now() -> Moment:
        return Moment(NIGHT, passed[0], "boot")

    *_, last = Asker(slow, tmp_path, now=now, get=get).signals()
    assert passed == [84.0]  # 24 for alerts, 36 for a, 24 of 36 for b
    assert str(last.why) == (
        "the signal 'b' was not asked to the end: the 80 s for all alerts and signals were over, "
        "and the signal 'a' took 36 s of them"
    )


def test_a_clock_that_was_once_ahead_costs_one_period_only(venue: Venue, tmp_path: Path) -> None:
    """What was seen then is no measure of what is seen later."""
    now = [Moment(NIGHT + timedelta(days=400), 5.0, "boot")]
    desk = Asker(venue, tmp_path, now=lambda: now[0], numbers=lambda *_: 0.0)
    desk.signals()
    now[0] = Moment(NIGHT, 10.0, "boot")
    assert [check.passed for check in desk.signals()] == [False]
    now[0] = Moment(NIGHT + timedelta(seconds=2), 12.0, "boot")
    assert [check.passed for check in desk.signals()] == [True]


def test_a_check_remembers_nothing(venue: Venue, tmp_path: Path) -> None:
    """It is judged by what was remembered before, and what is seen now."""
    desk = Asker(venue, tmp_path, numbers=lambda *_: 0.0, remembers=False)
    assert [check.observed for check in desk.signals()] == ["0"]
    assert list(tmp_path.glob("*idle.json*")) == []


def test_a_primary_is_left_to_an_operator(venue: Venue, tmp_path: Path) -> None:
    """Its restart is an outage."""
    leaders = {"database": Leaders(primaries=("db1",))}
    found = choice(venue, tmp_path, worn=(worn_host("db1", WEEK, "database"),), leaders=leaders)
    assert found == ("test w1", "")


def test_who_may_be_a_primary_is_left_to_an_operator(venue: Venue, tmp_path: Path) -> None:
    """It did not say that it is a standby; on the same host another component is restarted."""
    worn = (worn_host("w1", WEEK + 1), worn_host("w1", WEEK, "database"))
    seen = Seen(worn, {"database": Leaders(unknown=("w1",))})
    plans, kept = due_plans(venue, seen, Past(), NIGHT)
    stops = [step for plan in plans for step in plan.steps.values() if step.verb is Verb.STOP]
    assert {(step.component, *step.hosts) for step in stops} == {("wagering", "w1")}
    assert str(kept[0]) == "it could not be found out whether w1 is the primary of database"


def test_what_does_not_fit_is_not_begun_and_what_fits_is(venue: Venue, tmp_path: Path) -> None:
    """Without a history a restart may take its steps' whole bounds; a test takes less."""
    what, why = choice(venue, tmp_path, at=NIGHT + timedelta(minutes=52))
    assert (what, why) == ("test w1", "")


def test_a_restart_of_twelve_minutes_is_not_begun_in_a_window_of_ten(
    tmp_path: Path,
) -> None:
    """By the history of this very venue; the reason has both figures."""
    head = HEAD.replace("}", ", race_card: venue.yml}")
    short = site(tmp_path, VENUE.replace("60", "10").replace("tests:", "# "), head)
    asked = {"capacity": 5, "others": 5, "quiet.still": 5}
    seconds = {"drain": 45, "stop": 60, "start": 300, "test": 60, "undrain": 240, **asked}
    twelve = History(
        9, None, {f"wagering.{verb}.1": Duration(1, p95) for verb, p95 in seconds.items()}
    )
    found = choice(short, tmp_path, histories=[twelve], at=NIGHT)
    why = "it may take 22.0 min with room to undo it, and the window night ends in 10.0 min"
    assert found == ("", why)


def test_what_failed_in_this_window_is_not_tried_again_in_it(venue: Venue, tmp_path: Path) -> None:
    """An operator looks first; the next night it is tried again."""
    failed, _ = roll(venue, faults={("wagering.drain.1", "t1"): Fault.FAILS})
    assert failed.result_state == "ERRORS"
    what, why = choice(venue, tmp_path, runs=[failed])
    assert (what, why.count("failed in this window already")) == ("", 1)
    again = choice(venue, tmp_path, runs=[failed], at=NIGHT + timedelta(days=1))
    assert again == ("restart w2", "")


def test_a_test_that_was_refused_has_not_failed(venue: Venue, tmp_path: Path) -> None:
    """Sales were open, so nothing was done; in the same window it is asked for again."""
    plan = plan_idle_test(venue, venue.components["wagering"])
    refused, _ = run(plan, world=SELLING)
    assert (refused.result_state, exit_code(refused)) == ("ERRORS", ExitCode.REFUSED)
    assert choice(venue, tmp_path, worn=(), runs=[refused]) == ("test w1", "")


LARGE = {"when": "memory_over", "above": "80%"}
REPLACED = {"when": "libraries_deleted"}


@pytest.mark.parametrize(
    ("condition", "shown", "what"),
    [
        (LARGE, {"memory": "85", "memory_limit": "100"}, "uses 85 % of its memory, above 80%"),
        (REPLACED, {"libraries_deleted": "yes"}, "runs with libraries that were replaced"),
    ],
)
def test_a_restart_that_did_not_help_is_not_done_again_for_a_day(
    tmp_path: Path, condition: dict[str, str], shown: dict[str, str], what: str
) -> None:
    """raceday restarted it itself, and its condition is what it was: the reason says so."""
    rule = ", ".join(f'{key}: "{word}"' for key, word in condition.items())
    text = VENUE.replace("wagering, every: 7d", f"wagering, {rule}").replace("tests:", "# ")
    found = site(tmp_path, text, HEAD.replace("}", ", race_card: venue.yml}"))
    state, _ = roll(found)
    ended = state.finished_at
    assert ended

    def hours_later(hours: float, *runs: State) -> tuple[str, str]:
        age = str(round(hours * 3600))
        worn = Wear("wagering", "w2", {"active": "active", "age": age, **shown})
        at = ended + timedelta(hours=hours)
        seen, past = Seen((worn,)), Past(runs)
        plans, kept = due_plans(found, seen, past, at)
        return " ".join(sorted(_stops(plans))), "; ".join(map(str, kept))

    why = f"w2 {what}, although it was restarted less than 24 h ago: the restart did not help"
    assert hours_later(1) == ("w2", "")
    assert hours_later(1, state) == ("", why)
    assert hours_later(25, state) == ("w2", "")


def _stops(plans: list[Plan]) -> set[str]:
    steps = (step for plan in plans for step in plan.steps.values() if step.verb is Verb.STOP)
    return {host for step in steps for host in step.hosts}


def test_what_was_refused_keeps_nothing_else_from_its_turn(venue: Venue, tmp_path: Path) -> None:
    """The other host was down: the next call begins with what else is due; it is asked again."""
    refused, _ = roll(venue, faults={("wagering.capacity.1", "w1"): Fault.FAILS})
    assert exit_code(refused) is ExitCode.REFUSED
    both = (worn_host("w1", WEEK + 1), worn_host("db1", WEEK, "database"))
    assert choice(venue, tmp_path, worn=both) == ("restart w1", "")
    assert choice(venue, tmp_path, worn=both, runs=[refused]) == ("restart db1", "")
    assert choice(venue, tmp_path, worn=both[:1], runs=[refused]) == ("restart w1", "")


@pytest.mark.parametrize("step", ["wagering.quiet.1", "wagering.test"])
def test_a_run_that_died_has_failed(venue: Venue, tmp_path: Path, step: str) -> None:
    """Nobody knows why, not even when it had only asked."""
    dead = died(plan_idle_test(venue, venue.components["wagering"]), step)
    what, why = choice(venue, tmp_path, worn=(), runs=[dead])
    assert what == ""
    assert why.startswith("wagering failed in this window already")


def died(plan: Plan, step: str) -> State:
    """A run whose process was killed when it began a step."""

    seen: list[State] = []

    def kill(state: State, event: Event) -> None:
        seen.append(state)
        if isinstance(event, StepStarted) and event.step == step:
            raise Died

    clock = FakeClock(NIGHT)
    loop = Run(Journal(Paper()), Simulator(Random(1), {}, clock, CLOSED), clock, [kill])  # noqa: S311
    loop.start("run", "timer", plan, {})
    with pytest.raises(Died):
        loop.drive()
    return seen[-1]


def test_what_a_run_left_out_of_rotation_stops_everything(venue: Venue, tmp_path: Path) -> None:
    """Who is out already cannot stand in for another."""
    failed, _ = roll(venue, faults={("wagering.start.1", "w2"): Fault.FAILS})
    what, why = choice(venue, tmp_path, runs=[failed], at=NIGHT + timedelta(days=1))
    assert what == ""
    assert "w2 of wagering was left out of rotation: raceday recover" in why
    assert "wagering on w2 was stopped and not started again: raceday recover" in why


def test_sales_that_an_emergency_left_closed_stop_everything(venue: Venue, tmp_path: Path) -> None:
    """Nobody bets, because nobody can: an operator is at work, or ought to be."""
    plan = replace(plan_emergency(venue, ["wagering"]), break_glass=True, reason="both hang")
    desk = Desk(tmp_path / "demo", SELLING)
    desk.run(plan, {("wagering.test", host): Fault.FAILS for host in ("w1", "w2")})
    desk.run(plan_recover(venue, left_behind(desk.reports)))
    left = left_behind(desk.reports)
    assert (left.closed, left.is_to_be_done) == (("ticketing",), False)
    what, why = recorded(venue, tmp_path)
    assert (what, "ticketing was left with sales closed" in why) == ("", True)


def test_a_run_that_cannot_be_read_stops_everything(venue: Venue, tmp_path: Path) -> None:
    """Nobody knows what it has left."""
    desk = Desk(tmp_path / "demo", SELLING)
    desk.run(plan_idle_restart(venue, venue.components["wagering"], ("w2",)))
    assert recorded(venue, tmp_path) == ("restart w2", "")
    folder = run_folders(desk.reports)[0]
    lines = (folder / JOURNAL).read_text().splitlines(keepends=True)
    (folder / JOURNAL).write_text("".join([*lines[:3], *lines[4:]]))
    what, why = recorded(venue, tmp_path)
    assert (what, why.split(",")[0]) == ("", f"{folder.name} cannot be read")


def test_while_a_run_goes_on_nothing_else_is_decided(venue: Venue, tmp_path: Path) -> None:
    """What it has taken is not left behind, and it has not failed: what is due is postponed."""
    desk = Desk(tmp_path / "demo", SELLING)
    plan = plan_idle_restart(venue, venue.components["wagering"], ("w2", "w1"))
    run = desk.run(plan, until="wagering.stop.1")
    holder = this_process(run.run_id, "timer@ops1", "idle", NIGHT)
    with hold(desk.reports / LOCK, holder):
        found = recorded(venue, tmp_path)
    said = f"timer@ops1 holds the venue since 2026-11-22 01:00 for idle (run {run.run_id})"
    assert found == ("", f"postponed: {said}")


def recorded(venue: Venue, reports: Path) -> tuple[str, str]:
    """What a call of the next night comes to, by the runs that are on record."""
    past = read_past(reports, venue)
    return choice(venue, reports, past=past, at=NIGHT + timedelta(days=1))
