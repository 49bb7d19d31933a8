"""Venues for the tests of this folder: a fixed inventory, and files written from text."""

from pathlib import Path

from automation.venue.checks import check_document
from automation.venue.document import read_document
from automation.venue.inventory import Inventory
from automation.venue.load import resolve_venue
from automation.venue.site import Venue

HEAD = "venue: {name: demo, title: 서울 경마장, time_zone: Asia/Seoul}\n"
GROUPS: dict[str, tuple[str, ...]] = {
    "all": ("db1", "w1", "w2", "t1"),
    "ungrouped": (),
    "database": ("db1",),
    "wagering": ("w1", "w2"),
    "ticketing": ("t1",),
    "spare": (),
}


def inventory(source: Path = Path("/site")) -> Inventory:
    """Four hosts in three groups, and one group that is empty."""
    return Inventory(source, GROUPS, {host: {} for host in GROUPS["all"]})


def read_site(file: Path) -> Venue:
    """The venue of a file on that inventory, with no process asked."""
    document = read_document(file)
    found = inventory(file.parent)
    return resolve_venue(document, check_document(document), found, with_calendars=True)


def site(folder: Path, components: str, head: str = HEAD) -> Venue:
    """The venue of some components, given as YAML."""
    file = folder / "venue.yml"
    file.write_text(f"{head}components:\n{components}", encoding="utf-8")
    return read_site(file)
