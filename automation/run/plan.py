"""What a procedure intends: steps, the hosts they touch, and what each of them waits for.

A plan is plain data. It is written whole into the journal's first event, so a run can be folded,
explained and resumed without the venue file it came from.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Verb(StrEnum):
    """What a role can do to its component; the first three only look."""

    PREFLIGHT = "preflight"
    CLOCKS = "clocks"
    PROBE = "probe"
    START = "start"
    STOP = "stop"
    KILL = "kill"  # a stop that asks nobody
    TEST = "test"
    THROUGH = "through"  # the same test along the customers' way, from the load balancer's hosts
    REHEARSE = "rehearse"  # purchases at a set rate along that way
    FLOW = "flow"  # they are answered, now
    TIDY = "tidy"  # they end, and all that was bought is taken back
    SETTLED = "settled"  # nothing that customers are owed is left open
    CLOSE = "close"  # no sale from now on, at every backend of a load balancer
    REFUSAL = "refusal"  # a customer is turned away, as it must be while sales are closed
    DRAIN = "drain"  # these servers get no new customers, and lose the ones they have one by one
    UNDRAIN = "undrain"
    QUIET = "quiet"  # unattended work may go on: still allowed, and customers are not at it


_STRICT = frozenset(
    {
        Verb.TEST,
        Verb.THROUGH,
        Verb.REHEARSE,
        Verb.FLOW,
        Verb.TIDY,
        Verb.SETTLED,
        Verb.CLOSE,
        Verb.REFUSAL,
        Verb.DRAIN,
        Verb.UNDRAIN,
        Verb.QUIET,
    }
)


LETS_FINISH = "lets_finish"  # option of a closing: customers have time, as nobody commanded it
TESTING = frozenset({"test", "rehearsal", "drill"})  # procedures


@dataclass(frozen=True)
class Step:
    """One verb on one component.

    `needs` are steps that must have succeeded, `after` steps that must merely have ended. Steps of
    one `lane` share a process of the executor. `checks` are the names every host must report: what
    is not reported is unknown, and unknown is bad. `timeout` is in seconds. `options` are what the
    role's verb is told beside its hosts; a step that has any is alone in its stage. A step that
    `spares_leader` is not begun on a host that leads, unless the plan says so.
    """

    id: str
    component: str
    verb: Verb
    hosts: tuple[str, ...]
    lane: str
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    min_ready: int = 1
    timeout: float = 120.0
    on_verdict: bool = False
    hosts_of: str = ""
    servers: tuple[str, ...] = ()
    puts_back: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    spares_leader: bool = False

    @property
    def owner(self) -> str:
        """The component whose hosts these are: its own, unless `hosts_of` says otherwise."""
        return self.hosts_of or self.component

    @property
    def is_test(self) -> bool:
        """Whether it acts as customers would, or watches those who do."""
        return self.verb in {Verb.TEST, Verb.THROUGH, Verb.REHEARSE, Verb.FLOW}

    @property
    def is_look(self) -> bool:
        """A first look, before anything is done: what it finds down is no fault of this run."""
        return self.verb is Verb.PROBE and self.lane == "look"

    @property
    def is_gate(self) -> bool:
        """Whether it proves that a component is up; other probes only ask before something."""
        return self.verb is Verb.PROBE and self.id.endswith(".gate")

    @property
    def is_capacity(self) -> bool:
        """Whether its hosts are asked if they can do without `servers`, as "backend/server"."""
        return self.verb is Verb.PROBE and bool(self.servers)

    @property
    def is_patient(self) -> bool:
        """A probe that something waits for: it asks until it is answered well, or gives up."""
        return self.verb is Verb.PROBE and self.id.endswith(f".{Verb.PROBE}")

    @property
    def is_strict(self) -> bool:
        """Whether one bad check on a host that answers is its failure."""
        return self.verb in _STRICT


@dataclass(frozen=True)
class PlannedComponent:
    """What the run and its report need to know of a component."""

    name: str
    title: str
    hosts: tuple[str, ...]
    depends_on: tuple[str, ...] = ()
    critical: bool = True
    external: bool = False
    min_ready: int = 1
    unit: str = ""
    manual_minutes: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Plan:
    """A procedure on a venue, closed: what is not in here cannot happen.

    `standing` says which start of its unit each host was proven to run; an `untested` plan has no
    tests of its own, and its verdict rests on that.

    `fronts` are the load balancers, which say whether sales are open. With `break_glass` something
    is done that is refused otherwise; `reason` says why, as it does for a CONDITIONAL that was
    accepted. `extra_vars` is what the operator gave to Ansible, without secrets. With
    `include_primary` its hosts may be stopped although they lead their component.
    What was not done is an error where a plan `must_be_whole`, and where it `stops_at_failure`: a
    roll that stopped, something that was not put back. At hosts of load balancers that are
    `emptied` sales look closed only because runs of ours have taken out every server. By such a
    host and "backend/server", `found` is how servers were set when sales were closed: a closing
    that could not be recorded at once had found them so, and an opening lets in what was ready. By
    host, `cut_off` is how many customers that closing had cut off, and `closed_at` (UTC ISO 8601)
    when it was done. A verdict ends at `valid_until`
    (UTC ISO 8601), when the one that it rests on does, however long it would be good itself.
    """

    venue: str
    title: str
    time_zone: str
    procedure: str
    components: Mapping[str, PlannedComponent]
    steps: Mapping[str, Step]
    deadline: str = ""
    verdict_valid_minutes: float = 720.0
    valid_until: str = ""
    check: bool = False
    fronts: tuple[str, ...] = ()
    gives_verdict: bool = True
    untested: bool = False
    stops_at_failure: bool = False
    must_be_whole: bool = False
    accept_conditional: bool = False
    break_glass: bool = False
    include_primary: bool = False
    reason: str = ""
    extra_vars: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()
    found: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    cut_off: Mapping[str, int] = field(default_factory=dict)
    closed_at: str = ""
    standing: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""
    estimates: Mapping[str, float] = field(default_factory=dict)

    @property
    def may_meet_sales(self) -> bool:
        """Whether it goes on while sales are open.

        Unattended, when customers are seen to be away before each stop; else with the glass broken.
        What only tests never does: it breaks the glass for a blackout, and buys as customers do.
        """
        verbs = {step.verb for step in self.steps.values()}
        if self.procedure in TESTING or Verb.REHEARSE in verbs:
            return False
        return self.break_glass or {Verb.QUIET, Verb.STOP} <= verbs

    def of_component(self, component: str) -> tuple[Step, ...]:
        """Steps of one component, in plan order."""
        return tuple(step for step in self.steps.values() if step.component == component)

    def following(self, step: str) -> frozenset[str]:
        """A step and all that waits for it, directly or through others."""
        found: set[str] = set()
        more = {step}
        while more:
            found |= more
            more = {
                name
                for name, item in self.steps.items()
                if not found.isdisjoint((*item.needs, *item.after, item.puts_back))
            } - found
        return frozenset(found)

    def dump(self) -> dict[str, Any]:
        """Plain data for the journal."""
        return asdict(self)


def load_plan(data: Mapping[str, Any]) -> Plan:
    """The plan as it stood in the journal."""
    components = {name: _component(item) for name, item in data["components"].items()}
    steps = {name: _step(item) for name, item in data["steps"].items()}
    known = _of_today(data, steps)
    tuples = {key: tuple(data.get(key, ())) for key in ("emptied", "extra_vars")}
    return Plan(**{**known, **tuples, "components": components, "steps": steps})


def _of_today(data: Mapping[str, Any], steps: Mapping[str, Step]) -> dict[str, Any]:
    """A plan of version 0.1 named its fronts by what they opened, and had one kind of reason."""
    opened = (step.component for step in steps.values() if step.on_verdict)
    known = {**data, "fronts": tuple(data.get("fronts", dict.fromkeys(opened)))}
    if "accept_reason" in known:
        known["reason"] = known.pop("accept_reason")
        known["accept_conditional"] = bool(known["reason"])
    return known


def _component(item: Mapping[str, Any]) -> PlannedComponent:
    manual = item["manual_minutes"]
    return PlannedComponent(
        **{
            **item,
            "hosts": tuple(item["hosts"]),
            "depends_on": tuple(item["depends_on"]),
            "manual_minutes": tuple(manual) if manual else None,
        }
    )


def _step(item: Mapping[str, Any]) -> Step:
    tuples = {
        key: tuple(item.get(key, ())) for key in ("hosts", "needs", "after", "checks", "servers")
    }
    return Step(**{**item, **tuples, "verb": Verb(item["verb"])})
