"""Hands on the demo's hosts, for tests: over SSH as an operator would, as root."""

import csv
import json
import shlex
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from demo.engine import find_engine
from demo.hosts import STATE, demo_fleet

SSH_CONFIG = STATE / "ssh_config"

UNITS = {
    "db1": "postgresql@15-main",
    "db2": "postgresql@15-main",
    "cache1": "redis-server",
    "wagering1": "wagering",
    "wagering2": "wagering",
    "ticketing1": "ticketing",
    "ticketing2": "ticketing",
    "kiosk1": "kiosk-gateway",
    "lb1": "haproxy",
}
HEALTH = {
    "wagering1": "http://127.0.0.1:8081/health",
    "wagering2": "http://127.0.0.1:8081/health",
    "ticketing1": "http://127.0.0.1:8082/health",
    "ticketing2": "http://127.0.0.1:8082/health",
    "kiosk1": "http://127.0.0.1:8083/health",
}
SERVERS = (
    "wagering/wagering1",
    "wagering/wagering2",
    "ticketing/ticketing1",
    "ticketing/ticketing2",
    "kiosk_gateway/kiosk1",
)

MANY_REQUESTS = """
import asyncio, json, sys, aiohttp

async def ask(session, method, url, body):
    async with session.request(method, url, json=body) as response:
        return [response.status, await response.json()]

async def main():
    requests = json.load(sys.stdin)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        answers = await asyncio.gather(*(ask(session, *request) for request in requests))
    print(json.dumps(answers))

asyncio.run(main())
"""

TEST_ITEMS = """
SELECT json_build_object(
  'machines', array(
    SELECT DISTINCT machine FROM kiosk.sales
    WHERE test AND state NOT IN ('cancelled', 'failed')),
  'urls', array(
    SELECT DISTINCT 'http://wagering1:8081/accounts/' || account || '/bets' FROM wagering.bets
    WHERE test AND state = 'accepted' AND account NOT LIKE 'test-kiosk-%'
    UNION
    SELECT DISTINCT 'http://ticketing1:8082/cards/' || card || '/tickets' FROM ticketing.tickets
    WHERE test AND state <> 'void'))
"""

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
CLOSED = """
rm -f /etc/raceday-demo/fault.* /etc/sudoers.d/raceday-test
if rm -r /etc/systemd/system/*.service.d/raceday-test.conf 2>/dev/null; then
  systemctl daemon-reload
fi
systemctl stop {unit}
systemctl reset-failed
systemctl is-active --quiet ssh || systemctl start ssh
"""

Answer = tuple[int, dict[str, Any]]
Request = tuple[str, str, dict[str, Any] | None]


