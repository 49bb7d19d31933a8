"""What an operator gives to Ansible is on record, without its secrets, and goes on with the run."""

from dataclasses import replace
from pathlib import Path

import pytest

from automation.errors import UsageError
from automation.procedures.extra_vars import recorded, to_resume
from automation.run.state import State
from automation.views.i18n import Translator
from automation.views.report import build_report
from automation.views.summary import render_summary
from tests.unit.views.samples import HEAD, Story, morning_plan
from tests.unit.views.test_live import printed

SECRET = "[redacted]"


def begun_with(*words: str) -> State:
    """A morning that was begun with these words."""
    return Story(replace(morning_plan(), extra_vars=recorded(words))).begin().state


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("haproxy_up_timeout=40", "haproxy_up_timeout=40"),
        ("db_password=canary", f"db_password={SECRET}"),
        ("a=1 db_password='ca nary'", f"a=1 db_password={SECRET}"),
        ('{"db_password": "canary"}', f'{{"db_password":{SECRET}'),
        ("{api_token: canary}", f"{{api_token:{SECRET}"),
    ],
)
def test_secrets_are_on_no_record(given: str, kept: str) -> None:
    """What looks like one is taken out; its name stays."""
    assert recorded([given]) == (kept,)


def test_a_file_is_known_by_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run may be resumed from another directory."""
    monkeypatch.chdir(tmp_path)
    assert recorded(["@more.yml"]) == (f"@{tmp_path}/more.yml",)


def test_a_run_goes_on_with_its_own() -> None:
    """They may be given again, and need not be; others are refused."""
    state = begun_with("haproxy_up_timeout=40")
    assert to_resume(state, []) == ("haproxy_up_timeout=40",)
    assert to_resume(state, ["haproxy_up_timeout=40"]) == ("haproxy_up_timeout=40",)
    with pytest.raises(UsageError, match=r"other extra variables \(-e\): haproxy_up_timeout=40"):
        to_resume(state, ["haproxy_up_timeout=50"])


def test_a_run_without_any_goes_on_without() -> None:
    """None are slipped in between."""
    assert to_resume(begun_with(), []) == ()
    with pytest.raises(UsageError, match="other extra variables"):
        to_resume(begun_with(), ["a=1"])


def test_a_secret_is_to_be_given_again() -> None:
    """It is on no record, so nobody goes on with half of what the run was begun with."""
    state = begun_with("db_password=canary")
    with pytest.raises(UsageError, match="which is on no record"):
        to_resume(state, [])
    assert to_resume(state, ["db_password=canary"]) == ("db_password=canary",)


@pytest.mark.parametrize(
    ("lang", "said"),
    [("en", "hana gave Ansible extra variables (-e): a=1"), ("ko", "hana 추가 변수(-e) 지정: a=1")],
)
def test_the_report_tells_who_gave_them(lang: str, said: str) -> None:
    """They change what is done, so they are the operator's act."""
    state = begun_with("a=1")
    report = build_report(state, state.started_at, HEAD)
    assert report.extra_vars == ("a=1",)
    assert said in printed(render_summary(report, Path("report.html"), Translator(lang)))
