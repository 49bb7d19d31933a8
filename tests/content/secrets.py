"""Where the files of Ansible tell a secret: which values are secrets, who logs or runs them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
INNER_TASKS = ("block", "rescue", "always", "tasks", "handlers")
BARE = {"when", "until", "failed_when", "changed_when", "loop", "that", "var"}
RUN = {"command", "argv", "cmd", *(f"ansible.builtin.{how}" for how in ("command", "raw", "shell"))}
CALLED_SECRET = re.compile(r"passw|secret|token|api_?key|private_key", re.IGNORECASE)
EXPRESSION = re.compile(r"{[{%].*[%}]}", re.DOTALL)  # to the last brace: others may stand inside


def kept_out_of_the_log() -> Iterator[str]:
    """The variables that the spec of some role marks as no_log."""
    for file in (ROOT / "roles").glob("*/meta/argument_specs.yml"):
        specs = yaml.safe_load(file.read_text(encoding="utf-8"))["argument_specs"]
        for spec in specs.values():
            yield from (name for name, keys in spec["options"].items() if keys.get("no_log"))


SECRET = re.compile(
    "|".join([CALLED_SECRET.pattern, *(rf"\b{name}\b" for name in sorted(kept_out_of_the_log()))]),
    re.IGNORECASE,
)


def told_secrets(tasks: Any, *, kept: bool = False) -> Iterator[str]:
    """The tasks and blocks, at whatever depth, that are given a secret and log it or run it."""
    for task in tasks or ():
        is_kept = kept or task.get("no_log") is True
        own = {key: value for key, value in task.items() if key not in INNER_TASKS}
        given = {key for key, text in texts(own) if holds_a_secret(key, text)}
        if given & RUN or (given and not is_kept):
            yield str(task.get("name"))
        for key in task.keys() - own.keys():
            yield from told_secrets(task[key], kept=is_kept)


def texts(part: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text anywhere in a part of a file, after the key that it or its list stands under."""
    if isinstance(part, str):
        yield key, part
    for item in part if isinstance(part, list) else ():
        yield from texts(item, key)
    for name, item in part.items() if isinstance(part, dict) else ():
        yield from texts(item, name)


def holds_a_secret(key: str, text: str) -> bool:
    """Whether Ansible puts one in there."""
    expressions = [text] if key in BARE else EXPRESSION.findall(text)
    return any(SECRET.search(expression) for expression in expressions)
