"""What Prometheus knows, asked over its HTTP API and read strictly: what is odd is a problem.

The values of a signal are those of `query_range`. That it is known all the time the samples tell
which they were computed from: each selector of the query is asked for them with its range, as
`x[17m]`, which is the one question that Prometheus answers with samples as they were scraped. Its
parameter `lookback_delta` would shorten the question, but a server older than 2.46 ignores it
without a word.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

from automation.idle.quiet import Alerts, Reading, Rule
from automation.run.events import Message
from automation.venue.document import quoted
from automation.venue.fields import span
from automation.venue.promql import selectors
from automation.venue.unattended import Prometheus, Signal

RESOLUTION = 15  # seconds between two values of a signal
MOST_VALUES = 240
OK = 200
SKEW = 5.0  # seconds that its clock and ours may differ
MIB = 1024 * 1024
LIMIT = 4 * MIB  # bytes of an answer


@dataclass(frozen=True)
class Reply:
    """An HTTP answer: its status, the time its server says it is, and its body."""

    status: int
    date: str
    body: bytes


class Unclear(Exception):
    """There is no answer, or none that can be believed."""

    def __init__(self, why: Message) -> None:
        super().__init__(str(why))
        self.why = why


UNREADABLE = Message("Prometheus gave an answer that cannot be read")

type Clock = Callable[[], datetime]
type Fetch = Callable[[str, float], Reply]


def fetch(url: str, timeout: float) -> Reply:
    """GET a URL within `timeout` seconds in all, at most LIMIT bytes and one more of the answer.

    The timeout of a socket is for each read, so a thread reads; when its time is over it is left
    to itself. Raises Unclear when that is not enough, OSError or HTTPException when nobody answers,
    or not to the end.
    """
    answers: SimpleQueue[Reply | Exception] = SimpleQueue()
    Thread(target=_get, args=(url, timeout, answers), daemon=True).start()
    try:
        answer = answers.get(timeout=timeout)
    except Empty:
        answer = TimeoutError()
    if isinstance(getattr(answer, "reason", answer), TimeoutError):
        args = {"seconds": f"{round(timeout, 1):g}"}
        raise Unclear(Message("Prometheus did not answer within %(seconds)s s", args))
    if isinstance(answer, Exception):
        raise answer
    return answer


def _get(url: str, timeout: float, answers: SimpleQueue[Reply | Exception]) -> None:
    try:
        with urlopen(url, timeout=timeout) as answer:  # noqa: S310  # http or https, as the venue file says
            date = answer.headers.get("Date", "")
            answers.put(Reply(answer.status, date, answer.read(LIMIT + 1)))
    except HTTPError as error:
        answers.put(_refusal(error))
    except Exception as error:  # noqa: BLE001  # whatever it is, who waits for the answer gets it
        answers.put(error)


def _refusal(error: HTTPError) -> Reply | Exception:
    try:
        return Reply(error.code, error.headers.get("Date", ""), error.read(LIMIT + 1))
    except (OSError, HTTPException) as cut:
        return cut


class Client:
    """Asks one Prometheus. It never raises for what may be wrong there: that is in the answer."""

    def __init__(self, settings: Prometheus, clock: Clock, get: Fetch = fetch) -> None:
        self._settings = settings
        self._clock = clock
        self._get = get

    def signal(self, signal: Signal) -> Reading:
        """Its values over its whole period, and the ages of all samples behind them."""
        period = span(signal.quiet_for).total_seconds()
        max_age = span(self._settings.max_age).total_seconds()
        step = max(RESOLUTION, math.ceil(period / MOST_VALUES))
        end = round(self._clock().timestamp(), 3)
        start = end - math.ceil(period / step) * step
        query = signal.prometheus or ""
        words = {"query": query, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": str(step)}
        try:
            values = self._only_series(signal, words)
            behind = tuple(self._behind(signal, end, math.ceil(period + max_age)))
        except Unclear as error:
            return Reading(problem=error.why)
        told = tuple((round(end - at, 3), value) for at, value in values)
        return Reading(told, max_gap=step * 1.5, max_age=max_age, behind=behind)

    def alerts(self) -> Alerts:
        """Every alert that Prometheus has, with its state, and the rules that they come from."""
        words = {"query": "ALERTS", "time": f"{self._clock().timestamp():.3f}"}
        try:
            found = [series["metric"] for series in self._result("query", words)]
            named = tuple((item["alertname"], item["alertstate"]) for item in found)
            return Alerts(named, tuple(self._rules()))
        except Unclear as error:
            return Alerts(problem=error.why)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            return Alerts(problem=UNREADABLE)

    def _rules(self) -> Iterator[Rule]:
        """The alert rules, and whether they can be evaluated: one that cannot has no alerts.

        What is odd in the answer raises something of KeyError, TypeError, ValueError and the like.
        """
        now = self._clock()
        groups = self._data("rules", {"type": "alert"})["groups"]
        if not isinstance(groups, list):
            raise Unclear(UNREADABLE)
        for group in groups:
            for rule in group["rules"]:
                if rule["type"] != "recording":
                    age = (now - datetime.fromisoformat(rule["lastEvaluation"])).total_seconds()
                    error = str(rule.get("lastError") or rule["health"])
                    why = "" if rule["health"] == "ok" else error
                    yield Rule(str(rule["name"]), age, float(group["interval"]), why)

    def _behind(self, signal: Signal, end: float, seconds: int) -> Iterator[tuple[float, ...]]:
        """The ages of the samples of each series that the query looks at, the oldest first."""
        for selector in selectors(signal.prometheus or ""):
            words = {"query": f"{selector}[{seconds}s]", "time": f"{end:.3f}"}
            found = self._result("query", words)
            if not found:
                args = {"selector": selector, "signal": signal.name}
                text = "Prometheus knows no samples of %(selector)s for the signal '%(signal)s'"
                raise Unclear(Message(text, args))
            for series in found:
                yield tuple(round(end - at, 3) for at, _ in _points(series))

    def _only_series(self, signal: Signal, words: Mapping[str, str]) -> list[tuple[float, float]]:
        found = self._result("query_range", words)
        name = {"signal": signal.name}
        if not found:
            raise Unclear(Message("Prometheus knows nothing of the signal '%(signal)s'", name))
        if len(found) > 1:
            text = "the signal '%(signal)s' has %(count)s series; write sum(...) or max(...)"
            raise Unclear(Message(text, {**name, "count": len(found)}))
        return _points(found[0])

    def _result(self, path: str, words: Mapping[str, str]) -> list[Any]:
        return _series(self._data(path, words))

    def _data(self, path: str, words: Mapping[str, str]) -> Any:
        """The data of a whole answer. Raises Unclear for any other."""
        url = f"{self._settings.url.rstrip('/')}/api/v1/{path}?{urlencode(words)}"
        try:
            reply = self._get(url, self._settings.timeout)
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            why = getattr(reason, "strerror", None) or str(reason)
            raise Unclear(Message("Prometheus does not answer: %(why)s", {"why": why})) from None
        _check_clock(reply, self._clock())
        return _whole(reply)


def _points(series: Mapping[str, Any]) -> list[tuple[float, float]]:
    """Times and values of a series, at least one."""
    try:
        points = [(float(at), float(value)) for at, value in series["values"]]
    except (KeyError, TypeError, ValueError, OverflowError):
        raise Unclear(UNREADABLE) from None
    if not points or not all(math.isfinite(at) for at, _ in points):
        raise Unclear(UNREADABLE)
    return points


def _whole(reply: Reply) -> Any:
    answer = _document(reply)
    doubts = answer.get("warnings")
    if doubts:
        why = "; ".join(map(str, doubts)) if isinstance(doubts, list) else str(doubts)
        raise Unclear(Message("Prometheus has doubts itself: %(why)s", {"why": quoted(why)}))
    if answer.get("isPartial"):
        raise Unclear(Message("Prometheus gives only a part of the answer"))
    return answer.get("data")


def _series(data: Any) -> list[Any]:
    """The series of an answer. Raises Unclear when it has none."""
    try:
        result = data["result"]
    except (KeyError, TypeError):
        raise Unclear(UNREADABLE) from None
    if not isinstance(result, list) or not all(isinstance(item, dict) for item in result):
        raise Unclear(UNREADABLE)
    return result


def _document(reply: Reply) -> Mapping[str, Any]:
    if len(reply.body) > LIMIT:
        text = "the answer of Prometheus is larger than %(size)s MiB"
        raise Unclear(Message(text, {"size": LIMIT // MIB}))
    try:
        answer = json.loads(reply.body)
    except (ValueError, RecursionError):
        answer = None
    said = answer if isinstance(answer, dict) else {}
    if reply.status != OK or said.get("status") == "error":
        error, status = said.get("error"), {"status": reply.status}
        why = quoted(str(error)) if error else Message("HTTP status %(status)s", status)
        raise Unclear(Message("Prometheus refuses the question: %(why)s", {"why": why}))
    if said.get("status") != "success":
        raise Unclear(UNREADABLE)
    return said


def _check_clock(reply: Reply, now: datetime) -> None:
    """When its clock and ours differ, one is wrong, and the window may be another hour's."""
    try:
        its = parsedate_to_datetime(reply.date)
        apart = abs((its - now).total_seconds())
    except (ValueError, TypeError):
        raise Unclear(Message("Prometheus does not say what time it is")) from None
    if apart > SKEW:
        text = "the clocks of Prometheus and of this controller are %(seconds)s s apart"
        raise Unclear(Message(text, {"seconds": round(apart)}))
