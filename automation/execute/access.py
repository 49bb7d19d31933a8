"""How raceday itself gets onto a host: what the inventory says for ssh and sudo, worked out.

Ansible's words are kept: the same variables reach the host as in a run. Where one is a Jinja
expression or comes from a vault, Ansible itself is asked, once for all hosts that are wanted.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automation.errors import VenueError
from automation.run.events import Message
from automation.venue.document import TEMPLATE, shown
from automation.venue.inventory import run_ansible
from automation.venue.site import Host, Venue

KEYS = (
    "ansible_ssh_private_key_file",
    "ansible_private_key_file",
    "ansible_ssh_args",
    "ansible_ssh_common_args",
    "ansible_ssh_extra_args",
    "ansible_become",
    "ansible_become_user",
)
YES = frozenset({"true", "yes", "on", "y", "t", "1"})
RESULT = re.compile(r"^(\S+) \| SUCCESS => (?=\{)", re.MULTILINE)
LETTERS = {"-J": "ProxyJump", "-i": "IdentityFile", "-l": "User", "-p": "Port"}


@dataclass(frozen=True)
class Access:
    """One host's way in. `options` are ssh_config's keywords; `become` is a user, or empty."""

    host: str
    address: str
    options: tuple[tuple[str, str], ...]
    become: str
    connect_timeout: int


def read_access(venue: Venue, hosts: Sequence[str]) -> dict[str, Access]:
    """How each of these hosts is reached; raises VenueError where Ansible cannot say it."""
    found = {name: venue.hosts[name] for name in dict.fromkeys(hosts)}
    said = {name: _written(host) for name, host in found.items()}
    asked = [name for name, values in said.items() if any(map(_is_unknown, values.values()))]
    said |= _ask_ansible(venue, asked) if asked else {}
    return {name: _access(venue, host, said[name]) for name, host in found.items()}


def _written(host: Host) -> dict[str, Any]:
    return {key: host.variables.get(key, "") for key in KEYS}


def _is_unknown(value: Any) -> bool:
    """A template, or a vault's dictionary."""
    return isinstance(value, dict) or (isinstance(value, str) and bool(TEMPLATE.search(value)))


def _ask_ansible(venue: Venue, names: list[str]) -> dict[str, dict[str, Any]]:
    wanted = ", ".join(f"lookup('ansible.builtin.vars', '{key}', default='')" for key in KEYS)
    message = json.dumps({"msg": f"{{{{ [{wanted}] }}}}"})
    options = ("--module-name=debug", f"--args={message}", ",".join(names))
    _, output, _ = run_ansible("ansible", venue.inventory, *options)
    answers = dict(_answers(output))
    for name in names:
        if name not in answers:
            text = (
                "%(path)s: Ansible cannot work out how ssh reaches %(host)s; correct its "
                "ansible_ssh_*."
            )
            args = {"path": shown(venue.inventory), "host": name}
            raise VenueError((Message(text, args),))
    return answers


def _answers(output: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for found in RESULT.finditer(output):
        result, _ = json.JSONDecoder().raw_decode(output, found.end())
        yield found[1], dict(zip(KEYS, result["msg"], strict=True))


def _access(venue: Venue, host: Host, said: Mapping[str, Any]) -> Access:
    become = str(said["ansible_become"]).lower() in YES
    return Access(
        host=host.name,
        address=host.address,
        options=tuple(_options(host, said)),
        become=str(said["ansible_become_user"] or "root") if become else "",
        connect_timeout=venue.connect_timeout,
    )


def _options(host: Host, said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """In the order in which OpenSSH would see them: of two that differ, the first counts."""
    if host.port != 22:  # noqa: PLR2004  # ssh's own port: then ~/.ssh/config may name another
        yield "Port", str(host.port)
    if host.user:
        yield "User", host.user
    for key in KEYS[:2]:
        if said[key]:
            yield "IdentityFile", str(said[key])
    words = " ".join(str(said[key]) for key in KEYS[2:5] if said[key])
    yield from _parsed(iter(shlex.split(words)))


def _parsed(words: Iterator[str]) -> Iterator[tuple[str, str]]:
    """What `-o Key=Value`, `-J`, `-i`, `-l` and `-p` say; other options do not matter here."""
    for word in words:
        letter, value = word[:2], word[2:]
        if letter == "-o":
            key, _, said = re.sub(r"[\s=]+", " ", value or next(words, ""), count=1).partition(" ")
            yield key, " ".join(said.split())
        elif letter in LETTERS:
            yield LETTERS[letter], value or next(words, "")
