"""The hot path's shell, with the host's programs replaced by fakes on PATH."""

import os
import re
import socketserver
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from ansible.template import Templar, trust_as_template

type Plugin = Callable[[str], ModuleType]
type Fake = Callable[[str, str], None]
type Tell = Callable[..., str]

ROOT = Path(__file__).parents[3]
HEADER = "# pxname,svname,qcur"
MAINT, UP = (f"wagering,w1,{',' * 14},{status},1" for status in ("MAINT", "UP"))
BACK = f"wagering,BACKEND,{',' * 14},UP,1"


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    """Put a program of this name and this body first on PATH."""

    def write(name: str, body: str) -> None:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        path.chmod(0o755)

    return write


def shell(script: str, folder: Path, **variables: str) -> str:
    """What the host's sh prints, with the folder's programs first."""
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, **variables}
    done = subprocess.run(
        ["sh", "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def library(plugin: Plugin, call: str, folder: Path) -> str:
    """What a call of the hot path prints for a component with the unit mine.service."""
    return shell(f"{plugin('plugin_utils.hot_path').LIBRARY}\n{call}", folder, unit="mine.service")


def test_failed_units_are_told_when_systemd_answers(
    plugin: Plugin, fake: Fake, tmp_path: Path
) -> None:
    """Their names, or nothing for none."""
    fake("systemctl", "echo a.service loaded; echo b.service loaded")
    told = library(plugin, "tell_failed_units", tmp_path)
    assert told == "@raceday failed_units=a.service b.service"
    fake("systemctl", "exit 0")
    assert library(plugin, "tell_failed_units", tmp_path) == "@raceday failed_units="


def test_a_boot_is_told_by_the_kernel_and_its_first_process(
    plugin: Plugin, fake: Fake, tmp_path: Path
) -> None:
    """Containers share the kernel's; a name with a bracket in it is no trouble. Else nothing."""
    boot, pid1 = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/1/stat")
    began = pid1.read_text().rpartition(") ")[2].split()[19]
    told = library(plugin, "tell_boot", tmp_path)
    assert told == f"@raceday boot={boot.read_text().strip()}/{began}"
    fields = " ".join(map(str, range(4, 30)))
    fake("cat", f"echo 0f-a1; echo '1 (in) it) S {fields}'")
    assert library(plugin, "tell_boot", tmp_path) == "@raceday boot=0f-a1/22"
    fake("cat", "exit 1")
    assert library(plugin, "tell_boot", tmp_path) == ""


def test_a_systemctl_that_fails_is_not_none(plugin: Plugin, fake: Fake, tmp_path: Path) -> None:
    """Nothing is told, so that the check fails."""
    fake("systemctl", "exit 1")
    assert library(plugin, "tell_failed_units", tmp_path) == ""


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("exit 0", ""),
        ("exit 1", "unknown"),
        ("echo LISTEN 0 9 *:80 *:*", "hidden"),
        ("""echo 'LISTEN users:(("me",pid=1,fd=3))'""", "ours me"),
        ("""echo 'LISTEN users:(("x",pid=2,fd=3))'""", "stranger x (pid 2)"),
        ("""echo 'LISTEN users:(("x",pid=2,fd=3),("me",pid=1,fd=3))'""", "ours x"),
        (
            """echo 'users:(("me",pid=1,fd=3))'; echo 'users:(("x",pid=2,fd=3))'""",
            "stranger x (pid 2)",
        ),
        ("""echo 'users:(("me",pid=1,fd=3))'; echo LISTEN""", "hidden"),
    ],
)
def test_every_listener_of_a_port_is_judged(
    plugin: Plugin, fake: Fake, tmp_path: Path, said: str, verdict: str
) -> None:
    """The worst of them counts, and an ss that fails is no free port."""
    fake("ss", said)
    mine = """is_ours() { [ "$1" = 1 ]; }\n"""
    assert library(plugin, f"{mine}listener_on 80", tmp_path) == verdict


