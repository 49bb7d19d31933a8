"""Problems that differ only in their host, told as one. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from automation.run.events import Message, Problem
from automation.views.i18n import Translator

_ENGLISH = Translator("en")


def alike(found: Iterable[tuple[str, Problem]]) -> tuple[Problem, ...]:
    """Each problem of a host once, told of all hosts that have it, in the order of the first.

    What to do next is that of the first host.
    """
    same: dict[tuple[str, ...], dict[str, Problem]] = {}
    for host, problem in found:
        same.setdefault(sameness(problem), {}).setdefault(host, problem)
    return tuple(_together(hosts) for hosts in same.values())


def once(reasons: Iterable[Message]) -> tuple[Message, ...]:
    """Each sentence once, told of all hosts of which the same was to be said."""
    same: dict[str, dict[str, Message]] = {}
    for reason in reasons:
        same.setdefault(_ENGLISH(_told_of(reason, "")), {}).setdefault(_host_of(reason), reason)
    return tuple(_told_of(next(iter(hosts.values())), ", ".join(hosts)) for hosts in same.values())


def sameness(problem: Problem) -> tuple[str, ...]:
    """Equal for problems that differ only in their host."""
    blank = told_of(problem, "")
    return tuple(map(_ENGLISH, (blank.what, blank.why)))


def told_of(problem: Problem, host: str) -> Problem:
    """The same problem, told of another host."""
    return Problem(*(_told_of(item, host) for item in (problem.what, problem.why, problem.next)))


def _together(hosts: Mapping[str, Problem]) -> Problem:
    first = next(iter(hosts.values()))
    if len(hosts) == 1:
        return first
    return replace(told_of(first, ", ".join(hosts)), next=first.next)


def _told_of(message: Message, host: str) -> Message:
    return Message(message.text, {key: _named(key, message.args, host) for key in message.args})


def _named(key: str, args: Mapping[str, Any], host: str) -> Any:
    value = args[key]
    if isinstance(value, Message):
        return _told_of(value, host)
    return host if key == "host" else value


def _host_of(message: Message) -> str:
    """The first that it names; empty where it names none."""
    inner = (item for item in message.args.values() if isinstance(item, Message))
    found = (message.args.get("host"), *map(_host_of, inner))
    return next((str(host) for host in found if host), "")
