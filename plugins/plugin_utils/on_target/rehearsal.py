"""Rehearse a day of sales, on the load balancer's host: standard library only, `python3 -c`.

Purchases fall due at a set rate whatever the answers are (an open loop), each by a customer with a
connection of its own. Each is timed from the moment it was due, so a server that stalls cannot hide
those who would have come meanwhile.
"""

import asyncio
import collections
import contextlib
import errno
import http.client
import io
import json
import math
import os
import resource
import socket
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

CUSTOMERS = 50
SIDE_BY_SIDE = 8  # customers who are served at once before and after the purchases
RUNNERS = 8
A_RACE = 90  # purchases of one test race; some systems have no more than 100 places in it
PATIENCE = 10.0  # seconds after which a customer gives up
SLOWEST_CLEANUP = 30.0
LAG = 0.5  # seconds that a purchase may begin after it was due
BURST_SHARE = 0.2  # the last part of the time, when it is before the close
SHORT_OF_OURS = (errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOMEM)
ANSWERED, WRONG, LATE, UNSENT = "answered", "errors", "late", "unsent"


class NotSo(Exception):
    """An answer that is not what it must be."""


# ValueError is no JSON; before Python 3.11 asyncio has a TimeoutError of its own
FAILURES = (OSError, asyncio.TimeoutError, NotSo, http.client.HTTPException, ValueError)


class Raw:
    """What came over a connection, as http.client wants it."""

    def __init__(self, data):
        self._data = data

    def makefile(self, *_):
        """The bytes as a file."""
        return io.BytesIO(self._data)


def main():
    """Read what to do from standard input, do it, print the result."""
    params = json.load(sys.stdin)
    act = {"load": load, "tidy": tidy, "watch": watch}[params["action"]]
    began = time.monotonic()
    checks, told = act(params)
    report = {"component": params["component"], "state": "ok", "checks": checks, "evidence": told}
    report["seconds"] = round(time.monotonic() - began, 3)
    wrong = [f"{item['name']}: {item['observed']}" for item in checks if not item["passed"]]
    result = {"changed": params["action"] != "watch", "failed": bool(wrong), "raceday": [report]}
    result["msg"] = "; ".join(wrong)
    try:
        print("@raceday " + json.dumps(result), flush=True)
    except BrokenPipeError:
        os._exit(1)


# --- the load ------------------------------------------------------------------------------------


