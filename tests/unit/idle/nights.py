"""Random nights: windows, traffic, alerts, outages, clocks that are set, crashes, dying hosts.

The code that decides is the real one, from the calendar to the engine; only Prometheus and the
hosts are simulated. What a night may not hold is written down here a second time, from the truth:
windows and blackouts are instants before they are words of a venue file, hosts are down since a
moment, whoever asked them, and Prometheus has the samples that it has.
"""

import json
import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from automation.execute.simulator import FakeClock, Simulator
from automation.history import Duration, History
from automation.idle.due import Wear
from automation.idle.prometheus import Reply
from automation.idle.quiet import Moment
from automation.procedures.asking import Asker
from automation.procedures.unattended import Past, Seen, choose
from automation.run.decide import Begin
from automation.run.events import Check, Event, StepFinished, StepStarted
from automation.run.journal import Journal, JournalUnwritable
from automation.run.loop import Run
from automation.run.plan import Plan, Step, Verb
from automation.run.state import State
from automation.venue.calendar import Calendar, Opening, opening_at
from automation.venue.fields import span
from automation.venue.loads import drillable, rehearsable
from automation.venue.site import Venue
from automation.venue.unattended import Unattended
from tests.unit.idle.hosts import all_ready
from tests.unit.run.paper import NEVER, Paper
from tests.unit.run.plans import random_faults, random_venue, random_world

SCRAPE = 15.0  # seconds
TIMER = 300.0
TICKS = 60  # five hours
LOOKBACK = 300.0  # seconds for which Prometheus takes the last sample for the value
FRESH = 120.0  # seconds for which a sample may stand for the value, by the documentation
LAG = 200.0  # seconds by which samples come late, where they do
ASKED = 60.0  # seconds that a question and a probe take at most, between a host's word and its stop
HOUR = 3600.0
CRASHES = 0.1
OUTAGES = ("refused", "broken", "empty", "nan", "several", "stale", "late", "unevaluated")
QUERIES = ("bets", "sum(bets)", "sum by (venue) (rate(bets[2m]))")
WEEK = 7 * 86_400
ZONES = ("Asia/Seoul", "America/New_York", "Europe/London")
EVENINGS = ("2026-11-21", "2026-03-07", "2026-10-31", "2026-03-28", "2026-10-24", "2028-02-28")
DRILLED = (Verb.STOP, "stop")
KNOWN = (Verb.DRAIN, Verb.STOP, Verb.START, Verb.TEST, Verb.UNDRAIN)  # how long they take
BETWEEN = ("rotation", "leader", "capacity", "others", "quiet.still")  # what is asked; known, too
USUAL = Duration(10.0, 20.0)
NOWHERE = Path("/nonexistent")  # nothing is remembered: Prometheus has all the history

type Spans = tuple[tuple[float, float], ...]
type Place = tuple[str, str]


@dataclass(frozen=True)
class Stretch:
    """A window or a blackout, in true seconds since the night begins."""

    start: float
    end: float
    cutoff: float = 0.0


@dataclass(frozen=True)
class Night:
    """What happens in it, in true seconds since `begins`, whatever anybody is told."""

    venue: Venue
    begins: datetime
    windows: tuple[Stretch, ...]
    blackouts: tuple[Stretch, ...]
    busy: Spans
    holes: Spans
    alerts: Spans
    outages: Mapping[str, Spans]
    clock: tuple[tuple[float, float], ...]  # from when on it is wrong, by how many seconds
    worn: frozenset[Place]
    up: float

    def wall(self, at: datetime) -> datetime:
        """What the controller's clock says."""
        seconds = (at - self.begins).total_seconds()
        wrong = [by for since, by in self.clock if since <= seconds]
        return at + timedelta(seconds=wrong[-1] if wrong else 0.0)

    def seconds(self, at: datetime) -> float:
        return (at - self.begins).total_seconds()


@dataclass
class Outcome:
    """What came of a night: stops, loads that were begun, and the promises that were broken.

    `down` is since when each place is down that is, in true seconds, whoever has asked it; nobody
    has `looked` before the first run.
    """

    stops: int = 0
    loads: int = 0
    broken: list[str] = field(default_factory=list)
    down: dict[Place, float] = field(default_factory=dict)
    looked: bool = False


