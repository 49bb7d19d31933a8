"""The transaction module against a real HTTP server."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import ModuleType
from typing import Any

import pytest

type Plugin = Callable[[str], ModuleType]
type Steps = list[dict[str, Any]]


class Till(BaseHTTPRequestHandler):
    """A till with one balance: POST /take takes 100, POST /give gives it back."""

    balance = 1000
    takes = True

    def do_GET(self) -> None:
        """The balance; at /short less than is announced, at /moved another place."""
        match self.path:
            case "/short":
                self._answer(200, {"balance": Till.balance}, announced=1000)
            case "/moved":
                self._answer(302, {}, place="/")
            case _:
                self._answer(200, {"balance": Till.balance, "note": None})

    def do_POST(self) -> None:
        """Take or give."""
        if self.path == "/take" and not Till.takes:
            self._answer(500, {"error": "the till is jammed"})
            return
        Till.balance += -100 if self.path == "/take" else 100
        self._answer(200, {"balance": Till.balance, "id": 7})

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _answer(
        self, status: int, body: dict[str, Any], *, announced: int = 0, place: str = ""
    ) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(announced or len(data)))
        if place:
            self.send_header("Location", place)
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def till() -> Iterator[str]:
    """The URL of a fresh till."""
    Till.balance, Till.takes = 1000, True
    server = HTTPServer(("127.0.0.1", 0), Till)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def run(plugin: Plugin) -> Callable[[Steps], tuple[list[dict[str, Any]], dict[str, Any], str]]:
    """Run steps as they are run on a target."""
    script = plugin("plugin_utils.on_target.transaction")

    def run_steps(steps: Steps) -> Any:
        return script.run_steps({"steps": steps, "timeout": 2.0})

    return run_steps


def steps_of(till: str) -> Steps:
    """Take 100, see it gone, give it back, see the balance as before."""
    return [
        {"url": till, "save": {"before": "balance"}},
        {
            "check": "it is taken",
            "method": "POST",
            "url": f"{till}/take",
            "save": {"id": "id"},
            "expect": {"balance": "$before-100"},
        },
        {"check": "it is given back", "method": "POST", "url": f"{till}/give", "cleanup": True},
        {"check": "the balance is as before", "url": till, "expect": {"balance": "$before"}},
    ]


def test_a_transaction_that_holds_passes_each_check(run: Any, till: str) -> None:
    """Every named step becomes a check, in order; preparation is not one."""
    checks, saved, broken = run(steps_of(till))
    names = [(check["name"], check["passed"]) for check in checks]
    assert names == [
        ("it is taken", True),
        ("it is given back", True),
        ("the balance is as before", True),
    ]
    assert (saved["before"], broken) == (1000, "")


def test_a_transaction_changes_nothing(plugin: Plugin, till: str) -> None:
    """What it does it takes back, so a second run of a test is as unchanged as the first."""
    script = plugin("plugin_utils.on_target.transaction")
    params = {"component": "till", "steps": steps_of(till), "timeout": 2.0}
    assert script.do_all(params)["changed"] is False


def test_what_does_not_hold_ends_it_with_expected_and_observed(run: Any, till: str) -> None:
    """The first mistake ends the transaction, and says what was seen."""
    steps = steps_of(till)
    steps[1]["expect"] = {"balance": 1}
    checks, _, broken = run(steps)
    first = checks[0]
    assert (first["passed"], first["expected"], first["observed"]) == (
        False,
        "balance = 1",
        "balance = 900",
    )
    assert broken.startswith("it is taken")
    assert "the balance is as before" not in [check["name"] for check in checks]


def test_cleanup_runs_after_a_mistake(run: Any, till: str) -> None:
    """What was taken is given back even when a later look went wrong."""
    steps = steps_of(till)
    steps[1]["expect"] = {"balance": 1}
    run(steps)
    assert Till.balance == 1000


def test_an_error_status_is_told_with_its_text(run: Any, till: str) -> None:
    """The sentence of the step carries what the server said."""
    Till.takes = False
    steps = steps_of(till)
    steps[1]["why"] = "Nothing could be taken: %(seen)s"
    steps[2]["url"] += "/$id"
    checks, _, _ = run(steps)
    (check,) = checks
    assert check["why"]["text"] % check["why"]["args"] == (
        'Nothing could be taken: HTTP 500 {"error": "the till is jammed"}'
    )


@pytest.mark.parametrize("wrong", [{"status": 201}, {"contains": "a receipt"}])
def test_what_was_made_is_taken_back_whatever_else_is_wrong(
    run: Any, till: str, wrong: dict[str, Any]
) -> None:
    """An answer with another 2xx, or without a text, has made something all the same."""
    steps = steps_of(till)
    steps[1] |= wrong
    steps[2]["body"] = {"id": "$id"}
    checks, saved, broken = run(steps)
    assert ([check["passed"] for check in checks], saved["id"]) == ([False, True], 7)
    assert (broken.partition(":")[0], Till.balance) == ("it is taken", 1000)


def refusal_at(till: str, **must: Any) -> Steps:
    """Try to take 100, which must not work; give back what was taken all the same."""
    take = {"method": "POST", "url": f"{till}/take", "save_when_wrong": {"id": "id"}, **must}
    give = {"method": "POST", "url": f"{till}/give", "body": {"id": "$id"}, "cleanup": True}
    return [{"check": "it is refused", **take}, give]


@pytest.mark.parametrize(
    "must", [{"status": 500}, {"contains": "jammed"}, {"expect": {"": None}}], ids=str
)
def test_what_was_to_be_refused_and_was_not_is_taken_back(
    run: Any, till: str, must: dict[str, Any]
) -> None:
    """Whatever shows that it was not; only the check that failed is told."""
    checks, saved, broken = run(refusal_at(till, **must))
    assert [(check["name"], check["passed"]) for check in checks] == [("it is refused", False)]
    assert (saved, broken.partition(":")[0], Till.balance) == ({"id": 7}, "it is refused", 1000)


def test_what_was_refused_needs_no_clean_up(run: Any, till: str) -> None:
    """There is nothing to take back, so nobody is asked to."""
    Till.takes = False
    checks, saved, broken = run(refusal_at(till, status=500))
    assert [(check["name"], check["passed"]) for check in checks] == [("it is refused", True)]
    assert (saved, broken, Till.balance) == ({}, "", 1000)


def test_a_clean_up_that_fails_is_told(run: Any, till: str) -> None:
    """Somebody must do it by hand, and is told which one, and what to do."""
    steps = refusal_at(till, status=500)
    steps[1] |= {
        "url": f"{till}/give/$id",
        "status": 204,
        "why": "%(id)s could not be given back",
        "next": "Give %(id)s back by hand.",
    }
    checks, _, _ = run(steps)
    assert checks[1]["name"] == f"clean-up: {till}/give/7"
    assert checks[1]["why"] == {"text": "%(id)s could not be given back", "args": {"id": 7}}
    assert checks[1]["next"] == {"text": "Give %(id)s back by hand.", "args": {"id": 7}}


def test_a_clean_up_over_tcp_says_what_it_asked_for(run: Any) -> None:
    """All of them ask the same address."""
    steps = [
        {"value": {"sale": 8}, "save": {"sale": "sale"}},
        {"line": "127.0.0.1:1", "body": {"sale": "$sale"}, "cleanup": True},
    ]
    (check,), _, _ = run(steps)
    assert check["name"] == 'clean-up: 127.0.0.1:1 {"sale": "8"}'


def test_who_gave_no_answer_is_named_as_it_was_asked(run: Any) -> None:
    """With what was put into its address."""
    steps = [{"value": 7, "save": {"id": ""}}, {"check": "a", "url": "http://127.0.0.1:9/$id"}]
    (check,), _, _ = run(steps)
    assert check["expected"] == "an answer from http://127.0.0.1:9/7"


def test_an_error_has_made_nothing(run: Any, till: str) -> None:
    """What a refusal holds may be anybody's, so nothing is taken back for it."""
    Till.takes = False
    steps = steps_of(till)
    steps[1]["save"] = {"id": "error"}
    steps[2]["body"] = {"id": "$id"}
    _, saved, _ = run(steps)
    assert ("id" in saved, Till.balance) == (False, 1000)


