"""Where the boxes of a start-up graph stand: columns by tier, rows so that few lines cross.

An edge that passes over a tier gets a bend of its own there, so no line runs through a box.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from automation.venue.graph import Graph, reverse, tiers

SWEEPS = 8


@dataclass(frozen=True)
class Layout:
    """Columns of nodes from first to last, and for each edge the nodes and bends it runs through.

    A bend is named "a>b@n": the edge from a to b in column n.
    """

    columns: tuple[tuple[str, ...], ...]
    routes: tuple[tuple[str, ...], ...]


def lay_out(graph: Graph) -> Layout:
    """A layered layout; the same graph always gets the same one."""
    column = {name: at for at, tier in enumerate(tiers(graph)) for name in tier}
    routes = tuple(_route(before, name, column) for name in column for before in graph[name])
    columns = [list(tier) for tier in tiers(graph)]
    for route in routes:
        for at, bend in enumerate(route[1:-1], start=column[route[0]] + 1):
            columns[at].append(bend)
    return Layout(_untangled(columns, _waits_for(columns, routes)), routes)


def _route(before: str, name: str, column: Mapping[str, int]) -> tuple[str, ...]:
    between = range(column[before] + 1, column[name])
    return (before, *(f"{before}>{name}@{at}" for at in between), name)


def _waits_for(columns: Sequence[Sequence[str]], routes: Sequence[Sequence[str]]) -> Graph:
    """The graph with bends: every edge now spans exactly one column."""
    left: dict[str, list[str]] = {node: [] for column in columns for node in column}
    for route in routes:
        for before, after in pairwise(route):
            left[after].append(before)
    return left


def _untangled(columns: list[list[str]], left: Graph) -> tuple[tuple[str, ...], ...]:
    """Sort each column by the middle of its neighbours, there and back a few times."""
    right = reverse(left)
    for _ in range(SWEEPS):
        for before, column in pairwise(columns):
            _sort(column, before, left)
        for after, column in pairwise(columns[::-1]):
            _sort(column, after, right)
    return tuple(tuple(column) for column in columns)


def _sort(column: list[str], beside: Sequence[str], neighbours: Graph) -> None:
    row = {node: _share(at, beside) for at, node in enumerate(beside)}
    own = {node: _share(at, column) for at, node in enumerate(column)}

    def middle(node: str) -> float:
        rows = [row[other] for other in neighbours[node]]
        return sum(rows) / len(rows) if rows else own[node]

    column.sort(key=middle)


def _share(at: int, column: Sequence[str]) -> float:
    """How far down its column a node is, from 0 to 1, so that columns of any length compare."""
    return (at + 0.5) / len(column)