class Hosts(Simulator):
    """Hosts that stay as the last run left them; a probe of those that `pretend` finds all up."""

    before: Simulator | None = None
    pretend = False

    def prepare(self, plan: Plan) -> None:
        """Set up the world once; afterwards it is what it is."""
        super().prepare(plan)
        if self.before:
            earlier = self.before
            self.truth.up = {place for place in earlier.truth.up if earlier.is_up(*place)}
            self.truth.rotation = earlier.truth.rotation

    def _can(self, step: Step, host: str) -> bool:
        return super()._can(step, host) or (self.pretend and step.verb is Verb.PROBE)


def random_night(random: Random) -> Night:
    """Mostly quiet, so that there is something to break."""
    venue = random_venue(random)
    zone = random.choice(ZONES)
    evening = datetime.fromisoformat(f"{random.choice(EVENINGS)}T22:00")
    begins = evening.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    quiet_for = random.choice(("1m", "3m", "10m"))
    query = random.choice(QUERIES)
    signal = {"name": "bets", "prometheus": query, "below": 0.5, "for": quiet_for}
    windows = [_stretch(random) for _ in range(random.choice((1, 1, 2)))]
    blackouts = [_stretch(random) for _ in range(random.choice((0, 1)))]
    words = partial(_words, begins, ZoneInfo(zone))
    ours = [name for name, item in venue.components.items() if not item.external]
    chosen = random.choice(ours)
    unattended = Unattended.model_validate(
        {
            "windows": tuple(
                {**words(f"night {at}", item), "cutoff_minutes": round(item.cutoff / 60)}
                for at, item in enumerate(windows)
            ),
            "blackouts": tuple(words("settlement", item) for item in blackouts),
            "prometheus": {"url": "http://prometheus"},
            "idle": (signal,),
            "restarts": ({"component": chosen, "every": "7d"},),
            "tests": tuple(_loads(venue, random)),
        }
    )
    calendar = Calendar(ZoneInfo(zone), unattended.windows, unattended.blackouts)
    hosts = venue.components[chosen].hosts
    return Night(
        venue=replace(venue, time_zone=zone, calendar=calendar, unattended=unattended),
        begins=begins,
        windows=tuple(_first_meant(begins, ZoneInfo(zone), item) for item in windows),
        blackouts=tuple(blackouts),
        busy=_spans(random, quiet=4000, lasts=600),
        holes=_spans(random, quiet=6000, lasts=200) if random.random() < 0.5 else (),
        alerts=_spans(random, quiet=20_000, lasts=900),
        outages={kind: _spans(random, quiet=30_000, lasts=900) for kind in OUTAGES},
        clock=_clock(random),
        worn=frozenset((chosen, host) for host in hosts if random.random() < 0.8),
        up=random.choice((1.0, 1.0, 1.0, 0.9)),
    )


def conduct(
    seed: int,
    *,
    asks_again: bool = True,
    sees_holes: bool = True,
    sees_hosts: bool = True,
    sees_ends: bool = True,
) -> Outcome:
    """A whole night of timer calls.

    Without `asks_again` all is asked only before a run begins; without `sees_holes` what Prometheus
    shows five minutes on is taken for known; without `sees_hosts` no probe finds one down;
    without `sees_ends` everything takes no time at all.
    """
    random = Random(seed)  # noqa: S311  # a simulation
    night = random_night(random)
    clock = FakeClock(night.begins)
    outcome, runs = Outcome(), list[State]()
    hosts: Hosts | None = None
    fresh: set[Place] = set()
    selling = 0.2 if night.venue.unattended.tests else 0.7
    world = random_world(night.venue, random, night.up, selling)
    for tick in range(TICKS):
        clock.now = max(clock.now, night.begins + timedelta(seconds=tick * TIMER))
        asker = _asker(night, clock, sees_holes=sees_holes)
        plan = _decision(night, asker, clock, runs, fresh)
        if plan is None:
            continue
        if not sees_ends:
            asker.needed = dict.fromkeys(asker.needed, timedelta())
        answer = _answers(asker, plan, asks_again=asks_again)
        earlier = hosts
        hosts = Hosts(random, random_faults(plan, random), clock, world, answer=answer)
        hosts.before, hosts.pretend = earlier, not sees_hosts
        runs.insert(0, _drive(night, plan, hosts, outcome, random))
        fresh |= {
            (step.component, host)
            for step in plan.steps.values()
            for host in step.hosts
            if step.verb is Verb.START and (step.id, host) in hosts.truth.answered
        }
    return outcome


