"""The rehearsal's load against a real server that can be slow, wrong, silent or gone."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail

from tests.unit.plugins.till import Till, open_till

pytestmark = pytest.mark.slow  # a load takes seconds

type Plugin = Callable[[str], ModuleType]
type Params = dict[str, Any]

HURRY = 30.0  # seconds; far from what anything takes on the busiest machine, no measure of speed
LIMITS = {"errors_percent": 1.0, "p95_seconds": HURRY, "p99_seconds": HURRY}
STRICT = {"errors_percent": 1.0, "p95_seconds": 0.15, "p99_seconds": 0.2}


@pytest.fixture
def till() -> Iterator[Till]:
    """A till that behaves, until it is told otherwise."""
    with open_till() as till:
        yield till


@pytest.fixture
def script(plugin: Plugin, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """What is run on the target; a busy machine may begin a purchase late, and be slow with it."""
    script = plugin("plugin_utils.on_target.rehearsal")
    for patience in ("LAG", "PATIENCE"):
        monkeypatch.setattr(script, patience, HURRY)
    return script


@pytest.fixture
def params(till: Till, tmp_path: Path) -> Params:
    """Fifty purchases a second for less than half of one, at this till."""
    return {
        "component": "wagering",
        "channel": "bet",
        "name": "test-a",
        "buy": {
            "method": "POST",
            "url": f"{till.url}/buy",
            "body": {"customer": "$customer", "race": "$race", "runner": "$runner"},
            "status": 201,
        },
        "take_back": {
            "method": "DELETE",
            "url": f"{till.url}/of/$customer",
            "expect": {"left": 0},
            "count": "back",
        },
        "look": {"url": f"{till.url}/of/$customer", "value": "balance"},
        "load": {"rate": 50.0, "seconds": 0.4, "burst": 1.0, "judge_latency": True},
        "limits": LIMITS,
        "folder": str(tmp_path),
    }


def outcome(result: tuple[list[Params], Params]) -> tuple[list[str], str]:
    """The names of the checks that failed, and the word."""
    checks, told = result
    return [item["name"] for item in checks if not item["passed"]], told.get("flow", "")


def test_purchases_that_are_answered_are_smooth(script: Any, till: Till, params: Params) -> None:
    """As many as were due are sent; all of them are taken back and the balances are as before."""
    checks, told = script.load(params)
    assert outcome((checks, told)) == ([], "smooth")
    assert (told["sent"], told["answered"], till.count) == ("20", "20", 20)
    checks, _ = script.tidy(params)
    assert [(item["name"], item["observed"]) for item in checks] == [
        ("bet: everything is taken back", "20 back"),
        ("bet: balances are as before", "50 as before"),
    ]
    assert not any(till.bought.values())


def test_a_slow_server_is_slow(script: Any, till: Till, params: Params) -> None:
    """Everybody is answered, and too late: p95 and p99 say so."""
    till.delay, params["limits"] = 0.3, STRICT
    failed, word = outcome(script.load(params))
    assert (failed, word) == (["bet: p95", "bet: p99"], "slow")


def test_a_drill_only_tells_latencies(script: Any, till: Till, params: Params) -> None:
    """The word is the same, and nothing fails for it."""
    till.delay, params["limits"] = 0.3, STRICT
    params["load"]["judge_latency"] = False
    assert outcome(script.load(params)) == ([], "slow")


@pytest.mark.parametrize("wrong", ["status", "drops"])
def test_wrong_answers_and_hang_ups_are_congested(
    script: Any, till: Till, params: Params, wrong: str
) -> None:
    """However quick they are: a quick no is no answer."""
    setattr(till, wrong, 503)
    checks, told = script.load(params)
    assert outcome((checks, told))[1] == "congested"
    assert (told["errors"], told["answered"]) == ("20", "0")
    assert "bet: error rate" in outcome((checks, told))[0]


def test_who_gets_no_answer_gives_up(
    script: Any, till: Till, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that hangs is congested, and its customers count as late."""
    monkeypatch.setattr(script, "PATIENCE", 0.2)
    till.delay = 60.0
    _, told = result = script.load(params)
    assert (told["late"], outcome(result)[1]) == ("20", "congested")


def test_nobody_answers_at_all(script: Any, params: Params) -> None:
    """When the way in is closed nothing is bought, and the load fails."""
    for request in ("take_back", "look", "buy"):
        params[request]["url"] = "http://127.0.0.1:9/$customer"
    failed, word = outcome(script.load(params))
    assert (failed, word) == (["bet: nothing is left of earlier ones"], "")