def test_a_listener_may_be_ours_when_the_status_command_does_not_say(
    plugin: Plugin, fake: Fake, tmp_path: Path
) -> None:
    """Nobody is told to end it as a stranger; its own yes or no is believed."""
    fake("ss", """echo 'LISTEN users:(("engine",pid=7,fd=3))'""")
    looked = {}
    for code in (0, 3, 137):
        spec = {"name": "engine", "commands": {"status": ["sh", "-c", f"exit {code}"]}}
        call = plugin("plugin_utils.spec").shell_variables(spec, check=True)
        looked[code] = library(plugin, f"{call}look_at_unit\nlistener_on 80", tmp_path)
    assert looked == {
        0: "ours engine",
        3: "stranger engine (pid 7)",
        137: "doubtful engine (pid 7)",
    }


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (0, ("ready", "active", "active")),
        (3, ("not_ready", "inactive", "engine is inactive")),
        (4, ("not_ready", "unknown", "engine is unknown (exit 4)")),
        (137, ("not_ready", "unknown", "engine is unknown (exit 137)")),
    ],
)
def test_a_look_tells_down_from_not_known(
    plugin: Plugin, tmp_path: Path, code: int, told: tuple[str, str, str]
) -> None:
    """Only a status command's own no is a no; one that dies has not answered."""
    spec = {"name": "engine", "commands": {"status": ["sh", "-c", f"exit {code}"]}}
    call = plugin("plugin_utils.spec").shell_variables(spec, check=True) + "probe_component"
    lines = library(plugin, call, tmp_path).splitlines()
    said = dict(line.removeprefix("@raceday ").split("=", 1) for line in lines)
    assert (said["outcome"], said["active"], said["seen"]) == told


