"""`raceday venue`: look at a site before anything is touched."""

import json
import shutil
from pathlib import Path
from typing import Any

import click

from automation.errors import UsageError
from automation.run.events import Message
from automation.settings import Settings
from automation.venue.document import shown
from automation.venue.graph import start_order
from automation.venue.load import load_venue, locate_venue
from automation.venue.schema import venue_schema
from automation.venue.site import Venue
from automation.views.graph import mermaid, svg, terminal
from automation.views.i18n import Translator


@click.group()
def venue() -> None:
    """Check, draw and describe a venue; nothing is touched."""


@venue.command()
@click.option("--limit", metavar="PATTERN", help="Check too that this pattern matches a host.")
@click.pass_obj
def check(settings: Settings, limit: str | None) -> None:
    """Say whether the venue holds: every mistake of its file at once.

    When the file is sound, every mistake in what it says of hosts and roles at once.
    """
    site = _load(settings, limit, with_calendars=True)
    if settings.format == "json":
        _print_json(_summary(site))
    else:
        click.echo(_checked(site, Translator(settings.lang)))


@venue.command()
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "mermaid"]),
    default="text",
    help="How to draw on the terminal.",
)
@click.option("--svg", "file", type=click.Path(path_type=Path, dir_okay=False), help="Draw here.")
@click.pass_obj
def graph(settings: Settings, style: str, file: Path | None) -> None:
    """Draw the start order: what starts when, and what waits for what."""
    site = _load(settings)
    if file:
        _write(file, svg(site))
    if settings.format == "json":
        _print_json(_graph(site))
    elif file:
        said = "The start order of %(venue)s is drawn in %(file)s."
        click.echo(Translator(settings.lang)(said, venue=site.title, file=file))
    else:
        width = shutil.get_terminal_size((100, 24)).columns
        click.echo(mermaid(site) if style == "mermaid" else terminal(site, width), nl=False)


@venue.command()
def schema() -> None:
    """Print the JSON Schema of the venue file, for editors."""
    _print_json(venue_schema())


def _load(settings: Settings, limit: str | None = None, *, with_calendars: bool = False) -> Venue:
    path = locate_venue(settings.venue, settings.search_roots)
    return load_venue(path, limit=limit, with_calendars=with_calendars)


def _checked(site: Venue, translate: Translator) -> str:
    """What was looked at, in three lines, and OK."""
    order = " -> ".join(", ".join(tier) for tier in start_order(site))
    counts = {"components": len(site.components), "hosts": len(site.hosts)}
    counted = translate("components: %(components)s, hosts: %(hosts)s", **counts)
    lines = [
        f"{site.title}: {counted}",
        f"{translate('start order')}: {order}",
        f"{translate('OK')}: {shown(site.venue_file)}",
    ]
    if site.limited is not None:
        lines.insert(1, f"{translate('limited to')}: {', '.join(sorted(site.limited))}")
    return "\n".join(lines)


def _summary(site: Venue) -> dict[str, Any]:
    return {
        "venue": site.name,
        "ok": True,
        "components": len(site.components),
        "hosts": len(site.hosts),
        "limited": None if site.limited is None else sorted(site.limited),
        "start_order": start_order(site),
        "venue_file": str(site.venue_file),
        "digest": site.digest,
    }


def _graph(site: Venue) -> dict[str, Any]:
    return {
        "venue": site.name,
        "start_order": start_order(site),
        "components": [
            {
                "name": component.name,
                "title": component.title,
                "hosts": component.hosts,
                "external": component.external,
                "critical": component.critical,
                "depends_on": {each.component: each.condition for each in component.depends_on},
            }
            for component in site.components.values()
        ],
    }


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            Message("%(file)s cannot be written: %(why)s", {"file": file, "why": error.strerror})
        ) from None


def _print_json(document: dict[str, Any]) -> None:
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))
