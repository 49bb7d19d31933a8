"""What Ansible says that a task changes, or would change: its own diffs, as text for people."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

from automation.redaction import redact


@dataclass(frozen=True)
class Diff:
    """One change on one host; `lines` are those of a unified diff, without what looks secret."""

    host: str
    task: str
    lines: tuple[str, ...]


def diffs_of(data: Mapping[str, Any]) -> Iterator[Diff]:
    """The changes in one event of a host; a diff that says nothing is none."""
    said = (data.get("res") or {}).get("diff") or ()
    for item in said if isinstance(said, list | tuple) else (said,):
        lines = tuple(_lines(item)) if isinstance(item, Mapping) else ()
        if lines:
            yield Diff(str(data.get("host")), str(data.get("task")), lines)


def _lines(item: Mapping[str, Any]) -> Iterator[str]:
    """A module prepares its diff itself, or gives the two texts."""
    if "prepared" in item:
        yield from redact(str(item["prepared"])).splitlines()
        return
    before, after = (redact(_text(item.get(key))).splitlines() for key in ("before", "after"))
    old, new = (str(item.get(f"{key}_header") or key) for key in ("before", "after"))
    yield from unified_diff(before, after, old, new, lineterm="")


def _text(value: Any) -> str:
    return "" if value is None else str(value)