@contextmanager
def haproxy(path: Path, rows: list[str]) -> Iterator[None]:
    """A socket that shows these rows to whoever asks for statistics; none without rows."""

    class Table(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            said = rows if self.rfile.readline() == b"show stat\n" else ["no such command"]
            self.wfile.write("".join(f"{row}\n" for row in said).encode())

    if not rows:
        yield
        return
    with socketserver.ThreadingUnixStreamServer(str(path), Table) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield
        server.shutdown()
    path.unlink()


@pytest.fixture
def tell(plugin: Plugin, fake: Fake, tmp_path: Path) -> Tell:
    """What a fact of HAProxy's role is on a host without socat, whose socket shows these rows.

    The socket is where the role's own variable says. `without` are programs that are not there.
    """
    spec, path = plugin("plugin_utils.spec"), tmp_path / "elsewhere.sock"
    variables = {
        "components": {"lb": {"role": "haproxy", "unit": "haproxy"}},
        "haproxy_socket": str(path),
    }

    def run(fact: str, rows: list[str], *without: str) -> str:
        for program in ("socat", *without):
            fake(program, "exit 127")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(spec.constants, "DEFAULT_ROLES_PATH", [str(ROOT / "roles")])
            known = spec.component_spec(variables, "lb")
        call = spec.shell_variables(known, check=True) + "tell_facts"
        with haproxy(path, rows):
            lines = library(plugin, call, tmp_path).splitlines()
        told = dict(line.removeprefix("@raceday fact.").split("=", 1) for line in lines)
        return told[fact]

    return run


@pytest.mark.parametrize("without", [(), ("perl",), ("python3",)])
@pytest.mark.parametrize(
    ("unit", "rows", "state"),
    [
        ("active", [HEADER, MAINT, UP, BACK], "open"),
        ("active", [HEADER, BACK, MAINT], "closed"),
        ("active", [], "unknown"),
        ("active", ["some other words"], "unknown"),
        ("", [HEADER, MAINT], "closed"),
        ("", [], "unknown"),
        ("activating", [], "unknown"),
        ("inactive", [], "closed"),
        ("failed", [], "closed"),
    ],
)
def test_sales_are_closed_only_when_that_was_seen(
    tell: Tell, fake: Fake, unit: str, rows: list[str], state: str, without: tuple[str, ...]
) -> None:
    """A socket that cannot be read is unknown, unless the unit itself does not run."""
    fake("systemctl", f'[ "$3" = haproxy.service ] && echo {unit}')
    assert tell("sales", rows, *without) == state


def test_without_perl_and_python_nothing_is_known(tell: Tell, fake: Fake) -> None:
    """Doubt is not "closed"; nothing that is not known is drained."""
    fake("systemctl", "echo active")
    programs = ("perl", "python3")
    said = {fact: tell(fact, [HEADER, MAINT], *programs) for fact in ("sales", "rotation")}
    assert said == {"sales": "unknown", "rotation": ""}


@pytest.mark.parametrize(
    ("status", "let_in", "up"),
    [
        ("UP", True, True),
        ("UP 1/2", True, True),
        ("no check", True, True),
        ("DOWN", True, False),
        ("DOWN 1/2", True, False),
        ("NOLB", True, False),
        ("DRAIN", False, False),
        ("MAINT", False, False),
        ("MAINT (via wagering/w2)", False, False),
    ],
)
def test_who_is_let_in_and_who_is_up_are_two_facts(
    tell: Tell, fake: Fake, status: str, *, let_in: bool, up: bool
) -> None:
    """What goes back is what was let in; who stands in is who HAProxy sees up."""
    rows = [HEADER, f"wagering,w1,{',' * 14},{status},1", f"rehearsal_a,w2,{',' * 14},UP,1", BACK]
    for fact, counts in (("rotation", let_in), ("serving", up)):
        fake("systemctl", "echo active")
        assert tell(fact, rows) == ("wagering/w1" if counts else "none")
        fake("systemctl", "echo deactivating; exit 3")
        assert tell(fact, rows) == ""


def test_all_who_are_let_in_are_told(tell: Tell, fake: Fake) -> None:
    """In one line, with blanks between."""
    fake("systemctl", "echo active")
    rows = [HEADER, UP, UP.replace("w1", "w2"), MAINT.replace("w1", "w3")]
    assert tell("rotation", rows) == "wagering/w1 wagering/w2"


@pytest.mark.parametrize(
    ("programs", "told"),
    [
        ("sh no-such-program", "@raceday program=sh"),
        ("no-such-program sh", "@raceday program=sh"),
        ("no-such-program neither", "@raceday program=none"),
        ("", ""),
    ],
)
def test_the_program_that_is_there_is_told(
    plugin: Plugin, tmp_path: Path, programs: str, told: str
) -> None:
    """The first of those that a role can do with; none is told, too."""
    assert library(plugin, f"programs='{programs}'\ntell_program", tmp_path) == told


def test_what_asks_a_load_balancer_is_looked_for(
    plugin: Plugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By preflight, on its hosts; of other kinds nothing is wanted."""
    spec = plugin("plugin_utils.spec")
    monkeypatch.setattr(spec.constants, "DEFAULT_ROLES_PATH", [str(ROOT / "roles")])
    variables = {"components": {"lb": {"role": "haproxy"}, "cache": {"role": "redis"}}}
    wanted = {
        name: spec.shell_variables(spec.component_spec(variables, name), check=True)
        for name in variables["components"]
    }
    assert "programs='perl python3'\n" in wanted["lb"]
    assert "programs=''\n" in wanted["cache"]


def test_a_variable_of_a_role_may_be_worked_out(
    plugin: Plugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fact gets what the role's tasks get: from the inventory, else the role's default."""
    spec = plugin("plugin_utils.spec")
    monkeypatch.setattr(spec.constants, "DEFAULT_ROLES_PATH", [str(ROOT / "roles")])
    variables: dict[str, Any] = {"components": {"lb": {"role": "haproxy"}}}
    usual = spec.component_spec(variables, "lb")
    assert "haproxy_socket=/run/haproxy/admin.sock\n" in spec.shell_variables(usual, check=True)
    there = spec.component_spec({**variables, "raceday_platform": "redhat-9"}, "lb")
    assert "haproxy_socket=/var/lib/haproxy/stats\n" in spec.shell_variables(there, check=True)
    text = trust_as_template("{{ place }}/admin.sock")
    variables |= {"haproxy_socket": text, "place": "/srv/front"}
    own = spec.component_spec(variables, "lb")
    assert "haproxy_socket=/srv/front/admin.sock\n" in spec.shell_variables(own, check=True)


def test_a_fact_knows_the_unit(plugin: Plugin, tmp_path: Path) -> None:
    """Its command is a process of its own."""
    spec: dict[str, Any] = {
        "name": "lb",
        "unit": "haproxy",
        "facts": {"mine": ["sh", "-c", 'echo "$unit"']},
    }
    call = plugin("plugin_utils.spec").shell_variables(spec, check=True) + "tell_facts"
    assert library(plugin, call, tmp_path) == "@raceday fact.mine=haproxy.service"


@pytest.mark.parametrize(
    ("role", "keys", "port"),
    [
        ("redis", {}, 6379),
        ("redis", {"healthcheck": {"tcp": "127.0.0.1:6380"}}, 6380),
        ("redis", {"ports": [6381, 16381], "healthcheck": {"tcp": "127.0.0.1:6380"}}, 6381),
        ("postgresql", {}, 5432),
        ("postgresql", {"ports": [5433]}, 5433),
        ("postgresql", {"healthcheck": {"tcp": "127.0.0.1:5434"}}, 5434),
    ],
)
def test_a_client_asks_the_port_of_the_component(role: str, keys: Any, port: int) -> None:
    """The one that the venue file names, else the usual one; every client is told."""
    folder = ROOT / "roles" / role
    defaults = yaml.safe_load((folder / "defaults/main.yml").read_text("utf-8"))
    known = {"component": "mine", "components": {"mine": {"role": role, **keys}}}
    text = trust_as_template(defaults[f"{role}_port"])
    assert int(Templar(variables=known).template(text)) == port
    for file in ("tasks/test.yml", "meta/raceday.yml"):
        written = (folder / file).read_text("utf-8")
        clients = len(re.findall(r"\b(?:psql|redis-cli)\b", re.sub("#.*", "", written)))
        assert len(re.findall(rf"-p\W+{role}_port", written)) == clients


@pytest.mark.parametrize("keys", [{}, {"ports": [5433]}])
def test_health_and_facts_of_a_database_are_of_its_port(
    plugin: Plugin, fake: Fake, tmp_path: Path, keys: dict[str, Any]
) -> None:
    """What is asked is this component, whatever else runs on the host."""
    spec = plugin("plugin_utils.spec")
    fake("runuser", 'echo "$*" >>asked; echo yes')
    variables = {"components": {"db": {"role": "postgresql", **keys}}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spec.constants, "DEFAULT_ROLES_PATH", [str(ROOT / "roles")])
        known = spec.component_spec(variables, "db")
    call = spec.shell_variables(known, check=True) + "is_healthy; tell_facts"
    library(plugin, f"cd {tmp_path}\n{call}", tmp_path)
    port = keys.get("ports", [5432])[0]
    asked = (tmp_path / "asked").read_text().splitlines()
    assert [f"psql -p {port} " in line for line in asked if "psql" in line] == [True, True]


@pytest.mark.parametrize(("written", "seconds"), [(0.5, 1), (1, 1), (2.1, 3), (60, 60)])
def test_a_timeout_is_never_rounded_to_none(plugin: Plugin, written: float, seconds: int) -> None:
    """`timeout 0` of coreutils would mean no bound at all."""
    spec = {"name": "a", "healthcheck": {"tcp": "127.0.0.1:1", "timeout": written}}
    told = plugin("plugin_utils.spec").shell_variables(spec, check=True)
    assert f"timeout={seconds}\n" in told


@pytest.mark.parametrize(
    ("curl", "seen"),
    [
        ("printf 'fine\\n200 0.000123 0.000456'", "HTTP 200 fine"),
        ("printf '\\n000 0.000123 0.000000'; exit 28", "no answer within 5 s (connected)"),
        ("printf 'half\\n200 0.000123 0.4'; exit 28", "no whole answer within 5 s (slow)"),
        ("printf '\\n000 0.000000 0.000000'; exit 28", "no answer within 5 s"),
        ("printf '\\n000 0.000000 0.000000'; exit 7", "connection refused"),
        ("printf '\\n000 0.000123 0.000000'; exit 52", "no answer"),
    ],
)
def test_a_server_that_hangs_is_not_one_that_is_gone(
    plugin: Plugin, fake: Fake, tmp_path: Path, curl: str, seen: str
) -> None:
    """It has taken the connection and says nothing; half an answer is none."""
    fake("curl", curl)
    spec = {"name": "a", "healthcheck": {"http": "http://127.0.0.1:1/health"}}
    call = plugin("plugin_utils.spec").shell_variables(spec, check=True)
    told = library(plugin, f'{call}is_healthy && echo healthy; echo "$seen"', tmp_path)
    assert told == ("healthy\n" if seen.startswith("HTTP") else "") + seen


@pytest.mark.parametrize(
    ("bash", "seen"),
    [
        ("exit 0", "connected"),
        ("echo bash: connect: Connection refused >&2; exit 1", "connection refused"),
        ("echo bash: connect: No route to host >&2; exit 1", "no connection"),
        ("exit 124", "no connection within 5 s"),
    ],
)
def test_a_port_that_refuses_is_not_one_that_is_silent(
    plugin: Plugin, fake: Fake, tmp_path: Path, bash: str, seen: str
) -> None:
    """A host that drops packets is told apart from one on which nobody listens."""
    fake("bash", bash)
    spec = {"name": "a", "healthcheck": {"tcp": "127.0.0.1:1"}}
    call = plugin("plugin_utils.spec").shell_variables(spec, check=True)
    assert library(plugin, f'{call}is_healthy; echo "$seen"', tmp_path) == seen


class Sluggish(BaseHTTPRequestHandler):
    """Of three pages one never answers, one after two seconds, one at once but for its end."""

    protocol_version = "HTTP/1.0"
    over = threading.Event()

    def do_GET(self) -> None:
        """The page that is asked for."""
        if self.path == "/late" and self.over.wait(2):
            return
        if self.path == "/hung" and self.over.wait(30):
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"half")
        self.wfile.flush()
        if self.path == "/slow":
            self.over.wait(30)

    def log_message(self, *_args: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def sluggish() -> Iterator[str]:
    """The address of such a server."""
    Sluggish.over.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Sluggish) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        Sluggish.over.set()
        server.shutdown()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "unhurried", "seen", "hangs"),
    [
        ("hung", 1, "no answer within 4 s (connected)", True),
        ("hung", 0, "no answer within 1 s (connected)", False),
        ("late", 1, "no answer within 1 s, but after 2 s (slow)", False),
        ("slow", 1, "no whole answer within 1 s (slow)", False),
    ],
)
def test_a_slow_server_is_none_that_hangs(  # noqa: PLR0913, PLR0917  # the cases are a table
    plugin: Plugin,
    tmp_path: Path,
    sluggish: str,
    page: str,
    unhurried: int,
    seen: str,
    hangs: bool,
) -> None:
    """Only who says nothing for a longer time hangs; where no time is, nobody is said to."""
    spec = {
        "name": "a",
        "commands": {"status": ["true"]},
        "healthcheck": {"http": f"{sluggish}/{page}"},
    }
    call = plugin("plugin_utils.spec").shell_variables(spec, check=True)
    haste = "answer_within=1 answer_within_at_last=4"
    call += f"{haste} unhurried={unhurried}\nprobe_component"
    told = library(plugin, call, tmp_path).splitlines()
    assert f"@raceday seen={seen}" in told
    assert ("@raceday hangs=yes" in told) == hangs


