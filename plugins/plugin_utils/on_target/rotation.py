"""Put servers of HAProxy in rotation, on its host: standard library only, run as `python3 -c`."""

import csv
import io
import json
import socket
import sys
import time


def main():
    """Read what to do from standard input, do it, print the result."""
    params = json.load(sys.stdin)
    try:
        result = open_backends(params, check=params["check"])
    except OSError as error:
        result = {"failed": True, "msg": f"HAProxy's socket {params['socket']}: {error}"}
    print("@raceday " + json.dumps(result))


def open_backends(params, *, check):
    """Set what is closed to ready, wait, and report every server and every backend."""
    began = time.monotonic()
    before = server_states(params)
    closed = [server for server in wanted(before, params) if not is_up(before[server])]
    if not check and closed:
        commands = [f"set server {backend}/{name} state ready" for backend, name in closed]
        ask(params["socket"], "; ".join(commands))
    after = wanted(before if check else await_up(params), params)
    checks = [server_check(server, status, check) for server, status in after.items()]
    checks += [backend_check(name, after, check) for name in params["backends"]]
    state = ("would" if check else "ok") if closed else "already"
    report = {"component": params["component"], "state": state, "checks": checks}
    report["seconds"] = round(time.monotonic() - began, 3)
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


def server_check(server, status, check):
    """Whether a server is up; in check mode whatever it is will do."""
    return record("/".join(server), "UP", status, check or is_up(status))


def backend_check(name, servers, check):
    """Whether customers of a backend find at least one server."""
    up = sum(is_up(status) for (backend, _), status in servers.items() if backend == name)
    return record(f"backend {name} takes customers", "a server UP", f"{up} UP", check or up > 0)


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
