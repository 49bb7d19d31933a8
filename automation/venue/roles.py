"""What the roles of a venue bring, and what they need of it."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from automation.run.events import Message
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
                "would never run, because role %(role)s brings tests of its own or none; "
                "remove tests, or write role: service"
            )
            yield Problem(("components", name, "tests"), Message(text, {"role": keys.role}))
        yield from _need_problems(name, keys, file, kinds)
        yield from _name_problems(name, keys, kinds)
        yield from _front_problems(name, keys, file, kinds)


def _name_problems(name: str, keys: ComponentKeys, kinds: Kinds) -> Iterator[Problem]:
    """`raceday test NAME` takes components and other words, so no name may mean two things."""
    others = {role: kind.channel for role, kind in kinds.items() if role != keys.role}
    taken = [role for role, channel in others.items() if channel == name]
    if taken:
        text = "is named like the channel of role %(role)s; give the component another name"
        yield Problem(("components", name), Message(text, {"role": taken[0]}))
    if name in TEST_WORDS:
        said = Message("is a word that raceday test itself uses; give the component another name")
        yield Problem(("components", name), said)


def _known_roles(inventory: Path) -> list[str]:
    folders = (folder for path in role_paths(inventory) for folder in path.glob("*"))
    return sorted({folder.name for folder in folders if "start" in verbs_of(folder)})


def _no_role(name: str, role: str, known: list[str]) -> Problem:
    others = [item for item in known if item != role]
    mend = did_you_mean(role, others, "; write one of %(roles)s", roles=", ".join(others))
    text = "is %(role)s, and there is no role of that name with a start verb%(mend)s"
    return Problem(("components", name, "role"), Message(text, {"role": role, "mend": mend}))


def _need_problems(
    name: str, keys: ComponentKeys, file: VenueFile, kinds: Kinds
) -> Iterator[Problem]:
    """What a role reads from the venue block, and would fail without."""
    for need in kinds.get(keys.role or "", Kind()).needs:
        if getattr(file.venue, need) is None:
            text = "is %(role)s, which needs venue.%(need)s; write %(need)s in the block venue"
            args = {"role": keys.role, "need": need}
            yield Problem(("components", name, "role"), Message(text, args))


def _front_problems(
    name: str, keys: ComponentKeys, file: VenueFile, kinds: Kinds
) -> Iterator[Problem]:
    """A load balancer must be able to put back what was taken out."""
    behind = keys.restart.behind
    role = file.components[behind.component].role if behind else None
    if behind and (role is None or (role in kinds and "undrain" not in kinds[role].verbs)):
        path: KeyPath = ("components", name, "restart", "behind", "component")
        text = (
            "names %(name)s, whose role %(role)s has no tasks/undrain.yml; name a load balancer"
            if role
            else "names %(name)s, which has no role and so no tasks/undrain.yml; "
            "name a load balancer"
        )
        yield Problem(path, Message(text, {"name": behind.component, "role": role}))
