"""From the text of a venue file to its models, or to one sentence per mistake in it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from automation.errors import VenueError
from automation.venue.document import KINDS, Document, KeyPath, Place, Problem, reading
from automation.venue.fields import closest, did_you_mean
from automation.venue.keys import Keys
from automation.venue.model import VenueFile
from automation.venue.references import reference_problems


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


def sentences_of(document: Document, problems: Iterable[Problem]) -> tuple[str, ...]:
    """All the problems as finished sentences, in the order of the file, one per place."""
    first_at: dict[KeyPath, Problem] = {}
    for problem in problems:
        first_at.setdefault(problem.path, problem)
    sentences = [document.sentence(problem) for problem in first_at.values()]
    return tuple(sorted(sentences, key=_line))


def _line(sentence: str) -> int:
    return int(sentence.split(": ", 1)[0].rpartition(":")[2])


def _schema_problems(
    document: Document, error: ValidationError, model: type[Keys]
) -> list[Problem]:
    """In our words; a key that is missing only because it is misspelt is named once."""
    details = error.errors()
    unknown = [each["loc"] for each in details if each["type"] == "extra_forbidden"]
    meant = {(*path[:-1], closest(str(path[-1]), _known_keys(path, model))) for path in unknown}
    return [_problem(document, each, model) for each in details if each["loc"] not in meant]


def _problem(document: Document, details: ErrorDetails, model: type[Keys]) -> Problem:
    path, kind = details["loc"], details["type"]
    if kind == "missing":
        return Problem(path, "is missing; add it")
    if kind == "extra_forbidden":
        return Problem(path, _unknown_key(path, model))
    if kind == "mistake":
        return Problem(path, details["ctx"]["predicate"])
    if path[-1:] == ("[key]",):
        return Problem(path[:-1], f"is named {path[-2]}, but {details['ctx']['sentence']}")
    path = document.known_path(path)
    return Problem(path, _wrong_value(document.places[path], details))


def _wrong_value(place: Place, details: ErrorDetails) -> str:
    context = details.get("ctx", {})
    if context.get("wants_text") and place.kind in KINDS:
        return f'{reading(place, details["input"])}; write it in quotes: "{place.written}"'
    if details["type"] == "too_short":
        return "is empty; give it at least one"
    return f"is {place.written}, but {context.get('sentence') or _wrong_shape(place, details)}"


def _wrong_shape(place: Place, details: ErrorDetails) -> str:
    if details["type"] != "tuple_type":
        return "it must be a block of keys"
    plain = place.kind in {"str", "int", "float"}
    return f"it must be a list such as [{', '.join(place.written.split()) if plain else 'a, b'}]"


def _unknown_key(path: KeyPath, model: type[Keys]) -> str:
    known = _known_keys(path, model)
    mend = did_you_mean(str(path[-1]), known) or f"; the keys here are {', '.join(known)}"
    return f"is no key that raceday knows{mend}"


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
