"""`raceday exporter`, scraped by a real Prometheus; its rules and its dashboard."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from random import Random
from socket import socket
from threading import Event
from typing import Any
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from automation.commands import exporter as command
from automation.execute.simulator import FakeClock, Fault, Simulator, World
from automation.idle.record import Decision, Record
from automation.procedures import session
from automation.run.events import HostReported, Message, StepFinished
from automation.settings import Settings
from tests.cli.test_contract import RACEDAY, ROOT, run
from tests.cli.test_explain import record
from tests.unit.idle.prometheus import serve
from tests.unit.idle.remembering import write_record
from tests.unit.procedures.test_idle import VENUE
from tests.unit.venue.sites import HEAD as VENUE_HEAD
from tests.unit.venue.sites import site
from tests.unit.views.samples import BEGAN, no_go

MONITORING = ROOT / "monitoring"
type Probed = tuple[int, object]
BUSY = Message("the signal '%(signal)s' was %(value)s", {"signal": "bets", "value": "9"})


@contextmanager
def exporter(reports: Path) -> Iterator[str]:
    """The address of the demo venue's exporter, as it says it itself."""
    words = ("--venue", "demo", "--reports", str(reports), "exporter", "--port", "0")
    with subprocess.Popen(
        [RACEDAY, *words, "--probe-every", "0"], stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stderr is not None
        try:
            yield process.stderr.readline().strip().removesuffix("/metrics")
        finally:
            process.terminate()
            assert process.wait(timeout=10) == 0


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """A NO-GO on record, and an idle call that had to wait."""
    folder = record(tmp_path, no_go())
    folder.parent.rename(tmp_path / "demo")
    decision = Decision(BEGAN + timedelta(days=1), (BUSY,), (("wagering", "wagering1"),))
    write_record(tmp_path / "demo", Record(decision=decision))
    return tmp_path


def get(url: str) -> str:
    with urlopen(url, timeout=10) as answer:  # noqa: S310  # our own
        return str(answer.read().decode())


def eventually(ask: Callable[[], Any]) -> Any:
    """Its first answer that is something; a scrape may take a moment."""
    deadline = time.monotonic() + 30
    while not (answer := ask()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)
    return answer


@pytest.mark.slow
def test_a_real_prometheus_scrapes_it_and_its_alert_fires(reports: Path, tmp_path: Path) -> None:
    """The verdict, what is due and why it waits; NO-GO is an alert; no gate was probed."""
    with exporter(reports) as address:
        target = address.removeprefix("http://")
        job = f"{{job_name: raceday, static_configs: [{{targets: ['{target}']}}]}}"
        config = (
            "global: {scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}\n"
            f"rule_files: [{MONITORING / 'raceday.rules.yml'}]\nscrape_configs: [{job}]\n"
        )
        with serve(tmp_path, config=config) as prometheus:

            def query(text: str) -> list[Any]:
                url = f"{prometheus}/api/v1/query?query={quote(text)}"
                found: list[Any] = json.loads(get(url))["data"]["result"]
                return found

            firing = 'ALERTS{alertname="RacedayNoGo",alertstate="firing",venue="demo"}'
            assert eventually(lambda: query(firing))
            (due,) = query('raceday_idle_due{venue="demo"} == 1')
            assert (due["metric"]["component"], due["metric"]["host"]) == ("wagering", "wagering1")
            (blocked,) = query("raceday_idle_blocked")
            assert blocked["metric"]["reason"] == "the signal 'bets' was …"
            (database,) = query('raceday_component_state{component="database"} == 1')
            assert database["metric"]["state"] == "unknown"


@pytest.mark.slow
def test_rules_and_dashboard_ask_only_for_what_is_served(reports: Path) -> None:
    """A figure that was renamed would be an alert that never fires."""
    with exporter(reports) as address:
        text = get(f"{address}/metrics")
    served = set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE))
    for name in ("raceday.rules.yml", "raceday.dashboard.json"):
        asked = set(re.findall(r"\b(raceday_\w+)", (MONITORING / name).read_text()))
        assert asked <= served, name


