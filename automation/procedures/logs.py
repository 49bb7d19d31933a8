"""The journal of a component's unit on all its hosts: read once, or followed."""

import heapq
import queue
import shlex
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from zoneinfo import ZoneInfo

from automation.errors import UsageError
from automation.execute.access import Access, read_access
from automation.execute.ssh import Answer, HostLost, Session, connect, each
from automation.run.events import Message, Problem
from automation.venue.fields import closest
from automation.venue.kinds import read_kind
from automation.venue.site import Component, Venue

LIMIT = 16 * 1024 * 1024  # bytes of one host's log
SECONDS = 60.0
NO_SUCH_TIME = "Failed to parse timestamp"


@dataclass(frozen=True)
class LogRequest:
    """Which lines of a component's journal; `since` in journalctl's words, empty for any time."""

    component: Component
    unit: str
    lines: int
    since: str = ""


@dataclass(frozen=True)
class HostLog:
    """What one host had to show, or why it could not."""

    host: str
    lines: tuple[str, ...] = ()
    problem: Problem | None = None


@dataclass(frozen=True)
class Line:
    """One line as it came from a host; with a problem, the host's last."""

    host: str
    text: str = ""
    problem: Problem | None = None


def find_component(venue: Venue, name: str) -> tuple[Component, str]:
    """The component and its unit; raises UsageError when there is no such journal."""
    component = venue.components.get(name)
    if component is None:
        known = ", ".join(venue.components)
        near = closest(name, list(venue.components))
        args = {"near": near, "names": known}
        raise UsageError(
            Message("There is no component %(component)s.", {"component": name}),
            Message("Did you mean %(near)s? They are: %(names)s.", args)
            if near
            else Message("They are: %(names)s.", args),
        )
    unit = unit_of(venue, component)
    if not unit:
        text = "%(component)s has no systemd unit, so there is no journal of it"
        hint = "It is not ours." if component.external else "Its commands know where it logs."
        raise UsageError(Message(text, {"component": name}), Message(hint))
    return component, unit


def unit_of(venue: Venue, component: Component) -> str:
    """The venue file's word, else what is usual for its kind; empty when no unit is involved."""
    if component.external or component.commands or component.role is None:
        return ""
    return component.unit or read_kind(component.role, venue.inventory).unit


def read_logs(venue: Venue, request: LogRequest, now: datetime) -> tuple[HostLog, ...]:
    """What every host of the component has; raises UsageError when `since` is no time."""
    command = f"exec {_command(venue, request, now)}"
    answers = each(
        read_access(venue, request.component.hosts),
        lambda session: session.run(command, seconds=SECONDS, limit=LIMIT),
        seconds=SECONDS,
    )
    return tuple(_host_log(host, answer, request) for host, answer in answers.items())


def side_by_side(logs: Sequence[HostLog]) -> Iterator[Line]:
    """The lines of all hosts in the order of their time; a message's later lines stay with it."""
    return (Line(host, text) for _, host, text in heapq.merge(*map(_timed, logs), key=_time))


def follow_logs(venue: Venue, request: LogRequest, now: datetime) -> Generator[Line]:
    """Lines as they come, until every host is lost; closing it ends what runs on the hosts."""
    command = f"{_command(venue, request, now)} --follow"
    hosts = read_access(venue, request.component.hosts)
    lines: queue.SimpleQueue[Line] = queue.SimpleQueue()
    with ExitStack() as sessions:
        for access in hosts.values():
            words = (access, command, lines, sessions)
            threading.Thread(target=_follow, args=words, daemon=True).start()
        left = set(hosts)
        while left:
            line = lines.get()
            left -= {line.host} if line.problem else set()
            yield line


def _follow(
    access: Access, command: str, lines: "queue.SimpleQueue[Line]", sessions: ExitStack
) -> None:
    try:
        session: Session = sessions.enter_context(connect(access))
        for text in session.follow(command):
            lines.put(Line(access.host, text))
    except HostLost as lost:
        lines.put(Line(access.host, problem=lost.problem))


def _command(venue: Venue, request: LogRequest, now: datetime) -> str:
    """Every host reads and shows times in the venue's zone, with or without zones of its own."""
    words = [
        "journalctl",
        f"--unit={request.unit}",
        f"--lines={request.lines}",
        *([f"--since={request.since}"] if request.since else []),
        "--output=short-iso",
        "--no-pager",
        "--quiet",
    ]
    return f"env TZ={shlex.quote(posix_zone(venue.time_zone, now))} {shlex.join(words)}"


def posix_zone(name: str, now: datetime) -> str:
    """A zone for hosts that carry no zones: <+0900>-09:00; its sign is turned, by POSIX."""
    offset = now.astimezone(ZoneInfo(name)).strftime("%z")
    sign = "-" if offset[0] == "+" else "+"
    return f"<{offset}>{sign}{offset[1:3]}:{offset[3:5]}"


def _host_log(host: str, answer: Answer | HostLost, request: LogRequest) -> HostLog:
    if isinstance(answer, HostLost):
        return HostLog(host, problem=answer.problem)
    if NO_SUCH_TIME in answer.errors:
        raise UsageError(
            Message("--since %(since)s is no time that journalctl knows", {"since": request.since}),
            'Write for instance -1h, 08:30, yesterday or "2026-11-21 08:30".',
        )
    lines = tuple(answer.output.removesuffix("\n").split("\n")) if answer.output else ()
    return HostLog(host, lines, _shortcoming(host, answer))


def _shortcoming(host: str, answer: Answer) -> Problem | None:
    if answer.code == 0:
        return None
    what = Message("the log of %(host)s is not whole", {"host": host})
    if answer.code is None:
        why = Message("it is too long, or came too slowly")
        return Problem(what, why, Message("Ask for less with --since or -n."))
    said = (answer.errors.strip().splitlines() or [f"code {answer.code}"])[-1]
    return Problem(what, Message("journalctl: %(said)s", {"said": said}))


def _timed(log: HostLog) -> Iterator[tuple[str, str, str]]:
    stamps = accumulate(log.lines, _stamp, initial="")
    next(stamps)
    return ((stamp, log.host, text) for stamp, text in zip(stamps, log.lines, strict=True))


def _stamp(before: str, line: str) -> str:
    first = line.partition(" ")[0]
    return first if first[:1].isdigit() else before


def _time(item: tuple[str, str, str]) -> str:
    return item[0]