def load(params):
    """Take back what an earlier rehearsal left, then buy until the time is over or it is ended."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    end(params)
    if not balances_of(params).exists():
        write_balances(params, {})  # none, as long as nothing was bought
    return asyncio.run(rehearse(params))


async def rehearse(params):
    """The checks and the figures of one load."""
    name = f"{params['channel']}: nothing is left of earlier ones"
    cleaned = await take_back(params, name)
    if not cleaned["passed"]:
        return [cleaned], {}
    try:
        write_balances(params, await balances(params))
    except FAILURES as error:
        return [cleaned, record(sent_name(params), "accounts that answer", said(error), False)], {}
    sales = Sales(params)
    path = socket_of(params, params["component"])
    server = await asyncio.start_unix_server(sales.talk, str(path))
    try:
        await sales.sell()
    finally:
        server.close()
        path.unlink(missing_ok=True)  # newer Pythons remove it themselves
    return [cleaned, *judge(params, sales)], figures(params, sales)


class Purchase:
    """One that is over. `due` counts from the first, `seconds` from when it was due."""

    def __init__(self, due, lag, seconds, outcome, why=""):
        self.due = due
        self.lag = lag
        self.seconds = seconds
        self.outcome = outcome
        self.why = why


class Sales:
    """Purchases at a set rate, and who asks how they go."""

    def __init__(self, params):
        self.purchases = []
        self.seconds = 0.0  # from the first purchase to the last that was due
        self.marked = None
        self._params = params
        self._over = asyncio.Event()
        self._began = asyncio.get_running_loop().time()
        self._watched_from, self._streak = math.inf, 0

    async def sell(self):
        """Begin each purchase when it is due; wait for the answers when no more are."""
        self._began = asyncio.get_running_loop().time()
        heart = asyncio.create_task(self._beat())
        tasks = []
        for number, due in enumerate(arrivals(**self._params["load"])):
            await asyncio.sleep(max(due - self._now(), 0))
            if self._over.is_set():
                break
            self.seconds = due
            tasks.append(asyncio.create_task(self._buy(number, due)))
        if tasks:
            await asyncio.wait(tasks)
        heart.cancel()

    async def talk(self, reader, writer):
        """Answer one order on the control socket."""
        order = json.loads(await reader.readline())
        if order.get("end"):
            self._over.set()
        if order.get("mark"):
            self.marked = self._now()
        answer = await self._flow(order) if "wait" in order else {}
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()
        writer.close()

    async def _flow(self, order):
        """Wait until so many in a row were answered, of those that are due from now on."""
        self._watched_from, self._streak = self._now(), 0
        until = self._now() + order["timeout"]
        while self._streak < order["wait"] and self._now() < until and not self._over.is_set():
            await asyncio.sleep(0.02)
        return {"in_a_row": self._streak, "last": self._last_failure()}

    def _last_failure(self):
        return next((item.why for item in reversed(self.purchases) if item.why), "")

    async def _beat(self):
        """End with whoever asked for it: when nobody reads any more, nobody wants more of it."""
        while True:
            try:
                print("selling", flush=True)
            except BrokenPipeError:
                self._over.set()
                return
            await asyncio.sleep(1)

    async def _buy(self, number, due):
        lag = self._now() - due
        outcome, why = await self._outcome(filled(self._params["buy"], words(self._params, number)))
        self.purchases.append(Purchase(due, lag, self._now() - due, outcome, why))
        if due >= self._watched_from:
            self._streak = self._streak + 1 if outcome == ANSWERED else 0

    async def _outcome(self, request):
        try:
            await asyncio.wait_for(ask(request), PATIENCE)
        except asyncio.TimeoutError:  # noqa: UP041  # see FAILURES
            return LATE, f"no answer within {PATIENCE:g} s"
        except FAILURES as error:
            ours = isinstance(error, OSError) and error.errno in SHORT_OF_OURS
            return (UNSENT if ours else WRONG), said(error)
        return ANSWERED, ""

    def _now(self):
        return asyncio.get_running_loop().time() - self._began


def arrivals(*, rate, seconds, burst=1.0, **_):
    """When each purchase is due; in the last part of the time `burst` times as many are."""
    quiet = seconds * (1 - BURST_SHARE)
    parts = ((0.0, quiet, rate), (quiet, seconds - quiet, rate * burst))
    for since, length, often in parts:
        yield from (since + number / often for number in range(round(length * often)))


def words(params, number):
    """What a purchase fills into its request."""
    name = params["name"]
    return {
        "customer": f"{name}-{number % CUSTOMERS}",
        "race": f"{name}-{number // A_RACE}",
        "runner": 1 + number % RUNNERS,
    }


# --- what came of it -----------------------------------------------------------------------------


def judge(params, sales):
    """The checks of a load; in a drill it may be slow, and may not fail."""
    limits, channel, total = params["limits"], params["channel"], len(sales.purchases)
    strict = params["load"].get("judge_latency", True)
    ends = ends_of(sales)
    failed = percent(total - count(sales, ANSWERED), total)
    checks = [
        record(
            sent_name(params),
            f"99 % within {LAG:g} s of when they were due",
            f"{on_time(sales)} of {total}",
            keeps_up(sales),
        ),
        record(
            f"{channel}: error rate",
            f"at most {limits['errors_percent']:g} %",
            f"{failed:.2f} % of {total}",
            bool(total) and failed <= limits["errors_percent"],
        ),
    ]
    for share, limit in ((95, limits["p95_seconds"]), (99, limits["p99_seconds"])):
        seconds = percentile(ends, share)
        expected = f"at most {limit:g} s" if strict else "told only, in a drill"
        passed = bool(ends) and (seconds <= limit or not strict)
        checks.append(record(f"{channel}: p{share}", expected, f"{seconds:.3f} s", passed))
    return checks


def figures(params, sales):
    """The figures of a load, and the word that customers have for it."""
    told = {key: count(sales, key) for key in (ANSWERED, WRONG, LATE, UNSENT)}
    ends = ends_of(sales)
    told["sent"] = len(sales.purchases) - told[UNSENT]
    told |= {f"p{share}": f"{percentile(ends, share):.3f}" for share in (50, 95, 99)}
    told["max"] = f"{max(ends, default=0.0):.3f}"
    told["seconds"] = f"{sales.seconds:.1f}"
    told |= since_mark(sales)
    why = collections.Counter(item.why for item in sales.purchases if item.why)
    if why:
        told["failures"] = "; ".join(f"{text} ({n})" for text, n in why.most_common(3))
    told |= {"channel": params["channel"], "flow": flow_word(params["limits"], sales)}
    return {key: str(value) for key, value in told.items()}


def since_mark(sales):
    """How many failed since the mark, and how long after it the last of them was due."""
    if sales.marked is None:
        return {}
    since = [item for item in sales.purchases if item.due >= sales.marked]
    failed = [item.due - sales.marked for item in since if item.outcome != ANSWERED]
    told = {"since_stop": len(since), "failed_since_stop": len(failed)}
    return told | {"errors_seconds": f"{max(failed, default=0.0):.1f}"}


def flow_word(limits, sales):
    """smooth, slow or congested; unknown when this generator itself could not keep up."""
    total, ends = len(sales.purchases), ends_of(sales)
    if not total or not keeps_up(sales):
        return "unknown"
    if percent(total - count(sales, ANSWERED), total) > limits["errors_percent"]:
        return "congested"
    slow = percentile(ends, 95) > limits["p95_seconds"]
    return "slow" if slow or percentile(ends, 99) > limits["p99_seconds"] else "smooth"


def keeps_up(sales):
    """Whether purchases were begun when they were due: what was not sent proves nothing."""
    return bool(sales.purchases) and on_time(sales) >= 0.99 * len(sales.purchases)


def on_time(sales):
    """How many purchases began when they were due."""
    return sum(item.lag <= LAG and item.outcome != UNSENT for item in sales.purchases)


def ends_of(sales):
    """Seconds of every purchase that was answered or given up, sorted; a quick no is no answer."""
    return sorted(item.seconds for item in sales.purchases if item.outcome in (ANSWERED, LATE))


def percentile(ordered, share):
    """The nearest-rank percentile of sorted seconds; 0 of none."""
    return ordered[math.ceil(len(ordered) * share / 100) - 1] if ordered else 0.0


def count(sales, outcome):
    """How many purchases came to this."""
    return sum(item.outcome == outcome for item in sales.purchases)


def percent(part, whole):
    """A share of 100; all of nothing is wrong."""
    return 100.0 * part / whole if whole else 100.0


# --- before and after ----------------------------------------------------------------------------


def tidy(params):
    """End a load that still sells, take back all it bought, and compare the balances."""
    end(params)
    return asyncio.run(tidy_up(params)), {}


async def tidy_up(params):
    """The checks of a clean-up."""
    name = f"{params['channel']}: everything is taken back"
    return [await take_back(params, name), await compare(params)]


async def take_back(params, name):
    """Take back whatever test customers have bought, by the service itself."""
    try:
        answers = await of_each(params, params["take_back"])
    except FAILURES as error:
        return record(name, "nothing left", said(error), False)
    key = params["take_back"].get("count") or ""
    return record(name, "nothing left", f"{sum(item.get(key, 0) for item in answers)} back", True)


async def compare(params):
    """Whether every test customer has what it had before the first purchase."""
    name, expected = f"{params['channel']}: balances are as before", "as before"
    try:
        before = json.loads(balances_of(params).read_text(encoding="utf-8"))
        after = await balances(params) if before else {}
    except FileNotFoundError:
        return record(name, expected, "not known: those of before are gone", False)
    except FAILURES as error:
        return record(name, expected, said(error), False)
    odd = [f"{key} {had} -> {after[key]}" for key, had in before.items() if after[key] != had]
    if not odd:
        balances_of(params).unlink()
    same = f"{len(after)} as before" if before else "nothing was bought"
    return record(name, expected, ", ".join(odd[:3]) or same, not odd)


async def balances(params):
    """What each test customer has; asked for the first time, it is made. Raises NotSo."""
    answers = await of_each(params, params["look"])
    key = params["look"]["value"]
    if any(answer.get(key) is None for answer in answers):
        raise NotSo(f"the answer has no {key}")
    return {str(number): answer[key] for number, answer in enumerate(answers)}


def write_balances(params, found):
    """Keep what customers had before the first purchase, {} until it is known, for the clean-up."""
    path = balances_of(params)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(found), encoding="utf-8")
    new.replace(path)


async def of_each(params, request):
    """The answers to a request of every test customer, a few at a time; raises the first error."""
    turn = asyncio.Semaphore(SIDE_BY_SIDE)

    async def one(number):
        async with turn:
            wanted = filled(request, words(params, number))
            return await asyncio.wait_for(ask(wanted), SLOWEST_CLEANUP)

    return await asyncio.gather(*(one(number) for number in range(CUSTOMERS)))


# --- who asks how it goes ------------------------------------------------------------------------


def watch(params):
    """See on each channel that purchases are answered one after the other, then set the mark."""
    until = time.monotonic() + params["timeout"]
    channels = params["channels"]
    checks = [flow_check(params, *item, until) for item in channels.items()]
    if params["mark"] and all(item["passed"] for item in checks):
        for component in channels:
            order(socket_of(params, component), {"mark": True}, 5.0)
    return checks, {}


def flow_check(params, component, channel, until):
    """Whether so many purchases in a row are answered; waits for the load to begin."""
    left = until - time.monotonic()
    answer = order(
        socket_of(params, component), {"wait": params["purchases"], "timeout": max(left, 0.1)}, left
    )
    seen = f"{answer.get('in_a_row', 0)} in a row {answer.get('last', '')}".strip()
    expected = f"{params['purchases']} in a row"
    passed = answer.get("in_a_row", 0) >= params["purchases"]
    return record(f"{channel}: purchases are answered", expected, seen, passed)


def order(path, wanted, patience):
    """What the load behind a control socket answers; empty when there is none in time."""
    until = time.monotonic() + patience
    while True:
        try:
            with socket.socket(socket.AF_UNIX) as link:
                link.settimeout(max(until - time.monotonic(), 0) + 1)
                link.connect(str(path))
                link.sendall(json.dumps(wanted).encode() + b"\n")
                return json.loads(link.makefile().readline() or "{}")
        except (FileNotFoundError, ConnectionRefusedError):
            if time.monotonic() > until:
                return {"last": "no load is running"}
        except OSError as error:
            return {"last": said(error)}
        time.sleep(0.05)


def end(params):
    """End the component's load, if one sells, and wait until its last customer has gone."""
    path, until = socket_of(params, params["component"]), time.monotonic() + 2 * PATIENCE
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    order(path, {"end": True}, 0)
    while time.monotonic() < until:
        with socket.socket(socket.AF_UNIX) as link, contextlib.suppress(OSError):
            link.connect(str(path))
            time.sleep(0.05)
            continue
        break
    path.unlink(missing_ok=True)


