"""Copies of the demo's inventory with some words of its files changed."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from demo.hosts import PORT_BASE, STATE, port_base
from demo.inventory import COMMITTED, MOVED

STATE_LINE = re.compile(r"^(\s+demo_state:).*$", re.MULTILINE)


def demo_inventory() -> Path:
    """The inventory of the demo as it runs on this machine."""
    return COMMITTED if port_base() == PORT_BASE else MOVED


def copy_venue(folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of the demo's inventory in `folder` whose venue file was changed."""
    site = shutil.copytree(demo_inventory(), folder / "site")
    hosts = site / "hosts.yml"
    hosts.write_text(STATE_LINE.sub(rf"\1 {STATE}", hosts.read_text()))
    file = site / "group_vars" / "all" / "venue.yml"
    document = yaml.safe_load(file.read_text())
    change(document)
    file.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
    return site


def hasty(document: dict[str, Any]) -> None:
    """Nobody watches for seconds whether what is up stays up, where that is not what is tested."""
    for component in document["components"].values():
        if "settle" in component.get("healthcheck", {}):
            component["healthcheck"]["settle"] = 0.2


def move_host(site: Path, host: str, port: int) -> None:
    """Let a copied inventory look for a host's SSH at another port of 127.0.0.1."""
    (site / "host_vars").mkdir(exist_ok=True)
    (site / "host_vars" / f"{host}.yml").write_text(f"ansible_port: {port}\n")
