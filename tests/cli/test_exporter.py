"""`raceday exporter`, scraped by a real Prometheus; its rules and its dashboard."""

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from automation.idle.record import Decision, Record, write_record
from automation.run.events import Message
from tests.cli.test_contract import RACEDAY, ROOT, run
from tests.cli.test_explain import record
from tests.unit.idle.prometheus import serve
from tests.unit.views.samples import BEGAN, no_go

MONITORING = ROOT / "monitoring"
BUSY = Message("the signal '%(signal)s' was %(value)s", {"signal": "bets", "value": "9"})


@contextmanager
def exporter(reports: Path) -> Iterator[str]:
    """The address of the demo venue's exporter, as it says it itself."""
    words = ("--venue", "demo", "--reports", str(reports), "exporter", "--port", "0")
    with subprocess.Popen(
        [RACEDAY, *words], stderr=subprocess.PIPE, text=True, cwd=ROOT
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
    """The verdict, the component states, what is due and why it waits; NO-GO is an alert."""
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
            assert blocked["metric"]["reason"] == "the signal 'signal' was value"
            assert query('raceday_component_state{component="database"} == 1')


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