@pytest.mark.slow
def test_the_rules_do_what_their_own_tests_say() -> None:
    """As Prometheus's own tool has it."""
    file = MONITORING / "raceday.rules.test.yml"
    done = subprocess.run(["promtool", "test", "rules", file], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


@pytest.mark.slow
def test_a_port_that_is_taken_is_a_sentence(reports: Path) -> None:
    """Not a traceback."""
    with exporter(reports) as address:
        port = address.rpartition(":")[2]
        done = run("--venue", "demo", "exporter", "--port", port)
    assert done.returncode == 2
    assert f"127.0.0.1:{port}: Address already in use" in done.stderr


class Hosts(Simulator):
    """The hosts of a venue in place of Ansible; all are up but those of the load balancer.

    A probe ends only when it is `let` to, if it is to be waited for at all; `asked` says that it
    is under way.
    """

    let = Event()
    asked = Event()

    def __init__(self, _options: object) -> None:
        faults = {("ticketing.gate", "t1"): Fault.FAILS}
        super().__init__(Random(1), faults, FakeClock(), World(up=1.0))  # noqa: S311

    def report(self, timeout: float | None) -> HostReported | StepFinished | None:
        """What comes next, as soon as it may."""
        self.asked.set()
        assert self.let.wait(30)
        return super().report(timeout)

    def wake(self) -> None:
        """A probe that is interrupted need not be waited for."""
        self.let.set()


@pytest.fixture
def probed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Probed]]:
    """Runs the exporter here, for as long as a test asks it: its exit code, what that came to."""
    venue = site(tmp_path, VENUE, VENUE_HEAD.replace("}", ", race_card: venue.yml}"))
    monkeypatch.setattr(command, "venue_of", lambda _settings: venue)
    monkeypatch.setattr(session, "AnsibleExecutor", Hosts)
    monkeypatch.setattr(Hosts, "let", Event())
    monkeypatch.setattr(Hosts, "asked", Event())

    def run_exporter(ask: Callable[[str], object], *words: str) -> Probed:
        with closing(socket()) as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])

        def ask_then_stop() -> object:
            try:
                return ask(f"http://127.0.0.1:{port}/metrics")
            finally:
                os.kill(os.getpid(), signal.SIGTERM)

        settings = Settings(venue="demo", reports=tmp_path, lang="en", format="text")
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(ask_then_stop)
            options = ("--port", port, *words)
            code = command.exporter.main(options, obj=settings, standalone_mode=False)
            return code, answer.result(timeout=30)

    before = signal.signal(signal.SIGTERM, lambda *_: None)  # should the exporter never begin
    yield run_exporter
    signal.signal(signal.SIGTERM, before)


def states(url: str) -> dict[str, str]:
    """The state of each component in what is served; nothing while it is not served yet."""
    try:
        text = get(url)
    except URLError:
        return {}
    one = r'^raceday_component_state{component="(\w+)",state="(\w+)",venue="demo"} 1.0$'
    return dict(re.findall(one, text, re.MULTILINE))


def probed_at(url: str) -> float:
    """When the gates were last probed; 0 before the first time."""
    found = re.search(r"^raceday_gates_probed_timestamp_seconds{.*} (\S+)$", get(url), re.MULTILINE)
    return float(found[1]) if found else 0.0


UNKNOWN = dict.fromkeys(("wagering", "ticketing", "database"), "unknown")
FOUND = {"wagering": "ready", "ticketing": "failed", "database": "ready"}


def test_gates_are_probed_again_and_again_while_a_scrape_never_waits(
    probed: Callable[..., Probed],
) -> None:
    """It is answered while hosts are still being asked; then it tells what they said, and when."""

    def ask(url: str) -> object:
        before = eventually(lambda: states(url))
        Hosts.let.set()
        found = eventually(lambda: states(url) if states(url) != UNKNOWN else None)
        first = probed_at(url)
        return before, found, eventually(lambda: probed_at(url) > first)

    assert probed(ask, "--probe-every", "1") == (0, (UNKNOWN, FOUND, True))


def test_a_signal_in_the_middle_of_a_probe_ends_it(probed: Callable[..., Probed]) -> None:
    """And the exporter, although the probe has handlers of its own."""
    assert probed(lambda url: Hosts.asked.wait(30) and states(url)) == (0, UNKNOWN)


def test_hosts_are_left_alone_when_that_is_wanted(probed: Callable[..., Probed]) -> None:
    """Then nothing is known of any gate."""
    Hosts.let.set()
    asked = probed(
        lambda url: (eventually(lambda: states(url)), probed_at(url)), "--probe-every", "0"
    )
    assert asked == (0, (UNKNOWN, 0.0))
