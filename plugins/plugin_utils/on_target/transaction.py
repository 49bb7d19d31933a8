"""A business transaction, on the target: standard library only, run as `python3 -c`."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

SAVED = re.compile(r"\$(\w+)(?:([+-])(\d+))?")
NAME = re.compile(r"\$(\w+)")
NO_PROXY = ProxyHandler(
    {}
)  # one that the host has for the world would answer in the server's place
MISSING = object()  # an answer without the value; JSON's null is one
DEFAULTS = {
    **dict.fromkeys(
        ("check", "url", "body", "line", "command", "value", "contains", "why", "next", "timeout")
    ),
    "method": "GET",
    "status": 200,
    "expect": {},
    "save": {},
    "save_when_wrong": {},
    "environment": {},
    "cleanup": False,
}


class NotSo(Exception):
    """An answer that is not what it must be: what was expected, what was seen.

    `answer` is the text of one that has done what was asked all the same.
    """

    def __init__(self, expected, observed, answer=""):
        super().__init__(f"expected {expected}, observed {observed}")
        self.expected = expected
        self.observed = observed
        self.answer = answer


class NoRedirects(HTTPRedirectHandler):
    """A redirect is an answer like any other: what stands elsewhere was not asked for."""

    def redirect_request(self, *_):
        """Go nowhere."""


def main():
    """Read what to do from standard input, do it, print the result."""
    print("@raceday " + json.dumps(do_all(json.load(sys.stdin))))


def do_all(params):
    """The result as Ansible has it: one report with a check per named step."""
    began = time.monotonic()
    checks, saved, broken = run_steps(params)
    report = {"component": params["component"], "state": "ok", "checks": checks}
    report["seconds"] = round(time.monotonic() - began, 3)
    result = {"changed": False, "failed": bool(broken), "raceday": [report], "saved": saved}
    return {**result, "msg": broken} if broken else result


def run_steps(params):
    """Run each step that may run; the checks, the saved values, and the first thing not so."""
    checks, saved, broken = [], {}, ""
    steps = [{**DEFAULTS, **step} for step in params["steps"]]
    perhaps = {name for step in steps for name in step["save_when_wrong"]}
    for index, step in enumerate(steps):
        if (broken or names_in(step) & perhaps) and not is_due_anyway(step, saved):
            continue
        began = time.monotonic()
        try:
            observed, wrong = do_step(step, saved, step["timeout"] or params["timeout"]), None
        except Exception as error:  # noqa: BLE001  # whatever it is, the clean-up still runs
            wrong = not_so(error, put_in(target_of(step), saved))
            observed = wrong.observed
        proof = proven_by(steps[index:])
        name = proof["check"] or put_in(purpose_of(step), saved)
        if step["check"] or wrong:
            checks.append(record(proof, name, observed, wrong, saved, time.monotonic() - began))
        if wrong and not broken:
            broken = f"{name}: {wrong}"
    return checks, saved, broken


def not_so(error, target):
    """Any error of a step as what was expected and what was seen; the reason comes first."""
    if isinstance(error, NotSo):
        return error
    if isinstance(error, subprocess.TimeoutExpired):
        return NotSo(f"an answer from {target}", f"timed out after {error.timeout} seconds")
    plain = isinstance(error, (OSError, subprocess.SubprocessError)) and str(error)
    said = plain or f"{type(error).__name__}: {error}"
    return NotSo(f"an answer from {target}", short(said))


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
    text = ""
    try:
        text = ask(step, timeout)
        look_at(step, text, saved)
    except NotSo as wrong:
        keep_what_is_there(step, wrong.answer or text, saved)
        raise
    return short(text)


def look_at(step, text, saved):
    """Save what an answer holds; raises NotSo when it is not what it must be."""
    if step["contains"] and step["contains"] not in text:
        raise NotSo(f"an answer with '{step['contains']}'", short(text))
    if step["save"] or step["expect"]:
        compare(step, parse(text), saved)


def keep_what_is_there(step, text, saved):
    """Save what an answer that is wrong holds: the clean-up needs the name of what was made."""
    try:
        keep({**step["save"], **step["save_when_wrong"]}, parse(text), saved)
    except NotSo:
        return


def keep(paths, answer, saved):
    """Save all that is there and to be saved; what was found, per name."""
    found = {name: dig(answer, path) for name, path in paths.items()}
    saved.update({name: value for name, value in found.items() if value is not MISSING})
    return found


def compare(step, answer, saved):
    """Save what is to be saved, then hold the answer against what is expected."""
    for name, value in keep(step["save"], answer, saved).items():
        if value is MISSING:
            raise NotSo(f"a value at {step['save'][name]}", "an answer without it")
    for path, wanted in step["expect"].items():
        hold(path or "the answer", dig(answer, path), wanted)


def hold(name, found, wanted):
    """Raise NotSo unless what was found is what was wanted."""
    if found is MISSING:
        raise NotSo(f"{name} = {short(wanted)}", "an answer without it")
    if found != wanted:
        raise NotSo(f"{name} = {short(wanted)}", f"{name} = {short(found)}")


def ask(step, timeout):
    """The text that a step gets as its answer."""
    if step["url"]:
        return ask_http(step, timeout)
    if step["line"]:
        return ask_line(step, timeout)
    if step["command"]:
        return ask_command(step, timeout)
    return json.dumps(step["value"])


def ask_http(step, timeout):
    """One HTTP request; raises NotSo when the status is another."""
    body = None if step["body"] is None else json.dumps(step["body"]).encode()
    headers = {"Content-Type": "application/json"} if body else {}
    request = Request(step["url"], data=body, headers=headers, method=step["method"])
    try:
        with build_opener(NoRedirects, NO_PROXY).open(request, timeout=timeout) as reply:
            status, text = reply.status, reply.read().decode(errors="replace")
    except HTTPError as error:
        status, text = error.code, error.read().decode(errors="replace")
    if status != step["status"]:
        done = text if status in range(200, 300) else ""
        raise NotSo(f"HTTP {step['status']}", f"HTTP {status} {short(text)}", done)
    return text


def ask_line(step, timeout):
    """One line of JSON each way over TCP; nothing when the other side hangs up at once."""
    host, _, port = step["line"].rpartition(":")
    with socket.create_connection((host, int(port)), timeout) as link:
        try:
            link.sendall(json.dumps(step["body"]).encode() + b"\n")
            return link.makefile().readline()
        except (ConnectionResetError, BrokenPipeError):
            return ""


def ask_command(step, timeout):
    """A command's output; raises NotSo unless it ends with 0."""
    done = subprocess.run(
        step["command"],
        env={**os.environ, **step["environment"]},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
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
        name, sign, difference = whole.groups()
        return add(name, saved[name], sign + difference) if sign else saved[name]
    return put_in(value, saved)


def put_in(text, saved):
    """The text with every $name replaced by what was saved."""
    return NAME.sub(lambda found: str(saved.get(found[1], found[0])), text)


def add(name, value, difference):
    """A saved number and a difference; raises NotSo when it is no number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise NotSo(f"${name} to be a number", short(value))
    return value + int(difference)


def is_known(step, saved):
    """Whether every saved value that a step uses is there."""
    return names_in(step) <= saved.keys()


def names_in(step):
    """The saved values that a step asks with."""
    text = json.dumps([step["url"], step["body"], step["value"]])
    return set(NAME.findall(text))


def dig(answer, path):
    """The value at a dotted path, or MISSING; an empty path is the answer itself."""
    for key in filter(None, path.split(".")):
        answer = answer.get(key, MISSING) if isinstance(answer, dict) else MISSING
    return answer


def target_of(step):
    """Whom a step asks."""
    return step["url"] or step["line"] or " ".join(step["command"] or ["a saved value"])


def purpose_of(step):
    """What a step without a check is for: whom it asks, and for what, where that says which."""
    purpose = "clean-up" if step["cleanup"] else "preparation"
    about = f" {json.dumps(step['body'])}" if step["line"] else ""
    return f"{purpose}: {target_of(step)}{about}"


def short(value):
    """At most 200 characters, on one line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(text.split())[:200]


if __name__ == "__main__":
    main()
