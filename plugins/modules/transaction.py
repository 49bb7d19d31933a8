#!/usr/bin/python
"""Do a business transaction on a host and record a check for each thing it proves."""

from __future__ import annotations

DOCUMENTATION = r"""
module: transaction
short_description: Do a business transaction and record what it proved
description:
  - Runs a list of steps in order, on the target, in one round trip. Each step asks something over
    HTTP, over a TCP line protocol, or from a command, and says what the answer must be.
  - The first step that does not hold ends the transaction; steps marked O(steps[].cleanup), and those
    that only look at a saved O(steps[].value), still run.
options:
  component:
    description: The component that the checks belong to.
    type: str
    required: true
  timeout:
    description: Seconds one step may take.
    type: float
    default: 5.0
  steps:
    description: What to ask, in order.
    type: list
    elements: dict
    required: true
    suboptions:
      check:
        description:
          - The name this step is recorded under. A step without one is preparation for the next that
            has one; when it does not hold, that check fails.
        type: str
      method:
        description: The HTTP method.
        type: str
        default: GET
      url:
        description: Ask this URL. C($name) is replaced by a value saved earlier.
        type: str
      body:
        description: JSON to send; strings C($name) are replaced by saved values.
        type: dict
      status:
        description: The HTTP status that must come back.
        type: int
        default: 200
      line:
        description: Ask this C(host:port) by sending O(steps[].body) as one line of JSON.
        type: str
      command:
        description: Run this; it must end with 0.
        type: list
        elements: str
      value:
        description: Ask nobody; look at this saved value again.
        type: raw
      contains:
        description: A text the answer must hold.
        type: str
      expect:
        description:
          - What the answer must hold, by dotted path; C($name) is a saved value and
            C($name+100) or C($name-100) a saved number and a difference.
        type: dict
        default: {}
      save:
        description: Values to keep for later steps, as C(name - dotted path); an empty path is all.
        type: dict
        default: {}
      cleanup:
        description: Run this step even after an earlier one did not hold, once its values are known.
        type: bool
        default: false
      why:
        description:
          - The sentence to say when this step does not hold. Placeholders are C(%(seen)s) and the
            names of saved values.
        type: str
      next:
        description: What to do then.
        type: str
author: The raceday authors (@raceday)
"""

EXAMPLES = r"""
- name: Place a test bet and take it back
  raceday.core.transaction:
    component: wagering
    steps:
      - {url: "http://127.0.0.1:8081/accounts/test-1", save: {before: balance}}
      - check: a test bet is accepted
        method: POST
        url: http://127.0.0.1:8081/bets
        body: {account: test-1, race: test-1, pool: win, selection: 1, amount: 100, test: true}
        status: 201
        expect: {balance: $before-100}
        save: {bet: bet}
      - check: the bet is cancelled
        method: DELETE
        url: http://127.0.0.1:8081/bets/$bet
        expect: {balance: $before}
"""

RETURN = r"""
raceday:
  description: One report with a check for every named step that was reached.
  returned: always
  type: list
saved:
  description: Every value that was saved.
  returned: always
  type: dict
"""

import json
import re
import socket
import subprocess
import time
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from ansible.module_utils.basic import AnsibleModule

WAYS = ("url", "line", "command", "value")
SAVED = re.compile(r"\$(\w+)(?:([+-])(\d+))?")
NAME = re.compile(r"\$(\w+)")
STEP = {
    "check": {"type": "str"},
    "method": {"type": "str", "default": "GET"},
    "url": {"type": "str"},
    "body": {"type": "dict"},
    "status": {"type": "int", "default": 200},
    "line": {"type": "str"},
    "command": {"type": "list", "elements": "str"},
    "value": {"type": "raw"},
    "contains": {"type": "str"},
    "expect": {"type": "dict", "default": {}},
    "save": {"type": "dict", "default": {}},
    "cleanup": {"type": "bool", "default": False},
    "why": {"type": "str"},
    "next": {"type": "str"},
}


class NotSo(Exception):
    """An answer that is not what it must be: what was expected, what was seen."""

    def __init__(self, expected, observed):
        super().__init__(f"expected {expected}, observed {observed}")
        self.expected = expected
        self.observed = observed


def main():
    """Run the steps and report."""
    module = AnsibleModule(
        argument_spec={
            "component": {"type": "str", "required": True},
            "timeout": {"type": "float", "default": 5.0},
            "steps": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": STEP,
                "required_one_of": [WAYS],
                "mutually_exclusive": [WAYS],
            },
        },
        supports_check_mode=False,
    )
    checks, saved, broken = run_steps(module.params)
    report = {"component": module.params["component"], "state": "ok", "checks": checks}
    report["seconds"] = round(sum(item["seconds"] for item in checks), 3)
    result = {"changed": True, "raceday": [report], "saved": saved}
    if broken:
        module.fail_json(msg=broken, **result)
    module.exit_json(**result)


def run_steps(params):
    """Run each step that may run; the checks, the saved values, and the first thing not so."""
    checks, saved, broken = [], {}, ""
    for index, step in enumerate(params["steps"]):
        if broken and not is_due_anyway(step, saved):
            continue
        began = time.monotonic()
        try:
            observed, wrong = do_step(step, saved, params["timeout"]), None
        except NotSo as error:
            observed, wrong = error.observed, error
        proof = proven_by(params["steps"][index:])
        name = proof["check"] or "preparation: " + target_of(step)
        if step["check"] or wrong:
            checks.append(record(proof, name, observed, wrong, saved, time.monotonic() - began))
        if wrong and not broken:
            broken = f"{name}: {wrong}"
    return checks, saved, broken


