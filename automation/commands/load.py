"""The venue that the global options name."""

from automation.settings import Settings
from automation.venue.load import load_venue, locate_venue
from automation.venue.site import Venue


def venue_of(settings: Settings) -> Venue:
    """Locate and load it; raises VenueError with every mistake."""
    return load_venue(locate_venue(settings.venue, settings.search_roots))
