"""The ten hosts of the demo racecourse, in the order of their SSH ports."""

import os
from collections.abc import Collection
from pathlib import Path

from demo.errors import DemoError
from demo.fleet import Fleet, Host
from demo.load_balancer import haproxy_config

ROOT = Path(__file__).resolve().parent
STATE = ROOT / ".state"
PORT_BASE_VARIABLE = "RACEDAY_DEMO_PORT_BASE"
PORT_BASE = 2200
HIGHEST_PORT = 65535

KINDS = {
    "db1": "database-primary",
    "db2": "database-standby",
    "cache1": "cache",
    "wagering1": "wagering",
    "wagering2": "wagering",
    "ticketing1": "ticketing",
    "ticketing2": "ticketing",
    "kiosk1": "kiosk-gateway",
    "lb1": "load-balancer",
    "partner1": "partner",
}


def demo_fleet() -> Fleet:
    """The demo's containers, at the ports this machine wants."""
    base = port_base()
    return Fleet(
        name="raceday-demo",
        label="raceday.demo=true",
        state=STATE,
        hosts=tuple(
            demo_host(name, base + number, KINDS) for number, name in enumerate(KINDS, start=1)
        ),
    )


def demo_host(name: str, ssh_port: int, among: Collection[str]) -> Host:
    """The demo's host of this name, or a plain one, in a venue that has only these hosts."""
    kind = KINDS.get(name, "plain")
    return Host(name, kind, ssh_port, _files(kind, among))


def port_base() -> int:
    """The first host's SSH port is one above this."""
    text = os.environ.get(PORT_BASE_VARIABLE, str(PORT_BASE))
    if not text.isdigit() or not 0 < int(text) <= HIGHEST_PORT - len(KINDS):
        raise DemoError(f"{PORT_BASE_VARIABLE}={text} is not a port number", "try 12200")
    return int(text)


def _files(kind: str, among: Collection[str]) -> tuple[tuple[str, str], ...]:
    if kind != "load-balancer":
        return ()
    servers = {
        backend: tuple(name for name in among if KINDS.get(name) == server_kind)
        for backend, server_kind in (
            ("wagering", "wagering"),
            ("ticketing", "ticketing"),
            ("kiosk_gateway", "kiosk-gateway"),
        )
    }
    return (("haproxy.cfg", haproxy_config(servers)),)
