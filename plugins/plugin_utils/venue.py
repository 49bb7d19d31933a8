"""Who answers for what in a venue, and in which order: for plays that raceday does not run.

The same as automation/venue/resolve.py and graph.py have it, from the variables of a play.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from graphlib import TopologicalSorter
from typing import Any

from ansible.plugins.loader import lookup_loader
from ansible_collections.raceday.core.plugins.plugin_utils.spec import knows_verb

type Components = Mapping[str, Mapping[str, Any]]


def hosts_of(name: str, task_vars: Mapping[str, Any]) -> list[str]:
    """The hosts of a component; a partner that names none is asked by all that depend on it."""
    components: Components = task_vars["components"]
    written = components[name]
    if written.get("external") and "hosts" not in written:
        askers = [other for other, item in components.items() if name in dependencies(item)]
        return _unique(host for other in askers for host in hosts_of(other, task_vars))
    pattern = written.get("hosts", name)
    matching = lookup_loader.get("ansible.builtin.inventory_hostnames").run
    return [str(host) for host in matching([pattern], variables=task_vars)]


def components_here(task_vars: Mapping[str, Any]) -> list[str]:
    """The components that run on this host, in file order."""
    return _of_host(task_vars, external=False)


def partners_here(task_vars: Mapping[str, Any]) -> list[str]:
    """The external components that are asked from this host."""
    return _of_host(task_vars, external=True)


def fronts_here(task_vars: Mapping[str, Any]) -> list[str]:
    """The load balancers on this host that some component stands behind."""
    named = {place for item in task_vars["components"].values() if (place := front_of(item))}
    return [name for name in components_here(task_vars) if name in named]


def behind_here(task_vars: Mapping[str, Any]) -> list[str]:
    """The components that stand behind a load balancer on this host."""
    fronts = fronts_here(task_vars)
    return [name for name, item in task_vars["components"].items() if front_of(item) in fronts]


def front_of(component: Mapping[str, Any]) -> str | None:
    """The load balancer that a component stands behind."""
    behind = component.get("restart", {}).get("behind") or {}
    return behind.get("component")


def start_order(components: Components) -> list[list[str]]:
    """The venue in tiers: each waits only for those before it; file order inside a tier."""
    sorter = TopologicalSorter({name: dependencies(item) for name, item in components.items()})
    sorter.prepare()
    tiers = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=list(components).index)
        sorter.done(*ready)
        tiers.append(ready)
    return tiers


def stop_order(components: Components) -> list[list[str]]:
    """The tiers of the evening: backwards, without partners and what is kept running."""
    chosen = [name for name, item in components.items() if item.get("keep_running")]
    left = {*_with_dependencies(components, chosen), *_partners(components)}
    tiers = [[name for name in tier if name not in left] for tier in start_order(components)]
    return [tier for tier in reversed(tiers) if tier]


def dependencies(component: Mapping[str, Any]) -> tuple[str, ...]:
    """The names under `depends_on`, in its short form or its long one."""
    return tuple(component.get("depends_on", ()))


def mistakes(task_vars: Mapping[str, Any]) -> Iterator[str]:
    """What the file names and is not there, in sentences: nothing would be done about it."""
    components: Components = task_vars["components"]
    for name, item in components.items():
        for other in filter(None, (*dependencies(item), front_of(item))):
            if other not in components:
                yield f"{name} names {other}, which is no component"
        role = item.get("role", "")
        if not item.get("external") and not knows_verb(role, "start", task_vars):
            yield f"{name} has the role '{role}', and no such role is found that starts anything"
        if not item.get("external") and not hosts_of(name, task_vars):
            yield f"{name} is on no host of the inventory"


def _of_host(task_vars: Mapping[str, Any], *, external: bool) -> list[str]:
    host, components = task_vars["inventory_hostname"], task_vars["components"]
    names = (name for name, item in components.items() if bool(item.get("external")) is external)
    return [name for name in names if host in hosts_of(name, task_vars)]


def _partners(components: Components) -> Iterable[str]:
    return (name for name, item in components.items() if item.get("external"))


def _with_dependencies(components: Components, names: Collection[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(dependencies(components[name]))
    return found


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
