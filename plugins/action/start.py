"""Start a component on a host, in one round trip; see plugins/modules/start.py for its manual."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.raceday.core.plugins.plugin_utils.hot_path import (
    Answer,
    ask,
    message,
    problem,
    result,
)
from ansible_collections.raceday.core.plugins.plugin_utils.reports import (
    CLEAR_UP,
    no_answer,
    outcome_report,
    told,
)
from ansible_collections.raceday.core.plugins.plugin_utils.spec import (
    component_spec,
    describe_probe,
    shell_variables,
)

ARGUMENTS = {"component": {"type": "str", "required": True}}
STATES = {"started": "ok", "already": "already", "would": "would"}
DOWN = frozenset({"inactive", "failed"})
HANGS = frozenset({"not_ready", "stopped_answering"})
TRANSIENT = HANGS | {"start_failed", "died", "died_settling", "restarted"}
LASTING_RESULT = "start-limit-hit"  # systemd itself has tried, and given up
# exit statuses that no second try mends: LSB's (wrong arguments, not installed, not configured, not
# permitted), and systemd's own from 200 on (no such program, user or directory)
LASTING_STATUS = frozenset(map(str, (*range(2, 7), *range(200, 246))))
LOOK = "Read the log lines and mend the cause."


class ActionModule(ActionBase):
    """Start, wait until it is healthy and settled; try again what fails transiently."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return `raceday`: one report with state, seconds, evidence and, when bad, the problem.

        Beside it is `found_down`: whether what may run now is ours.
        """
        super().run(tmp, task_vars)
        _, params = self.validate_argument_spec(ARGUMENTS)
        variables = task_vars or {}
        spec = component_spec(variables, params["component"])
        answers = _answers(self, spec)
        host = variables["inventory_hostname"]
        report = _last_of([_report(spec, host, answer) for answer in answers], _most_tries(spec))
        done = {seen["outcome"] for answer in answers for seen in answer.components}
        changed = len(answers) > 1 or not done.isdisjoint({"started", "would"})
        told = {**result([report], changed=changed), "found_down": _found_down(answers)}
        return {**told, **_diff(changed=changed, spec=spec)}


def _answers(action: ActionBase, spec: dict[str, Any]) -> list[Answer]:
    """The host's answer to each try: one, and `retries` more while it fails transiently."""
    variables = shell_variables(spec, check=action._task.check_mode)  # noqa: SLF001  # Ansible's face
    answers = [ask(action, (variables, "start_component"))]
    while len(answers) < _most_tries(spec) and _is_transient(answers):
        hangs = answers[-1].components[0]["outcome"] in HANGS
        anew = ("stop_it || true",) if hangs else ()
        answers.append(ask(action, (variables, *anew, "start_component")))
    return answers


def _most_tries(spec: dict[str, Any]) -> int:
    return 1 + int(spec.get("retries", 0))


def _is_transient(answers: list[Answer]) -> bool:
    """Whether another try may help. What hangs is ours to stop only if a try found it down."""
    if answers[-1].problem:
        return False
    seen = answers[-1].components[0]
    lasting = seen["result"] == "exit-code" and seen["status"] in LASTING_STATUS
    not_ours = seen["outcome"] in HANGS and not _found_down(answers)
    given_up = seen["result"] == LASTING_RESULT
    return seen["outcome"] in TRANSIENT and not (lasting or not_ours or given_up)


def _found_down(answers: list[Answer]) -> bool:
    return any(seen["was"] in DOWN for answer in answers for seen in answer.components)


def _last_of(reports: list[dict[str, Any]], most: int) -> dict[str, Any]:
    """The last try's report, with the problems of those before it; a good one has their log."""
    *failed, last = reports
    if not failed:
        return last
    tries = [report["problem"] for report in failed]
    if "problem" not in last:
        log = {key: failed[0]["evidence"][key] for key in ("log",) if key in failed[0]["evidence"]}
        return {
            **last,
            "state": "ok",
            "failed_tries": tries,
            "evidence": {**last["evidence"], **log},
        }
    why = message(
        "%(why)s; that was try %(try)s of %(tries)s",
        **{"why": last["problem"]["why"], "try": len(reports), "tries": most},
    )
    return {**last, "failed_tries": tries, "problem": {**last["problem"], "why": why}}


def _diff(*, changed: bool, spec: dict[str, Any]) -> dict[str, Any]:
    after = f"{spec['name']}: up\n"
    return {"diff": {"before": f"{spec['name']}: down\n" if changed else after, "after": after}}


def _report(spec: dict[str, Any], host: str, answer: Answer) -> dict[str, Any]:
    if answer.problem:
        return no_answer(spec["name"], host, answer)
    seen = answer.components[0]
    outcome = seen["outcome"]
    report = outcome_report(spec, host, seen, STATES)
    if outcome not in STATES:
        following = message(CLEAR_UP, host=host) if outcome == "in_doubt" else message(LOOK)
        report["problem"] = problem(*_problem(outcome, spec, host, seen), following)
    return report


def _problem(
    outcome: str, spec: dict[str, Any], host: str, seen: dict[str, str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    args = {
        "unit": seen["unit"] or spec["name"],
        "component": spec["name"],
        "host": host,
        "result": seen["result"] or seen["active"],
        "status": seen["status"],
        "seconds": round(int(seen["took"]) / 100, 1),
        "settle": (spec.get("healthcheck") or {}).get("settle", 1),
        "check": describe_probe(spec),
        "seen": told(seen["seen"]),
    }
    failed = message("%(unit)s did not start on %(host)s", **args)
    unstable = message("%(unit)s did not stay up on %(host)s", **args)
    match outcome:
        case "no_such_unit":
            return failed, message("systemd on that host knows no unit of this name", **args)
        case "masked":
            return failed, message("it is masked; to allow it: systemctl unmask %(unit)s", **args)
        case "in_doubt":
            return message("It is not known whether %(unit)s runs on %(host)s", **args), message(
                "its status command does not say (%(seen)s), "
                "and what may run is not started a second time",
                **args,
            )
        case "start_failed":
            return failed, message("the start command failed (%(result)s)", **args)
        case "died":
            return failed, message(
                "its process ended with status %(status)s (%(result)s) before it was ready", **args
            )
        case "died_settling":
            return unstable, message(
                "it was ready, then died within the %(settle)s s it had to stay up", **args
            )
        case "stopped_answering":
            return message("%(unit)s did not stay ready on %(host)s", **args), message(
                "it was ready, then stopped answering within the %(settle)s s it had to stay up: "
                "its process lives, and the health check (%(check)s) says '%(seen)s'",
                **args,
            )
        case "restarted":
            return unstable, message(
                "it was ready, then systemd had to start it again within %(settle)s s", **args
            )
        case _:
            return message("%(component)s is not ready on %(host)s", **args), message(
                "the health check (%(check)s) still said '%(seen)s' after %(seconds)s s", **args
            )