class Page(BaseHTTPRequestHandler):
    """A page of some lines, one that is gone, and one that has moved to the first."""

    def do_GET(self) -> None:
        """Answer by the path."""
        status = {"/gone": 404, "/moved": 302}.get(self.path, 200)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/")
        self.end_headers()
        self.wfile.write(b"  fine: yes\n\n  and: well")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def page() -> Iterator[str]:
    """The URL of a server of pages."""
    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("program", ["curl", "wget"])
@pytest.mark.parametrize(
    ("path", "asked", "answer"),
    [
        ("/", {}, "healthy HTTP 200"),
        ("/", {"contains": "and: well"}, "healthy HTTP 200"),
        ("/", {"status": 404}, "HTTP 200"),
        ("/gone", {}, "HTTP 404"),
        ("/gone", {"status": 404}, "healthy HTTP 404"),
        ("/moved", {}, "HTTP 302"),
        ("/moved", {"status": 302}, "healthy HTTP 302"),
    ],
)
def test_curl_and_wget_judge_alike(  # noqa: PLR0913, PLR0917  # the cases are a table
    plugin: Plugin,
    page: str,
    tmp_path: Path,
    program: str,
    path: str,
    asked: dict[str, Any],
    answer: str,
) -> None:
    """A redirect is an answer of its own for both, and so is an error."""
    spec = {"name": "a", "healthcheck": {"http": f"{page}{path}", **asked}}
    call = plugin("plugin_utils.spec").shell_variables(spec, check=True)
    only = f'has() {{ [ "$1" = {program} ] || [ "$1" = timeout ]; }}\n'
    told = library(plugin, f'{only}{call}is_healthy && echo healthy; echo "$seen"', tmp_path)
    assert " ".join(told.split()).startswith(answer)


