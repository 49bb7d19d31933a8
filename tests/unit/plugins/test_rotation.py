"""Opening, draining and closing, against a socket that speaks HAProxy's words."""

import os
import shutil
import signal
import socketserver
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

type Plugin = Callable[[str], ModuleType]

ROLE = Path(__file__).parents[3] / "roles/haproxy"
ADMIN = {"MAINT": 5, "DRAIN": 8}


class Desk(socketserver.StreamRequestHandler):
    """Knows servers and their status; what is set to ready comes up unless it is broken.

    A customer leaves each time that somebody looks, unless the server hangs, and another is sent
    to each server that is up, unless it is shunned. Who does not leave can be cut off, unless he is
    stuck.
    """

    servers: dict[str, str]
    broken: set[str]
    customers: dict[str, int]
    hanging: set[str]
    stuck: set[str]
    sent: dict[str, int]
    shunned: set[str]
    told: list[str]
    pid = 0

    @classmethod
    def begin(cls, servers: Iterable[str], status: str) -> None:
        """These servers, all as this status says, and nobody at them."""
        cls.servers, cls.broken = dict.fromkeys(servers, status), set()
        cls.customers, cls.hanging, cls.stuck = {}, set(), set()
        cls.sent, cls.shunned, cls.told = {}, set(), []

    def handle(self) -> None:
        """Answer one line."""
        line = self.rfile.readline().decode().strip()
        for command in line.split("; "):
            if command.startswith("set server "):
                Desk.told.append(command.removeprefix("set server "))
                _, _, name, _, state = command.split()
                up = "DOWN" if name in Desk.broken else "UP"
                Desk.servers[name] = {"ready": up}.get(state, state.upper())
            if command.startswith("shutdown sessions server "):
                Desk.told.append(command)
                if (name := command.split()[-1]) not in Desk.stuck:
                    Desk.customers[name] = 0
        answers = {"show servers state": self.states, "show info": self.info}
        self.wfile.write(answers.get(line, self.table)().encode())

    def info(self) -> str:
        """Which process answers, among much else."""
        return f"Name: HAProxy\nPid: {Desk.pid}\nUptime_sec: 7\n"

    def states(self) -> str:
        """What operators have set."""
        rows = [f"3 {name.replace('/', ' 1 ')} 2" for name in Desk.servers]
        bits = [ADMIN.get(status, 0) for status in Desk.servers.values()]
        head = "1\n# be_id be_name srv_id srv_name srv_op_state srv_admin_state\n"
        return head + "".join(f"{row} {bit}\n" for row, bit in zip(rows, bits, strict=True))

    def table(self) -> str:
        """What health checks have found, and the customers."""
        rows = ["# pxname,svname,qcur,scur,stot,status"]
        for name, status in Desk.servers.items():
            Desk.sent[name] = Desk.sent.get(name, 0) + (status == "UP" and name not in Desk.shunned)
            counts = f"0,{Desk.customers.get(name, 0)},{Desk.sent[name]}"
            rows.append(f"{name.replace('/', ',')},{counts},{status}")
            if name not in Desk.hanging:
                Desk.customers[name] = max(0, Desk.customers.get(name, 0) - 1)
        return "\n".join(rows)


