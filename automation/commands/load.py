"""The venue that the global options name."""

from collections.abc import Iterable, Mapping, Sequence

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


def chosen_hosts(
    venue: Venue, named: Mapping[str, Sequence[str]], limit: Sequence[str]
) -> Mapping[str, tuple[str, ...]]:
    """The hosts of each component, those of --limit alone if there is one; none has no host.

    `named` are the components by the word that was typed for them. Raises UsageError for a host
    that none of them has, and for a word with no host in the limit.
    """
    every = dict.fromkeys(name for names in named.values() for name in names)
    strangers = [host for host in limit if host not in _hosts_of(venue, every)]
    if strangers:
        raise _no_host(venue, strangers[0], ", ".join(every), every)
    for word, names in named.items():
        if limit and not _hosts_of(venue, names) & set(limit):
            raise _no_host(venue, ", ".join(limit), word, names)
    found = {
        name: tuple(host for host in venue.components[name].hosts if not limit or host in limit)
        for name in every
    }
    return {name: hosts for name, hosts in found.items() if hosts}


def _hosts_of(venue: Venue, names: Iterable[str]) -> set[str]:
    return {host for name in names for host in venue.components[name].hosts}


def _no_host(venue: Venue, host: str, word: str, names: Iterable[str]) -> UsageError:
    known = ", ".join(sorted(_hosts_of(venue, names)))
    return UsageError(
        Message(
            "--limit %(host)s: %(names)s has no host of this name.", {"host": host, "names": word}
        ),
        Message("Its hosts are: %(hosts)s.", {"hosts": known}),
    )
