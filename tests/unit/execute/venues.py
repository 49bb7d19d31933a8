"""A venue of one component on hosts that a test's own SSH server stands for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from automation.venue.checks import check_document
from automation.venue.document import read_document
from automation.venue.inventory import Inventory
from automation.venue.load import resolve_venue
from automation.venue.site import Venue
from tests.unit.execute.sshd import USER, Sshd

FILE = """\
venue: {name: small, title: Small racecourse, time_zone: Asia/Seoul, connect_timeout: 60}
components:
  database: {role: service, commands: {start: [a], stop: [b], status: [c]}, hosts: w1}
  wagering: {role: service, unit: wagering}
  cache: {role: redis, hosts: w1}
  bank: {external: true, hosts: w1, healthcheck: {tcp: "127.0.0.1:1"}}
"""


def small_inventory(folder: Path, hosts: Mapping[str, Mapping[str, Any]]) -> Inventory:
    """These hosts, all of them wagering's, and the venue file beside them."""
    (folder / "group_vars/all").mkdir(parents=True, exist_ok=True)
    (folder / "group_vars/all/venue.yml").write_text(FILE, encoding="utf-8")
    return Inventory(folder, {"all": tuple(hosts), "wagering": tuple(hosts)}, hosts)


def small_venue(folder: Path, hosts: Mapping[str, Mapping[str, Any]]) -> Venue:
    """The same as a venue, with no process asked."""
    inventory = small_inventory(folder, hosts)
    document = read_document(folder / "group_vars/all/venue.yml")
    return resolve_venue(document, check_document(document), inventory)


def reached_at(server: Sshd, folder: Path) -> dict[str, Any]:
    """The variables of a host that the server stands for; its key is known."""
    known_hosts = folder / "known_hosts"
    known_hosts.write_text(f"{server.known()}\n", encoding="utf-8")
    return {
        "ansible_host": "127.0.0.1",
        "ansible_port": server.port,
        "ansible_user": USER,
        "ansible_ssh_private_key_file": str(server.client_key),
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={known_hosts} -o IdentitiesOnly=yes",
    }