def _decision(
    night: Night, asker: Asker, clock: FakeClock, runs: list[State], fresh: set[Place]
) -> Plan | None:
    """What a call of the timer comes to."""
    now = night.wall(clock.now)
    if not isinstance(opening_at(night.venue.calendar, now), Opening):
        return None  # as the code has it: to say in words why not takes longest
    worn = tuple(
        Wear(component, host, {"active": "active", "age": str(WEEK + len(host))})
        for component, host in sorted(night.worn - fresh)
    )
    past = Past(tuple(runs), (_history(night),))
    return choose(night.venue, Seen(worn), past, asker, now).plan


def _asker(night: Night, clock: FakeClock, *, sees_holes: bool) -> Asker:
    def now() -> Moment:
        return Moment(night.wall(clock.now), 0.0, "")

    get = partial(_prometheus, night, clock, sees_holes)
    return Asker(night.venue, NOWHERE, now=now, get=get, probe=all_ready)


def _answers(asker: Asker, plan: Plan, *, asks_again: bool) -> Callable[[Step], tuple[Check, ...]]:
    def ask(step: Step) -> tuple[Check, ...]:
        return next(iter(asker.answer(Begin(step, step.hosts)))).checks

    if asks_again:
        return ask
    first = ask(next(step for step in plan.steps.values() if step.verb is Verb.QUIET))
    return lambda _step: first


def _drive(night: Night, plan: Plan, hosts: Hosts, outcome: Outcome, random: Random) -> State:
    """The run to its end, or to the crash of its controller; its last state is what is left."""
    states: list[State] = []
    begun = night.seconds(hosts.clock.now)
    ends = Ends(night, plan)

    def watch(state: State, event: Event) -> None:
        states.append(state)
        _watch_hosts(night, plan, hosts, outcome)
        if isinstance(event, StepStarted):
            _watch_step(night, plan.steps[event.step], hosts, begun, outcome)
        outcome.broken += ends.watch(event, night.seconds(hosts.clock.now))

    room = random.randrange(4 * len(plan.steps)) + 1 if random.random() < CRASHES else NEVER
    run = Run(Journal(Paper(room)), hosts, lambda: night.wall(hosts.clock.now), [watch])
    try:
        run.start("run", "timer", plan, {})
        return run.drive()
    except JournalUnwritable:
        return states[-1]


class Ends:
    """What a run still does when its window is over, although no step of it took too long."""

    def __init__(self, night: Night, plan: Plan) -> None:
        self._night = night
        self._plan = plan
        self._begun: dict[str, float] = {}
        self._is_late = False

    def watch(self, event: Event, now: float) -> Iterator[str]:
        """A sentence for a step that ends after the window."""
        if isinstance(event, StepStarted):
            self._begun[event.step] = now
        if not isinstance(event, StepFinished) or event.step not in self._begun:
            return
        step = self._plan.steps[event.step]
        is_between = any(f".{what}." in step.id for what in BETWEEN)
        bound = USUAL.p95 if step.verb in KNOWN or is_between else step.timeout
        self._is_late |= now - self._begun[event.step] > bound
        touches = step.verb in KNOWN or step.verb in {Verb.REHEARSE, Verb.FLOW}
        is_open = any(_is_open(self._night, item, now) for item in self._uncut)
        if touches and not is_open and not self._is_late:
            yield f"{step.id} was under way at {now:.0f} after the window's end"

    @property
    def _uncut(self) -> Iterator[Stretch]:
        """The windows to their very ends: what was begun before the cutoff goes on."""
        return (replace(item, cutoff=0.0) for item in self._night.windows)


def _watch_hosts(night: Night, plan: Plan, hosts: Hosts, outcome: Outcome) -> None:
    """Since when what is down is so; what is down when the first run begins always was."""
    now = night.seconds(hosts.clock.now) if outcome.looked else 0.0
    outcome.looked = True
    places = ((item.name, host) for item in plan.components.values() for host in item.hosts)
    outcome.down = {
        place: outcome.down.get(place, now) for place in places if not hosts.is_up(*place)
    }


