"""The venue that the global options name."""

from collections.abc import Sequence

from automation.errors import UsageError
from automation.settings import Settings
from automation.venue.fields import did_you_mean
from automation.venue.load import load_venue, locate_venue
from automation.venue.site import Venue


def venue_of(settings: Settings) -> Venue:
    """Locate and load it; raises VenueError with every mistake."""
    return load_venue(locate_venue(settings.venue, settings.search_roots))


def named_components(
    venue: Venue, names: Sequence[str], *, everything: bool = False
) -> tuple[str, ...]:
    """The components that were named, or all of ours. Raises UsageError for one that is not."""
    ours = tuple(name for name, item in venue.components.items() if not item.external)
    if everything != (not names):
        raise UsageError(
            "Name the components, or say --all; not both.", f"They are: {', '.join(ours)}."
        )
    for name in names:
        if known_component(venue, name) not in ours:
            raise UsageError(f"{name} is not ours to start.", f"Ours are: {', '.join(ours)}.")
    return ours if everything else tuple(dict.fromkeys(names))


def known_component(venue: Venue, name: str) -> str:
    """The name, if it is a component's. Raises UsageError with the nearest one."""
    if name in venue.components:
        return name
    known = tuple(venue.components)
    mend = did_you_mean(name, known)
    raise UsageError(f"There is no component {name}{mend}", f"They are: {', '.join(known)}.")


def known_hosts(venue: Venue, names: Sequence[str], limit: Sequence[str]) -> tuple[str, ...]:
    """The hosts of --limit. Raises UsageError for one that is none of these components' hosts."""
    known = {host for name in names for host in venue.components[name].hosts}
    strangers = [host for host in limit if host not in known]
    if strangers:
        raise UsageError(
            f"--limit {strangers[0]}: {', '.join(names)} has no host of this name.",
            f"Its hosts are: {', '.join(sorted(known))}.",
        )
    return tuple(limit)
