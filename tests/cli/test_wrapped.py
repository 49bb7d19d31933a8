"""What is too wide for a terminal is wrapped, never cut; paths, and what is piped, stay whole."""

from pathlib import Path

import pytest

from automation.commands.plan import plan
from automation.run.events import RunStarted
from automation.views.files import PAGE
from tests.cli.test_explain import record, run, site
from tests.cli.test_plan import run as planned
from tests.cli.test_runs import run as runs
from tests.unit.views.records import keep
from tests.unit.views.samples import BEGAN, RUN_ID, Story, died, morning_plan

__all__ = ["site"]
LONG = "발매엔진" * 20  # a word of 160 columns


def story() -> Story:
    """A morning whose wagering engine has a long name of a unit, in which both hosts die."""
    hosts = ("wagering1", "wagering2")
    dead = {("wagering.start", host): died("wagering.start", host) for host in hosts}
    plan = morning_plan()
    long = {**plan.components}
    long["wagering"] = type(long["wagering"])(
        "wagering", LONG, hosts, ("database", "cache"), min_ready=2, unit=LONG
    )
    told = Story(morning_plan(components=long), reports=dead)
    return told.tell(RunStarted(RUN_ID, LONG, told.plan.dump(), {"raceday": "0.1.0"})).go_on()


def whole(text: str) -> bool:
    """Whether every character of the long word is there."""
    return LONG in "".join(text.split()) and "…" not in text


def terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """What is printed goes to a terminal of so many columns, without colours."""
    columns = {"FORCE_COLOR": "1", "TERM": "dumb", "COLUMNS": str(width), "LINES": "25"}
    for name, value in columns.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("width", [80, 100])
def test_a_long_word_is_wrapped_by_explain(
    site: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """In Korean, whose characters are two columns wide."""
    terminal(monkeypatch, width)
    record(site, story())
    assert whole(run(site, lang="ko").output)


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("command", ["list", "show"])
def test_a_long_word_is_wrapped_in_what_is_on_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int, command: str
) -> None:
    """Who ran it, and what came of it."""
    terminal(monkeypatch, width)
    keep(tmp_path, story(), BEGAN)
    assert whole(runs(tmp_path, command).output)


def test_the_path_of_a_report_is_never_broken(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever copies it from a narrow terminal gets all of it."""
    terminal(monkeypatch, 40)
    record(site, story())
    for run_folder in (site / "small").iterdir():
        (run_folder / PAGE).touch()
    (line,) = [line for line in run(site).output.splitlines() if line.startswith("Report: ")]
    assert line.endswith("report.html")


def test_a_plan_is_whole_where_nobody_looks_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Piped into a file, each step is one line, however narrow the terminal is."""
    monkeypatch.setenv("COLUMNS", "40")
    narrow = planned(plan, tmp_path, "morning").output
    monkeypatch.setenv("COLUMNS", "400")
    assert narrow == planned(plan, tmp_path, "morning").output
    assert len(max(narrow.splitlines(), key=len)) > 80
