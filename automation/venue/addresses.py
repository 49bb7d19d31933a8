"""How each host is reached: its address, port and user.

They are read from the inventory as they stand. Where one is a Jinja expression, Ansible itself is
asked what it comes to, once for all such hosts; no host is contacted for it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from automation.errors import VenueError
from automation.run.events import Message
from automation.venue.document import TEMPLATE, shown
from automation.venue.inventory import Inventory, run_ansible
from automation.venue.site import Host

OURS = {"venue", "components"}  # the venue file itself, which Ansible gives to every host
KEYS = ("ansible_host", "ansible_port", "ansible_user")
OLD_KEYS = ("ansible_ssh_host", "ansible_ssh_port", "ansible_ssh_user")
RESULT = re.compile(r"^(\S+) \| SUCCESS => (?=\{)", re.MULTILINE)


def hosts_of(inventory: Inventory) -> dict[str, Host]:
    """Every host of the inventory by name, in its order."""
    written = {name: _written(variables) for name, variables in inventory.hosts.items()}
    templated = [name for name, values in written.items() if _is_templated(values)]
    known = written | _templated(inventory, templated) if templated else written
    return {name: _host(name, known[name], inventory) for name in inventory.hosts}


def _written(variables: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(
        variables.get(key, variables.get(old)) for key, old in zip(KEYS, OLD_KEYS, strict=True)
    )


def _is_templated(values: tuple[Any, ...]) -> bool:
    return any(isinstance(value, str) and TEMPLATE.search(value) for value in values)


def _templated(inventory: Inventory, names: list[str]) -> dict[str, tuple[Any, ...]]:
    wanted = ", ".join(
        f"{key} | default({old} | default(''))" for key, old in zip(KEYS, OLD_KEYS, strict=True)
    )
    message = json.dumps({"msg": f"{{{{ [{wanted}] }}}}"})
    options = ("--module-name=debug", f"--args={message}", ",".join(names))
    _, output, _ = run_ansible("ansible", inventory.source, *options)
    answers = dict(_answers(output))
    for name in names:
        if name not in answers:
            text = (
                "%(path)s: Ansible cannot work out %(keys)s of %(host)s; correct their templates."
            )
            args = {"path": shown(inventory.source), "keys": ", ".join(KEYS), "host": name}
            raise VenueError((Message(text, args),))
    return answers


def _answers(output: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
    for found in RESULT.finditer(output):
        result, _ = json.JSONDecoder().raw_decode(output, found.end())
        yield found[1], tuple(result["msg"])


def _host(name: str, values: tuple[Any, ...], inventory: Inventory) -> Host:
    address, port, user = values
    if port and not str(port).isdecimal():
        text = "%(path)s: ansible_port of %(host)s is %(port)s; it must be a number."
        args = {"path": shown(inventory.source), "host": name, "port": port}
        raise VenueError((Message(text, args),))
    variables = inventory.hosts[name]
    return Host(
        name=name,
        address=str(address or name),
        port=int(port or 22),
        user=str(user) if user else None,
        variables={key: value for key, value in variables.items() if key not in OURS},
    )
