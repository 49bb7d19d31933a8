#!/usr/bin/python
"""Put every server of HAProxy's backends in rotation, and see that it is."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation
short_description: Put every server of HAProxy's backends in rotation
description:
  - Sets each server of the named backends to C(ready) over the admin socket and waits until HAProxy
    itself sees it up. What is in rotation already is left alone.
options:
  component:
    description: The component that the checks belong to.
    type: str
    required: true
  socket:
    description: HAProxy's admin socket.
    type: path
    default: /run/haproxy/admin.sock
  backends:
    description: The backends to open.
    type: list
    elements: str
    required: true
  leave_out:
    description: Names of servers that stay as they are, because they were not found ready.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds to wait until every server is seen up.
    type: float
    default: 15.0
author: The raceday authors (@raceday)
"""

EXAMPLES = r"""
- name: Open wagering and ticketing
  raceday.core.rotation:
    component: load_balancer
    backends: [wagering, ticketing]
"""

RETURN = r"""
raceday:
  description: One report with a check per server.
  returned: always
  type: list
"""

import csv
import io
import socket
import time

from ansible.module_utils.basic import AnsibleModule


def main():
    """Open, wait, report."""
    module = AnsibleModule(
        argument_spec={
            "component": {"type": "str", "required": True},
            "socket": {"type": "path", "default": "/run/haproxy/admin.sock"},
            "backends": {"type": "list", "elements": "str", "required": True},
            "leave_out": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "float", "default": 15.0},
        },
        supports_check_mode=True,
    )
    try:
        result = open_backends(module.params, check=module.check_mode)
    except OSError as error:
        module.fail_json(msg=f"HAProxy's socket {module.params['socket']}: {error}")
    if result["failed"]:
        module.fail_json(msg="not every server is in rotation", **result)
    module.exit_json(**result)


def open_backends(params, *, check):
    """Set what is closed to ready, wait, and report every server."""
    before = server_states(params)
    missing = sorted(set(params["backends"]) - {backend for backend, _ in before})
    closed = [server for server in wanted(before, params) if not is_up(before[server])]
    if not check and closed:
        commands = [f"set server {backend}/{name} state ready" for backend, name in closed]
        ask(params["socket"], "; ".join(commands))
    after = wanted(before if check else await_up(params), params)
    checks = [record(f"backend {name}", "it exists", "unknown", False) for name in missing]
    checks += [
        record("/".join(server), "UP", status, check or is_up(status))
        for server, status in after.items()
    ]
    state = ("would" if check else "ok") if closed else "already"
    report = {"component": params["component"], "state": state, "checks": checks}
    report["evidence"] = {"sales": "open" if any(map(is_up, after.values())) else "closed"}
    failed = any(not item["passed"] for item in checks)
    return {"changed": bool(closed), "failed": failed, "raceday": [report]}


def await_up(params):
    """Server states, as soon as HAProxy's own checks have found each up or down, or at the timeout.

    A server that has just left maintenance is "UP 1/2": taken for up, and not asked yet.
    """
    deadline = time.monotonic() + params["timeout"]
    while True:
        states = server_states(params)
        waited_for = wanted(states, params).values()
        settled = all(is_up(status) or status == "DOWN" for status in waited_for)
        if settled or time.monotonic() > deadline:
            return states
        time.sleep(0.1)


def wanted(states, params):
    """The servers that are to be in rotation: all that were not left out."""
    return {
        server: status for server, status in states.items() if server[1] not in params["leave_out"]
    }


def server_states(params):
    """Status per (backend, server) of the named backends."""
    table = ask(params["socket"], "show stat").lstrip("# ")
    rows = csv.DictReader(io.StringIO(table))
    return {
        (row["pxname"], row["svname"]): row["status"]
        for row in rows
        if row["pxname"] in params["backends"] and row["svname"] not in ("FRONTEND", "BACKEND")
    }


def is_up(status):
    """Whether HAProxy itself has found it up; "UP 1/2" is on its way up or down."""
    return status in ("UP", "no check")


def record(name, expected, observed, passed):
    """A check in the words of the run's journal."""
    return {"name": name, "expected": expected, "observed": observed, "passed": passed}


def ask(path, command):
    """HAProxy's answer to one line on its socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(5)
        link.connect(path)
        link.sendall(command.encode() + b"\n")
        return link.makefile().read()


if __name__ == "__main__":
    main()
