"""The start-up graph: what starts in which order, and what depends on what. Pure functions.

A graph is a mapping from each component to those it waits for.
"""

from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from automation.venue.site import Venue

type Graph = Mapping[str, Collection[str]]


def start_order(venue: Venue) -> tuple[tuple[str, ...], ...]:
    """The tiers of the venue: each waits only for those before it; file order inside a tier."""
    return tiers(venue.graph)


def dependencies(venue: Venue, name: str) -> tuple[str, ...]:
    """Everything the component waits for, directly or not, in start order."""
    return _in_start_order(venue.graph, _reachable(venue.graph, name))


def dependents(venue: Venue, name: str) -> tuple[str, ...]:
    """Everything that waits for the component, directly or not, in start order."""
    return _in_start_order(venue.graph, _reachable(reverse(venue.graph), name))


def tiers(graph: Graph) -> tuple[tuple[str, ...], ...]:
    """The graph in tiers; every node must be a key, and a cycle raises graphlib.CycleError."""
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    position = {name: place for place, name in enumerate(graph)}
    return tuple(_drain(sorter, position))


def reverse(graph: Graph) -> Mapping[str, tuple[str, ...]]:
    """The same edges the other way: what each node is waited for by; the order of stopping."""
    return {node: tuple(other for other in graph if node in graph[other]) for node in graph}


def find_cycle(graph: Graph) -> tuple[str, ...]:
    """One cycle as (a, b, a), each waiting for the next, or () when there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return _from_first(tuple(reversed(error.args[1])), tuple(graph))
    return ()


def critical_path(graph: Graph, durations: Mapping[str, float]) -> tuple[str, ...]:
    """The chain of dependencies that takes longest, first to start first.

    `durations` are in seconds; a node without one counts as 0.
    """
    longest: dict[str, tuple[float, tuple[str, ...]]] = {}
    for tier in tiers(graph):
        for node in tier:
            before = max((longest[name] for name in graph[node]), key=_length, default=(0.0, ()))
            longest[node] = (before[0] + durations.get(node, 0.0), (*before[1], node))
    return max(longest.values(), key=_length, default=(0.0, ()))[1]


def _drain(
    sorter: TopologicalSorter[str], position: Mapping[str, int]
) -> Iterator[tuple[str, ...]]:
    while sorter.is_active():
        ready = tuple(sorted(sorter.get_ready(), key=position.__getitem__))
        sorter.done(*ready)
        yield ready


def _reachable(graph: Graph, name: str) -> frozenset[str]:
    seen: set[str] = set()
    waiting = list(graph[name])
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting.extend(graph[node])
    return frozenset(seen)


def _in_start_order(graph: Graph, names: Collection[str]) -> tuple[str, ...]:
    return tuple(name for tier in tiers(graph) for name in tier if name in names)


def _from_first(cycle: tuple[str, ...], order: tuple[str, ...]) -> tuple[str, ...]:
    ring = cycle[:-1]
    start = ring.index(min(ring, key=order.index))
    return (*ring[start:], *ring[:start], ring[start])


def _length(path: tuple[float, tuple[str, ...]]) -> float:
    return path[0]
