"""What Ansible says of an inventory; the only place that asks it.

The answer holds the hosts, their groups and their variables before templating. Whatever Ansible
can read is read: INI, YAML, directories, scripts, plugins.
"""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automation.errors import VenueError
from automation.run.events import Message
from automation.venue.document import shown
from automation.venue.fields import did_you_mean
from automation.venue.question import LIST, PROGRAM, ask

PATTERN_LETTERS = re.compile(r"[*?\[\]:,&!~]")


@dataclass(frozen=True)
class Inventory:
    """The hosts of a source with their variables, and the hosts of every group, in its order."""

    source: Path
    groups: Mapping[str, tuple[str, ...]]
    hosts: Mapping[str, Mapping[str, Any]]


def read_inventory(source: Path) -> Inventory:
    """All hosts and groups of an inventory; raises VenueError with what Ansible says is wrong."""
    answer = _ask_ansible(source)
    groups = {name: tuple(_members(answer, name)) for name in answer if name != "_meta"}
    variables = answer["_meta"]["hostvars"]
    hosts = {name: variables.get(name, {}) for name in groups.get("all", ())}
    return Inventory(source, groups, hosts)


def matching_hosts(inventory: Inventory, pattern: str) -> tuple[str, ...]:
    """The hosts a group name, a host name or an Ansible pattern stands for; may be none."""
    if pattern in inventory.groups:
        return inventory.groups[pattern]
    if pattern in inventory.hosts:
        return (pattern,)
    if not is_pattern(pattern):
        return ()
    return _hosts_of_pattern(inventory.source, pattern)


def is_pattern(text: str) -> bool:
    """Whether it is more than a plain name, so that only Ansible can say what it matches."""
    return bool(PATTERN_LETTERS.search(text))


def similar_name(inventory: Inventory, pattern: str, otherwise: str = "") -> Message:
    """`; did you mean X?` when a group or a host is called nearly so, else what to say instead."""
    return did_you_mean(pattern, [*inventory.groups, *inventory.hosts], otherwise)


def run_ansible(program: str, source: Path, *options: str) -> tuple[int, str, str]:
    """Run one of Ansible's programs on an inventory: its exit code, output and errors."""
    try:
        return ask(program, source, *options).answer()
    except subprocess.TimeoutExpired as late:
        why = Message("no answer within %(seconds)s seconds", {"seconds": late.timeout})
        raise _failure(source, why) from None
    except FileNotFoundError:
        why = Message("%(program)s is not installed", {"program": program})
        raise _failure(source, why) from None


def _members(answer: Mapping[str, Any], group: str) -> Iterator[str]:
    """The hosts of a group and of the groups below it, each once."""
    below = [group]
    seen: dict[str, None] = {}
    for name in below:
        block = answer.get(name, {})
        seen |= dict.fromkeys(block.get("hosts", ()))
        below += [child for child in block.get("children", ()) if child not in below]
    yield from seen


def _ask_ansible(source: Path) -> dict[str, Any]:
    code, output, errors = run_ansible(PROGRAM, source, LIST)
    if code != 0:
        raise _failure(source, _reason(errors))
    answer: dict[str, Any] = json.loads(output)
    return answer


def _hosts_of_pattern(source: Path, pattern: str) -> tuple[str, ...]:
    """Ansible's own reading of a pattern; one that names anything unknown matches nothing."""
    code, output, _ = run_ansible(PROGRAM, source, LIST, f"--limit={pattern}")
    return tuple(_members(json.loads(output), "all")) if code == 0 else ()


def _reason(errors: str) -> Message | str:
    """What Ansible says first, or at last."""
    said = [line.partition("[ERROR]: ")[2] for line in errors.splitlines() if "[ERROR]: " in line]
    lines = said[:1] or errors.strip().splitlines()
    return lines[-1] if lines else Message("it gave no reason")


def _failure(source: Path, why: Message | str) -> VenueError:
    args = {"path": shown(source), "why": why}
    mend = (
        "`ansible-inventory -i %(path)s --list` shows all of its words; a file that is no "
        "inventory does not belong in that directory"
    )
    said = Message("%(path)s: Ansible cannot read this inventory (%(why)s).", args)
    return VenueError((said,), Message(mend, args))
