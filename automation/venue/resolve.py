"""From keys to real hosts: which hosts a component has, how many must be ready, who may share."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from automation.venue.document import KeyPath, Problem
from automation.venue.inventory import Inventory, is_pattern, matching_hosts, similar_name
from automation.venue.model import ComponentKeys, VenueFile
from automation.venue.platforms import usual_unit
from automation.venue.site import Component, Dependency

type Hosts = Mapping[str, tuple[str, ...]]


def resolve_components(
    file: VenueFile, inventory: Inventory
) -> tuple[dict[str, Component], list[Problem]]:
    """Every component with its hosts, in file order, and what does not hold of them."""
    hosts = _all_hosts(file, inventory)
    problems = [
        *(problem for name in hosts for problem in _host_problems(name, file, inventory, hosts)),
        *_sharing_problems(file, hosts),
    ]
    components = {
        name: _component(name, keys, hosts[name], _unit(keys, hosts[name], inventory))
        for name, keys in file.components.items()
    }
    return components, problems


def _all_hosts(file: VenueFile, inventory: Inventory) -> Hosts:
    own = {
        name: matching_hosts(inventory, keys.hosts or name)
        for name, keys in file.components.items()
        if keys.hosts or not keys.external
    }
    return {
        name: own[name] if name in own else _askers(name, file, own) for name in file.components
    }


def _askers(external: str, file: VenueFile, own: Hosts) -> tuple[str, ...]:
    """The hosts of all that depend on an external component: it is asked from there."""
    askers = [name for name, keys in file.components.items() if external in keys.depends_on]
    return tuple(dict.fromkeys(host for name in askers for host in own.get(name, ())))


def _unit(keys: ComponentKeys, hosts: tuple[str, ...], inventory: Inventory) -> str | None:
    """The venue file's word, else what the hosts' platform calls it, if it says."""
    if keys.unit or keys.commands or keys.external or keys.role is None:
        return keys.unit
    return usual_unit(keys.role, hosts, inventory)


def _component(
    name: str, keys: ComponentKeys, hosts: tuple[str, ...], unit: str | None
) -> Component:
    return Component(
        name=name,
        title=keys.title or name,
        role=keys.role,
        hosts=hosts,
        depends_on=tuple(Dependency(at, how.condition) for at, how in keys.depends_on.items()),
        critical=keys.critical,
        min_ready=_count(keys.min_ready, len(hosts)),
        external=keys.external,
        healthcheck=keys.healthcheck,
        unit=unit,
        commands=keys.commands,
        restart=keys.restart,
        tests=keys.tests,
        manual_minutes=keys.manual_minutes,
        keep_running=keys.keep_running,
        retries=keys.retries,
        ports=keys.ports,
        certificates=keys.certificates,
    )


def _count(share: int | str, total: int) -> int:
    if isinstance(share, int):
        return share
    return math.ceil(total * int(share.removesuffix("%")) / 100)


def _host_problems(
    name: str, file: VenueFile, inventory: Inventory, hosts: Hosts
) -> Iterator[Problem]:
    keys, total = file.components[name], len(hosts[name])
    if not total:
        yield _no_hosts(name, keys, inventory)
    elif _count(keys.min_ready, total) > total:
        fitting = "1" if total == 1 else f"1 to {total}"
        plural = "host" if total == 1 else "hosts"
        text = f'is {keys.min_ready}, but {name} has {total} {plural}; give {fitting}, or "100%"'
        yield Problem(("components", name, "min_ready"), text)


def _no_hosts(name: str, keys: ComponentKeys, inventory: Inventory) -> Problem:
    path: KeyPath = ("components", name)
    if keys.external and not keys.hosts:
        return Problem(path, "is asked by no component; name the hosts to ask it from with hosts")
    pattern = keys.hosts or name
    if pattern in inventory.groups:
        return Problem(path, f"has no hosts: group {pattern} is empty; add a host to it")
    if is_pattern(pattern):
        text = f"is {pattern}, which matches no host or names what is not there; correct it"
        return Problem((*path, "hosts"), text)
    mend = similar_name(inventory, pattern) or "; add that group, or name another with hosts"
    return Problem(path, f"has no hosts: nothing in the inventory is named {pattern}{mend}")


@dataclass(frozen=True)
class _Claim:
    """What only one component may have on a host: a unit, a whole kind of server, a port."""

    path: KeyPath
    what: str


def _sharing_problems(file: VenueFile, hosts: Hosts) -> Iterator[Problem]:
    owners: dict[tuple[str, str], str] = {}
    for name, keys in file.components.items():
        for claim in _claims(name, keys):
            yield from _taken(claim, name, hosts[name], owners)


def _taken(
    claim: _Claim, name: str, hosts: Sequence[str], owners: dict[tuple[str, str], str]
) -> Iterator[Problem]:
    others = [(host, owners.setdefault((host, claim.what), name)) for host in hosts]
    host, other = next(((host, owner) for host, owner in others if owner != name), ("", ""))
    if other:
        text = f"claims {claim.what} on host {host}, but {other} has it there; change one"
        yield Problem(claim.path, text)


def _claims(name: str, keys: ComponentKeys) -> Iterator[_Claim]:
    here: KeyPath = ("components", name)
    if keys.unit:
        yield _Claim((*here, "unit"), f"unit {keys.unit.removesuffix('.service')}")
    elif keys.role and not (keys.commands or keys.external):
        yield _Claim((*here, "role"), f"the only {keys.role}")
    for place, port in enumerate(keys.ports):
        yield _Claim((*here, "ports", place), f"port {port}")
