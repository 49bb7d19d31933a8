"""HAProxy's configuration, written from the list of servers behind it.

Customers and tests share frontends and backends. A server is in maint until the venue opens;
a test reaches it all the same through a port that only the load balancer's own loopback has.

A rehearsal needs what maint takes away, health checks and a choice of servers, so it has a loopback
port and a backend of its own on the same servers. No closing and no drain touches it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

HEAD = """\
# Written by the demo from its list of hosts.
global
    log stdout format short daemon
    user haproxy
    group haproxy
    stats socket /run/haproxy/admin.sock mode 600 level admin
    stats timeout 30s
    maxconn 2000
    hard-stop-after 10s

defaults
    log global
    timeout connect 2s
    timeout client 30s
    timeout server 30s
    # A machine that stalls for a second is no dead server.
    timeout check 2s
    retries 1
    # Starts closed, and before any of its servers has a name that resolves.
    default-server check inter 500ms fall 2 rise 1 init-addr none resolvers venue disabled

resolvers venue
    parse-resolv-conf
    resolve_retries 2
    timeout resolve 500ms
    timeout retry 500ms
    hold valid 2s

frontend monitoring
    bind 127.0.0.1:8404
    mode http
    http-request use-service prometheus-exporter if { path /metrics }
    stats enable
    stats uri /stats
"""


@dataclass(frozen=True)
class Backend:
    """One thing customers use: where they come in, where its tests do, how it is checked."""

    name: str
    mode: str
    port: int
    rehearsal_port: int
    first_test_port: int
    check_port: int
    closing: str = ""


BACKENDS = (
    Backend("wagering", "http", 8081, 18100, 18101, 8081),
    Backend("ticketing", "http", 8082, 18200, 18201, 8082),
    # Machines stay connected: closing sales must also end their sessions.
    Backend("kiosk_gateway", "tcp", 9000, 18300, 18301, 8083, " on-marked-down shutdown-sessions"),
)


def haproxy_config(servers: Mapping[str, tuple[str, ...]]) -> str:
    """The whole file; `servers` names the hosts behind each backend."""
    sections = [
        section(backend, servers.get(backend.name, ()))
        for backend in BACKENDS
        for section in (_section, _rehearsal)
    ]
    return "\n".join([HEAD, *sections])


def _section(backend: Backend, servers: tuple[str, ...]) -> str:
    test_ports = {server: backend.first_test_port + n for n, server in enumerate(servers)}
    lines = [
        f"frontend {backend.name}",
        f"    bind *:{backend.port}",
        *(f"    bind 127.0.0.1:{port}" for port in test_ports.values()),
        f"    mode {backend.mode}",
        f"    option {backend.mode}log",
        f"    default_backend {backend.name}",
        "",
        f"backend {backend.name}",
        f"    mode {backend.mode}",
        "    balance leastconn",
        "    option httpchk GET /health",
    ]
    for server, port in test_ports.items():
        lines += [
            f"    use-server {server} if {{ dst_port {port} }}",
            f"    force-persist if {{ dst_port {port} }}",
        ]
    lines += [
        f"    server {server} {server}:{backend.port} port {backend.check_port}{backend.closing}"
        for server in servers
    ]
    return "\n".join(lines) + "\n"


def _rehearsal(backend: Backend, servers: tuple[str, ...]) -> str:
    """Always open, but to the load balancer's own host only; `rehearsal_` tells it from sales."""
    lines = [
        f"frontend rehearsal_{backend.name}",
        f"    bind 127.0.0.1:{backend.rehearsal_port}",
        f"    mode {backend.mode}",
        f"    default_backend rehearsal_{backend.name}",
        "",
        f"backend rehearsal_{backend.name}",
        f"    mode {backend.mode}",
        "    balance leastconn",
        "    option httpchk GET /health",
        "    option redispatch",
    ]
    lines += [
        f"    server {server} {server}:{backend.port} port {backend.check_port} enabled"
        for server in servers
    ]
    return "\n".join(lines) + "\n"
