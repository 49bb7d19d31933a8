"""An inventory and its venue file, read together into a `Venue`."""

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from automation.errors import UsageError, VenueError
from automation.run.events import Message
from automation.settings import find_inventory
from automation.venue.addresses import hosts_of
from automation.venue.calendar import Calendar
from automation.venue.checks import check_document, sentences_of
from automation.venue.document import Document, Problem, read_document, shown
from automation.venue.events import Doubt, Events
from automation.venue.fields import closest
from automation.venue.inventory import (
    Inventory,
    matching_hosts,
    read_inventory,
    similar_name,
)
from automation.venue.loads import schedule_problems
from automation.venue.model import VenueFile
from automation.venue.resolve import resolve_components
from automation.venue.roles import kinds_of, role_problems
from automation.venue.site import Component, Venue

VENUE_FILES = ("group_vars/all/venue.yml", "group_vars/all/venue.yaml")


def load_venue(path: Path, *, limit: str | None = None, with_calendars: bool = False) -> Venue:
    """The venue of an inventory; raises VenueError with one sentence per mistake.

    The venue file is checked first: Ansible's answer is waited for only if that is sound.
    `limit` is an Ansible pattern; it narrows `Venue.limited` and never the venue. The .ics files
    are checked only `with_calendars`: who needs them reads them, and nobody else depends on them.
    """
    source = path.absolute()
    document = read_document(find_venue_file(source))
    file = check_document(document)
    inventory = read_inventory(source)
    return resolve_venue(document, file, inventory, limit=limit, with_calendars=with_calendars)


def resolve_venue(
    document: Document,
    file: VenueFile,
    inventory: Inventory,
    *,
    limit: str | None = None,
    with_calendars: bool = False,
) -> Venue:
    """The venue of a sound file on the hosts of an inventory; raises VenueError like the above."""
    kinds = kinds_of(file, inventory.source)
    components, problems = resolve_components(file, inventory)
    problems += _race_card_problems(file, inventory.source)
    calendar = _calendar(file, inventory.source)
    problems += _calendar_problems(calendar) if with_calendars else ()
    problems += role_problems(file, inventory.source, kinds)
    of_roles = [sentence for kind in kinds.values() for sentence in kind.problems]
    if problems or of_roles:
        raise VenueError((*sentences_of(document, problems), *of_roles))
    venue = _venue(document, file, inventory, components, _limited(inventory, limit))
    in_vain = sentences_of(document, schedule_problems(venue))
    if in_vain:
        raise VenueError(in_vain)
    return replace(venue, calendar=calendar)


def find_venue_file(inventory: Path) -> Path:
    """Where the venue file of an inventory is; for a single inventory file, beside it."""
    if not inventory.exists():
        text = "%(path)s: there is no such inventory; check the path."
        raise VenueError((Message(text, {"path": shown(inventory)}),))
    found = [file for name in VENUE_FILES if (file := directory_of(inventory) / name).is_file()]
    if len(found) == 1:
        return found[0]
    if found:
        text = "%(path)s: %(other)s is there too; keep one of them."
        args = {"path": shown(found[1]), "other": found[0].name}
        raise VenueError((Message(text, args),))
    text = (
        "%(path)s: the inventory has no venue file; write it, with inventories/example as a "
        "pattern."
    )
    raise VenueError((Message(text, {"path": shown(directory_of(inventory) / VENUE_FILES[0])}),))


def locate_venue(name_or_path: str, search: tuple[Path, ...] = (Path("inventories"),)) -> Path:
    """The inventory of a venue given by its name in a search root, or by any path.

    Raises UsageError with those that there are.
    """
    if found := find_inventory(name_or_path, search):
        return found
    known = sorted({entry.name for root in search if root.is_dir() for entry in root.iterdir()})
    near = closest(name_or_path, known)
    what = Message("There is no venue named %(name)s.", {"name": name_or_path or '""'})
    if near:
        args = {"name": name_or_path, "near": near}
        what = Message("There is no venue named %(name)s; did you mean %(near)s?", args)
    here = {"names": ", ".join(known) or "-"}
    hint = Message("Venues here: %(names)s; or give --venue the path of an inventory.", here)
    raise UsageError(what, hint)


def directory_of(inventory: Path) -> Path:
    """The directory that a venue's relative paths start from."""
    return inventory if inventory.is_dir() else inventory.parent


def _race_card(file: VenueFile, source: Path) -> Path | None:
    return directory_of(source) / file.venue.race_card if file.venue.race_card else None


def _race_card_problems(file: VenueFile, source: Path) -> Iterator[Problem]:
    card = _race_card(file, source)
    if card and not card.is_file():
        text = "is %(card)s, and there is no such file; it is looked for beside the inventory"
        yield Problem(("venue", "race_card"), Message(text, {"card": file.venue.race_card}))


def _venue(
    document: Document,
    file: VenueFile,
    inventory: Inventory,
    components: Mapping[str, Component],
    limited: frozenset[str] | None,
) -> Venue:
    keys = file.venue
    return Venue(
        name=keys.name,
        title=keys.title or keys.name,
        time_zone=keys.time_zone,
        sales_open=dt.time.fromisoformat(keys.sales_open) if keys.sales_open else None,
        race_card=_race_card(file, inventory.source),
        verdict_valid_minutes=keys.verdict_valid_minutes,
        connect_timeout=keys.connect_timeout,
        thresholds=keys.thresholds,
        components=components,
        hosts=hosts_of(inventory),
        inventory=inventory.source,
        venue_file=document.file,
        digest=_digest(document, inventory),
        limited=limited,
        unattended=file,
    )


def _calendar(file: VenueFile, source: Path) -> Calendar:
    paths = ((name, directory_of(source) / name) for name in file.calendars)
    events = (Events(name, partial(path.read_text, encoding="utf-8-sig")) for name, path in paths)
    return Calendar(
        zone=ZoneInfo(file.venue.time_zone),
        windows=file.windows,
        blackouts=file.blackouts,
        exclusions=file.exclusions,
        holidays=file.holidays or "",
        events=tuple(events),
    )


def _calendar_problems(calendar: Calendar) -> Iterator[Problem]:
    for place, events in enumerate(calendar.events):
        try:
            events.check()
        except Doubt as doubt:
            args = {"file": events.name, "why": doubt.why}
            yield Problem(("calendars", place), Message("is %(file)s, which %(why)s", args))


def _limited(inventory: Inventory, limit: str | None) -> frozenset[str] | None:
    if limit is None:
        return None
    hosts = matching_hosts(inventory, limit)
    if not hosts:
        text = "--limit %(limit)s matches no host of %(inventory)s%(mend)s"
        args = {"limit": limit, "inventory": shown(inventory.source)}
        raise UsageError(Message(text, args | {"mend": similar_name(inventory, limit)}))
    return frozenset(hosts)


def _digest(document: Document, inventory: Inventory) -> str:
    resolved = json.dumps([inventory.groups, inventory.hosts], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(f"{document.text}\0{resolved}".encode()).hexdigest()
