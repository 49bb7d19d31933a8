"""The venue file as text: YAML with the line of every key, and what YAML makes of what is written.

YAML 1.1 turns some plain words into something else (no into false, 22:22 into 1342). Each such
trap, each duplicate key and each value that only Ansible could work out becomes a problem here.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from automation.run.events import Message

type KeyPath = tuple[str | int, ...]

DEEPEST = 12
SHOWN_LENGTH = 60
QUOTED_LENGTH = 200
PLAIN_NUMBER = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?([eE][-+]?[0-9]+)?|\.(?i:inf|nan))")
TEMPLATE = re.compile(r"\{\{|\{%|\{#")
KINDS = {
    "bool": "the yes-or-no value %(value)s",
    "int": "the number %(value)s",
    "float": "the number %(value)s",
    "timestamp": "the date %(value)s",
}
NO_TEMPLATES = Message("raceday reads it before Ansible does, so write the value itself")


@dataclass(frozen=True)
class Problem:
    """One mistake: where it is, and the rest of the sentence after the key's name."""

    path: KeyPath
    said: Message
    line: int | None = None


@dataclass(frozen=True)
class Place:
    """Where a value stands and how it is written there; `kind` is YAML's own name of its type."""

    line: int
    written: Message | str
    kind: str


@dataclass(frozen=True)
class Document:
    """A read file: `data` has dicts and tuples only; `problems` are those of YAML itself."""

    file: Path
    text: str
    data: Any
    places: Mapping[KeyPath, Place]
    problems: tuple[Problem, ...]

    def sentence(self, problem: Problem) -> Message:
        """The one place where a problem becomes a sentence: file, line, key and what to do."""
        args = {
            "file": shown(self.file),
            "line": self.line(problem),
            "said": problem.said,
            "end": "" if str(problem.said).endswith("?") else ".",
        }
        if not problem.path:
            return Message("%(file)s:%(line)s: the file %(said)s%(end)s", args)
        args["key"] = dotted(problem.path)
        return Message("%(file)s:%(line)s: %(key)s %(said)s%(end)s", args)

    def line(self, problem: Problem) -> int:
        """The line to look at."""
        return problem.line or self._nearest(problem.path).line

    def known_path(self, path: KeyPath) -> KeyPath:
        """The longest beginning of the path that stands in the file."""
        while path and path not in self.places:
            path = path[:-1]
        return path

    def _nearest(self, path: KeyPath) -> Place:
        return self.places.get(self.known_path(path), Place(1, "", "map"))


def read_document(
    file: Path, *, wanted: str = "venue, components", templates: bool = False
) -> Document:
    """Read a YAML file with its places; what cannot be read at all is a single problem.

    `wanted` are the blocks that an empty file lacks; `templates`: braces are no template in it.
    """
    try:
        text = file.read_text(encoding="utf-8")
        return _compose(file, text, wanted, _Reader(templates=templates))
    except OSError as error:
        return _unreadable(file, Message("cannot be read: %(why)s", {"why": error.strerror}))
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return _unreadable(file, Message("is not in UTF-8; save it as UTF-8"), line)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return _unreadable(file, _syntax(error), mark.line + 1 if mark else 1)
    except yaml.YAMLError:
        return _unreadable(file, Message("holds characters that YAML does not allow; remove them"))


