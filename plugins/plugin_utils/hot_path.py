"""One round trip per host: send one POSIX sh script, read one strict answer.

It uses Ansible's own connection and become, and needs no Python on the target.
"""

from __future__ import annotations

import base64
import re
import shlex
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.raceday.core.plugins.plugin_utils.way_in import way_in

LIBRARY = Path(__file__).with_name("hot_path.sh").read_text(encoding="utf-8")
MARK = "@raceday "
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Answer:
    """What a host said: its own values, one mapping per component, and the controller's clock.

    `problem` is set when there is no complete answer; `unreachable` when there was no connection.
    `way_in` is the command by which an operator gets onto the host.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    components: tuple[Mapping[str, str], ...] = ()
    sent_at: float = 0.0
    received_at: float = 0.0
    problem: str = ""
    unreachable: bool = False
    way_in: str = ""


def ask(action: ActionBase, calls: Iterable[str]) -> Answer:
    """Run these shell calls after the library on the task's host."""
    return replace(_ask(action, calls), way_in=_way_in(action))


def _way_in(action: ActionBase) -> str:
    return way_in(getattr(action, "_connection", None))


def _ask(action: ActionBase, calls: Iterable[str]) -> Answer:
    body = "\n".join(calls)
    script = f'{LIBRARY}\nput began "$(date +%s.%N)"\n{body}\nput ended "$(date +%s.%N)"\n'
    sent_at = time.time()
    try:
        run = action._low_level_execute_command  # noqa: SLF001  # Ansible's face for this
        reply = run(f"sh -c {shlex.quote(script)} </dev/null")
    except AnsibleConnectionFailure as error:
        return unreached(action, error)
    return _parse(reply, sent_at, time.time())


def unreached(action: ActionBase, error: AnsibleConnectionFailure) -> Answer:
    """No connection, and why: the last of what ssh said, which is what it ended with."""
    why = clean(str(error).strip().rpartition("\n")[2])
    return Answer(problem=why, unreachable=True, way_in=_way_in(action))


def message(text: str, **args: Any) -> dict[str, Any]:
    """A sentence with its arguments apart, as the run's journal keeps it."""
    return {"text": text, "args": args}


def problem(what: dict[str, Any], why: dict[str, Any], following: dict[str, Any]) -> dict[str, Any]:
    """What failed, why, and what to do next."""
    return {"what": what, "why": why, "next": following}


def check(  # noqa: PLR0913  # a check has these parts
    name: str,
    expected: str,
    observed: str,
    *,
    passed: bool,
    why: dict[str, Any] | None = None,
    following: dict[str, Any] | None = None,
    seconds: float = 0.0,
) -> dict[str, Any]:
    """One named observation, as the run's journal keeps it."""
    return {
        "name": name,
        "expected": expected,
        "observed": clean(observed),
        "passed": passed,
        "seconds": seconds,
        "why": None if passed else why,
        "next": None if passed else following,
    }


def result(
    reports: list[dict[str, Any]], *, changed: bool = False, strict: bool = True
) -> dict[str, Any]:
    """An Ansible result that carries reports; it fails when one of them is bad.

    When not `strict`, a failed check alone does not take the host out of the play: raceday weighs
    it for the verdict.
    """
    bad = [report for report in reports if not _is_good(report, strict=strict)]
    text = "; ".join(sentence for report in bad for sentence in _sentences(report))
    return {
        "changed": changed,
        "failed": bool(bad),
        "raceday": reports,
        **({"msg": text} if text else {}),
    }


def clean(text: str) -> str:
    """Text of a host without control characters or direction marks, at most 500 characters."""
    return CONTROL.sub("", text).replace("\n", " ").strip()[:500]


def _is_good(report: Mapping[str, Any], *, strict: bool) -> bool:
    good_state = report["state"] in {"ok", "already", "would"}
    checks = report.get("checks", ()) if strict else ()
    return good_state and all(item["passed"] for item in checks)


def _sentences(report: Mapping[str, Any]) -> Iterable[str]:
    if report.get("problem"):
        yield f"{_said(report['problem']['what'])}: {_said(report['problem']['why'])}"
    for item in report.get("checks", ()):
        if not item["passed"]:
            plain = "%(name)s: expected %(expected)s, observed %(observed)s"
            yield _said(item["why"] or message(plain, **item))


def _said(sentence: Mapping[str, Any]) -> str:
    """A message in English; its arguments may be messages themselves."""
    nested = {key: value for key, value in sentence["args"].items() if _is_message(value)}
    said = {key: _said(value) for key, value in nested.items()}
    return str(sentence["text"] % {**sentence["args"], **said})


def _is_message(value: Any) -> bool:
    return isinstance(value, Mapping) and "text" in value


def _parse(reply: Mapping[str, Any], sent_at: float, received_at: float) -> Answer:
    values: dict[str, str] = {}
    components: list[dict[str, str]] = []
    for key, value in _pairs(str(reply.get("stdout", ""))):
        if key == "component":
            components.append({})
        target = values if key in {"began", "ended"} or not components else components[-1]
        if target.setdefault(key, value) != value:
            why = f"the answer says {clean(key)} twice"
            return Answer(problem=why, sent_at=sent_at, received_at=received_at)
    if "ended" not in values:
        return Answer(problem=_why_not(reply), sent_at=sent_at, received_at=received_at)
    return Answer(values, tuple(components), sent_at, received_at)


def _pairs(text: str) -> Iterable[tuple[str, str]]:
    """Every key and value; only a line feed ends a line, whatever else a value holds."""
    lines = (line.removesuffix("\r") for line in text.split("\n"))
    return (_pair(line.removeprefix(MARK)) for line in lines if line.startswith(MARK))


def _pair(line: str) -> tuple[str, str]:
    key, _, value = line.partition("=")
    if key.endswith("@"):
        text = base64.b64decode(value).decode("utf-8", errors="replace")
        return key.removesuffix("@"), text
    return key, clean(value)


def _why_not(reply: Mapping[str, Any]) -> str:
    said = clean(str(reply.get("stderr") or reply.get("stdout") or "")) or "it said nothing"
    return f"the shell ended with code {reply.get('rc')} before it answered: {said}"