@pytest.mark.parametrize("program", ["curl", "wget"])
@pytest.mark.parametrize(("active", "healthy"), [("active", False), ("external", True)])
def test_a_proxy_of_the_host_answers_for_partners_only(
    plugin: Plugin, page: str, tmp_path: Path, program: str, active: str, healthy: bool
) -> None:
    """It would say 200 for a server that is down; a partner may be reached in no other way."""
    spec = {"name": "a", "healthcheck": {"http": "http://127.0.0.1:1/"}}
    call = plugin("plugin_utils.spec").shell_variables(spec, check=True)
    only = f'has() {{ [ "$1" = {program} ] || [ "$1" = timeout ]; }}\n'
    proxy = f"export http_proxy={page}\nactive={active}\n"
    told = library(plugin, f"{only}{proxy}{call}is_healthy && echo healthy; true", tmp_path)
    assert told == ("healthy" if healthy else "")


def test_a_wget_that_says_no_status_has_no_answer(
    plugin: Plugin, fake: Fake, tmp_path: Path
) -> None:
    """A page without its headers may be anybody's."""
    fake("wget", "echo fine")
    spec = {"name": "a", "healthcheck": {"http": "http://127.0.0.1:1/"}}
    call = plugin("plugin_utils.spec").shell_variables(spec, check=True)
    only = 'has() { [ "$1" != curl ]; }\n'
    assert library(plugin, f'{only}{call}is_healthy; echo "$seen"', tmp_path) == "no answer"


