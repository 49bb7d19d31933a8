"""A new role, with its verbs, specs, page and scenario, as the files under `tree/` have it."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from automation.errors import UsageError
from automation.run.events import Message
from automation.settings import content_root
from automation.venue.fields import NAME_PATTERN

TREE = Path(__file__).with_name("tree")
PLACEHOLDER, SUFFIX = "NAME", ".j2"
TAKEN = frozenset(
    {"all", "ungrouped", "none", "localhost", "shared"}
)  # by Ansible, and by molecule/
SHARED = Path(".config/molecule/config.yml")  # what every scenario stands on


def new_role(name: str, folder: Path) -> tuple[Path, ...]:
    """Write `roles/<name>` in a folder, and `molecule/<name>` where the shared scenario is.

    Returns the files, relative to the folder. Raises UsageError and writes nothing when the name
    is wrong or taken, or when the folder cannot be written to.
    """
    _check_name(name, folder)
    parts = ("roles", "molecule") if (folder / SHARED).is_file() else ("roles",)
    for part in parts:
        if (folder / part / name).exists():
            raise UsageError(
                Message(
                    "%(file)s is there already; nothing was written.",
                    {"file": folder / part / name},
                )
            )
    files = {path: text for path, text in _render(name).items() if path.parts[0] in parts}
    try:
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            Message(
                "%(file)s cannot be written: %(why)s",
                {"file": error.filename, "why": error.strerror},
            )
        ) from None
    return tuple(files)


def _check_name(name: str, folder: Path) -> None:
    if not re.fullmatch(NAME_PATTERN, name):
        raise UsageError(
            Message("%(name)s is no name for a role.", {"name": name}),
            "Take small letters, digits and _ that begin with a letter, such as bet_gateway.",
        )
    if yaml.safe_load(name) != name:
        raise UsageError(
            Message("YAML would not read %(name)s as a name.", {"name": name}),
            Message("Take a longer one, such as %(name)s_server.", {"name": name}),
        )
    if name in TAKEN:
        raise UsageError(
            Message("%(name)s has a meaning of its own where roles are used.", {"name": name}),
            "Take another name.",
        )
    brought = content_root() / "roles"
    if brought != folder.absolute() / "roles" and (brought / name).is_dir():
        raise UsageError(
            Message(
                "raceday brings a role %(name)s, which yours would hide altogether.", {"name": name}
            ),
            "Use it as it is, or take another name.",
        )


def _render(name: str) -> Mapping[Path, str]:
    environment = Environment(
        loader=FileSystemLoader(TREE),
        variable_start_string="[[",
        variable_end_string="]]",
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  # YAML and Markdown, from a name of letters and digits
    )
    given = {"name": name, "unit": name.replace("_", "-")}
    return {
        Path(place.removesuffix(SUFFIX).replace(PLACEHOLDER, name)): environment.get_template(
            place
        ).render(given)
        for place in _places()
    }


def _places() -> Iterator[str]:
    for path in sorted(TREE.rglob(f"*{SUFFIX}")):
        yield path.relative_to(TREE).as_posix()
