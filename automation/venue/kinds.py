"""What a role says of its kind of server: `roles/<kind>/meta/raceday.yml`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from automation.errors import VenueError
from automation.run.events import Message
from automation.settings import content_root
from automation.venue.checks import parse, sentences_of
from automation.venue.document import Document, KeyPath, Place, Problem, read_document
from automation.venue.fields import Argv, Name, Title, UnitName, mistake, wants
from automation.venue.keys import Keys
from automation.venue.model import Healthcheck

PROVING = (
    "test",
    "through",
    "settled",
    "refusal",
)  # verbs that are nothing but the checks they report
TEST_WORDS = LINKS, REHEARSAL, DRILL = "links", "rehearsal", "drill"  # beside channels
NOT_WRITTEN: Mapping[KeyPath, Place] = {(): Place(1, "", "map")}
TASK_FILES = frozenset({".yml", ".yaml", ".json", ""})
SERVICE = "service"  # its checks are the venue's own tests


def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise mistake('names "%(name)s" twice; keep one', name=twice)
    return names


CheckNames = Annotated[tuple[Title, ...], Field(min_length=1), AfterValidator(_once)]
Need = Annotated[Literal["race_card", "sales_open"], wants("race_card or sales_open")]


class PromisedChecks(Keys):
    """Per verb the names of the checks that every host must report."""

    test: CheckNames | None = None
    through: CheckNames | None = None
    settled: CheckNames | None = None
    refusal: CheckNames | None = None


def _is_free(word: str) -> str:
    if word in TEST_WORDS:
        raise mistake("is %(word)s, which raceday test itself uses; choose another", word=word)
    return word


class KindFile(Keys):
    """The file as it is written; a venue file's own words win over it."""

    unit: UnitName | None = None
    healthcheck: Healthcheck | None = None
    facts: Mapping[Name, Argv] = Field(default_factory=dict)
    checks: PromisedChecks = PromisedChecks()
    needs: tuple[Need, ...] = ()
    channel: Annotated[Name, AfterValidator(_is_free)] | None = None
    programs: Argv | None = None


@dataclass(frozen=True)
class Kind:
    """A kind's usual unit and health check, the checks it promises, what it needs of a venue.

    `facts` are the names of what its hosts tell beside their unit. `channel` is what operators call
    what customers get from it, such as bet or ticket. `verbs` are the entry points of the role;
    `problems` are sentences, one per mistake in its file.
    """

    unit: str = ""
    healthcheck: Healthcheck | None = None
    facts: frozenset[str] = frozenset()
    checks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    channel: str = ""
    verbs: frozenset[str] = frozenset()
    problems: tuple[Message, ...] = ()


def role_paths(inventory: Path) -> tuple[Path, ...]:
    """Where roles are looked for: a site's own beside its inventories come first."""
    beside = inventory if inventory.is_dir() else inventory.parent
    site = (beside, beside.parent, beside.parent.parent)
    return (*(folder / "roles" for folder in site), content_root() / "roles")


def read_kind(role: str, inventory: Path) -> Kind:
    """The kind of a role; a role that says nothing has no unit and no checks of its own.

    Raises VenueError with every mistake in what it says.
    """
    kind = look_at(role, inventory)
    if kind.problems:
        raise VenueError(kind.problems)
    return kind


@cache
def look_at(role: str, inventory: Path) -> Kind:
    """The kind of a role with all that is wrong of it; the first role of the name is Ansible's."""
    places = (path / role for path in role_paths(inventory))
    folder = next((place for place in places if place.is_dir()), None)
    if folder is None:
        return Kind()
    file = folder / "meta" / "raceday.yml"
    document = _read(file) if file.is_file() else Document(file, "", {}, NOT_WRITTEN, ())
    parsed, problems = parse(document, KindFile)
    kind = replace(_kind(parsed or KindFile()), verbs=verbs_of(folder))
    if parsed is not None and role != SERVICE:
        problems += _promise_problems(kind)
    return replace(kind, problems=sentences_of(document, problems))


def verbs_of(folder: Path) -> frozenset[str]:
    """The entry points of a role, under any name by which Ansible finds `tasks_from: start`."""
    tasks = folder / "tasks"
    return frozenset(file.stem for file in tasks.glob("*") if file.suffix in TASK_FILES)


def _read(file: Path) -> Document:
    wanted = ", ".join(KindFile.model_fields)
    return read_document(file, wanted=wanted, templates=True)


def _kind(said: KindFile) -> Kind:
    return Kind(
        unit=said.unit or "",
        healthcheck=said.healthcheck,
        facts=frozenset(said.facts),
        checks=said.checks.model_dump(exclude_none=True),
        needs=said.needs,
        channel=said.channel or "",
    )


def _promise_problems(kind: Kind) -> Iterator[Problem]:
    """A check nobody expects is never missed, and one that no verb reports never comes."""
    for verb in PROVING:
        args = {"file": f"tasks/{verb}.yml"}
        if verb in kind.verbs and verb not in kind.checks:
            text = "is missing, though the role has %(file)s; name the checks that it reports"
            yield Problem(("checks", verb), Message(text, args))
        if verb in kind.checks and verb not in kind.verbs:
            text = "promises checks, but the role has no %(file)s; write it, or remove them"
            yield Problem(("checks", verb), Message(text, args))
    if "rehearse" in kind.verbs and not kind.channel:
        said = Message(
            "is missing, though the role has tasks/rehearse.yml; say what operators call it"
        )
        yield Problem(("channel",), said)