@pytest.mark.parametrize(
    ("patient", "answers_at", "timeout", "outcome", "asked"),
    [
        (1, 3, 30, "ready", {3}),
        (0, 3, 30, "not_ready", {1}),
        (1, 99, 1, "not_ready", set(range(2, 99))),  # as often as a busy machine manages
    ],
)
def test_a_partner_is_asked_until_its_timeout(  # noqa: PLR0913, PLR0917  # the cases are a table
    plugin: Plugin,
    fake: Fake,
    tmp_path: Path,
    patient: int,
    answers_at: int,
    timeout: int,
    outcome: str,
    asked: set[int],
) -> None:
    """At its interval where a procedure waits for it, once where it is only looked at."""
    calls = tmp_path / "calls"
    fake("partner", f"echo asked >>{calls}; [ $(wc -l <{calls}) -ge {answers_at} ]")
    probe = {"command": ["partner"], "interval": 0.05, "timeout": timeout}
    call = plugin("plugin_utils.spec").shell_variables(
        {"name": "bank", "external": True, "healthcheck": probe}, check=True
    )
    told = library(plugin, f"{call}patient={patient}\nprobe_from_outside", tmp_path)
    assert f"@raceday outcome={outcome}" in told
    assert len(calls.read_text(encoding="utf-8").splitlines()) in asked


