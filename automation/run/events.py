"""The journal's vocabulary. Everything that can be known of a run is said in these words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any


@dataclass(frozen=True)
class Message:
    """A sentence in English with its arguments apart, so that a view can say it in any language.

    `text` uses named %-placeholders and is the catalogue's key.
    """

    text: str
    args: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text % self.args if self.args else self.text


class HostState(StrEnum):
    """What is known of one host after a step."""

    OK = "ok"
    ALREADY = "already"  # it was so before; nothing was done
    WOULD = "would"  # check mode: it would have been done
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"  # nothing was reported


GOOD = frozenset({HostState.OK, HostState.ALREADY, HostState.WOULD})


@dataclass(frozen=True)
class Problem:
    """Why a host or a check is bad: what failed, why, and what to do next."""

    what: Message
    why: Message
    next: Message = Message("")


@dataclass(frozen=True)
class Check:
    """One named, recorded observation. `seconds` is how long observing took, on the host."""

    name: str
    expected: str
    observed: str
    passed: bool
    seconds: float = 0.0
    why: Message | None = None
    next: Message | None = None


@dataclass(frozen=True)
class RunStarted:
    """A run begins: who, what, and the whole plan."""

    run_id: str
    operator: str
    plan: Mapping[str, Any]
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StepStarted:
    """A step was released on these hosts; by host, these servers a load balancer was told of."""

    step: str
    hosts: tuple[str, ...]
    servers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class HostReported:
    """A host answered for a step. A later report of the same host adds to the earlier one.

    `seconds` is the time the host itself spent; `evidence` is text for people (log lines, states);
    `failed_tries` say why earlier tries of the same step failed, whatever came of the last.
    """

    step: str
    host: str
    state: HostState
    seconds: float = 0.0
    checks: tuple[Check, ...] = ()
    problem: Problem | None = None
    evidence: Mapping[str, str] = field(default_factory=dict)
    failed_tries: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class StepFinished:
    """The executor is done with a step; hosts that have not reported by now are unknown.

    `cause` is empty when it simply ended, else why it could not.
    """

    step: str
    cause: Message | None = None


@dataclass(frozen=True)
class StepSkipped:
    """A planned step will not be executed, and why."""

    step: str
    reason: Message


@dataclass(frozen=True)
class StepReused:
    """An earlier part of the run did this step, and a fresh look found it unchanged."""

    step: str


@dataclass(frozen=True)
class VerdictDecided:
    """GO, CONDITIONAL or NO-GO, with every reason; times in UTC ISO 8601."""

    result: str
    reasons: tuple[Message, ...]
    valid_until: str


@dataclass(frozen=True)
class VerdictRevoked:
    """A later look found a gate that is no longer good, so the verdict does not hold any more."""

    reasons: tuple[Message, ...]


@dataclass(frozen=True)
class RunInterrupted:
    """The operator asked to stop; no new step is begun."""

    by: str


@dataclass(frozen=True)
class RunRecovered:
    """The run had died, and all that it had left has been put back; `by` is the command."""

    by: str


@dataclass(frozen=True)
class RunResumed:
    """The run goes on after it had died, failed or been interrupted.

    `plan` is what is intended now; `from_step` and what follows it is done again in any case.
    """

    by: str
    plan: Mapping[str, Any]
    from_step: str = ""


@dataclass(frozen=True)
class RunFinished:
    """The run is over."""

    result_state: str


Event = (
    RunStarted
    | StepStarted
    | HostReported
    | StepFinished
    | StepSkipped
    | StepReused
    | VerdictDecided
    | VerdictRevoked
    | RunInterrupted
    | RunRecovered
    | RunResumed
    | RunFinished
)

_TYPES: dict[str, type] = {
    "run.started": RunStarted,
    "step.started": StepStarted,
    "host.reported": HostReported,
    "step.finished": StepFinished,
    "step.skipped": StepSkipped,
    "step.reused": StepReused,
    "verdict.decided": VerdictDecided,
    "verdict.revoked": VerdictRevoked,
    "run.interrupted": RunInterrupted,
    "run.recovered": RunRecovered,
    "run.resumed": RunResumed,
    "run.finished": RunFinished,
}
_NAMES = {kind: name for name, kind in _TYPES.items()}
_FIELDS = {kind: tuple(item.name for item in fields(kind)) for kind in _NAMES}


def dump_event(event: Event) -> dict[str, Any]:
    """An event's fields and its kind under `type`; what is nested is for JSON's `default=vars`."""
    return {"type": _NAMES[type(event)], **vars(event)}


def load_event(data: Mapping[str, Any]) -> Event:
    """The event that `dump_event` wrote. Raises KeyError or TypeError on anything else."""
    kind = _TYPES[data["type"]]
    data = _of_today(data)
    known = (name for name in _FIELDS[kind] if name in data)
    event: Event = kind(**{name: _revive(name, data[name]) for name in known})
    return event


def _of_today(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Version 0.1 told every host of a load balancer of the same servers, and wrote one list."""
    if not isinstance(data.get("servers"), list):
        return data
    hosts = data["hosts"] if data["servers"] else ()
    return {**data, "servers": dict.fromkeys(hosts, data["servers"])}


def load_check(data: Mapping[str, Any]) -> Check:
    """A check from plain data."""
    revived = {"why": load_message(data.get("why")), "next": load_message(data.get("next"))}
    return Check(**{**data, **revived})


def load_problem(data: Mapping[str, Any] | None) -> Problem | None:
    """A problem from plain data."""
    if data is None:
        return None
    why, following = load_message(data["why"]), load_message(data.get("next"))
    return Problem(
        load_message(data["what"]) or Message(""), why or Message(""), following or Message("")
    )


def load_message(data: Mapping[str, Any] | None) -> Message | None:
    """A message from plain data; arguments may be messages themselves."""
    if data is None:
        return None
    args = {key: _argument(value) for key, value in data.get("args", {}).items()}
    return Message(data["text"], args)


def _argument(value: Any) -> Any:
    return load_message(value) if isinstance(value, dict) and "text" in value else value


def _revive(name: str, value: Any) -> Any:
    return _REVIVERS[name](value) if name in _REVIVERS else value


_REVIVERS: Mapping[str, Callable[[Any], Any]] = {
    "hosts": tuple,
    "servers": lambda told: {host: tuple(servers) for host, servers in told.items()},
    "state": HostState,
    "checks": lambda items: tuple(load_check(item) for item in items),
    "problem": load_problem,
    "failed_tries": lambda items: tuple(load_problem(item) for item in items),
    "cause": load_message,
    "reason": load_message,
    "reasons": lambda items: tuple(load_message(item) for item in items),
}