def is_due_anyway(step, saved):
    """A clean-up whose values are known, or a look at a saved value: that disturbs nobody."""
    return (step["cleanup"] or step["value"] is not None) and is_known(step, saved)


def proven_by(steps):
    """The step whose check the first of these serves: itself, or the next that has a check."""
    return next((step for step in steps if step["check"]), steps[0])


def record(step, name, observed, wrong, saved, seconds):
    """A step's check in the words of the run's journal."""
    expected = wrong.expected if wrong else "as asked"
    return {
        "name": name,
        "expected": str(expected)[:300],
        "observed": str(observed)[:300],
        "passed": wrong is None,
        "seconds": round(seconds, 3),
        "why": sentence(step["why"], saved, observed) if wrong else None,
        "next": sentence(step["next"], saved, observed) if wrong else None,
    }


def sentence(text, saved, observed):
    """A message of the journal with the arguments it names."""
    args = {**saved, "seen": str(observed)}
    return text and {"text": text, "args": {key: args[key] for key in args if f"%({key})" in text}}


def do_step(step, saved, timeout):
    """Ask, compare, save. Returns what was seen in short; raises NotSo."""
    step = {**step, **{key: fill(step[key], saved) for key in ("url", "body", "expect", "value")}}
    text = ask(step, timeout)
    if step["contains"] and step["contains"] not in text:
        raise NotSo(f"an answer with '{step['contains']}'", short(text))
    if step["save"] or step["expect"]:
        compare(step, parse(text), saved)
    return short(text)


def compare(step, answer, saved):
    """Save what is to be saved, then hold the answer against what is expected."""
    for name, path in step["save"].items():
        saved[name] = dig(answer, path)
    for path, wanted in step["expect"].items():
        found = dig(answer, path)
        if found != wanted:
            name = path or "the answer"
            raise NotSo(f"{name} = {short(wanted)}", f"{name} = {short(found)}")


def ask(step, timeout):
    """The text that a step gets as its answer."""
    try:
        if step["url"]:
            return ask_http(step, timeout)
        if step["line"]:
            return ask_line(step, timeout)
        if step["command"]:
            return ask_command(step, timeout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise NotSo(f"an answer from {target_of(step)}", error) from error
    return json.dumps(step["value"])


def ask_http(step, timeout):
    """One HTTP request; raises NotSo when the status is another."""
    body = None if step["body"] is None else json.dumps(step["body"]).encode()
    headers = {"Content-Type": "application/json"} if body else {}
    request = Request(step["url"], data=body, headers=headers, method=step["method"])
    try:
        with urlopen(request, timeout=timeout) as reply:
            status, text = reply.status, reply.read().decode(errors="replace")
    except HTTPError as error:
        status, text = error.code, error.read().decode(errors="replace")
    if status != step["status"]:
        raise NotSo(f"HTTP {step['status']}", f"HTTP {status} {short(text)}")
    return text


def ask_line(step, timeout):
    """One line of JSON each way over TCP."""
    host, _, port = step["line"].rpartition(":")
    with socket.create_connection((host, int(port)), timeout) as link:
        link.sendall(json.dumps(step["body"]).encode() + b"\n")
        return link.makefile().readline()


def ask_command(step, timeout):
    """A command's output; raises NotSo unless it ends with 0."""
    done = subprocess.run(
        step["command"], capture_output=True, text=True, timeout=timeout, check=False
    )
    if done.returncode:
        raise NotSo("exit 0", f"exit {done.returncode}: {short(done.stderr or done.stdout)}")
    return done.stdout


def parse(text):
    """An answer as JSON; raises NotSo on anything else."""
    try:
        return json.loads(text or "null")
    except ValueError:
        raise NotSo("an answer in JSON", short(text)) from None


def fill(value, saved):
    """The value with every $name replaced by what was saved; numbers stay numbers."""
    if isinstance(value, dict):
        return {key: fill(item, saved) for key, item in value.items()}
    if not isinstance(value, str):
        return value
    whole = SAVED.fullmatch(value)
    if whole and whole[1] in saved:
        difference = int(whole[3] or 0) * (-1 if whole[2] == "-" else 1)
        return saved[whole[1]] + difference if whole[3] else saved[whole[1]]
    return NAME.sub(lambda found: str(saved.get(found[1], found[0])), value)


def is_known(step, saved):
    """Whether every saved value that a step uses is there."""
    text = json.dumps([step["url"], step["body"], step["value"]])
    return all(found[1] in saved for found in NAME.finditer(text))


def dig(answer, path):
    """The value at a dotted path; an empty path is the answer itself. None when it is not there."""
    for key in filter(None, path.split(".")):
        answer = answer.get(key) if isinstance(answer, dict) else None
    return answer


def target_of(step):
    """Whom a step asks."""
    return step["url"] or step["line"] or " ".join(step["command"] or ["a saved value"])


def short(value):
    """At most 200 characters, on one line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(text.split())[:200]


if __name__ == "__main__":
    main()
