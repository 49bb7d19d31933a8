"""The start-up graph: order, cycles, what depends on what, the critical path, the layout."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.venue.graph import (
    critical_path,
    dependencies,
    dependents,
    find_cycle,
    reverse,
    start_order,
    tiers,
)
from automation.venue.layout import lay_out
from automation.venue.site import Venue
from tests.unit.venue.sites import site

type Edges = dict[str, tuple[str, ...]]


@st.composite
def any_graphs(draw: st.DrawFn) -> Edges:
    """Graphs of up to eight nodes, with cycles and without."""
    names = [f"n{at}" for at in range(draw(st.integers(1, 8)))]
    others = st.lists(st.sampled_from(names), unique=True, max_size=4)
    return {name: tuple(draw(others)) for name in names}


def without_cycles(graph: Edges) -> Edges:
    """Only the edges that point back in the order of names."""
    return {name: tuple(each for each in graph[name] if each < name) for name in graph}


graphs = any_graphs().map(without_cycles)


@pytest.fixture
def racecourse(tmp_path: Path) -> Venue:
    return site(
        tmp_path,
        "  balancer: {role: haproxy, hosts: t1, depends_on: [ticketing, wagering]}\n"
        "  database: {role: postgresql}\n"
        "  cache: {role: redis, hosts: database}\n"
        "  wagering: {role: kiosk_gateway, depends_on: [database, cache]}\n"
        "  ticketing: {role: kiosk_gateway, depends_on: [wagering]}\n",
    )


def test_tiers_keep_the_order_of_the_file(racecourse: Venue) -> None:
    """What may start together is in one tier, in the order in which it is written."""
    expected = (("database", "cache"), ("wagering",), ("ticketing",), ("balancer",))
    assert start_order(racecourse) == expected


def test_dependents_and_dependencies_reach_all_the_way(racecourse: Venue) -> None:
    """Both are transitive and come in start order."""
    assert dependents(racecourse, "cache") == ("wagering", "ticketing", "balancer")
    assert dependencies(racecourse, "ticketing") == ("database", "cache", "wagering")
    assert dependencies(racecourse, "database") == dependents(racecourse, "balancer") == ()


def test_the_critical_path_is_the_chain_that_takes_longest(racecourse: Venue) -> None:
    """It follows the durations, and a component without one takes no time."""
    durations = {"database": 2.0, "cache": 9.0, "wagering": 1.0}
    assert critical_path(racecourse.graph, durations) == ("cache", "wagering")
    assert critical_path({}, {}) == ()


def test_a_cycle_is_told_in_the_order_of_waiting() -> None:
    """It begins with the component that is written first, and each waits for the next."""
    assert find_cycle({"z": (), "b": ("c",), "c": ("a",), "a": ("b",)}) == ("b", "c", "a", "b")


@given(any_graphs())
def test_a_cycle_is_found_exactly_when_there_is_one(graph: Edges) -> None:
    """What is found runs along edges of the graph back to its beginning."""
    cycle = find_cycle(graph)
    if cycle:
        assert cycle[0] == cycle[-1]
        assert all(after in graph[before] for before, after in pairwise(cycle))
    else:
        assert sum(map(len, tiers(graph))) == len(graph)


@given(graphs)
def test_everything_starts_once_and_as_early_as_it_can(graph: Edges) -> None:
    """A component is in the tier right after the last of those it waits for."""
    at = {name: step for step, tier in enumerate(tiers(graph)) for name in tier}
    assert at.keys() == graph.keys()
    assert all(
        at[name] == max((at[other] + 1 for other in graph[name]), default=0) for name in graph
    )


@given(graphs)
def test_reversing_twice_changes_no_edge(graph: Edges) -> None:
    """Stopping goes through the same edges as starting."""
    twice = reverse(reverse(graph))
    assert {name: set(others) for name, others in twice.items()} == {
        name: set(others) for name, others in graph.items()
    }


@given(graphs, st.integers(0, 1000))
def test_no_chain_takes_longer_than_the_critical_path(graph: Edges, seed: int) -> None:
    """Its total is the time at which the last component is up."""
    durations = {name: float((seed * (at + 7)) % 13) for at, name in enumerate(graph)}
    done: dict[str, float] = {}
    for name in graph:
        done[name] = durations[name] + max((done[each] for each in graph[name]), default=0.0)
    path = critical_path(graph, durations)
    assert sum(durations[name] for name in path) == max(done.values())
    assert all(before in graph[after] for before, after in pairwise(path))


@given(graphs)
def test_a_drawn_edge_crosses_one_column_at_a_time(graph: Edges) -> None:
    """Every node has one place, and a long edge has a bend in every column that it passes."""
    layout = lay_out(graph)
    column = {node: at for at, nodes in enumerate(layout.columns) for node in nodes}
    assert len(column) == sum(map(len, layout.columns))
    assert {(route[0], route[-1]) for route in layout.routes} == {
        (before, name) for name in graph for before in graph[name]
    }
    for route in layout.routes:
        assert all(column[after] == column[before] + 1 for before, after in pairwise(route))
