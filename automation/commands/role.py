"""`raceday role`: begin a role for one's own kind of server."""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from automation.scaffold.role import new_role
from automation.settings import Settings
from automation.views.i18n import Translator


@click.group()
def role() -> None:
    """Write a role for a kind of server that raceday does not know."""


@role.command()
@click.argument("name")
@click.option(
    "--into",
    "folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=".",
    help="The folder that has roles/, or shall have it [here].",
)
@click.pass_obj
def new(settings: Settings, name: str, folder: Path) -> None:
    """Begin roles/NAME, with all that a role must have.

    Start, stop, test, specs, page; in a clone a Molecule scenario, too.

    \b
    Example:
      raceday role new tomcat
    """
    files = new_role(name, folder)
    if settings.format == "json":
        document = {"role": name, "files": [str(folder / file) for file in files]}
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        click.echo(_told(name, folder, files, Translator(settings.lang)))


def _told(name: str, folder: Path, files: Sequence[Path], translate: Translator) -> str:
    """What was written, and what to do with it."""
    written = [f"  {folder / file}" for file in files]
    following = (
        "Write role: %(name)s in a venue file, then raceday venue check. "
        "(A scenario is written in a clone of raceday only.)"
    )
    if any(file.parts[0] == "molecule" for file in files):
        following = "molecule test -s %(name)s"
    said = translate("Written for %(name)s:", name=name)
    return "\n".join((said, *written, f"{translate('Next')}: {translate(following, name=name)}"))
