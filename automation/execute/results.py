"""What a task's result says, as reports. Anything that does not read as a report is a failure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from automation.redaction import redact_all
from automation.run.events import (
    GOOD,
    Check,
    HostReported,
    HostState,
    Message,
    Problem,
    load_check,
    load_problem,
)
from automation.run.plan import Step

_BEFORE = re.compile(r"^.*?(?:via|over) ssh: ")
_PLACE = re.compile(
    r"^(?:ssh: )?(?:connect to host \S+ port \d+: |Could not resolve hostname \S+: |\S+@\S+: )"
)
_ADDRESS = re.compile(r"(?: (?:by|from|to|with) \S+ port \d+|(?<=server) \S+(?= not responding))")
UNTRUSTED = "Host key verification failed."  # the last words of ssh, of a new key or a changed one
FOR_ALL = "raceday.core.clocks"  # runs once, and reports for every host it compared


def reports_of(steps: Sequence[Step], kind: str, data: Mapping[str, Any]) -> Iterator[HostReported]:
    """Reports in one event of a host, for the steps that are being done."""
    host = str(data.get("host"))
    data = {**data, "res": redact_all(data.get("res") or {})}
    told = list(_told(steps, host, data))
    yield from told
    if kind == "runner_on_ok" or any(_is_bad(report) for report in told):
        return
    yield from (_failure(step, host, kind, data) for step in steps if host in step.hosts)


def _told(steps: Sequence[Step], host: str, data: Mapping[str, Any]) -> Iterator[HostReported]:
    items = (data.get("res") or {}).get("raceday") or ()
    if not isinstance(items, list | tuple) or not all(isinstance(item, dict) for item in items):
        why = Message("it is no list of reports")
        yield from (_unreadable(step, host, why) for step in steps if host in step.hosts)
        return
    by_component = {step.component: step for step in steps}
    for item in items:
        step = by_component.get(str(item.get("component")))
        if step is not None:
            yield _of_one(step, host, item, for_all=data.get("task_action") == FOR_ALL)


def _of_one(step: Step, host: str, item: Mapping[str, Any], *, for_all: bool) -> HostReported:
    named = item.get("host", host)
    if named == host or (for_all and isinstance(named, str)):
        return _report(step, named, item)
    return _unreadable(step, host, Message("it speaks for %(host)s", {"host": str(named)}))


def _report(step: Step, host: str, item: Mapping[str, Any]) -> HostReported:
    try:
        return HostReported(
            step=step.id,
            host=host,
            state=HostState(item["state"]),
            seconds=float(item.get("seconds", 0.0)),
            checks=tuple(_check(check) for check in item.get("checks", ())),
            problem=_told_problem(step, host, item),
            evidence={str(key): str(text) for key, text in item.get("evidence", {}).items()},
            failed_tries=tuple(map(_problem, item.get("failed_tries", ()))),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        why = Message("%(error)s", {"error": f"{type(error).__name__}: {error}"})
        return _unreadable(step, host, why)


def _told_problem(step: Step, host: str, item: Mapping[str, Any]) -> Problem | None:
    problem = load_problem(item.get("problem"))
    if problem is None or item["state"] != HostState.UNREACHABLE:
        return problem
    return _in_ssh_words(step, host, problem)


def _check(data: Mapping[str, Any]) -> Check:
    """Any text would count as true, so `passed` must be true or false itself."""
    check = load_check(data)
    if not isinstance(check.passed, bool):
        raise TypeError(f"passed is {check.passed!r}")
    return check


def _problem(data: Mapping[str, Any]) -> Problem:
    problem = load_problem(data)
    if problem is None:
        raise TypeError("a failed try without its problem")
    return problem


def _unreadable(step: Step, host: str, why: Message) -> HostReported:
    what = Message("%(host)s sent a report that cannot be read", {"host": host})
    return HostReported(step.id, host, HostState.FAILED, problem=Problem(what, why))


def _is_bad(report: HostReported) -> bool:
    return report.state not in GOOD or not all(check.passed for check in report.checks)


def _failure(step: Step, host: str, kind: str, data: Mapping[str, Any]) -> HostReported:
    said = str((data.get("res") or {}).get("msg") or "it gave no reason").strip()
    if kind == "runner_on_unreachable":
        what = Message("%(host)s cannot be reached", {"host": host})
        following = Message("What is wrong, and how to log in: raceday status")
        problem = Problem(what, Message("%(why)s", {"why": said}), following)
        told = _in_ssh_words(step, host, problem)
        return HostReported(step.id, host, HostState.UNREACHABLE, problem=told)
    why = Message("%(why)s", {"why": said[:500]})
    args = {"task": data.get("task", "?"), "host": host}
    what = Message("the task '%(task)s' failed on %(host)s", args)
    return HostReported(step.id, host, HostState.FAILED, problem=Problem(what, why))


def _in_ssh_words(step: Step, host: str, problem: Problem) -> Problem:
    """The same, with why ssh failed; a host key that does not hold wants something else done."""
    words = ssh_words(str(problem.why))
    if words != UNTRUSTED:
        return replace(problem, why=Message("%(why)s", {"why": words}))
    why = Message("its host key is not known, or it has changed")
    text = (
        "If nobody installed %(host)s anew, somebody may sit in between: do not go on. "
        "The keys, and what to do if it was: raceday logs %(component)s"
    )
    args = {"host": host, "component": step.component}
    return replace(problem, why=why, next=Message(text, args))


def ssh_words(said: str) -> str:
    """Why ssh failed, without what Ansible puts before it and the names of host and user."""
    last = said.strip().rpartition("\n")[2]
    return _ADDRESS.sub("", _PLACE.sub("", _BEFORE.sub("", last)))[:500]