def test_nobody_there_is_a_failed_check(run: Any) -> None:
    """A refused connection is an observation, not a crash."""
    checks, _, _ = run([{"check": "somebody answers", "url": "http://127.0.0.1:9"}])
    assert [check["passed"] for check in checks] == [False]


@pytest.mark.parametrize(
    ("command", "passed"), [(["true"], True), (["false"], False), (["no-such-program"], False)]
)
def test_a_command_must_end_with_zero(run: Any, command: list[str], passed: bool) -> None:
    """Its output is only read as JSON when something is expected of it."""
    checks, _, _ = run([{"check": "it runs", "command": command}])
    assert [check["passed"] for check in checks] == [passed]


def test_a_command_gets_its_environment(run: Any) -> None:
    """Beside what is there already; nothing that is told names it."""
    told = "echo '\"'$SECRET-${PATH:+there}'\"'"
    step = {"command": ["sh", "-c", told], "environment": {"SECRET": "s3"}, "save": {"said": ""}}
    assert run([step]) == ([], {"said": "s3-there"}, "")
    (check,), _, _ = run([{**step, "command": ["false"]}])
    assert "s3" not in str(check)


def test_a_preparation_that_fails_fails_what_it_prepares(run: Any, till: str) -> None:
    """Not the preparation is told, but the check that could not be made, in its own words."""
    steps = steps_of(till)
    steps[0]["status"] = 201
    steps[1]["why"] = "Nothing could be taken: %(seen)s"
    (check, *_), _, _ = run(steps)
    assert (check["name"], check["passed"]) == ("it is taken", False)
    assert check["why"] == {
        "text": "Nothing could be taken: %(seen)s",
        "args": {"seen": 'HTTP 200 {"balance": 1000, "note": null}'},
    }


