"""What Prometheus knows, asked over its HTTP API and read strictly: what is odd is a problem."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

from automation.idle.quiet import Alerts, Reading
from automation.run.events import Message
from automation.venue.fields import span
from automation.venue.unattended import Prometheus, Signal

RESOLUTION = 15  # seconds between two values of a signal
MOST_VALUES = 240
SKEW = 5.0  # seconds that its clock and ours may differ
LIMIT = 4 * 1024 * 1024  # bytes of an answer


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


type Clock = Callable[[], datetime]
type Fetch = Callable[[str, float], Reply]


def fetch(url: str, timeout: float) -> Reply:
    """GET a URL. Raises OSError when nobody answers."""
    try:
        with urlopen(url, timeout=timeout) as answer:  # noqa: S310  # http or https, as the venue file says
            return Reply(answer.status, answer.headers.get("Date", ""), answer.read(LIMIT))
    except HTTPError as error:
        return Reply(error.code, error.headers.get("Date", ""), error.read(LIMIT))


class Client:
    """Asks one Prometheus. It never raises for what may be wrong there: that is in the answer."""

    def __init__(self, settings: Prometheus, clock: Clock, get: Fetch = fetch) -> None:
        self._settings = settings
        self._clock = clock
        self._get = get

    def signal(self, signal: Signal) -> Reading:
        """Its values over its whole period, and the age of the newest sample behind them."""
        period = span(signal.quiet_for).total_seconds()
        step = max(RESOLUTION, math.ceil(period / MOST_VALUES))
        end = round(self._clock().timestamp(), 3)
        start = end - math.ceil(period / step) * step
        query = signal.prometheus or ""
        words = {"query": query, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": str(step)}
        try:
            values = self._only_series(signal, "query_range", words)
            age = self._age(signal, end)
        except Unclear as error:
            return Reading(problem=error.why)
        told = [(round(end - at, 3), value) for at, value in values]
        if told:
            told[-1] = (max(told[-1][0], age), told[-1][1])
        max_age = span(self._settings.max_age).total_seconds()
        return Reading(tuple(told), max_gap=step * 1.5, max_age=max_age)

    def alerts(self) -> Alerts:
        """Every alert that Prometheus has, with its state."""
        words = {"query": "ALERTS", "time": f"{self._clock().timestamp():.3f}"}
        try:
            found = [series["metric"] for series in self._result("query", words)]
            return Alerts(tuple((item["alertname"], item["alertstate"]) for item in found))
        except Unclear as error:
            return Alerts(problem=error.why)
        except (KeyError, TypeError):
            return Alerts(problem=Message("Prometheus gave an answer that cannot be read"))

    def _age(self, signal: Signal, end: float) -> float:
        """Of the newest sample; behind an expression it is that of the answer itself."""
        words = {"query": f"timestamp({signal.prometheus})", "time": f"{end:.3f}"}
        values = self._only_series(signal, "query", words)
        return end - values[0][1] if values else math.inf

    def _only_series(
        self, signal: Signal, path: str, words: Mapping[str, str]
    ) -> list[tuple[float, float]]:
        found = self._result(path, words)
        name = {"signal": signal.name}
        if not found:
            raise Unclear(Message("Prometheus knows nothing of the signal '%(signal)s'", name))
        if len(found) > 1:
            text = "the signal '%(signal)s' has %(count)s series; write sum(...) or max(...)"
            raise Unclear(Message(text, {**name, "count": len(found)}))
        try:
            points = found[0]["values"] if path == "query_range" else [found[0]["value"]]
            return [(float(at), float(value)) for at, value in points]
        except (KeyError, TypeError, ValueError):
            raise Unclear(Message("Prometheus gave an answer that cannot be read")) from None

    def _result(self, path: str, words: Mapping[str, str]) -> list[Any]:
        url = f"{self._settings.url.rstrip('/')}/api/v1/{path}?{urlencode(words)}"
        try:
            reply = self._get(url, self._settings.timeout)
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            why = getattr(reason, "strerror", None) or str(reason)
            raise Unclear(Message("Prometheus does not answer: %(why)s", {"why": why})) from None
        _check_clock(reply, self._clock())
        return _series(reply)


def _series(reply: Reply) -> list[Any]:
    try:
        answer = json.loads(reply.body)
        if answer["status"] != "success":
            said = {"why": str(answer.get("error", reply.status))}
            raise Unclear(Message("Prometheus refuses the question: %(why)s", said))
        if answer.get("warnings"):
            said = {"why": str(answer["warnings"][0])}
            raise Unclear(Message("Prometheus has doubts itself: %(why)s", said))
        result = answer["data"]["result"]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Unclear(Message("Prometheus gave an answer that cannot be read")) from None
    if not isinstance(result, list) or not all(isinstance(item, dict) for item in result):
        raise Unclear(Message("Prometheus gave an answer that cannot be read"))
    return result


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