def dotted(path: KeyPath) -> str:
    """The path as people write it: components.wagering.tests[0].http."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path]
    return printable("".join(parts).removeprefix("."))


def shown(file: Path) -> str:
    """The file as seen from the current directory, where it lies below it."""
    here = Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)


def printable(text: str, length: int = SHOWN_LENGTH) -> str:
    """The text without control characters and not longer than a sentence bears."""
    clean = "".join(letter if letter.isprintable() else "?" for letter in text)
    return clean if len(clean) <= length else clean[:length] + "..."


def quoted(text: str) -> str:
    """What somebody else wrote or says, marked as such: it stays in its own language."""
    return f'"{printable(text, QUOTED_LENGTH)}"'


def misread(place: Place, value: Any, *, or_decimal: bool = False) -> Message:
    """`is no, which YAML reads as the yes-or-no value false; ...`, for a value that is no text."""
    text = 'is %(written)s, which YAML reads as %(made)s; write it in quotes: "%(written)s"'
    if or_decimal:
        text = (
            "is %(written)s, which YAML reads as %(made)s; "
            'write it in quotes: "%(written)s", or as a plain decimal number'
        )
    return Message(text, {"written": place.written, "made": _made(place.kind, value)})


def _made(kind: str, value: Any) -> Message:
    return Message(KINDS[kind], {"value": str(value).lower() if kind == "bool" else value})


def _compose(file: Path, text: str, wanted: str, reader: "_Reader") -> Document:
    if text.startswith("$ANSIBLE_VAULT"):
        why = Message(
            "is encrypted; decrypt it with ansible-vault and keep secrets in another file"
        )
        return _unreadable(file, why)
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if root is None:
        return _unreadable(file, Message("is empty; write %(wanted)s", {"wanted": wanted}))
    data = reader.value(root, (), root.start_mark.line + 1)
    return Document(file, text, data, reader.places, tuple(reader.problems))


def _unreadable(file: Path, why: Message, line: int = 1) -> Document:
    return Document(file, "", None, {}, (Problem((), why, line),))


def _syntax(error: yaml.MarkedYAMLError) -> Message:
    if "\\t" in (error.problem or ""):
        return Message("has a tab here; YAML indents with spaces only")
    why = quoted((error.problem or "-").removeprefix("but "))
    text = "is not YAML here (%(why)s); correct this line or the one before it"
    return Message(text, {"why": why})


class _Reader:
    """Walks the nodes of one file once and collects values, places and problems."""

    def __init__(self, *, templates: bool) -> None:
        self._templates = templates
        self.places: dict[KeyPath, Place] = {}
        self.problems: list[Problem] = []
        self._constructor = yaml.constructor.SafeConstructor()

    def value(self, node: yaml.Node, path: KeyPath, line: int) -> Any:
        kind = node.tag.rpartition(":")[2]
        self.places[path] = Place(line, _written(node), kind)
        if len(path) > DEEPEST:
            return self._problem(path, Message("is nested too deeply; use fewer levels"))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return tuple(
                self.value(item, (*path, place), item.start_mark.line + 1)
                for place, item in enumerate(node.value)
            )
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in _own_pairs(node):
            if not isinstance(key, yaml.ScalarNode):
                text = "holds a template, or a block as a key; %(mend)s"
                self._problem(path, Message(text, {"mend": NO_TEMPLATES}))
                continue
            self._pair(found, key, value, path)
        for key, value in _merged_pairs(node):
            if isinstance(key, yaml.ScalarNode) and key.value not in found:
                self._pair(found, key, value, path)
        return found

    def _pair(
        self, found: dict[str, Any], key: yaml.ScalarNode, value: yaml.Node, path: KeyPath
    ) -> None:
        name, line = key.value, key.start_mark.line + 1
        here = (*path, name)
        if name in found:
            first = self.places[here].line
            text = "is written twice, first on line %(first)s; keep one"
            self._problem(here, Message(text, {"first": first}), line)
            return
        found[name] = self.value(value, here, line)
        self._check_key(key, here)

    def _check_key(self, key: yaml.ScalarNode, here: KeyPath) -> None:
        kind = key.tag.rpartition(":")[2]
        if kind in KINDS:
            made = _made(kind, self._constructor.construct_object(key))
            text = 'is a key that YAML reads as %(made)s; write it in quotes: "%(key)s"'
            self._problem(here, Message(text, {"made": made, "key": key.value}))

    def _scalar(self, node: yaml.Node, path: KeyPath) -> Any:
        place = self.places[path]
        if place.kind == "null":
            return self._problem(path, Message("is empty; give it a value or remove the line"))
        if place.kind not in {"str", *KINDS}:
            args = {"tag": node.tag, "mend": NO_TEMPLATES}
            return self._problem(path, Message("has the tag %(tag)s; %(mend)s", args))
        try:
            value = self._constructor.construct_object(node)
        except (ValueError, yaml.YAMLError):
            return self._problem(path, _unmade(place))
        self._check_scalar(place, value, path)
        return value

    def _check_scalar(self, place: Place, value: Any, path: KeyPath) -> None:
        if place.kind == "str" and TEMPLATE.search(value) and not self._templates:
            args = {"written": place.written, "mend": NO_TEMPLATES}
            self._problem(path, Message("is %(written)s; %(mend)s", args))
        elif place.kind in {"int", "float"} and not PLAIN_NUMBER.fullmatch(str(place.written)):
            self._problem(path, misread(place, value, or_decimal=True))

    def _problem(self, path: KeyPath, said: Message, line: int | None = None) -> None:
        self.problems.append(Problem(path, said, line))


def _unmade(place: Place) -> Message:
    """What looks to YAML like something that it then cannot make of it."""
    text = "is %(written)s, which YAML cannot read; quote it"
    if place.kind == "timestamp":
        text = (
            "is %(written)s, which YAML takes for a date, and there is no such day or time; "
            "correct it, or quote it if it is no date"
        )
    return Message(text, {"written": place.written})


def _written(node: yaml.Node) -> Message | str:
    if isinstance(node, yaml.MappingNode):
        return Message("a block of keys")
    if isinstance(node, yaml.SequenceNode):
        return Message("a list")
    text = printable(node.value)
    quoted = isinstance(node, yaml.ScalarNode) and node.style is not None
    return f'"{text}"' if quoted else text


def _own_pairs(node: yaml.MappingNode) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    return (pair for pair in node.value if not _is_merge(pair[0]))


def _merged_pairs(node: yaml.MappingNode) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """What `<<: *anchor` brings in; the block's own keys win over these."""
    for key, value in node.value:
        sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
        for source in sources if _is_merge(key) else []:
            yield from source.value if isinstance(source, yaml.MappingNode) else []


def _is_merge(key: yaml.Node) -> bool:
    return bool(key.tag == "tag:yaml.org,2002:merge")
