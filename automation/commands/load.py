"""The venue that the global options name."""

from collections.abc import Sequence

from automation.errors import UsageError
from automation.run.events import Message
from automation.settings import Settings
from automation.venue.fields import closest
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
        raise UsageError("Name the components, or say --all; not both.", _they_are(ours))
    for name in names:
        if known_component(venue, name) not in ours:
            what = Message("%(component)s is not ours to start.", {"component": name})
            raise UsageError(what, _they_are(ours))
    return ours if everything else tuple(dict.fromkeys(names))


def known_component(venue: Venue, name: str) -> str:
    """The name, if it is a component's. Raises UsageError with the nearest one."""
    if name in venue.components:
        return name
    known = tuple(venue.components)
    what = Message("There is no component %(component)s.", {"component": name})
    raise UsageError(what, nearest(name, known))


def nearest(name: str, known: Sequence[str]) -> Message:
    """The one that may have been meant, and all there are."""
    near = closest(name, known)
    if not near:
        return _they_are(known)
    args = {"near": near, "names": ", ".join(known)}
    return Message("Did you mean %(near)s? They are: %(names)s.", args)


def _they_are(names: Sequence[str]) -> Message:
    return Message("They are: %(names)s.", {"names": ", ".join(names)})


def known_hosts(venue: Venue, names: Sequence[str], limit: Sequence[str]) -> tuple[str, ...]:
    """The hosts of --limit. Raises UsageError for one that is none of these components' hosts."""
    known = {host for name in names for host in venue.components[name].hosts}
    strangers = [host for host in limit if host not in known]
    if strangers:
        args = {"host": strangers[0], "names": ", ".join(names)}
        raise UsageError(
            Message("--limit %(host)s: %(names)s has no host of this name.", args),
            Message("Its hosts are: %(hosts)s.", {"hosts": ", ".join(sorted(known))}),
        )
    return tuple(limit)