def _watch_step(night: Night, step: Step, hosts: Hosts, begun: float, outcome: Outcome) -> None:
    """What may not be so when this step begins; `begun` is when its run began."""
    now = night.seconds(hosts.clock.now)
    is_drill = (step.verb, step.id.rpartition(".")[2]) == DRILLED
    if step.verb is Verb.STOP:
        outcome.stops += 1
        outcome.broken += _broken(night, now, "a stop")
        if not is_drill:
            outcome.broken += _disturbed(night, now, "a stop")
        known = begun if is_drill else now - ASKED
        outcome.broken += _left_alone(step, known, outcome)
    if step.verb is Verb.REHEARSE:
        outcome.loads += 1
        outcome.broken += _broken(night, now, "a load")
        outcome.broken += _disturbed(night, now, "a load")
    if hosts.customers() and (step.verb is Verb.REHEARSE or is_drill):
        outcome.broken.append(f"{step.id} began while sales were open")


def _left_alone(step: Step, known: float, outcome: Outcome) -> Iterator[str]:
    """Another host of the component was down at a time at which that could be known."""
    for (component, host), since in outcome.down.items():
        if component == step.component and host not in step.hosts and since < known:
            yield f"{step.id} began with {host} down since {since:.0f}"


def _broken(night: Night, now: float, what: str) -> Iterator[str]:
    """What forbids it at this true moment."""
    if not any(_is_open(night, item, now) for item in night.windows):
        yield f"{what} at {now:.0f} outside of every window"
    if _is_in(night.alerts, _scraped(now)):
        yield f"{what} at {now:.0f} while an alert fires"


def _is_open(night: Night, window: Stretch, now: float) -> bool:
    """In no blackout, and before the last minutes of what a blackout leaves of the window."""
    if any(item.start <= now < item.end for item in night.blackouts):
        return False
    ends = (item.start for item in night.blackouts if item.start > now)
    return window.start <= now < min(window.end, *ends, math.inf) - window.cutoff


def _disturbed(night: Night, now: float, what: str) -> Iterator[str]:
    """Customers were there in the whole period, or nobody knows whether.

    A drill's stop cannot tell them from its load.
    """
    period = span(night.venue.unattended.idle[0].quiet_for).total_seconds()
    known = [at for at in _samples(night, now) if now - at <= period + FRESH + SCRAPE]
    if any(_is_in(night.busy, at) for at in known if now - at <= period):
        yield f"{what} at {now:.0f} while customers are betting"
    bounds = (now - period - FRESH, *known, now)
    if any(later - earlier > FRESH + SCRAPE for earlier, later in pairwise(bounds)):
        yield f"{what} at {now:.0f} while nobody knows whether customers are betting"


def _samples(night: Night, now: float) -> list[float]:
    """When the samples were taken that Prometheus has at this moment, an hour back."""
    frozen = next((start for start, end in night.outages["stale"] if start <= now < end), now)
    last = frozen - LAG if _is_in(night.outages["late"], now) else frozen
    taken = (_scraped(last) - SCRAPE * back for back in range(int(HOUR / SCRAPE)))
    return sorted(at for at in taken if not _is_in(night.holes, at))


def _prometheus(
    night: Night, clock: FakeClock, sees_holes: bool, url: str, _timeout: float
) -> Reply:
    """What Prometheus would answer at this true moment; it is always right about the time."""
    now = night.seconds(clock.now)
    kind = next((kind for kind, spans in night.outages.items() if _is_in(spans, now)), "")
    date = format_datetime(clock.now)
    if kind == "refused":
        raise ConnectionRefusedError(111, "Connection refused")
    if kind == "broken":
        return Reply(503, date, b"<html>")
    asked = {key: words[0] for key, words in parse_qs(urlsplit(url).query).items()}
    if urlsplit(url).path.endswith("/rules"):
        body = json.dumps({"status": "success", "data": _rules(clock, kind)})
        return Reply(200, date, body.encode())
    shown = night if sees_holes or "time" not in asked else replace(night, holes=())
    result = [] if kind == "empty" else _result(shown, asked, clock, kind)
    if kind == "several":
        result *= 2
    body = json.dumps({"status": "success", "data": {"result": result}})
    return Reply(200, date, body.encode())


def _rules(clock: FakeClock, kind: str) -> dict[str, Any]:
    """The only alert rule, which cannot be evaluated now and then; then no alert is there."""
    health = "err" if kind == "unevaluated" else "ok"
    rule = {"name": "HostDown", "type": "alerting", "health": health}
    evaluated = {**rule, "lastEvaluation": clock.now.isoformat()}
    return {"groups": [{"interval": SCRAPE, "rules": [evaluated]}]}


