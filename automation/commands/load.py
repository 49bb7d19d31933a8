"""The venue that the global options name."""

from collections.abc import Sequence
from difflib import get_close_matches

from automation.errors import UsageError
from automation.settings import Settings
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
        if name not in ours:
            near = get_close_matches(name, ours, n=1)
            raise UsageError(
                f"There is no component {name} that is ours to start.",
                f"Did you mean {near[0]}?" if near else f"They are: {', '.join(ours)}.",
            )
    return ours if everything else tuple(dict.fromkeys(names))
