"""Reports that several hot-path plugins give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.raceday.core.plugins.plugin_utils.hot_path import (
    Answer,
    message,
    problem,
)

UNIT_KEYS = (
    "unit",
    "active",
    "sub",
    "result",
    "restarts",
    "invocation",
    "status",
    "seen",
    "left",
    "log",
)


def evidence(seen: Mapping[str, str]) -> dict[str, str]:
    """What a host showed of a component: its unit's state, its log, and the role's own facts."""
    facts = {key.removeprefix("fact."): text for key, text in seen.items() if key[:5] == "fact."}
    return {**{key: seen[key] for key in UNIT_KEYS if seen.get(key)}, **facts}


def no_answer(component: str, host: str, answer: Answer) -> dict[str, Any]:
    """The report of a host that did not answer in full."""
    state = "unreachable" if answer.unreachable else "failed"
    what = message("%(host)s cannot be reached", host=host)
    following = message(
        "Is it powered on, is sshd running, is its address right? Try: ssh %(host)s", host=host
    )
    if not answer.unreachable:
        what = message("%(host)s gave no answer", host=host)
        following = message("Log in to %(host)s and try: sudo id", host=host)
    return {
        "component": component,
        "host": host,
        "state": state,
        "problem": problem(what, message("%(why)s", why=answer.problem), following),
    }