@pytest.fixture
def begin_process(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Begin a process with a name of HAProxy, which no other test has."""
    program = tmp_path / f"haproxy{os.getpid()}"
    program.symlink_to(shutil.which("sleep") or "sleep")
    begun: list[subprocess.Popen[bytes]] = []

    def begin() -> subprocess.Popen[bytes]:
        begun.append(subprocess.Popen([program, "600"]))
        return begun[-1]

    yield begin
    for process in begun:
        process.kill()
        process.wait()


@pytest.fixture
def former(begin_process: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """A process of HAProxy that began before the one that answers."""
    return begin_process()


@pytest.fixture
def desk(tmp_path: Path, begin_process: Callable[[], subprocess.Popen[bytes]]) -> Iterator[str]:
    """The path of a socket with two wagering servers and one ticketing server, all in maint."""
    names = ("wagering/w1", "wagering/w2", "ticketing/t1")
    Desk.begin(names, "MAINT")
    Desk.pid = begin_process().pid
    path = tmp_path / "admin.sock"
    with socketserver.ThreadingUnixStreamServer(str(path), Desk) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield str(path)
        server.shutdown()


@pytest.fixture
def open_desk(desk: str) -> str:
    """The same with all in rotation."""
    Desk.servers = dict.fromkeys(Desk.servers, "UP")
    return desk


def rotate(plugin: Plugin, desk: str, action: str, *servers: str, **more: Any) -> Any:
    """Do an action on both backends as the role does; `more` are other parameters."""
    params = {
        "component": "load_balancer",
        "socket": desk,
        "action": action,
        "backends": ["wagering", "ticketing"],
        "servers": list(servers),
        "leave_out": [],
        "timeout": 1.0,
    }
    check = more.pop("check", False)
    return plugin("plugin_utils.on_target.rotation").rotate({**params, **more}, check=check)


def open_all(plugin: Plugin, desk: str, *leave_out: str, check: bool = False) -> Any:
    """Open both backends."""
    return rotate(plugin, desk, "undrain", leave_out=list(leave_out), check=check)


def test_a_wait_that_outlasts_the_step_is_refused(plugin: Plugin, open_desk: str) -> None:
    """Before anything is touched, with what to set."""
    result = rotate(plugin, open_desk, "drain", "wagering/w1", timeout=81.0)
    assert result == {
        "failed": True,
        "msg": "timeout is 81 s, and a run gives up after 90 s: "
        "set haproxy_drain_timeout to 80 or less",
    }
    assert Desk.told == []


def failed(result: Any) -> list[str]:
    """The names of the checks that did not pass."""
    return [item["name"] for item in result["raceday"][0]["checks"] if not item["passed"]]


def evidence(result: Any) -> Any:
    """What the report shows."""
    return result["raceday"][0]["evidence"]


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
    """It stays in maint, and a backend that was left out whole is said to be left out."""
    assert failed(open_all(plugin, desk, "w2")) == []
    assert Desk.servers["wagering/w2"] == "MAINT"
    Desk.servers["ticketing/t1"] = "MAINT"
    result = open_all(plugin, desk, "t1")
    assert failed(result) == []
    said = {item["name"]: item["observed"] for item in result["raceday"][0]["checks"]}
    assert said["backend ticketing takes customers"] == "left out"
    assert Desk.servers["ticketing/t1"] == "MAINT"


@pytest.mark.parametrize("action", ["undrain", "drain", "close"])
def test_check_mode_asks_and_sets_nothing(plugin: Plugin, desk: str, action: str) -> None:
    """It says what it would do."""
    Desk.servers["wagering/w1"] = "DOWN"
    result = rotate(plugin, desk, action, check=True)
    assert result["raceday"][0]["state"] == "would"
    assert (Desk.told, failed(result)) == ([], [])


def test_only_the_named_server_is_put_back(plugin: Plugin, desk: str) -> None:
    """Its backend takes customers then; the others stay as they are."""
    result = rotate(plugin, desk, "undrain", "w2", backends=["wagering"])
    assert (failed(result), Desk.told) == ([], ["wagering/w2 state ready"])
    assert evidence(result) == {"before:wagering/w2": "maint", "sales": "open"}


def test_a_server_may_be_named_with_its_backend(plugin: Plugin, desk: str) -> None:
    """Another server of its name, in another backend, stays as it is."""
    Desk.servers["ticketing/w2"] = "MAINT"
    result = rotate(plugin, desk, "undrain", "wagering/w2", "ticketing/t1")
    assert failed(result) == []
    assert Desk.servers["wagering/w2"] == Desk.servers["ticketing/t1"] == "UP"
    assert Desk.servers["ticketing/w2"] == Desk.servers["wagering/w1"] == "MAINT"


def test_what_was_never_closed_need_not_be_put_back(plugin: Plugin, desk: str) -> None:
    """A backend that is not ours to close may have servers of the same name; a drain takes ours."""
    Desk.servers["api/w1"] = "UP"
    both = ("api/w1", "wagering/w1")
    result = rotate(plugin, desk, "undrain", *both)
    assert (failed(result), Desk.told) == ([], ["wagering/w1 state ready"])
    assert failed(rotate(plugin, desk, "drain", *both)) == ["sessions of api/w1"]
    assert Desk.servers["api/w1"] == "UP"


def test_a_drained_server_finishes_its_customers_and_ends_in_maint(
    plugin: Plugin, open_desk: str
) -> None:
    """New customers are kept away first; then it is where no health check puts it back."""
    Desk.customers = {"wagering/w1": 3, "wagering/w2": 5}
    result = rotate(plugin, open_desk, "drain", "w1", backends=["wagering"])
    assert Desk.told == ["wagering/w1 state drain", "wagering/w1 state maint"]
    assert (failed(result), result["changed"], result["failed"]) == ([], True, False)
    names = [item["name"] for item in result["raceday"][0]["checks"]]
    assert names == ["sessions of wagering/w1", "wagering/w1"]
    assert evidence(result) == {"before:wagering/w1": "ready", "sales": "open", "sessions": "0"}


def test_customers_that_do_not_go_are_counted(plugin: Plugin, open_desk: str) -> None:
    """The server is taken out all the same, and the task fails: nobody may stop it now."""
    Desk.customers, Desk.hanging = {"wagering/w1": 2}, {"wagering/w1"}
    result = rotate(plugin, open_desk, "drain", "w1", timeout=0.3)
    (check,) = [item for item in result["raceday"][0]["checks"] if not item["passed"]]
    assert (check["name"], check["observed"]) == ("sessions of wagering/w1", "2")
    assert (Desk.servers["wagering/w1"], result["failed"]) == ("MAINT", True)
    assert result["msg"] == "sessions of wagering/w1: expected 0, observed 2"
    assert result["raceday"][0]["state"] == "ok"


def test_a_server_in_maint_is_never_set_to_drain(plugin: Plugin, open_desk: str) -> None:
    """That would open it; it was out already, and the evidence says so."""
    Desk.servers["wagering/w1"] = "MAINT"
    result = rotate(plugin, open_desk, "drain", "w1")
    assert (Desk.told, result["raceday"][0]["state"]) == ([], "already")
    assert evidence(result)["before:wagering/w1"] == "maint"


def test_what_nobody_waits_for_any_more_is_set_to_what_it_was(
    plugin: Plugin, open_desk: str
) -> None:
    """A server that an operator drains goes on draining."""
    Desk.servers["wagering/w1"] = "DRAIN"
    Desk.customers, Desk.hanging = {"wagering/w1": 1}, {"wagering/w1"}

    def gone() -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        rotate(plugin, open_desk, "drain", "w1", "w2", see_who_waits=gone)
    assert Desk.servers["wagering/w1"] == "DRAIN"
    assert Desk.servers["wagering/w2"] == "UP"


def test_a_server_that_is_down_is_taken_out_too(plugin: Plugin, open_desk: str) -> None:
    """A health check would put it back as soon as it answers."""
    Desk.servers["wagering/w1"] = "DOWN"
    result = rotate(plugin, open_desk, "drain", "w1")
    assert evidence(result)["before:wagering/w1"] == "ready"
    assert Desk.servers["wagering/w1"] == "MAINT"


@pytest.mark.parametrize("server", ["w9", "wagering/w9"])
@pytest.mark.parametrize(
    ("action", "name"), [("undrain", "wagering/w9"), ("drain", "sessions of wagering/w9")]
)
def test_a_server_that_haproxy_does_not_know_fails(
    plugin: Plugin, open_desk: str, action: str, name: str, server: str
) -> None:
    """A misspelt name is not a server that is out."""
    result = rotate(plugin, open_desk, action, server, backends=["wagering"])
    assert (failed(result), result["failed"]) == ([name], True)


def test_closing_refuses_customers_at_once(plugin: Plugin, open_desk: str) -> None:
    """Maint without a drain before it; who finishes in time is cut off by nobody."""
    Desk.customers = {"wagering/w1": 2}
    result = rotate(plugin, open_desk, "close")
    assert set(Desk.servers.values()) == {"MAINT"}
    assert [told.rpartition(" ")[2] for told in Desk.told] == ["maint"] * 3
    names = [item["name"] for item in result["raceday"][0]["checks"]]
    assert names == [
        "backend wagering refuses customers",
        "backend ticketing refuses customers",
        "nobody is let in",
        "nobody is connected",
    ]
    assert (failed(result), evidence(result)["sales"]) == ([], "closed")
    assert (evidence(result)["sessions"], evidence(result)["cut_off"]) == ("0", "0")
    assert (evidence(result)["rotation"], evidence(result)["serving"]) == ("none", "none")
    assert rotate(plugin, open_desk, "close", timeout=0)["raceday"][0]["state"] == "already"


def test_who_is_connected_when_the_time_is_over_is_cut_off(plugin: Plugin, open_desk: str) -> None:
    """Maint ends no session, and through one a machine would buy on; their number is told."""
    Desk.customers, Desk.hanging = {"wagering/w1": 7}, {"wagering/w1"}
    result = rotate(plugin, open_desk, "close", timeout=0.3)
    assert Desk.told[3:] == ["shutdown sessions server wagering/w1"]
    assert (failed(result), result["failed"], evidence(result)["sales"]) == ([], False, "closed")
    assert (evidence(result)["cut_off"], evidence(result)["sessions"]) == ("7", "0")


def test_who_is_connected_to_what_was_closed_before_is_cut_off_too(
    plugin: Plugin, desk: str
) -> None:
    """Whoever took the servers out; that is a change."""
    Desk.customers, Desk.hanging = {"ticketing/t1": 1}, {"ticketing/t1"}
    result = rotate(plugin, desk, "close", timeout=0)
    assert Desk.told == ["shutdown sessions server ticketing/t1"]
    assert (result["changed"], evidence(result)["cut_off"]) == (True, "1")


def test_who_cannot_be_cut_off_keeps_sales_open(
    plugin: Plugin, open_desk: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He can go on buying; where he is, and what to do, is said."""
    monkeypatch.setattr(plugin("plugin_utils.on_target.rotation"), "ENDING_SECONDS", 0)
    Desk.customers, Desk.hanging = {"wagering/w1": 7}, {"wagering/w1"}
    Desk.stuck = {"wagering/w1"}
    result = rotate(plugin, open_desk, "close", timeout=0)
    assert (failed(result), result["failed"]) == (["nobody is connected"], True)
    assert (evidence(result)["sales"], evidence(result)["cut_off"]) == ("open", "0")
    assert "observed 7 at wagering/w1" in result["msg"]
    assert result["msg"].endswith("shutdown sessions server wagering/w1")


def test_a_backend_that_nobody_closes_keeps_sales_open(plugin: Plugin, open_desk: str) -> None:
    """HAProxy has one more than the venue file names; it is named, with what to do."""
    Desk.servers["vip/w3"] = "UP"
    result = rotate(plugin, open_desk, "close")
    assert (failed(result), result["failed"]) == (["nobody is let in"], True)
    assert (evidence(result)["sales"], Desk.servers["vip/w3"]) == ("open", "UP")
    assert evidence(result)["rotation"] == evidence(result)["serving"] == "vip/w3"
    (check,) = (item for item in result["raceday"][0]["checks"] if not item["passed"])
    assert check["observed"] == "vip/w3"
    assert check["why"]["text"] % check["why"]["args"] == (
        "customers are let in at vip, which no component of the venue file is behind"
    )
    following = check["next"]["text"] % check["next"]["args"]
    assert following.endswith("At HAProxy's admin socket: set server vip/w3 state maint")
    assert result["msg"].endswith(following)
    Desk.servers["vip/w3"] = "MAINT"
    assert failed(rotate(plugin, open_desk, "close")) == []


def test_a_drain_cuts_nobody_off(plugin: Plugin, open_desk: str) -> None:
    """Whoever has not finished keeps the server from its restart."""
    Desk.customers, Desk.hanging = {"wagering/w1": 2}, {"wagering/w1"}
    rotate(plugin, open_desk, "drain", "w1", timeout=0)
    assert not any("sessions" in told for told in Desk.told)


def test_a_process_of_before_a_reload_is_ended_by_a_closing(
    plugin: Plugin, former: subprocess.Popen[bytes], open_desk: str
) -> None:
    """Its customers have as long as all others; no socket tells how many they are."""
    result = rotate(plugin, open_desk, "close", timeout=0.1)
    assert former.wait(timeout=5) == -signal.SIGTERM
    assert (failed(result), evidence(result)["sales"]) == ([], "closed")
    assert (result["changed"], evidence(result)["ended"]) == (True, str(former.pid))


def test_a_process_that_is_about_to_take_over_is_not_ended(
    plugin: Plugin,
    open_desk: str,
    begin_process: Callable[[], subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A reload goes on: without it nothing would be served, so the closing is not proven."""
    monkeypatch.setattr(plugin("plugin_utils.on_target.rotation"), "ENDING_SECONDS", 0)
    newer = begin_process()
    while began(newer.pid) == began(Desk.pid):
        newer.kill()
        newer.wait()
        newer = begin_process()
    result = rotate(plugin, open_desk, "close", timeout=0.1)
    assert (newer.poll(), failed(result)) == (None, ["nobody is connected"])
    assert evidence(result)["sales"] == "open"
    assert result["msg"].startswith(
        f"nobody is connected: expected nobody, observed process {newer.pid} of before a reload"
    )
    assert f"kill -TERM {newer.pid}" in result["msg"]


def test_a_drain_waits_for_a_process_of_before_a_reload(
    plugin: Plugin, former: subprocess.Popen[bytes], open_desk: str
) -> None:
    """Its customers may be at any server; it is told, and left alone."""
    result = rotate(plugin, open_desk, "drain", "wagering/w1", timeout=0.3)
    assert (former.poll(), failed(result)) == (None, ["sessions of wagering/w1"])
    (check,) = [item for item in result["raceday"][0]["checks"] if not item["passed"]]
    assert check["observed"] == f"0, and process {former.pid} of before a reload"
    former.kill()
    former.wait()
    assert failed(rotate(plugin, open_desk, "drain", "wagering/w1")) == []


def test_the_master_of_a_haproxy_is_no_process_of_before_a_reload(
    plugin: Plugin, open_desk: str, tmp_path: Path
) -> None:
    """It has the name of the process that answers, and no customers."""
    program, its = tmp_path / f"haproxy{os.getpid()}", tmp_path / "master"
    its.mkdir()
    (its / program.name).symlink_to(shutil.which("sh") or "sh")
    words = [str(its / program.name), "-c", f"{program} 600 & echo $!; wait"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as master:
        os.kill(Desk.pid, signal.SIGKILL)
        Desk.pid = int(master.stdout.readline() if master.stdout else 0)
        result = rotate(plugin, open_desk, "drain", "wagering/w1", timeout=0)
        os.kill(Desk.pid, signal.SIGKILL)
    assert failed(result) == []


def began(pid: int) -> int:
    """When a process began, in ticks of the kernel's clock."""
    words = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(words[19])


def test_when_it_is_not_known_whether_a_reload_left_a_process_nothing_is_proven(
    plugin: Plugin, open_desk: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HAProxy runs in a container, say: the number of its process is another one's there."""
    monkeypatch.setattr(plugin("plugin_utils.on_target.rotation"), "ENDING_SECONDS", 0)
    Desk.pid = os.getpid()
    result = rotate(plugin, open_desk, "close", timeout=0)
    assert (failed(result), evidence(result)["sales"]) == (["nobody is connected"], "open")
    assert f"no process of HAProxy has the number {os.getpid()} there" in result["msg"]
    result = rotate(plugin, open_desk, "drain", "wagering/w1", timeout=0)
    assert failed(result) == ["sessions of wagering/w1"]


def test_a_backend_that_is_not_there_is_not_closed(plugin: Plugin, open_desk: str) -> None:
    """Nothing refuses nobody."""
    result = rotate(plugin, open_desk, "close", backends=["wagring"])
    names = ["backend wagring refuses customers", "nobody is let in"]
    assert (failed(result), result["failed"]) == (names, True)
    seen = "expected 0 UP, observed no such backend"
    assert result["msg"].startswith(f"backend wagring refuses customers: {seen}")
    assert evidence(result)["sales"] == "open"


def test_a_backend_that_is_not_there_is_not_opened(plugin: Plugin, desk: str) -> None:
    """That nobody had to be let in there is no reason to call it left out."""
    result = rotate(plugin, desk, "undrain", backends=["wagring", "ticketing"])
    name, seen = "backend wagring takes customers", "expected a server UP, observed no such backend"
    assert (failed(result), result["msg"]) == ([name], f"{name}: {seen}")
    assert failed(rotate(plugin, desk, "undrain", backends=["wagring"], check=True)) == [name]


def test_a_server_serves_once_somebody_was_sent_to_it(plugin: Plugin, open_desk: str) -> None:
    """Up is not enough, and nothing is set."""
    result = rotate(plugin, open_desk, "serving", "w1", backends=["wagering"])
    assert (failed(result), result["changed"], Desk.told) == ([], False, [])
    Desk.shunned = {"wagering/w1"}
    result = rotate(plugin, open_desk, "serving", timeout=0.3, backends=["wagering"])
    assert (failed(result), result["failed"]) == (["w1 is sent purchases"], True)


def test_a_server_that_is_down_serves_nobody(plugin: Plugin, open_desk: str) -> None:
    """However many it was sent before."""
    Desk.servers["wagering/w2"] = "DOWN"
    result = rotate(plugin, open_desk, "serving", timeout=0.8, backends=["wagering"])
    assert failed(result) == ["w2 is sent purchases"]
    assert result["raceday"][0]["seconds"] < 1.6  # it is waited for once, not twice


def test_check_mode_waits_for_nobody_to_be_served(plugin: Plugin, open_desk: str) -> None:
    """Nothing is bought in check mode, so nobody is sent anywhere."""
    Desk.servers["wagering/w2"], Desk.shunned = "DOWN", {"wagering/w1"}
    result = rotate(plugin, open_desk, "serving", timeout=5, backends=["wagering"], check=True)
    assert (failed(result), result["changed"]) == ([], False)
    assert result["raceday"][0]["seconds"] < 1


def test_a_rehearsal_is_no_sale(plugin: Plugin, open_desk: str) -> None:
    """Its backends stay open when sales are closed, and say nothing of them."""
    Desk.servers["rehearsal_wagering/w1"] = "UP"
    Desk.customers, Desk.hanging = {"rehearsal_wagering/w1": 1}, {"rehearsal_wagering/w1"}
    result = rotate(plugin, open_desk, "close")
    assert (failed(result), evidence(result)["sales"]) == ([], "closed")


@pytest.fixture
def act_with(
    plugin: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, Any]]:
    """Do an action on a host that has a shell and these programs, and no Python."""
    module = plugin("action.rotation")

    def act(*programs: str, **args: Any) -> dict[str, Any]:
        for program in programs:
            (tmp_path / program).symlink_to(shutil.which(program) or program)

        def execute(command: str, in_data: bytes = b"") -> dict[str, Any]:
            shell, env = ["/bin/sh", "-c", command], {"PATH": str(tmp_path)}
            reply = subprocess.run(shell, input=in_data, env=env, capture_output=True, check=False)
            said = {"stdout": reply.stdout.decode(), "stderr": reply.stderr.decode()}
            return {"rc": reply.returncode, **said}

        task = SimpleNamespace(args=args, check_mode=False, async_val=0, diff=False, action="")
        action = module.ActionModule(task, None, None, None, None, None)
        monkeypatch.setattr(module.ActionBase, "run", lambda *_: {})
        monkeypatch.setattr(action, "_low_level_execute_command", execute)
        result: dict[str, Any] = action.run(None, {"inventory_hostname": "lb1"})
        return result

    return act


def test_without_python_the_socket_is_asked_from_the_controller(
    act_with: Callable[..., dict[str, Any]], open_desk: str
) -> None:
    """A drain is the same drain: customers finish first, then the server is out for good."""
    Desk.customers = {"wagering/w1": 3}
    given = {"component": "lb", "socket": open_desk, "backends": ["wagering"], "servers": ["w1"]}
    result = act_with("perl", action="drain", **given)
    assert Desk.told == ["wagering/w1 state drain", "wagering/w1 state maint"]
    assert (failed(result), result["failed"]) == ([], False)
    assert evidence(result) == {"before:wagering/w1": "ready", "sales": "open", "sessions": "0"}


def test_without_python_customers_are_cut_off_from_the_controller(
    act_with: Callable[..., dict[str, Any]], open_desk: str
) -> None:
    """A closing is the same closing."""
    Desk.customers, Desk.hanging = {"wagering/w1": 3}, {"wagering/w1"}
    given = {"component": "lb", "socket": open_desk, "backends": ["wagering", "ticketing"]}
    result = act_with("perl", action="close", timeout=0.3, **given)
    assert Desk.told[3:] == ["shutdown sessions server wagering/w1"]
    assert (failed(result), evidence(result)["cut_off"]) == ([], "3")


@pytest.mark.parametrize(
    ("programs", "why"), [(("perl",), "No such file"), ((), "perl: not found")]
)
def test_without_python_a_socket_that_cannot_be_asked_says_why(
    act_with: Callable[..., dict[str, Any]], programs: tuple[str, ...], why: str
) -> None:
    """HAProxy is down, or there is nothing to ask it with."""
    result = act_with(
        *programs, component="lb", socket="/nowhere/admin.sock", backends=["wagering"]
    )
    assert result["failed"]
    assert "HAProxy's socket /nowhere/admin.sock: " in result["msg"]
    assert why in result["msg"]


@pytest.mark.parametrize(
    ("component", "backends"),
    [("load_balancer", ["bets", "tickets"]), ("wagering", ["bets"]), ("database", [])],
)
def test_backends_are_its_own_or_all_behind_it(component: str, backends: list[str]) -> None:
    """The same tasks serve one component's restart and the opening of all."""
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text(encoding="utf-8"))

    def behind(backend: str) -> dict[str, Any]:
        return {"restart": {"behind": {"component": "load_balancer", "backend": backend}}}

    variables = {
        "component": component,
        "components": {
            "database": {},
            "load_balancer": {"restart": {"serial": 1}},
            "wagering": behind("bets"),
            "ticketing": behind("tickets"),
        },
    }
    text = trust_as_template(defaults["haproxy_backends"])
    assert Templar(DataLoader(), variables).template(text) == backends
