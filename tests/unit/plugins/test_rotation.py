"""Opening backends, against a socket that speaks HAProxy's words."""

import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

type Plugin = Callable[[str], ModuleType]


class Desk(socketserver.StreamRequestHandler):
    """Knows servers and their status; what is set to ready comes up unless it is broken."""

    servers: dict[str, str]
    broken: set[str]

    def handle(self) -> None:
        """Answer one line."""
        line = self.rfile.readline().decode()
        for command in line.strip().split("; "):
            if command.startswith("set server "):
                name = command.split()[2]
                Desk.servers[name] = "DOWN" if name in Desk.broken else "UP"
        rows = [f"{name.replace('/', ',')},{status}" for name, status in Desk.servers.items()]
        self.wfile.write("\n".join(["# pxname,svname,status", *rows]).encode())


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[str]:
    """The path of a socket with two wagering servers and one ticketing server, all in maint."""
    names = ("wagering/w1", "wagering/w2", "ticketing/t1")
    Desk.servers, Desk.broken = dict.fromkeys(names, "MAINT"), set()
    path = tmp_path / "admin.sock"
    with socketserver.ThreadingUnixStreamServer(str(path), Desk) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield str(path)
        server.shutdown()


def open_all(plugin: Plugin, desk: str, *leave_out: str, check: bool = False) -> Any:
    """Open both backends as the role does."""
    params = {
        "component": "load_balancer",
        "socket": desk,
        "backends": ["wagering", "ticketing"],
        "leave_out": list(leave_out),
        "timeout": 1.0,
    }
    return plugin("plugin_utils.on_target.rotation").open_backends(params, check=check)


def failed(result: Any) -> list[str]:
    """The names of the checks that did not pass."""
    return [item["name"] for item in result["raceday"][0]["checks"] if not item["passed"]]


def test_every_server_is_put_in_rotation(plugin: Plugin, desk: str) -> None:
    """All are up, each backend takes customers, and it was a change."""
    result = open_all(plugin, desk)
    assert (failed(result), result["changed"], set(Desk.servers.values())) == ([], True, {"UP"})
    again = open_all(plugin, desk)
    assert (again["changed"], again["raceday"][0]["state"]) == (False, "already")


def test_a_server_that_stays_down_fails_the_opening(plugin: Plugin, desk: str) -> None:
    """One of two is told by name; a backend with none left takes no customers."""
    Desk.broken = {"wagering/w2", "ticketing/t1"}
    result = open_all(plugin, desk)
    assert failed(result) == ["wagering/w2", "ticketing/t1", "backend ticketing takes customers"]
    assert result["failed"]


def test_what_is_not_ready_is_left_out(plugin: Plugin, desk: str) -> None:
    """It stays in maint; a backend of which nothing is left does not pass for open."""
    assert failed(open_all(plugin, desk, "w2")) == []
    assert Desk.servers["wagering/w2"] == "MAINT"
    assert failed(open_all(plugin, desk, "t1")) == ["backend ticketing takes customers"]


def test_check_mode_asks_and_sets_nothing(plugin: Plugin, desk: str) -> None:
    """It says what it would do."""
    result = open_all(plugin, desk, check=True)
    assert result["raceday"][0]["state"] == "would"
    assert set(Desk.servers.values()) == {"MAINT"}
