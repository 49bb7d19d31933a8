"""Run a script of `on_target/` on a host in one round trip, without the cost of a module.

An Ansible module is packed anew with its libraries by every process, 0.3 s of CPU each time; these
scripts need nothing but the target's python3. Parameters go in through standard input, never argv.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.raceday.core.plugins.plugin_utils.hot_path import result, unreached
from ansible_collections.raceday.core.plugins.plugin_utils.reports import no_answer

SCRIPTS = Path(__file__).with_name("on_target")
MARK = "@raceday "
NOT_FOUND = 127  # the shell's word for a program that is not there
NO_PYTHON = (
    "%s has no %s, which %s needs; "
    "install the package python3 there or set ansible_python_interpreter, then run it again"
)
KEPT = ("changed", "failed", "msg", "raceday", "saved", "skipped")


def run_on_target(
    action: ActionBase,
    script: str,
    params: Mapping[str, Any],
    task_vars: Mapping[str, Any],
    without_python: Callable[[], dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """What the script says; a failed result when it does not come to the point of saying it.

    `without_python` gives the result where the host has no such program.
    """
    source = (SCRIPTS / f"{script}.py").read_text(encoding="utf-8")
    python = _interpreter(task_vars)
    command = f"{shlex.quote(python)} -c {shlex.quote(source)}"
    run = action._low_level_execute_command  # noqa: SLF001  # Ansible's face for this
    try:
        reply = run(command, in_data=json.dumps(params).encode())
    except AnsibleConnectionFailure as error:
        answer = unreached(action, error)
        return result([no_answer(params["component"], task_vars["inventory_hostname"], answer)])
    told = [line for line in reply["stdout"].splitlines() if line.startswith(MARK)]
    if not told and reply["rc"] == NOT_FOUND and without_python:
        return without_python()
    if not told and reply["rc"] == NOT_FOUND:
        missing = NO_PYTHON % (task_vars["inventory_hostname"], python, script)
        return {"failed": True, "msg": missing}
    if not told:
        said = (reply.get("stderr") or reply["stdout"]).strip().splitlines() or ["nothing"]
        return {"failed": True, "msg": f"{script} ended with {reply['rc']} and said: {said[-1]}"}
    return _kept(script, told[-1].removeprefix(MARK))


def _kept(script: str, text: str) -> dict[str, Any]:
    """What a host may say to Ansible: these keys, never facts or anything else."""
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        return {"failed": True, "msg": f"{script} gave an answer that cannot be read: {text[:200]}"}
    return {key: said[key] for key in KEPT if key in said}


def _interpreter(task_vars: Mapping[str, Any]) -> str:
    chosen = str(task_vars.get("ansible_python_interpreter") or "auto")
    return "python3" if chosen.startswith("auto") else chosen
