"""What a component is to the hot path: the venue file's words over what its role knows."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from ansible import constants
from ansible.errors import AnsibleError
from ansible.template import Templar, trust_as_template

PROBE_TIMES = {"interval": 0.2, "timeout": 60.0, "settle": 1.0}
CALLED_SECRET = re.compile(r"passw|secret|token|api_?key|private_key", re.IGNORECASE)
LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


def component_spec(task_vars: Mapping[str, Any], component: str) -> dict[str, Any]:
    """The component as the venue file has it, filled up from `roles/<role>/meta/raceday.yml`."""
    try:
        written = dict(task_vars["components"][component])
    except KeyError:
        raise AnsibleError(
            f"The venue file has no component '{component}'. Give -e component=<name> with a name "
            "under components: in group_vars/all/venue.yml."
        ) from None
    role = written.get("role", "")
    spec = {**role_knowledge(role, task_vars), **written, "name": component}
    return {**spec, "variables": _named_variables(spec, role, task_vars)}


def role_knowledge(role: str, task_vars: Mapping[str, Any]) -> dict[str, Any]:
    """What a role says of its kind of server; empty when it says nothing.

    Where the host's platform calls the unit otherwise (`raceday_platform`), that is its name.
    """
    folder = _role_folder(role, task_vars)
    if folder is None:
        return {}
    known = _read(folder / "meta" / "raceday.yml")
    unit = of_platform(role, task_vars).get(f"{role}_unit")
    return {**known, "unit": unit} if unit else known


def of_platform(role: str, task_vars: Mapping[str, Any]) -> dict[str, Any]:
    """What a role says of the host's platform (`raceday_platform`); empty when it says nothing."""
    folder, platform = _role_folder(role, task_vars), task_vars.get("raceday_platform")
    return _read(folder / "vars" / f"{platform}.yml") if folder and platform else {}


def knows_verb(role: str, verb: str, task_vars: Mapping[str, Any]) -> bool:
    """Whether a role has an entry point of this name."""
    folder = _role_folder(role, task_vars)
    return folder is not None and (folder / "tasks" / f"{verb}.yml").is_file()


def _named_variables(
    spec: Mapping[str, Any], role: str, task_vars: Mapping[str, Any]
) -> dict[str, str]:
    """What its commands name as `$<role>_x`: the role's variables, as its tasks have them."""
    health = (spec.get("healthcheck") or {}).get("command") or ()
    commands = [*(spec.get("facts") or {}).values(), health]
    words = " ".join(str(word) for argv in commands for word in argv)
    names = set(re.findall(rf"\${{?({role}_\w+)", words)) if role else set()
    folder = _role_folder(role, task_vars)
    if not names or folder is None:
        return {}
    if secret := next(filter(CALLED_SECRET.search, sorted(names)), ""):
        raise AnsibleError(
            f"A health check or fact of {spec['name']} names {secret}, and everybody on its hosts "
            "could read that on a command line. Let the command read a file of the host instead."
        )
    usual = _read(folder / "defaults" / "main.yml")
    trusted = {name: trust_as_template(str(usual[name])) for name in names if name in usual}
    templar = Templar(variables={**task_vars, "component": spec["name"]})
    given = {name: task_vars.get(name, trusted.get(name, "")) for name in sorted(names)}
    return {name: str(templar.template(value)) for name, value in given.items()}


def _role_folder(role: str, task_vars: Mapping[str, Any]) -> Path | None:
    """The first role of the name, where Ansible looks for it; a partner has none."""
    beside = task_vars.get("playbook_dir")
    roots = [
        *constants.DEFAULT_ROLES_PATH,
        *([f"{beside}/roles", f"{beside}/../roles"] if beside else []),
    ]
    places = (Path(root) / role for root in roots if role)
    return next((place for place in places if place.is_dir()), None)


def _read(file: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(file.read_text(encoding="utf-8")) or {}) if file.is_file() else {}


def local_ports(spec: Mapping[str, Any]) -> list[int]:
    """Ports the component itself listens on: `ports`, and its health check's own when local."""
    probe = spec.get("healthcheck") or {}
    ports = {int(port) for port in spec.get("ports") or ()}
    if "http" in probe:
        address = urlsplit(probe["http"])
        if address.hostname in LOCAL:
            ports.add(address.port or (443 if address.scheme == "https" else 80))
    if "tcp" in probe:
        host, _, port = str(probe["tcp"]).rpartition(":")
        if host in LOCAL:
            ports.add(int(port))
    return sorted(ports)


def shell_variables(spec: Mapping[str, Any], *, check: bool) -> str:
    """The component as assignments that the hot path's shell functions read."""
    probe = spec.get("healthcheck") or {}
    commands = spec.get("commands") or {}
    times = {**PROBE_TIMES, **{key: probe[key] for key in PROBE_TIMES if key in probe}}
    facts: Mapping[str, list[str]] = spec.get("facts") or {}
    variables: Mapping[str, str] = spec.get("variables") or {}
    values = {
        "component": spec["name"],
        "unit": "" if commands else _unit(spec),
        "start_command": shlex.join(commands.get("start", ())),
        "stop_command": shlex.join(commands.get("stop", ())),
        "status_command": shlex.join(commands.get("status", ())),
        "interval": times["interval"],
        "timeout": max(1, math.ceil(float(times["timeout"]))),
        "settle": times["settle"],
        "settle_cs": int(float(times["settle"]) * 100),
        "check": int(check),
        "ports": " ".join(str(port) for port in local_ports(spec)),
        "facts": " ".join(facts),
        "programs": " ".join(spec.get("programs") or ()),
        **{f"fact_{name}": shlex.join(argv) for name, argv in facts.items()},
        **variables,
        **_probe_variables(probe),
    }
    lines = [f"{key}={shlex.quote(str(value))}\n" for key, value in values.items()]
    return "".join([*lines, *(f"export {name}\n" for name in variables)])


def describe_probe(spec: Mapping[str, Any]) -> str:
    """The health check in a few words, for people."""
    probe = spec.get("healthcheck") or {}
    for kind in ("http", "tcp", "unit"):
        if kind in probe:
            return f"{kind} {probe[kind]}"
    return f"command {shlex.join(probe['command'])}" if "command" in probe else "unit active"


def _unit(spec: Mapping[str, Any]) -> str:
    unit = str(spec.get("unit") or "")
    return unit if not unit or "." in unit.rpartition("@")[2] else f"{unit}.service"


def _probe_variables(probe: Mapping[str, Any]) -> dict[str, Any]:
    kind = next((kind for kind in ("http", "tcp", "command", "unit") if kind in probe), "none")
    host, _, port = str(probe.get("tcp", "")).rpartition(":")
    return {
        "probe": kind,
        "probe_url": probe.get("http", ""),
        "probe_status": probe.get("status", 200),
        "probe_contains": probe.get("contains", ""),
        "probe_host": host,
        "probe_port": port,
        "probe_command": shlex.join(str(word) for word in probe.get("command", ())),
        "probe_unit": probe.get("unit", ""),
    }
