"""Reports that several hot-path plugins give."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from ansible_collections.raceday.core.plugins.plugin_utils.hot_path import (
    Answer,
    message,
    problem,
)

CLEAR_UP = (
    "Log in to %(host)s, end it if it hangs, and see that its status command answers; "
    "then run it again."
)
SEEN = (  # what the hot path says of a health check in words of its own
    message("no whole answer within %(seconds)s s (slow)"),
    message("no answer within %(first)s s, but after %(seconds)s s (slow)"),
    message("no answer within %(seconds)s s (connected)"),
    message("no answer within %(seconds)s s"),
    message("no answer"),
    message("connection refused"),
    message("no connection within %(seconds)s s"),
    message("no connection"),
    message("neither curl nor wget is installed"),
    message("neither bash nor nc is installed"),
    message("%(unit)s is %(state)s"),
)
UNIT_KEYS = (
    "unit",
    "active",
    "sub",
    "result",
    "restarts",
    "invocation",
    "boot",
    "status",
    "seen",
    "hangs",
    "left",
    "log",
)


def evidence(seen: Mapping[str, str]) -> dict[str, str]:
    """What a host showed of a component: its unit's state, its log, and the role's own facts."""
    facts = {key.removeprefix("fact."): text for key, text in seen.items() if key[:5] == "fact."}
    return {**{key: seen[key] for key in UNIT_KEYS if seen.get(key)}, **facts}


def told(seen: str) -> dict[str, Any]:
    """What a health check saw, as a sentence; what it said itself stays as it is."""
    for said in SEEN:
        text = re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>\\S+)", re.escape(said["text"]))
        found = re.fullmatch(text, seen)
        if found:
            return message(said["text"], **found.groupdict())
    return message("%(seen)s", seen=seen)


def outcome_report(
    spec: Mapping[str, Any], host: str, seen: Mapping[str, str], states: Mapping[str, str]
) -> dict[str, Any]:
    """The report of a host that did something; an outcome that is not among `states` is bad."""
    return {
        "component": spec["name"],
        "host": host,
        "state": states.get(seen["outcome"], "failed"),
        "seconds": int(seen["took"]) / 100,
        "evidence": evidence(seen),
    }


def no_answer(component: str, host: str, answer: Answer) -> dict[str, Any]:
    """The report of a host that did not answer in full."""
    state = "unreachable" if answer.unreachable else "failed"
    what = message("%(host)s cannot be reached", host=host)
    following = message(
        "Is it powered on, is sshd running, is its address right? Try: %(login)s",
        login=login(host, answer.way_in),
    )
    if not answer.unreachable:
        what = message("%(host)s gave no answer", host=host)
        following = message("Log in (%(login)s) and try: sudo id", login=login(host, answer.way_in))
    return {
        "component": component,
        "host": host,
        "state": state,
        "problem": problem(what, message("%(why)s", why=answer.problem), following),
    }


def login(host: str, way_in: str) -> str:
    """What an operator types to get onto the host."""
    return way_in or shlex.join(("ssh", host))


def nothing_here(host: str) -> dict[str, Any]:
    """The result of a host that is no component's: it is not ours to ask."""
    return {"skipped": True, "msg": f"no component of the venue is on {host}", "raceday": []}
