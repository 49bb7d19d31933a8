"""From the text of a venue file to its models, or to one sentence per mistake in it."""

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from automation.errors import VenueError
from automation.run.events import Message
from automation.venue.document import KINDS, Document, KeyPath, Place, Problem, misread, printable
from automation.venue.fields import closest, did_you_mean
from automation.venue.keys import Keys
from automation.venue.model import VenueFile
from automation.venue.references import reference_problems

LONGEST_LIST = 200  # letters that are shown of one
PLAIN_WORD = re.compile(r"[A-Za-z0-9_./-]+")  # what may stand in a list without quotes
SHELL = re.compile(r"[|&;<>$`*]")  # what means something to a shell only


def check_document(document: Document) -> VenueFile:
    """The models of a read file; raises VenueError with every mistake of the file at once."""
    parsed, problems = parse(document, VenueFile)
    if document.places:
        problems += reference_problems(document.data)
    if parsed is None or problems:
        raise VenueError(sentences_of(document, problems))
    return parsed


def parse[Model: Keys](
    document: Document, model: type[Model]
) -> tuple[Model | None, list[Problem]]:
    """A read file as this model, unless that cannot be; and every mistake in it."""
    problems = list(document.problems)
    if not document.places:
        return None, problems
    try:
        return model.model_validate(document.data), problems
    except ValidationError as error:
        return None, [*problems, *_schema_problems(document, error, model)]


def sentences_of(document: Document, problems: Iterable[Problem]) -> tuple[Message, ...]:
    """All the problems as finished sentences, in the order of the file, one per place."""
    first_at: dict[KeyPath, Problem] = {}
    for problem in problems:
        first_at.setdefault(problem.path, problem)
    return tuple(map(document.sentence, sorted(first_at.values(), key=document.line)))


def _schema_problems(
    document: Document, error: ValidationError, model: type[Keys]
) -> list[Problem]:
    """In our words; a key that is missing only because it is misspelt is named once."""
    details = _without_echoes(error.errors())
    unknown = [each["loc"] for each in details if each["type"] == "extra_forbidden"]
    meant = {(*path[:-1], closest(str(path[-1]), _known_keys(path, model))) for path in unknown}
    return [_problem(document, each, model) for each in details if each["loc"] not in meant]


def _without_echoes(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """A list whose only items are wrong is no list that is too short."""
    inner = {each["loc"][:-1] for each in details}
    return [each for each in details if each["type"] != "too_short" or each["loc"] not in inner]


def _problem(document: Document, details: ErrorDetails, model: type[Keys]) -> Problem:
    path, kind = details["loc"], details["type"]
    if kind == "missing":
        return Problem(path, Message("is missing; add it"))
    if kind == "extra_forbidden":
        return Problem(path, _unknown_key(path, model))
    if kind == "mistake":
        return Problem(path, details["ctx"]["said"])
    if path[-1:] == ("[key]",):
        args = {"name": path[-2], "but": details["ctx"]["said"]}
        return Problem(path[:-1], Message("is named %(name)s, but %(but)s", args))
    path = document.known_path(path)
    return Problem(path, _wrong_value(document.places[path], details))


def _wrong_value(place: Place, details: ErrorDetails) -> Message:
    context = details.get("ctx", {})
    if context.get("wants_text") and place.kind in KINDS:
        return misread(place, details["input"])
    if details["type"] == "too_short":
        return Message("is empty; give it at least one")
    args = {"written": place.written, "but": context.get("said") or _wrong_shape(place, details)}
    return Message("is %(written)s, but %(but)s", args)


def _wrong_shape(place: Place, details: ErrorDetails) -> Message:
    if details["type"] != "tuple_type":
        return Message("it must be a block of keys")
    plain = place.kind in {"str", "int", "float"}
    words = ", ".join(map(_in_a_list, _words(str(details["input"])))) if plain else ""
    if not words:
        return Message("it must be a list such as [a, b]")
    args = {"words": printable(words, LONGEST_LIST)}
    return Message("it must be a list; write it as [%(words)s]", args)


def _words(text: str) -> list[str]:
    """What one text would be as a list: the words of a command, or a shell's if it needs one."""
    if SHELL.search(text):
        return ["sh", "-c", text]
    try:
        return shlex.split(text)
    except ValueError:  # a quote without its other
        return text.split()


def _in_a_list(word: str) -> str:
    return word if PLAIN_WORD.fullmatch(word) else json.dumps(word, ensure_ascii=False)


def _unknown_key(path: KeyPath, model: type[Keys]) -> Message:
    known = _known_keys(path, model)
    mend = did_you_mean(str(path[-1]), known, "; the keys here are %(keys)s", keys=", ".join(known))
    return Message("is no key that raceday knows%(mend)s", {"mend": mend})


def _known_keys(path: KeyPath, model: type[Keys]) -> list[str]:
    fields = _block_at(path[:-1], model).model_fields
    return sorted(field.alias or name for name, field in fields.items())


def _block_at(path: KeyPath, model: type[Keys]) -> type[Keys]:
    """The model that describes the block at a path of the file that `model` describes."""
    block = model
    keys = iter(path)
    for key in keys:
        annotation = block.model_fields[str(key)].annotation
        block = next(_blocks_in(annotation))
        if get_origin(annotation) in {tuple, Mapping}:
            next(keys, None)
    return block


def _blocks_in(annotation: Any) -> Iterator[type[Keys]]:
    if isinstance(annotation, type) and issubclass(annotation, Keys):
        yield annotation
    for inner in get_args(annotation):
        yield from _blocks_in(inner)
