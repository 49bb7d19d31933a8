"""What a Prometheus says, a real one and odd ones: only what is plainly quiet passes."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest

from automation.idle.prometheus import LIMIT, Client, Reply, Unclear, fetch
from automation.idle.quiet import judge_alerts, judge_signal
from automation.venue.unattended import Prometheus, Signal
from tests.unit.idle.prometheus import STEP, history, serve

FOR_10_MINUTES = 10 * 60 // STEP
QUIET, BUSY = (0.0,), (9.0,)
CAME_BACK = (0.0, *BUSY)
LEFT = (*BUSY, *[0.0] * (FOR_10_MINUTES - 1))  # 15 seconds less than ten minutes ago
HOLE = (0.0, *[None] * (4 * 60 // STEP), *[0.0] * (60 // STEP))  # less than Prometheus looks back
YOUNG = (None, *[0.0] * (5 * 60 // STEP))
LONG_GONE = (*BUSY, *[0.0] * (FOR_10_MINUTES + 2))


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Prometheus; what is `stale` ended three minutes ago."""
    folder = tmp_path_factory.mktemp("prometheus")
    at = time.time()
    series = {
        'x{is="quiet"}': QUIET,
        'x{is="busy"}': BUSY,
        'x{is="back"}': CAME_BACK,
        'x{is="left"}': LEFT,
        'x{is="long gone"}': LONG_GONE,
        'x{is="hole"}': HOLE,
        'x{is="young"}': YOUNG,
        'x{is="odd"}': (float("nan"),),
        'x{is="several",host="a"}': QUIET,
        'x{is="several",host="b"}': QUIET,
    }
    text = history(at, series).replace("# EOF\n", "")
    text += history(at - 180, {'x{is="stale"}': QUIET}).split("\n", 1)[1].replace("# EOF\n", "")
    alert = 'ALERTS{alertname="HostDown",alertstate="firing"}'
    text += "# TYPE ALERTS gauge\n" + history(at, {alert: (1.0,)}).split("\n", 1)[1]
    with serve(folder, text) as address:
        yield address


def judged(address: str, query: str) -> str:
    """Why this signal is not quiet; nothing when it is."""
    keys = {"name": "bets", "prometheus": query, "below": 0.5, "for": "10m"}
    signal = Signal.model_validate(keys)
    reading = Client(Prometheus(url=address), now).signal(signal)
    check = judge_signal(signal, reading)
    assert check.passed == (check.why is None)
    return str(check.why or "")


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ('x{is="quiet"}', ""),
        ('sum(x{is="quiet"})', ""),
        ('sum(x{is="several"})', ""),
        ('x{is="long gone"}', ""),
        ('x{is="left"}', "was 9 0:09"),
        ('x{is="back"}', "was 9 0:00:0"),
        ('x{is="busy"}', "was 9"),
        ('x{is="odd"}', "was nan"),
        ('x{is="several"}', "has 2 series"),
        ('x{is="hole"}', "nothing is known of the signal 'bets' from 0:05:"),
        ('sum(x{is="hole"})', "nothing is known of the signal 'bets' from 0:05:"),
        ('sum(rate(x{is="hole"}[6m])) or sum(x{is="quiet"})', "nothing is known of the signal"),
        ('sum(x{is=~"hole|quiet"})', "nothing is known of the signal 'bets' from 0:05:"),
        ('sum(x{is=~"young|quiet"})', "is known for 0:04:4"),
        ('sum(x{is="nowhere"}) or vector(0)', "knows no samples of x{is="),
        ('sum(x{is=~"stale|quiet"})', "the newest value of the signal 'bets' is 0:03:0"),
        ('x{is="stale"}', "the newest value of the signal 'bets' is 0:03:0"),
        ('x{is="nowhere"}', "knows nothing of the signal 'bets'"),
        ("x[5m]", 'refuses the question: "invalid'),
    ],
)
def test_a_real_prometheus_is_understood(server: str, query: str, why: str) -> None:
    """Quiet for the whole period, or in a sentence why not."""
    found = judged(server, query)
    assert found.startswith(why) if not why else why in found, found
    assert bool(found) == bool(why), found


def test_a_real_alert_blocks(server: str) -> None:
    """What fires there is named."""
    settings = Prometheus(url=server)
    check = judge_alerts(settings, Client(settings, now).alerts())
    assert str(check.why) == "the alert HostDown is active"


