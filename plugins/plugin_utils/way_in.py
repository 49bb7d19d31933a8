"""The ssh command that reaches a host as Ansible does, for an operator to type."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any


def way_in(connection: Any) -> str:
    """Quoted for a shell; empty where Ansible goes another way than OpenSSH."""
    if getattr(connection, "transport", "") != "ssh":
        return ""
    user, address = connection.get_option("remote_user"), connection.get_option("host")
    return shlex.join(("ssh", *_options(connection), f"{user}@{address}" if user else address))


def _options(connection: Any) -> Iterator[str]:
    """Port, key, and what the inventory adds; ssh_args from elsewhere are how Ansible is tuned."""
    for letter, name in (("-p", "port"), ("-i", "private_key_file")):
        if connection.get_option(name):
            yield from (letter, str(connection.get_option(name)))
    arguments, origin = connection.get_option_and_origin("ssh_args")
    names = ("ssh_common_args", "ssh_extra_args")
    words = (
        arguments if str(origin).startswith("var") else "",
        *map(connection.get_option, names),
    )
    yield from shlex.split(" ".join(filter(None, words)))
