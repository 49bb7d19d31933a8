"""`raceday plan` and `raceday test --list`, as typed: what would be done, without a host asked."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from automation.commands.plan import plan
from automation.commands.test import test as run_tests
from automation.errors import UsageError
from automation.settings import Settings
from automation.views.i18n import Translator
from automation.views.plan import render_plan
from tests.unit.views.samples import morning_plan
from tests.unit.views.test_live import printed

EXAMPLE = Path(__file__).parents[2] / "inventories" / "example"


def run(command: click.Command, folder: Path, *words: str, output: str = "text") -> Result:
    """A command on the venue that we ship as an example."""
    settings = Settings(str(EXAMPLE), reports=folder, lang="en", format=output)
    return CliRunner().invoke(command, words, obj=settings)


@pytest.mark.parametrize("procedure", ["morning", "evening"])
def test_a_plan_names_every_step(tmp_path: Path, procedure: str) -> None:
    """On the terminal and as one document the same steps, in the order of the graph."""
    document = json.loads(run(plan, tmp_path, procedure, output="json").output)
    shown = run(plan, tmp_path, procedure)
    assert shown.exit_code == 0
    steps = [step["id"] for step in document["steps"]]
    assert (document["procedure"], len(steps) > 0) == (procedure, True)
    assert [step for step in steps if f"{step} " not in shown.output] == []


def test_the_tests_are_listed_without_being_run(tmp_path: Path) -> None:
    """The venue's own, and what an external partner is asked."""
    found = json.loads(run(run_tests, tmp_path, "--list", output="json").output)
    board = ["the board shows race 1", "the feed is fresh"]
    assert found["odds_board"] == {"components": ["odds_board"], "checks": board}
    partner = {"components": ["settlement_bank"], "checks": ["it answers"]}
    assert found["settlement_bank"] == found["links"] == partner
    shown = run(run_tests, tmp_path, "--list", "odds_board").output
    assert "the feed is fresh" in shown
    assert "settlement_bank" not in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("odds_bord",), "There is no test odds_bord."),
        (("odds_board", "--limit", "db1.example"), "has no host of this name"),
    ],
)
def test_a_wrong_name_is_refused(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """Before anything is asked, with what it could be."""
    error = run(run_tests, tmp_path, *words, "--yes").exception
    assert isinstance(error, UsageError)
    assert said in error.message


@pytest.mark.parametrize(("lang", "unit"), [("en", " s"), ("ko", "초")])
def test_a_plan_tells_seconds_in_the_readers_language(lang: str, unit: str) -> None:
    """As many as the median of earlier runs."""
    plan = morning_plan()
    shown = printed(render_plan(plan, Translator(lang)), 200)
    row = next(line for line in shown.splitlines() if "wagering.start " in line)
    assert row.rstrip().endswith(f" {plan.estimates['wagering.start']:.1f}{unit}")


def test_the_tests_of_the_demo_are_listed_in_korean(tmp_path: Path) -> None:
    """Every check that raceday or its roles name; what the venue file names stays as it is."""
    settings = Settings(str(EXAMPLE.parent / "demo"), tmp_path, lang="ko", format="json")
    found = json.loads(CliRunner().invoke(run_tests, ["--list"], obj=settings).output)
    names = {name for test in found.values() for name in test["checks"]}
    say = Translator("ko").check_name
    assert {name for name in names if say(name) == name} == set()
    assert say("bet: error rate") == "bet: 오류율"