def test_looks_at_a_saved_value_are_all_told(run: Any, till: str) -> None:
    """They disturb nobody, so one that fails does not hide the next."""
    steps = [
        {"url": till, "save": {"seen": ""}},
        {"check": "much", "value": "$seen", "expect": {"balance": 5000}},
        {"check": "some", "value": "$seen", "expect": {"balance": 1000}},
        {"check": "little", "value": "$seen", "expect": {"balance": 10}},
    ]
    checks, _, broken = run(steps)
    told = [(check["name"], check["passed"]) for check in checks]
    assert told == [("much", False), ("some", True), ("little", False)]
    assert broken == "much: expected balance = 5000, observed balance = 1000"


def test_a_step_has_its_own_timeout(run: Any) -> None:
    """A test of the venue file says how long it may take."""
    checks, _, broken = run([{"check": "it is quick", "command": ["sleep", "1"], "timeout": 0.1}])
    assert [check["observed"] for check in checks] == ["timed out after 0.1 seconds"]
    assert broken.startswith("it is quick: expected an answer from sleep 1, observed timed out")


@pytest.mark.parametrize(("written", "seconds"), [({}, 10.0), ({"timeout": 3}, 3)])
def test_a_test_of_the_venue_file_keeps_its_timeout(
    plugin: Plugin, written: dict[str, int], seconds: float
) -> None:
    """What the file does not say is what the venue's model says."""
    steps = plugin("filter.venue_tests").venue_tests([{"name": "a", "command": ["b"], **written}])
    assert steps == [{"check": "a", "command": ["b"], "timeout": seconds}]


@pytest.mark.parametrize(
    "step",
    [
        {"save": {"lost": "pools.win"}},
        {"save": {"lost": "balance.win"}},
        {"expect": {"pools.win": "$lost"}},
        {"expect": {"pools.win": None}},
    ],
)
def test_what_is_not_there_is_no_value(run: Any, till: str, step: dict[str, Any]) -> None:
    """Nothing is saved of it, and it equals nothing: not even what is missing, too."""
    (check,), saved, broken = run([{"check": "it is there", "url": till, **step}])
    assert (check["passed"], saved) == (False, {})
    assert broken.endswith("observed an answer without it")


def test_a_null_that_is_there_is_a_value(run: Any, till: str) -> None:
    """JSON's null was said, which is not the same as nothing."""
    steps = [{"check": "it is null", "url": till, "save": {"a": "note"}, "expect": {"note": None}}]
    assert run(steps)[1:] == ({"a": None}, "")


def test_what_is_there_is_saved_though_something_else_is_not(run: Any, till: str) -> None:
    """The clean-up needs the name of what was made, whatever else the answer lacks."""
    steps = steps_of(till)
    steps[1]["save"] = {"lost": "receipt", "id": "id"}
    steps[2]["body"] = {"id": "$id"}
    _, _, broken = run(steps)
    assert (broken.partition(":")[0], Till.balance) == ("it is taken", 1000)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"value": "$note+1000"}, "expected $note to be a number, observed null"),
        ({"url": "/short"}, "observed IncompleteRead: "),
        ({"url": "/ space"}, "observed InvalidURL: "),
        ({"command": ["printf", "\\377"]}, "observed UnicodeDecodeError: "),
    ],
)
def test_cleanup_runs_after_any_error(
    run: Any, till: str, wrong: dict[str, Any], said: str
) -> None:
    """Whatever goes wrong in a step is an observation; what was taken is given back."""
    steps = steps_of(till)
    steps[0]["save"] = {"before": "balance", "note": "note"}
    if "url" in wrong:
        wrong = {"url": till + wrong["url"]}
    steps.insert(2, {"check": "it goes wrong", **wrong})
    checks, _, broken = run(steps)
    assert [check["passed"] for check in checks] == [True, False, True]
    assert broken.startswith("it goes wrong: expected ")
    assert said in broken
    assert Till.balance == 1000


@pytest.mark.parametrize(("status", "passed"), [(200, False), (302, True)])
def test_a_redirect_is_not_followed(run: Any, till: str, status: int, passed: bool) -> None:
    """A page elsewhere that says 200 is not the answer that was asked for."""
    (check,), _, _ = run([{"check": "it moved", "url": f"{till}/moved", "status": status}])
    assert check["passed"] is passed


def test_a_proxy_of_the_host_does_not_answer_for_the_server(
    run: Any, till: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would say 200 although the server is down."""
    monkeypatch.setenv("http_proxy", till)
    checks, _, _ = run([{"check": "it answers", "url": "http://127.0.0.1:1/"}])
    assert not checks[0]["passed"]
