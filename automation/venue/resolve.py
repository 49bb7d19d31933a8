"""From keys to real hosts: which hosts a component has, how many must be ready, who may share."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from automation.run.events import Message
from automation.venue.document import KeyPath, Problem
from automation.venue.inventory import Inventory, is_pattern, matching_hosts, similar_name
from automation.venue.model import ComponentKeys, VenueFile
from automation.venue.platforms import usual_unit
from automation.venue.site import Component, Dependency

type Hosts = Mapping[str, tuple[str, ...]]
type Owners = dict[tuple[str, str], str]  # by host and what is claimed on it


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
        text = (
            'is %(share)s, but %(name)s has %(total)s hosts; give 1 to %(total)s, or "100%%"'
            if total > 1
            else 'is %(share)s, but %(name)s has one host; give 1, or "100%%"'
        )
        args = {"share": keys.min_ready, "name": name, "total": total}
        yield Problem(("components", name, "min_ready"), Message(text, args))


def _no_hosts(name: str, keys: ComponentKeys, inventory: Inventory) -> Problem:
    path: KeyPath = ("components", name)
    if keys.external and not keys.hosts:
        return Problem(
            path, Message("is asked by no component; name the hosts to ask it from with hosts")
        )
    pattern = keys.hosts or name
    args = {"pattern": pattern}
    if pattern in inventory.groups:
        text = "has no hosts: group %(pattern)s is empty; add a host to it"
        return Problem(path, Message(text, args))
    if is_pattern(pattern):
        text = "is %(pattern)s, which matches no host or names what is not there; correct it"
        return Problem((*path, "hosts"), Message(text, args))
    text = "has no hosts: nothing in the inventory is named %(pattern)s%(mend)s"
    mend = similar_name(inventory, pattern, "; add that group, or name another with hosts")
    return Problem(path, Message(text, args | {"mend": mend}))


@dataclass(frozen=True)
class _Claim:
    """What only one component may have on a host: a unit, a whole kind of server, a port."""

    path: KeyPath
    what: Message


def _sharing_problems(file: VenueFile, hosts: Hosts) -> Iterator[Problem]:
    owners: Owners = {}
    for name, keys in file.components.items():
        for claim in _claims(name, keys):
            yield from _taken(claim, name, hosts[name], owners)


def _taken(claim: _Claim, name: str, hosts: Sequence[str], owners: Owners) -> Iterator[Problem]:
    others = [(host, owners.setdefault((host, str(claim.what)), name)) for host in hosts]
    host, other = next(((host, owner) for host, owner in others if owner != name), ("", ""))
    if other:
        text = "claims %(what)s on host %(host)s, but %(other)s has it there; change one"
        args = {"what": claim.what, "host": host, "other": other}
        yield Problem(claim.path, Message(text, args))


def _claims(name: str, keys: ComponentKeys) -> Iterator[_Claim]:
    here: KeyPath = ("components", name)
    if keys.unit:
        unit = keys.unit.removesuffix(".service")
        yield _Claim((*here, "unit"), Message("unit %(unit)s", {"unit": unit}))
    elif keys.role and not (keys.commands or keys.external):
        yield _Claim((*here, "role"), Message("the only %(role)s", {"role": keys.role}))
    for place, port in enumerate(keys.ports):
        yield _Claim((*here, "ports", place), Message("port %(port)s", {"port": port}))
