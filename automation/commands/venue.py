"""`raceday venue`: look at a site before anything is touched."""

import json
import shutil
from pathlib import Path
from typing import Any

import click

from automation.errors import UsageError
from automation.settings import Settings
from automation.venue.document import shown
from automation.venue.graph import start_order
from automation.venue.load import load_venue, locate_venue
from automation.venue.schema import venue_schema
from automation.venue.site import Venue
from automation.views.graph import mermaid, svg, terminal


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
    site = _load(settings, limit)
    if settings.format == "json":
        _print_json(_summary(site))
    else:
        click.echo(_checked(site))


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
        click.echo(f"The start order of {site.title} is drawn in {file}.")
    else:
        width = shutil.get_terminal_size((100, 24)).columns
        click.echo(mermaid(site) if style == "mermaid" else terminal(site, width), nl=False)


@venue.command()
def schema() -> None:
    """Print the JSON Schema of the venue file, for editors."""
    _print_json(venue_schema())


def _load(settings: Settings, limit: str | None = None) -> Venue:
    return load_venue(locate_venue(settings.venue, settings.search_roots), limit=limit)


def _checked(site: Venue) -> str:
    """What was looked at, in three lines, and OK."""
    order = " -> ".join(", ".join(tier) for tier in start_order(site))
    counted = f"{_counted(site.components, 'component')} on {_counted(site.hosts, 'host')}"
    lines = [f"{site.title}: {counted}", f"start order: {order}", f"OK: {shown(site.venue_file)}"]
    if site.limited is not None:
        lines.insert(1, f"limited to: {', '.join(sorted(site.limited))}")
    return "\n".join(lines)


def _counted(things: Any, noun: str) -> str:
    return f"{len(things)} {noun}" if len(things) == 1 else f"{len(things)} {noun}s"


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
        raise UsageError(f"{file} cannot be written: {error.strerror}") from None


def _print_json(document: dict[str, Any]) -> None:
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))
