"""What the roles of a venue bring, and what they need of it."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from automation.venue.document import KeyPath, Problem
from automation.venue.fields import did_you_mean
from automation.venue.kinds import TEST_WORDS, Kind, look_at, role_paths, verbs_of
from automation.venue.model import ComponentKeys, VenueFile

type Kinds = Mapping[str, Kind]


def kinds_of(file: VenueFile, inventory: Path) -> Kinds:
    """The kind of every role that the venue names and that can start what it operates."""
    named = dict.fromkeys(keys.role for keys in file.components.values() if keys.role)
    kinds = {role: look_at(role, inventory) for role in named}
    return {role: kind for role, kind in kinds.items() if "start" in kind.verbs}


def role_problems(file: VenueFile, inventory: Path, kinds: Kinds) -> Iterator[Problem]:
    """What does not hold of the roles that the components of a venue name."""
    for name, keys in file.components.items():
        if keys.role and keys.role not in kinds:
            yield _no_role(name, keys.role, _known_roles(inventory))
        if keys.tests and keys.role != "service":
            text = (
                f"would never run, because role {keys.role} brings tests of its own or none; "
                "remove tests, or write role: service"
            )
            yield Problem(("components", name, "tests"), text)
        yield from _need_problems(name, keys, file, kinds)
        yield from _name_problems(name, keys, kinds)
        yield from _front_problems(name, keys, file, kinds)


def _name_problems(name: str, keys: ComponentKeys, kinds: Kinds) -> Iterator[Problem]:
    """`raceday test NAME` takes components and other words, so no name may mean two things."""
    others = {role: kind.channel for role, kind in kinds.items() if role != keys.role}
    taken = [role for role, channel in others.items() if channel == name]
    if taken:
        text = f"is named like the channel of role {taken[0]}; give the component another name"
        yield Problem(("components", name), text)
    if name in TEST_WORDS:
        text = "is a word that raceday test itself uses; give the component another name"
        yield Problem(("components", name), text)


def _known_roles(inventory: Path) -> list[str]:
    folders = (folder for path in role_paths(inventory) for folder in path.glob("*"))
    return sorted({folder.name for folder in folders if "start" in verbs_of(folder)})


def _no_role(name: str, role: str, known: list[str]) -> Problem:
    mend = did_you_mean(role, known) or f"; write one of {', '.join(known)}"
    text = f"is {role}, and there is no role of that name with a start verb{mend}"
    return Problem(("components", name, "role"), text)


def _need_problems(
    name: str, keys: ComponentKeys, file: VenueFile, kinds: Kinds
) -> Iterator[Problem]:
    """What a role reads from the venue block, and would fail without."""
    for need in kinds.get(keys.role or "", Kind()).needs:
        if getattr(file.venue, need) is None:
            text = f"is {keys.role}, which needs venue.{need}; write {need} in the block venue"
            yield Problem(("components", name, "role"), text)


def _front_problems(
    name: str, keys: ComponentKeys, file: VenueFile, kinds: Kinds
) -> Iterator[Problem]:
    """A load balancer must be able to put back what was taken out."""
    behind = keys.restart.behind
    role = file.components[behind.component].role if behind else None
    if behind and (role is None or (role in kinds and "undrain" not in kinds[role].verbs)):
        path: KeyPath = ("components", name, "restart", "behind", "component")
        lack = f"whose role {role} has" if role else "which has no role and so"
        text = f"names {behind.component}, {lack} no tasks/undrain.yml; name a load balancer"
        yield Problem(path, text)