def test_partners_that_are_down_are_waited_for_together(
    plugin: Plugin, fake: Fake, tmp_path: Path
) -> None:
    """Two of them cost the time of one, so that a step's bound need not know how many there are."""
    fake("partner", f"echo $1 >>{tmp_path / 'calls'}; exit 1")
    spec = plugin("plugin_utils.spec").shell_variables
    calls = ""
    for name in ("bank", "card"):
        probe = {"command": ["partner", name], "interval": 0.05, "timeout": 1}
        told = spec({"name": name, "external": True, "healthcheck": probe}, check=True)
        calls += f"{told}patient=1\nprobe_from_outside\n"
    assert library(plugin, calls, tmp_path).count("outcome=not_ready") == 2
    assert (tmp_path / "calls").read_text(encoding="utf-8").split().count("card") == 1


def test_nobody_on_a_real_port_is_a_refused_connection(plugin: Plugin, tmp_path: Path) -> None:
    """The real curl and the real bash say it as their fakes do."""
    for probe in ({"http": "http://127.0.0.1:9/"}, {"tcp": "127.0.0.1:9"}):
        call = plugin("plugin_utils.spec").shell_variables(
            {"name": "a", "healthcheck": probe}, check=True
        )
        told = library(plugin, f'{call}is_healthy; echo "$seen"', tmp_path)
        assert told == "connection refused"


@pytest.mark.parametrize("file", ["ansible.cfg", "inventories/demo/hosts.yml"])
def test_nothing_overrules_connect_timeout(file: str) -> None:
    """OpenSSH takes the first ConnectTimeout it sees; that must be raceday's own."""
    assert "ConnectTimeout" not in (ROOT / file).read_text(encoding="utf-8")


class Host:
    """A host that answers every script with this text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def _low_level_execute_command(self, _: str) -> dict[str, Any]:
        return {"rc": 0, "stdout": self.text}


def said(*lines: str) -> str:
    """The answer of a host, with a beginning and an end."""
    return "".join(f"@raceday {line}\n" for line in ("began=1", *lines, "ended=2"))


@pytest.mark.parametrize(
    "separator", ["\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
)
def test_only_a_line_feed_ends_a_line(plugin: Plugin, separator: str) -> None:
    """What a server says of itself never becomes an answer of its own."""
    body = f"HTTP 200 fine{separator}@raceday outcome=ready"
    host = Host(said("component=a", "outcome=not_ready", f"seen={body}"))
    answer = plugin("plugin_utils.hot_path").ask(host, [])
    assert answer.problem == ""
    assert answer.components == (
        {"component": "a", "outcome": "not_ready", "seen": "HTTP 200 fine@raceday outcome=ready"},
    )


def test_lines_may_end_as_on_a_terminal(plugin: Plugin) -> None:
    """A forced tty ends each line with a carriage return, too."""
    host = Host(said("component=a", "outcome=ready").replace("\n", "\r\n"))
    answer = plugin("plugin_utils.hot_path").ask(host, [])
    assert answer.components == ({"component": "a", "outcome": "ready"},)


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        (("uid=1000", "uid=0"), "uid"),
        (("component=a", "outcome=died", "seen=x", "outcome=ready"), "outcome"),
        (("component=a", "log@=YQ==", "log=b"), "log"),
        (("ended=1",), "ended"),
    ],
)
def test_an_answer_that_contradicts_itself_is_none(
    plugin: Plugin, lines: tuple[str, ...], key: str
) -> None:
    """One of the two is not the script's own, so none of the whole answer is believed."""
    answer = plugin("plugin_utils.hot_path").ask(Host(said(*lines)), [])
    assert answer.problem == f"the answer says {key} twice"
    assert (dict(answer.values), answer.components) == ({}, ())


def test_each_component_has_keys_of_its_own(plugin: Plugin) -> None:
    """So has the host; and df tells a disk once for each folder on it."""
    host = Host(said("disk:/=41", "disk:/=41", "component=a", "pid=1", "component=b", "pid=1"))
    answer = plugin("plugin_utils.hot_path").ask(host, [])
    assert answer.values == {"began": "1", "disk:/": "41", "ended": "2"}
    assert [item["component"] for item in answer.components] == ["a", "b"]
