"""The command by which an operator gets onto a host."""

import shlex
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

type Plugin = Callable[[str], ModuleType]

OPTIONS = {
    "host": "10.0.0.4",
    "port": 2204,
    "remote_user": "ops",
    "private_key_file": "/home/ops/my keys/id",
    "ssh_args": "-o ControlMaster=auto",
    "ssh_common_args": "-o UserKnownHostsFile='/srv/known hosts' -F ~/my.conf",
    "ssh_extra_args": None,
}


class Connection:
    """As Ansible's ssh plugin has its options; ssh_args have an origin."""

    transport = "ssh"

    def __init__(self, origin: str, **options: Any) -> None:
        self._origin = origin
        self._options = {**OPTIONS, **options}

    def get_option(self, name: str) -> Any:
        return self._options[name]

    def get_option_and_origin(self, name: str) -> tuple[Any, str]:
        return self._options[name], self._origin


def words(plugin: Plugin, connection: object) -> list[str]:
    """What a shell makes of the command."""
    return shlex.split(plugin("plugin_utils.way_in").way_in(connection))


def test_all_that_the_inventory_says_is_in_it(plugin: Plugin) -> None:
    """Port, key, user, address and its own options, each one word for the shell."""
    assert words(plugin, Connection("/etc/ansible/ansible.cfg")) == [
        *("ssh", "-p", "2204", "-i", "/home/ops/my keys/id"),
        *("-o", "UserKnownHostsFile=/srv/known hosts", "-F", "~/my.conf", "ops@10.0.0.4"),
    ]


def test_ssh_args_count_when_they_are_the_inventorys(plugin: Plugin) -> None:
    """Those of ansible.cfg only tune Ansible."""
    assert "ControlMaster=auto" in words(plugin, Connection("var: ansible_ssh_args"))


def test_what_is_not_said_is_left_out(plugin: Plugin) -> None:
    """Then ~/.ssh/config may say it."""
    bare = dict.fromkeys(OPTIONS) | {"host": "w1"}
    assert words(plugin, Connection("default", **bare)) == ["ssh", "w1"]


@pytest.mark.parametrize("connection", [None, object()])
def test_another_way_than_ssh_is_not_told(plugin: Plugin, connection: object) -> None:
    """Nobody could type it."""
    assert words(plugin, connection) == []
