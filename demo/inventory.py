"""The inventory for a demo at other ports: the committed one, with its ports moved."""

import re
import shutil
from pathlib import Path

from demo.hosts import PORT_BASE, STATE

COMMITTED = Path(__file__).resolve().parent.parent / "inventories" / "demo"
MOVED = STATE / "inventory"
STATE_LINE = re.compile(r"^(\s+demo_state:).*$", re.MULTILINE)
PORT = re.compile(r"(?<=ansible_port: )\d+")


def write_moved_inventory(base: int) -> Path:
    """Write the inventory for this port base and return its folder."""
    shutil.copytree(COMMITTED, MOVED, dirs_exist_ok=True)
    hosts = (COMMITTED / "hosts.yml").read_text()
    hosts = PORT.sub(lambda port: str(int(port[0]) - PORT_BASE + base), hosts)
    (MOVED / "hosts.yml").write_text(STATE_LINE.sub(rf"\1 {STATE}", hosts))
    return MOVED
