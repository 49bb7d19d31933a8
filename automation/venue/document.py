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

type KeyPath = tuple[str | int, ...]

DEEPEST = 12
SHOWN_LENGTH = 60
PLAIN_NUMBER = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?([eE][-+]?[0-9]+)?|\.(?i:inf|nan))")
TEMPLATE = re.compile(r"\{\{|\{%|\{#")
KINDS = {
    "bool": "the yes-or-no value",
    "int": "the number",
    "float": "the number",
    "timestamp": "the date",
}


@dataclass(frozen=True)
class Problem:
    """One mistake: where it is, and the rest of the sentence after the key's name."""

    path: KeyPath
    text: str
    line: int | None = None


@dataclass(frozen=True)
class Place:
    """Where a value stands and how it is written there; `kind` is YAML's own name of its type."""

    line: int
    written: str
    kind: str


@dataclass(frozen=True)
class Document:
    """A read file: `data` has dicts and tuples only; `problems` are those of YAML itself."""

    file: Path
    text: str
    data: Any
    places: Mapping[KeyPath, Place]
    problems: tuple[Problem, ...]

    def sentence(self, problem: Problem) -> str:
        """The finished sentence: file, line, key and what to do."""
        line = problem.line or self._nearest(problem.path).line
        subject = dotted(problem.path) or "the file"
        text = problem.text if problem.text.endswith("?") else f"{problem.text}."
        return f"{shown(self.file)}:{line}: {subject} {text}"

    def known_path(self, path: KeyPath) -> KeyPath:
        """The longest beginning of the path that stands in the file."""
        while path and path not in self.places:
            path = path[:-1]
        return path

    def _nearest(self, path: KeyPath) -> Place:
        return self.places.get(self.known_path(path), Place(1, "", "map"))


def read_document(
    file: Path, *, wanted: str = "the blocks venue and components", templates: bool = False
) -> Document:
    """Read a YAML file with its places; what cannot be read at all is a single problem.

    `wanted` is what an empty file lacks; `templates` says that braces are no template in it.
    """
    try:
        text = file.read_text(encoding="utf-8")
        return _compose(file, text, wanted, _Reader(templates=templates))
    except OSError as error:
        return _unreadable(file, f"cannot be read: {error.strerror}", 1)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return _unreadable(file, "is not in UTF-8; save it as UTF-8", line)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return _unreadable(file, _syntax(error), mark.line + 1 if mark else 1)
    except yaml.YAMLError:
        return _unreadable(file, "holds characters that YAML does not allow; remove them", 1)


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


def reading(place: Place, value: Any) -> str:
    """`is no, which YAML reads as the yes-or-no value false`, for a value that is no text."""
    return f"is {place.written}, which YAML reads as {_made(place.kind, value)}"


def _made(kind: str, value: Any) -> str:
    return f"{KINDS[kind]} {str(value).lower() if isinstance(value, bool) else value}"


def _compose(file: Path, text: str, wanted: str, reader: "_Reader") -> Document:
    if text.startswith("$ANSIBLE_VAULT"):
        return _unreadable(
            file, "is encrypted; decrypt it with ansible-vault and keep secrets in another file", 1
        )
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if root is None:
        return _unreadable(file, f"is empty; write {wanted}", 1)
    data = reader.value(root, (), root.start_mark.line + 1)
    return Document(file, text, data, reader.places, tuple(reader.problems))


def _unreadable(file: Path, why: str, line: int) -> Document:
    return Document(file, "", None, {}, (Problem((), why, line),))


def _syntax(error: yaml.MarkedYAMLError) -> str:
    if "\\t" in (error.problem or ""):
        return "has a tab here; YAML indents with spaces only"
    why = printable(error.problem or "a mistake").removeprefix("but ")
    return f"is not YAML here ({why}); correct this line or the one before it"


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
            return self._problem(path, "is nested too deeply; use fewer levels")
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
                self._problem(path, "holds a template, or a block as a key; " + _no_templates("it"))
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
            self._problem(here, f"is written twice, first on line {first}; keep one", line)
            return
        found[name] = self.value(value, here, line)
        self._check_key(key, here)

    def _check_key(self, key: yaml.ScalarNode, here: KeyPath) -> None:
        kind = key.tag.rpartition(":")[2]
        if kind in KINDS:
            made = _made(kind, self._constructor.construct_object(key))
            text = f'is a key that YAML reads as {made}; write it in quotes: "{key.value}"'
            self._problem(here, text)

    def _scalar(self, node: yaml.Node, path: KeyPath) -> Any:
        place = self.places[path]
        if place.kind == "null":
            return self._problem(path, "is empty; give it a value or remove the line")
        if place.kind not in {"str", *KINDS}:
            return self._problem(path, f"has the tag {node.tag}; " + _no_templates("the value"))
        try:
            value = self._constructor.construct_object(node)
        except (ValueError, yaml.YAMLError):
            return self._problem(path, f"is {place.written}, which YAML cannot read; quote it")
        self._check_scalar(place, value, path)
        return value

    def _check_scalar(self, place: Place, value: Any, path: KeyPath) -> None:
        if place.kind == "str" and TEMPLATE.search(value) and not self._templates:
            self._problem(path, f"is {place.written}; " + _no_templates("it"))
        elif place.kind in {"int", "float"} and not PLAIN_NUMBER.fullmatch(place.written):
            mend = f'write it in quotes: "{place.written}", or as a plain decimal number'
            self._problem(path, f"{reading(place, value)}; {mend}")

    def _problem(self, path: KeyPath, text: str, line: int | None = None) -> None:
        self.problems.append(Problem(path, text, line))


def _written(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a block of keys"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
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


def _no_templates(what: str) -> str:
    return f"raceday reads {what} before Ansible does, so write the value itself"
