"""`raceday resume`, as typed."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from automation.cli import raceday
from automation.errors import Refused, UsageError
from automation.run.plan import Plan
from automation.run.state import State
from automation.venue.site import Venue
from tests.cli.test_explain import killed, record, site
from tests.unit.views.samples import RUN_ID, Story

__all__ = ["site"]


def looked(_venue: Venue, plan: Plan, _observers: Sequence[object]) -> State:
    """A look that has not been answered by anybody."""
    return Story(plan).begin().state


@pytest.mark.parametrize(
    ("lang", "words"),
    [("en", ("Re-run", "New", "start")), ("ko", ("다시 실행", "새로 실행", "기동"))],
)
def test_the_preview_lists_each_step_by_what_becomes_of_it(
    site: Path, monkeypatch: pytest.MonkeyPatch, lang: str, words: tuple[str, str, str]
) -> None:
    """Its whole name, what it does and on which hosts, each on a line of its own."""
    record(site, killed(site))
    monkeypatch.setattr("automation.commands.resume.probe_now", looked)
    options = ("--venue", str(site), "--reports", str(site), "--lang", lang)
    result = CliRunner().invoke(raceday, [*options, "resume", RUN_ID, "--check"])
    lines = [line.split() for line in result.stderr.splitlines()]
    rerun, new = (result.stderr.index(word) for word in words[:2])
    assert rerun < result.stderr.index("cache.start") < new < result.stderr.index("wagering.start")
    assert ["wagering.start", words[2], "wagering1,", "wagering2"] in lines


def test_other_extra_variables_than_the_runs_are_refused(site: Path) -> None:
    """It would be half of one run and half of another; nothing is asked or touched."""
    record(site, killed(site))
    options = ("--venue", str(site), "--reports", str(site), "--lang", "en")
    result = CliRunner().invoke(raceday, [*options, "resume", RUN_ID, "-e", "a=1", "--check"])
    assert isinstance(result.exception, UsageError)
    assert "was begun with other extra variables (-e)" in result.exception.message


def test_a_look_at_a_run_that_broke_the_glass_wants_a_reason_too(site: Path) -> None:
    """As going on with it does: what was a reason then is none for now."""
    record(site, killed(site, break_glass=True, reason="x"))
    options = ("--venue", str(site), "--reports", str(site), "--lang", "en")
    result = CliRunner().invoke(raceday, [*options, "resume", RUN_ID, "--check"])
    assert isinstance(result.exception, Refused)
    assert "broke the glass: x. That was then." in result.exception.message
