"""What components say of each other: dangling names, self edges and cycles in a venue file.

It works on the plain data of the file, so that these mistakes are named together with all others.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from automation.run.events import Message
from automation.venue.document import KeyPath, Problem, printable
from automation.venue.fields import did_you_mean
from automation.venue.graph import find_cycle

type Edge = tuple[KeyPath, str]


def reference_problems(data: Any) -> list[Problem]:
    """Every name of another component that does not hold, and every cycle."""
    components = _block(data, "components")
    names = list(components)
    edges = {name: _edges(name, block) for name, block in components.items()}
    return [
        *(problem for name in names for problem in _edge_problems(name, edges[name], names)),
        *(problem for name in names for problem in _behind_problems(name, components)),
        *_unattended_problems(data, components),
        *_cycle_problems({name: _names(name, edges) for name in names}),
    ]


def _block(data: Any, key: Any) -> dict[str, Any]:
    found = data.get(key) if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}


def _edges(name: str, block: Any) -> list[Edge]:
    """Each dependency with its own place in the file, whichever form it is written in."""
    here: KeyPath = ("components", name, "depends_on")
    named = block.get("depends_on") if isinstance(block, dict) else None
    if isinstance(named, dict):
        return [((*here, other), other) for other in named]
    listed = named if isinstance(named, tuple) else ()
    return [((*here, at), other) for at, other in enumerate(listed) if isinstance(other, str)]


def _edge_problems(name: str, edges: Sequence[Edge], names: Sequence[str]) -> Iterator[Problem]:
    seen: set[str] = set()
    for path, other in edges:
        if other == name:
            yield Problem(path, Message("names %(name)s itself; remove it", {"name": name}))
        elif other not in names:
            yield _no_component(path, other, names)
        elif other in seen:
            yield Problem(path, Message("names %(name)s twice; keep one", {"name": other}))
        seen.add(other)


def _behind_problems(name: str, components: Mapping[str, Any]) -> Iterator[Problem]:
    behind = _block(_block(components.get(name), "restart"), "behind")
    other = behind.get("component")
    path = ("components", name, "restart", "behind", "component")
    if other == name:
        text = "names %(name)s itself; name the load balancer in front of it"
        yield Problem(path, Message(text, {"name": name}))
    elif isinstance(other, str) and other not in components:
        yield _no_component(path, other, list(components))


def _unattended_problems(data: Any, components: Mapping[str, Any]) -> Iterator[Problem]:
    """Signals may be asked of anybody's hosts; what is restarted or tested must be ours.

    What systemd does not run has no age, by which every restart is due.
    """
    for key in ("idle", "restarts", "tests"):
        for place, block in enumerate(_list(data, key)):
            other = block.get("component") if isinstance(block, dict) else None
            path: KeyPath = (key, place, "component")
            if not isinstance(other, str):
                continue
            if other not in components:
                yield _no_component(path, other, list(components))
            elif key != "idle" and _block(components, other).get("external") is True:
                text = "names %(name)s, which is external; name one that is ours"
                yield Problem(path, Message(text, {"name": other}))
            elif key == "restarts" and "commands" in _block(components, other):
                text = (
                    "names %(name)s, which is run by commands, so nobody knows its age and it is "
                    "never due; remove it"
                )
                yield Problem(path, Message(text, {"name": other}))


def _list(data: Any, key: str) -> tuple[Any, ...]:
    found = data.get(key) if isinstance(data, dict) else None
    return found if isinstance(found, tuple) else ()


def _no_component(path: KeyPath, other: str, names: Sequence[str]) -> Problem:
    mend = did_you_mean(other, names, "; the components are %(names)s", names=", ".join(names))
    args = {"name": printable(other), "mend": mend}
    return Problem(path, Message("names %(name)s, which is no component%(mend)s", args))


def _names(name: str, edges: Mapping[str, Sequence[Edge]]) -> set[str]:
    return {other for _, other in edges[name] if other in edges and other != name}


def _cycle_problems(graph: dict[str, set[str]]) -> Iterator[Problem]:
    """Each cycle once: the edge that closes it is taken out before looking for the next."""
    while cycle := find_cycle(graph):
        path = ("components", cycle[0], "depends_on")
        text = "makes a cycle: %(cycle)s; none of them could ever start"
        yield Problem(path, Message(text, {"cycle": " → ".join(cycle)}))
        graph[cycle[-2]].discard(cycle[-1])