# --- one question --------------------------------------------------------------------------------


async def ask(request):
    """The answer as JSON, {} when nothing of it is asked for; raises NotSo when it is wrong."""
    text = await (ask_line(request) if request.get("line") else ask_http(request))
    expect = request.get("expect") or {}
    if not expect and not (request.get("value") or request.get("count")):
        return {}
    answer = json.loads(text or "null")
    if not isinstance(answer, dict) or not expect.items() <= answer.items():
        raise NotSo(short(text) or "no answer")
    return answer


async def ask_line(request):
    """One line of JSON each way over TCP."""
    host, _, port = request["line"].rpartition(":")
    data = json.dumps(request.get("body")).encode() + b"\n"
    return (await over(host, int(port), None, data, asyncio.StreamReader.readline)).decode()


async def ask_http(request):
    """One HTTP request on a connection of its own; raises NotSo when the status is another."""
    url, body = urlsplit(request["url"]), request.get("body")
    data = b"" if body is None else json.dumps(body).encode()
    head = [
        f"{request.get('method') or 'GET'} {url.path or '/'} HTTP/1.1",
        f"Host: {url.netloc}",
        "Connection: close",
        f"Content-Length: {len(data)}",
        *(["Content-Type: application/json"] if data else []),
    ]
    sent = "\r\n".join([*head, "", ""]).encode() + data
    tls = True if url.scheme == "https" else None
    port = url.port or (443 if tls else 80)
    raw = await over(url.hostname, port, tls, sent, asyncio.StreamReader.read)
    reply = http.client.HTTPResponse(Raw(raw))
    reply.begin()
    text = reply.read().decode(errors="replace")
    if reply.status != (request.get("status") or 200):
        raise NotSo(f"HTTP {reply.status} {short(text)}")
    return text


