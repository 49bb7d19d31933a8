"""What every command that runs something says before it does."""

from dataclasses import replace
from pathlib import Path

import pytest

from automation.commands import show
from automation.commands.show import run_and_show
from automation.errors import Refused
from automation.procedures.recover import left_behind, plan_recover
from automation.procedures.restart import plan_restart
from automation.procedures.session import Request
from automation.procedures.status import plan_status
from automation.run.plan import Plan
from automation.settings import Settings
from automation.venue.site import Venue
from tests.unit.procedures.desk import Desk
from tests.unit.procedures.test_restart import HEAD, SELLING, VENUE
from tests.unit.venue.sites import site


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    """Two hosts behind a load balancer of one."""
    return site(tmp_path, VENUE, HEAD)


@pytest.fixture
def reports(venue: Venue, tmp_path: Path) -> Path:
    """A restart was killed when it was about to start what it had stopped."""
    plan = replace(plan_restart(venue, {"wagering": ("w1",)}), break_glass=True)
    Desk(tmp_path / "runs" / venue.name, SELLING).run(plan, until="wagering.start.1")
    return tmp_path / "runs"


def said_before(
    reports: Path, venue: Venue, plan: Plan, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    """The lines on stderr at the moment when a run begins."""
    said: list[str] = []

    def begin(*_args: object) -> None:
        said.extend(capsys.readouterr().err.splitlines())
        raise Refused("this is as far as it goes")

    settings = Settings(venue="demo", reports=reports, lang="en", format="json")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(show, "run_plan", begin)
        with pytest.raises(Refused):
            run_and_show(settings, venue, plan, Request())
    return said


def test_what_an_earlier_run_has_left_is_said_first(
    reports: Path, venue: Venue, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever is run now."""
    assert said_before(reports, venue, plan_status(venue), capsys) == [
        "w1 of wagering was left out of rotation: raceday recover",
        "wagering on w1 was stopped, and whether it was started again is not known: "
        "raceday recover",
    ]


def test_a_recovery_has_said_it_already(
    reports: Path, venue: Venue, capsys: pytest.CaptureFixture[str]
) -> None:
    """It asked whether to put that back."""
    plan = plan_recover(venue, left_behind(reports / venue.name))
    said = said_before(reports, venue, plan, capsys)
    assert not [line for line in said if "raceday recover" in line]