BROKEN_RULE = """\
groups:
  - name: hosts
    interval: 1s
    rules:
      - {alert: HostDown, expr: 'x{is="several"} * on() x{is="several"} == 0'}
      - {alert: HostUp, expr: 'x{is="quiet"} > 9'}
"""


@pytest.mark.parametrize(
    ("ignored", "why"),
    [
        (None, 'the alert rule HostDown cannot be evaluated: "found duplicate series'),
        ("^HostDown$", ""),
    ],
)
def test_a_real_rule_that_cannot_be_evaluated_blocks(
    ruled: str, ignored: str | None, why: str
) -> None:
    """It has no alert, whatever is wrong; one that the filter names is no matter."""
    settings = Prometheus(url=ruled, alert_filter_regexp=ignored)
    check = judge_alerts(settings, Client(settings, now).alerts())
    assert (check.passed, str(check.why or "").startswith(why)) == (not why, True), check


@pytest.fixture(scope="module")
def ruled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Prometheus that has evaluated its two rules, of which one never can be."""
    folder = tmp_path_factory.mktemp("ruled")
    (folder / "rules.yml").write_text(BROKEN_RULE)
    series = {f'x{{is="several",host="{host}"}}': QUIET for host in "ab"}
    config = f"rule_files: [{folder / 'rules.yml'}]\n"
    with serve(folder, history(time.time(), {'x{is="quiet"}': QUIET, **series}), config) as address:
        client, deadline = Client(Prometheus(url=address), now), time.monotonic() + 30
        while any(rule.error == "unknown" for rule in client.alerts().rules):
            assert time.monotonic() < deadline, "Prometheus evaluates no rules"
        yield address


AT = datetime.now(UTC)  # however late these tests are run


def rules(**more: Any) -> bytes:
    """A group with one alert rule, evaluated at that time, but for what is said."""
    rule = {"name": "HostDown", "type": "alerting", "health": "ok"}
    rule |= {"lastEvaluation": AT.isoformat(), **more}
    group = {"name": "g", "interval": 60, "rules": [rule]}
    return json.dumps({"status": "success", "data": {"groups": [group]}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (200, rules(), ""),
        (200, rules(health="err", lastError="many-to-many"), 'HostDown cannot be evaluated: "many'),
        (200, rules(health="unknown"), 'HostDown cannot be evaluated: "unknown"'),
        (200, rules(lastEvaluation="0001-01-01T00:00:00Z"), "HostDown was last evaluated 17"),
        (200, rules(lastEvaluation="2026-01-02T03:04:05.123456789+09:00"), "HostDown was last"),
        (200, rules(lastEvaluation="yesterday"), "cannot be read"),
        (200, rules(lastEvaluation=7), "cannot be read"),
        (200, rules(lastEvaluation="2026-01-02T03:04:05"), "cannot be read"),
        (200, rules(health=None), "cannot be evaluated"),
        (200, rules(health="err", name="RacedayIdleLate"), ""),
        (200, rules(type="recording", health="err"), ""),
        (200, b'{"status": "success", "data": {"groups": []}}', ""),
        (200, b'{"status": "success", "data": {"groups": {}}}', "cannot be read"),
        (200, b'{"status": "success", "data": {"groups": null}}', "cannot be read"),
        (200, b'{"status": "success", "data": {"groups": [7]}}', "cannot be read"),
        (200, b'{"status": "success"}', "cannot be read"),
        (404, b"404 page not found", "refuses the question: HTTP status 404"),
    ],
)
def test_only_rules_that_are_evaluated_tell_that_no_alert_fires(
    status: int, body: bytes, why: str
) -> None:
    """A server that does not know the question is not known to be quiet either."""

    def get(url: str, _timeout: float) -> Reply:
        asks_rules = "/api/v1/rules?type=alert" in url
        told = (status, body) if asks_rules else (200, answer([]))
        return Reply(told[0], format_datetime(AT), told[1])

    settings = Prometheus(url="http://x")
    check = judge_alerts(settings, Client(settings, lambda: AT, get).alerts())
    assert (check.passed, why in str(check.why or "")) == (not why, True), check


def test_nobody_at_the_address_is_a_sentence() -> None:
    """A refused connection is not idle, and no traceback."""
    assert "Prometheus does not answer: Connection refused" in judged("http://127.0.0.1:9", "x")
    settings = Prometheus(url="http://127.0.0.1:9")
    check = judge_alerts(settings, Client(settings, now).alerts())
    assert not check.passed


def answer(result: Any, **more: Any) -> bytes:
    return json.dumps({"status": "success", "data": {"result": result}, **more}).encode()


@pytest.mark.parametrize(
    ("body", "date", "why"),
    [
        (answer([]), 0.0, "knows nothing"),
        (answer([]), 60.0, "the clocks of Prometheus and of this controller"),
        (answer([]), -60.0, "apart"),
        (answer([]), None, "does not say what time it is"),
        (answer([], warnings=["a store did not answer"]), 0.0, "a store did not answer"),
        (b"<html>503 Service Unavailable</html>", 0.0, "cannot be read"),
        (b"[]", 0.0, "cannot be read"),
        (b'{"status": "success"}', 0.0, "cannot be read"),
        (answer({}), 0.0, "cannot be read"),
        (answer(["x"]), 0.0, "cannot be read"),
        (answer([{"metric": {}}]), 0.0, "cannot be read"),
        (answer([{"metric": {}, "values": [[0, "many"]]}]), 0.0, "cannot be read"),
        (answer([{"metric": {}, "values": [7]}]), 0.0, "cannot be read"),
        (answer([{"metric": {}, "values": [[float("nan"), "0"]]}]), 0.0, "cannot be read"),
        (answer([{"metric": {}, "values": [["inf", "0"]]}]), 0.0, "cannot be read"),
        (answer([{"metric": {}, "values": [[10**400, "0"]]}]), 0.0, "cannot be read"),
        (b"[" * 100_000, 0.0, "cannot be read"),
        (answer([], warnings={"0": "a store"}), 0.0, "doubts itself: \"{'0': 'a store'}\""),
        (answer([], warnings=7), 0.0, 'doubts itself: "7"'),
        (answer([], isPartial=True), 0.0, "only a part of the answer"),
        (b" " * (LIMIT + 1), 0.0, "larger than 4 MiB"),
    ],
)
def test_an_odd_answer_is_not_quiet(body: bytes, date: float | None, why: str) -> None:
    """Whatever comes is a sentence: nothing is guessed, and nothing is raised."""
    its = "" if date is None else format_datetime(datetime.fromtimestamp(time.time() + date, UTC))
    client = Client(Prometheus(url="http://x"), now, lambda _url, _timeout: Reply(200, its, body))
    reading = client.signal(Signal.model_validate({"name": "b", "prometheus": "x", "below": 1.0}))
    assert why in str(reading.problem)
    assert client.alerts().problem


@pytest.mark.parametrize("status", [199, 204, 302, 500, 503])
def test_only_status_200_is_an_answer(status: int) -> None:
    """Whatever the body says."""
    reply = Reply(status, format_datetime(now()), answer([]))
    client = Client(Prometheus(url="http://x"), now, lambda _url, _timeout: reply)
    reading = client.signal(Signal.model_validate({"name": "b", "prometheus": "x", "below": 1.0}))
    why = f"Prometheus refuses the question: HTTP status {status}"
    assert (str(reading.problem), str(client.alerts().problem)) == (why, why)


class Dripping(BaseHTTPRequestHandler):
    """Sends a byte now and then, so that no single read ever takes long."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b" ")
        while not self.server.ended.wait(0.02):  # type: ignore[attr-defined]
            self.wfile.write(b" ")


@contextmanager
def dripping() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Dripping) as server:
        server.ended = Event()  # type: ignore[attr-defined]
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.ended.set()  # type: ignore[attr-defined]
            server.shutdown()
            thread.join()


@pytest.mark.timeout(20)
def test_a_question_ends_although_the_answer_goes_on_for_ever() -> None:
    """The venue file's timeout is for the whole of it, not for each read."""
    with dripping() as address, pytest.raises(Unclear, match=r"did not answer within 0.3 s"):
        fetch(address, 0.3219871)


def test_an_alert_without_a_name_is_not_known() -> None:
    """It may be any."""
    its, body = format_datetime(now()), answer([{"metric": {"alertstate": "firing"}}])
    client = Client(Prometheus(url="http://x"), now, lambda _url, _timeout: Reply(200, its, body))
    assert "cannot be read" in str(client.alerts().problem)