def _result(night: Night, asked: dict[str, str], clock: FakeClock, kind: str) -> list[Any]:
    now, epoch = night.seconds(clock.now), night.begins.timestamp()
    if asked["query"] == "ALERTS":
        if kind == "unevaluated":
            return []
        labels = {"alertname": "HostDown", "alertstate": "firing"}
        return (
            [{"metric": labels, "value": [0, "1"]}] if _is_in(night.alerts, _scraped(now)) else []
        )
    known = _samples(night, now)
    if "time" in asked:
        seconds = float(asked["query"].removeprefix("bets[").removesuffix("s]"))
        samples = [[epoch + at, "0"] for at in known if now - at <= seconds]
        return [{"metric": {}, "values": samples}] if samples else []
    start, end, step = (float(asked[key]) for key in ("start", "end", "step"))
    values = []
    for place in range(int((end - start) // step) + 1):
        at = start + place * step - epoch
        before = bisect_right(known, at)
        if at <= now + 0.001 and before and at - known[before - 1] < LOOKBACK:
            busy = float(_is_in(night.busy, known[before - 1]))
            values.append([epoch + at, "NaN" if kind == "nan" else str(busy)])
    return [{"metric": {}, "values": values}] if values else []


def _history(night: Night) -> History:
    """Earlier runs took what hosts take here."""
    known = (*KNOWN, *BETWEEN)
    names = (f"{name}.{what}.1" for name in night.venue.components for what in known)
    return History(9, None, dict.fromkeys(names, USUAL))


def _scraped(seconds: float) -> float:
    """The last time at which Prometheus looked."""
    return seconds // SCRAPE * SCRAPE


def _is_in(spans: Spans, at: float) -> bool:
    return any(start <= at < end for start, end in spans)


def _spans(random: Random, *, quiet: float, lasts: float) -> Spans:
    """Stretches of about these lengths, with others of quiet between them."""
    spans, at = [], random.expovariate(1 / quiet) - 2 * lasts
    while at < TICKS * TIMER:
        end = at + random.expovariate(1 / lasts)
        spans.append((at, end))
        at = end + random.expovariate(1 / quiet)
    return tuple(spans)


def _clock(random: Random) -> tuple[tuple[float, float], ...]:
    """Mostly right; else it is set, perhaps back again, in the middle of the night."""
    if random.random() < 0.6:
        return ()
    moments = sorted(random.uniform(0, TICKS * TIMER) for _ in range(random.choice((1, 2))))
    wrong = (random.choice((0.0, 30.0, -30.0, 1800.0, -1800.0, 7200.0)) for _ in moments)
    return tuple(zip(moments, wrong, strict=True))


def _loads(venue: Venue, random: Random) -> Iterator[dict[str, str]]:
    """Now and then what the venue can do under load is due, too."""
    able = {"rehearsal": rehearsable(venue), "drill": drillable(venue)}
    for name, components in able.items():
        if components and random.random() < 0.3:
            yield {"test": name, "every": "1d"}


def _stretch(random: Random) -> Stretch:
    """Around the beginning of the night or in it, at whole minutes."""
    start = 60.0 * random.choice(range(-10, 240, 10))
    minutes = random.choice((3, 4, 5, 20, 60, 180))
    cutoff = min(random.choice((0, 0, 2, 10)), minutes - 1)
    return Stretch(start, start + 60.0 * minutes, 60.0 * cutoff)


def _words(begins: datetime, zone: ZoneInfo, name: str, item: Stretch) -> dict[str, Any]:
    """What a venue file says of it: on which day of the week, at which time of the clock."""
    local = (begins + timedelta(seconds=item.start)).astimezone(zone)
    return {
        "name": name,
        "days": (f"{local:%a}",),
        "start_time": f"{local:%H:%M}",
        "length_minutes": round((item.end - item.start) / 60),
    }


def _first_meant(begins: datetime, zone: ZoneInfo, item: Stretch) -> Stretch:
    """A time that comes twice in autumn is its first occurrence, by the documentation."""
    local = (begins + timedelta(seconds=item.start)).astimezone(zone)
    early = HOUR if local.fold else 0.0
    return replace(item, start=item.start - early, end=item.end - early)