async def over(host, port, tls, data, read_from):
    """What comes back over a connection made for this."""
    reader, writer = await asyncio.open_connection(host, port, ssl=tls)
    try:
        writer.write(data)
        await writer.drain()
        return await read_from(reader)
    finally:
        writer.close()


def filled(value, said_of):
    """The value with every $name replaced; one that is nothing but a name keeps its kind."""
    if isinstance(value, dict):
        return {key: filled(item, said_of) for key, item in value.items()}
    if not isinstance(value, str):
        return value
    if value[:1] == "$" and value[1:] in said_of:
        return said_of[value[1:]]
    for key, word in said_of.items():
        value = value.replace(f"${key}", str(word))
    return value


# --- words ---------------------------------------------------------------------------------------


def sent_name(params):
    """The check that the load was what it was to be."""
    return f"{params['channel']}: sent on time"


def socket_of(params, component):
    """Where a component's load takes orders."""
    return Path(params["folder"]) / f"{component}.sock"


def balances_of(params):
    """Where the balances of before are kept."""
    return Path(params["folder"]) / f"{params['component']}.balances.json"


def record(name, expected, observed, passed):
    """A check in the words of the run's journal."""
    return {"name": name, "expected": expected, "observed": observed[:300], "passed": passed}


def said(error):
    """An error in a few words."""
    return short(str(error) or type(error).__name__)


def short(text):
    """At most 200 characters, on one line."""
    return " ".join(text.split())[:200]


if __name__ == "__main__":
    main()