def test_arrivals_do_not_wait_for_answers(script: Any, till: Till, params: Params) -> None:
    """Customers come as they are due, while those before them still wait for the last of them."""
    till.together = 20
    _, told = script.load(params)
    assert (told["answered"], till.most_at_once) == ("20", 20)
    assert float(told["p50"]) >= 0.18  # the tenth before the last was due so long before it


def test_a_load_that_cannot_keep_up_proves_nothing(
    script: Any, till: Till, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is sent a second late: the word is unknown, and the wait counts as theirs."""
    monkeypatch.setattr(script, "LAG", 0.5)
    monkeypatch.setattr(script, "arrivals", lambda **_: [-1.0] * 20)
    _, told = result = script.load(params)
    assert outcome(result) == (["bet: sent on time"], "unknown")
    assert (told["answered"], till.count) == ("20", 20)
    assert float(told["max"]) >= 1


def test_what_an_earlier_one_left_is_taken_back_first(
    script: Any, till: Till, params: Params
) -> None:
    """It is counted, and the balances of before are those without it."""
    till.bought["test-a-7"] = 3
    checks, _ = script.load(params)
    assert (checks[0]["observed"], checks[0]["passed"]) == ("3 back", True)
    assert outcome(script.tidy(params)) == ([], "")


def test_what_cannot_be_taken_back_stops_it(script: Any, till: Till, params: Params) -> None:
    """Nothing is bought on top of it."""
    till.bought["test-a-7"], till.keeps = 3, True
    assert outcome(script.load(params))[0] == ["bet: nothing is left of earlier ones"]
    assert till.count == 0


def test_a_balance_that_changed_is_named(script: Any, till: Till, params: Params) -> None:
    """A won too little is a won too little."""
    script.load(params)
    till.fee = 1
    failed, _ = outcome(script.tidy(params))
    assert failed == ["bet: balances are as before"]


@pytest.mark.parametrize("told", [{}, {"balance": None}])
def test_an_answer_without_a_balance_proves_nothing(
    script: Any, till: Till, params: Params, told: Params
) -> None:
    """Two that are not known are not the same: nothing is bought, and nothing is proven."""
    script.load(params)
    till.account = told
    (_, balances), _ = script.tidy(params)
    assert (balances["passed"], balances["observed"]) == (False, "the answer has no balance")
    count = till.count
    checks, _ = script.load(params)
    assert (checks[-1]["passed"], checks[-1]["observed"]) == (False, "the answer has no balance")
    assert till.count == count


def test_balances_that_are_gone_are_not_known(script: Any, params: Params) -> None:
    """After a reboot, for instance, nobody can say what customers had."""
    script.load(params)
    (balances,) = Path(params["folder"]).glob("*.balances.json")
    balances.unlink()
    (_, check), _ = script.tidy(params)
    assert (check["passed"], check["observed"]) == (False, "not known: those of before are gone")


def test_a_load_that_sent_nothing_leaves_balances_as_they_were(
    script: Any, till: Till, params: Params
) -> None:
    """It says so itself, and nothing of it is left on the host."""
    till.account = {}
    script.load(params)
    (_, check), _ = script.tidy(params)
    assert (check["passed"], check["observed"]) == (True, "nothing was bought")
    assert not list(Path(params["folder"]).iterdir())


def test_a_load_that_sent_nothing_keeps_the_balances_of_one_that_did(
    script: Any, till: Till, params: Params
) -> None:
    """What an earlier one cost is still found, whoever cleans up."""
    script.load(params)
    till.keeps = True
    script.load(params)
    till.keeps, till.fee = False, 1
    assert outcome(script.tidy(params))[0] == ["bet: balances are as before"]


def test_nothing_left_is_no_answer_without_the_key(script: Any, till: Till, params: Params) -> None:
    """An expected null is not met by a key that is not there."""
    params["take_back"]["expect"] = {"open": None}
    assert outcome(script.load(params))[0] == ["bet: nothing is left of earlier ones"]
    assert till.count == 0


@pytest.mark.parametrize(
    ("request_name", "key", "said"),
    [
        ("take_back", "expect", "take_back needs expect, the answer when nothing is left"),
        ("look", "value", "look needs value, the key of the balance in the answer"),
    ],
)
@pytest.mark.parametrize("action", ["load", "tidy"])
def test_a_clean_up_that_could_not_fail_is_refused(
    plugin: Plugin, params: Params, action: str, request_name: str, key: str, said: str
) -> None:
    """Before anything is bought, and in check mode too."""
    params[request_name][key] = None
    task = SimpleNamespace(args={**params, "action": action}, check_mode=True, async_val=0)
    link = SimpleNamespace(_shell=SimpleNamespace(tmpdir="none is needed"))
    act = plugin("action.rehearsal").ActionModule(task, link, None, None, None, None)
    with pytest.raises(AnsibleActionFail, match=said):
        act.run()


def test_tidying_up_ends_a_load(script: Any, till: Till, params: Params) -> None:
    """The load tells what came of it until then, and nothing of it is left."""
    params["load"]["seconds"] = 600.0
    results: list[Any] = []
    seller = threading.Thread(target=lambda: results.append(script.load(params)))
    seller.start()
    try:
        watched, _ = script.watch(watching(params, mark=True))
        till.status = 503
        assert are_refused(till, 50)
    finally:
        tidied, _ = script.tidy(params)
        seller.join(HURRY)
    assert not seller.is_alive()
    assert [item["passed"] for item in (*watched, *tidied)] == [True, True, True]
    _, told = results[0]
    assert 0 < int(told["failed_since_stop"]) <= int(told["errors"])
    assert int(told["since_stop"]) < int(told["sent"])
    assert not any(till.bought.values())


def test_purchases_that_fail_are_seen_by_who_watches(
    script: Any, till: Till, params: Params
) -> None:
    """In a row means that none between them failed."""
    params["load"]["seconds"] = 600.0
    till.status = 500
    seller = threading.Thread(target=script.load, args=(params,))
    seller.start()
    try:
        assert are_refused(till, 3)
        (check,), _ = script.watch({**watching(params), "timeout": 1.5})
    finally:
        script.tidy(params)
        seller.join(HURRY)
    assert (check["passed"], check["observed"]) == (False, "0 in a row HTTP 500 {}")


def test_where_nothing_is_bought_nothing_flows(script: Any, params: Params) -> None:
    """Who watches waits for the load to begin, and says that it did not."""
    (check,), _ = script.watch({**watching(params), "timeout": 0.1})
    assert (check["passed"], check["observed"]) == (False, "0 in a row no load is running")


def test_who_only_watches_changes_nothing(script: Any, params: Params) -> None:
    """A load and its clean-up are a change; a look at them is none."""
    given = {**params, **watching(params), "action": "watch", "timeout": 0.1}
    done = subprocess.run(
        [sys.executable, script.__file__],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout.splitlines()[-1].removeprefix("@raceday "))
    assert (result["changed"], result["failed"]) == (False, True)


def are_refused(till: Till, count: int) -> bool:
    """Wait until so many purchases more have been."""
    return all(till.refused.acquire(timeout=HURRY) for _ in range(count))


def watching(params: Params, *, mark: bool = False) -> Params:
    """Wait for five in a row."""
    channels = {"wagering": "bet"}
    return {"channels": channels, "purchases": 5, "mark": mark, "timeout": HURRY, **_folder(params)}


def _folder(params: Params) -> Params:
    return {"folder": params["folder"]}


def test_machines_speak_lines(script: Any, till: Till, params: Params) -> None:
    """The same over a line protocol; a customer is a machine."""
    line = f"127.0.0.1:{till.port}"
    params["buy"] = {
        "line": line,
        "body": {"op": "sell", "machine": "$customer"},
        "expect": {"ok": True},
    }
    params["take_back"] = {
        "line": line,
        "body": {"op": "clean_up", "machine": "$customer"},
        "expect": {"left": 0},
        "count": "back",
    }
    assert outcome(script.load(params)) == ([], "smooth")
    assert outcome(script.tidy(params)) == ([], "")
    assert till.count == 20
    assert not any(till.bought.values())


def test_the_last_fifth_may_be_a_burst(script: Any) -> None:
    """Before the close so many times the rate; the rest of the time as always."""
    due = list(script.arrivals(rate=10, seconds=10, burst=3))
    quiet = [moment for moment in due if moment < 8]
    assert (len(quiet), len(due) - len(quiet)) == (80, 60)


def test_a_purchase_fills_in_its_own_words(script: Any) -> None:
    """A name alone keeps its kind; no test race gets more than it has places for."""
    said = script.words({"name": "test-a"}, 95)
    request = {"url": "/$customer/$race", "body": {"runner": "$runner", "amount": 100}}
    assert script.filled(request, said) == {
        "url": "/test-a-45/test-a-1",
        "body": {"runner": 8, "amount": 100},
    }


def test_it_ends_when_nobody_listens_any_more(script: Any, till: Till, params: Params) -> None:
    """As when the controller was killed: the load does not go on for its whole time."""
    params |= {"action": "load"}
    params["load"]["seconds"] = 600.0
    with subprocess.Popen(
        [sys.executable, script.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(params).encode())
        process.stdin.close()
        assert process.stdout.readline() == b"selling\n"
        process.stdout.close()
        process.wait(HURRY)
    assert till.count > 0