class Venue:
    """Hands on the demo's hosts."""

    def __init__(self, control: Path) -> None:
        self._options = [
            *("-F", str(SSH_CONFIG), "-o", "ControlMaster=auto", "-o", "ControlPersist=60"),
            *("-o", f"ControlPath={control}/%n"),
        ]

    def run(self, host: str, command: str, stdin: str = "") -> str:
        """Run a shell command as root and return what it printed; it must succeed."""
        result = subprocess.run(
            ["ssh", *self._options, host, f"sudo sh -c {shlex.quote(command)}"],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert result.returncode == 0, f"{host}: {command}\n{result.stdout}{result.stderr}"
        return result.stdout.strip()

    def run_on(self, commands: dict[str, str]) -> dict[str, str]:
        """Run each host's command, side by side."""
        with ThreadPoolExecutor(max_workers=len(commands)) as pool:
            return dict(zip(commands, pool.map(self.run, commands, commands.values()), strict=True))

    def run_from_console(self, host: str, *command: str) -> str:
        """Run a command on a host that cannot be reached over the network."""
        fleet = demo_fleet()
        container = next(fleet.container(item) for item in fleet.hosts if item.name == host)
        return find_engine().call("exec", container, *command)

    def ask(self, host: str, url: str, body: dict[str, Any] | None = None, *options: str) -> Answer:
        """One HTTP request from a host; status 0 when nothing answers within three seconds."""
        curl = f"curl -s -m 3 -w '\\n%{{http_code}}' {' '.join(options)} '{url}'"
        if body is not None:
            curl += " -H 'Content-Type: application/json' -d @-"
        text, _, status = self.run(host, f"{curl} || true", json.dumps(body)).rpartition("\n")
        try:
            return int(status), json.loads(text)
        except ValueError:
            return int(status), {}

    def buy(self, method: str, path: str, body: dict[str, Any] | None = None) -> Answer:
        """What a customer's request to the load balancer is answered with."""
        port = 8082 if path.startswith(("/tickets", "/cards")) else 8081
        return self.ask("lb1", f"http://127.0.0.1:{port}{path}", body, f"-X {method}")

    def ask_many(self, requests: list[Request]) -> list[Answer]:
        """All requests at once, from the kiosk's host."""
        script = f"exec python3 -c {shlex.quote(MANY_REQUESTS)}"
        answers = json.loads(self.run("kiosk1", script, json.dumps(requests)))
        return [(status, body) for status, body in answers]

    def machine(self, host: str, port: int, *messages: dict[str, Any]) -> list[dict[str, Any]]:
        """What a cash machine's messages are answered with, over one connection."""
        lines = "".join(json.dumps(message) + "\n" for message in messages)
        command = f"timeout 10 socat -t5 - TCP:127.0.0.1:{port} || true"
        return [json.loads(line) for line in self.run(host, command, lines).splitlines()]

    def sql(self, statement: str, **variables: str) -> str:
        """Ask the primary as its superuser; the statement uses variables as :'name'."""
        settings = "".join(f"\\set {key} {value}\n" for key, value in variables.items())
        command = "cd / && sudo -u postgres psql -d demo -XqAt -v ON_ERROR_STOP=1 -f -"
        return self.run("db1", command, settings + statement)

    def admin(self, command: str) -> str:
        """One command for the load balancer."""
        return self.run("lb1", "socat - /run/haproxy/admin.sock", f"{command}\n")

    def systemctl(self, host: str, verb: str) -> None:
        """Start or stop a host's service."""
        self.run(host, f"systemctl {verb} {UNITS[host]}")

    def switch_fault(self, host: str, line: str | None) -> None:
        """Write the fault switch, or remove it."""
        file = f"/etc/raceday-demo/fault.{UNITS[host]}"
        self.run(host, f"rm -f {file}" if line is None else f"echo {line} >{file}")

    def has_test_items(self) -> bool:
        """Whether a bet, ticket or sale of a test is neither cancelled nor void."""
        return any(json.loads(self.sql(TEST_ITEMS)).values())

    def cancel_tests(self) -> None:
        """Cancel and void every test item that is left, by the servers' own hands."""
        left = json.loads(self.sql(TEST_ITEMS))
        for machine in left["machines"]:
            self.machine("kiosk1", 9000, {"op": "clean_up", "machine": machine})
        deletions: list[Request] = [("DELETE", url, None) for url in left["urls"]]
        answers = self.ask_many(deletions) if deletions else []
        assert all(status == 200 for status, _ in answers), answers

    def add_drop_in(self, host: str, text: str) -> None:
        """Change a host's unit until the venue is closed again."""
        folder = f"/etc/systemd/system/{UNITS[host]}.service.d"
        write = f"mkdir -p {folder} && cat >{folder}/raceday-test.conf && systemctl daemon-reload"
        self.run(host, write, text)

    def shift_clock(self, host: str, seconds: int) -> None:
        """Let root and the host's service see a clock this far ahead until the venue is closed."""
        self.add_drop_in(
            host, f"[Service]\nEnvironment=LD_PRELOAD={FAKETIME} FAKETIME=+{seconds}s\n"
        )
        self.run(
            host, f"printf 'LD_PRELOAD={FAKETIME}\nFAKETIME=+{seconds}s\n' >/etc/raceday-test.env"
        )
        sudoers = "Defaults env_file=/etc/raceday-test.env"
        self.run(host, f"umask 337 && echo {sudoers} >/etc/sudoers.d/raceday-test")

    @contextmanager
    def without_python(self, host: str) -> Iterator[None]:
        """Let nothing find an interpreter on a host."""
        self.run(host, "mv /usr/bin/python3 /usr/bin/away.python3")
        try:
            yield
        finally:
            self.run(host, "mv /usr/bin/away.python3 /usr/bin/python3")

    def put_closed(self) -> None:
        """Every service stopped, no fault anywhere: as the night leaves it."""
        self.run_on({host: CLOSED.format(unit=unit) for host, unit in UNITS.items()})

    def close_sales(self) -> None:
        """Refuse customers, as the evening does."""
        self.admin("; ".join(f"set server {server} state maint" for server in SERVERS))

    def sales_are_open(self) -> bool:
        """Whether a customer gets in at the load balancer."""
        ports = (8081, 8082)
        answers = [self.ask("lb1", f"http://127.0.0.1:{port}/card")[0] for port in ports]
        assert set(answers) in ({200}, {503}, {0}), f"half open: {answers}"
        return answers == [200, 200]

    def in_rotation(self) -> set[str]:
        """The servers that customers may be sent to, as the load balancer says."""
        lines = csv.DictReader(self.admin("show stat").removeprefix("# ").splitlines())
        states = {f"{line['pxname']}/{line['svname']}": line["status"] for line in lines}
        out = ("MAINT", "DRAIN")
        return {server for server in SERVERS if not states[server].startswith(out)}

    def units(self) -> dict[str, str]:
        """What each host's services are doing; a service that was bounced looks different."""
        names = " ".join(sorted(set(UNITS.values())))
        shown = f"systemctl show -p Id,ActiveState,InvocationID {names}"
        return self.run_on(dict.fromkeys(UNITS, shown))

    def is_active(self, host: str) -> bool:
        """Whether a host's service runs."""
        return self.run(host, f"systemctl is-active {UNITS[host]} || true") == "active"

    def active(self) -> set[str]:
        """Hosts whose service runs."""
        asked = self.run_on(
            {host: f"systemctl is-active {unit} || true" for host, unit in UNITS.items()}
        )
        return {host for host, state in asked.items() if state == "active"}

    def wait_healthy(self, *hosts: str) -> None:
        """Wait until health says 200."""
        for host in hosts:
            self.wait_for_health(host, 200, "ok")

    def wait_for_health(self, host: str, status: int, word: str) -> None:
        """Wait until a host's health gives this answer."""
        expected = (status, {"status": word})
        wait_until(lambda: self.ask(host, HEALTH[host]) == expected, f"{host} says {word}")

    def warm_up(self, seconds: dict[str, str]) -> dict[str, str]:
        """Set how long each host's server warms up, and return what it was."""
        change = (
            "cd /etc/raceday-demo && sed -n s/^WARM_UP_SECONDS=//p {0}.env"
            " && sed -i s/^WARM_UP_SECONDS=.*/WARM_UP_SECONDS={1}/ {0}.env"
        )
        return self.run_on(
            {host: change.format(UNITS[host], value) for host, value in seconds.items()}
        )


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 20) -> None:
    """Poll until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)


def on_all(hosts: Iterable[str], value: str) -> dict[str, str]:
    """The same for every host."""
    return dict.fromkeys(hosts, value)
