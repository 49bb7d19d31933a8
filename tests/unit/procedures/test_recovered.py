"""What the record says of a run that was killed and then recovered."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from automation.procedures.records import JOURNAL, LOCK, read_run
from automation.procedures.recover import left_behind, mark_recovered, plan_recover
from automation.procedures.restart import plan_restart
from automation.run.journal import read_journal
from automation.run.lock import this_process
from automation.run.state import State
from automation.venue.site import Venue
from automation.views.explain import explain_run, explanation_document
from automation.views.i18n import Translator
from automation.views.status import Around
from automation.views.words import headline
from tests.unit.procedures.desk import Desk
from tests.unit.procedures.test_restart import HEAD, SELLING, VENUE
from tests.unit.venue.sites import site


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    """Two hosts behind a load balancer of one."""
    return site(tmp_path, VENUE, HEAD)


@pytest.fixture
def desk(venue: Venue, tmp_path: Path) -> Desk:
    """A restart among customers was killed in a stop, and recovered."""
    desk = Desk(tmp_path / "runs", SELLING)
    plan = replace(plan_restart(venue, {"wagering": ("w1", "w2")}), break_glass=True, reason="x")
    desk.run(plan, until="wagering.stop.1")
    desk.run(plan_recover(venue, left_behind(desk.reports)))
    holder = this_process("recover", "kim@ops1", "recover", desk.clock.now)
    mark_recovered(desk.reports, holder, "Asia/Seoul", Translator("en"))
    return desk


def dead(desk: Desk) -> Path:
    """The folder of the run that was killed."""
    return next(desk.reports.glob("*-restart-*"))


def read(desk: Desk) -> State:
    """That run, as its journal tells it."""
    state = read_run(dead(desk))
    assert state
    return state


@pytest.mark.parametrize(
    ("lang", "died", "back"),
    [
        ("en", "The process of this run died after ", "raceday recover put back what it had left"),
        ("ko", "이 실행의 프로세스가 ", "raceday recover가 남은 것을 원래대로 되돌렸습니다"),
    ],
)
def test_it_died_and_nobody_interrupted_it(desk: Desk, lang: str, died: str, back: str) -> None:
    """In what, and that nothing is left of it."""
    state, translate = read(desk), Translator(lang)
    found = explain_run(state, desk.clock.now, translate, Around(left=left_behind(desk.reports)))
    document = explanation_document(found, translate)
    first, last = document["sentences"]
    assert died in first
    assert "wagering.stop.1" in first
    assert back in last
    assert not any("raceday recover" in line for line in document["next"])


def test_its_report_is_written_to_the_end(desk: Desk) -> None:
    """With the journal's last seal, and a page for the manager."""
    folder = dead(desk)
    report = json.loads((folder / "report.json").read_text())
    assert (report["result_state"], report["died"], report["left"]) == ("CANCELLED", True, [])
    sealed = json.loads((folder / JOURNAL).read_text().splitlines()[-1])["hash"]
    assert report["journal_head"] == sealed
    page = (folder / "report.html").read_text()
    assert "Its process died before its end" in page
    assert "The operator stopped the run" not in page
    assert list(read_journal(folder / JOURNAL))


def test_it_has_a_word_of_its_own() -> None:
    """A verdict that it had come to stays."""
    assert str(headline("", "CANCELLED", check=False, died=True).word) == "Died"
    assert str(headline("GO", "CANCELLED", check=False, died=True).word) == "GO"


def test_the_venue_is_free_again(desk: Desk) -> None:
    """And a second recovery finds nothing."""
    holder = this_process("recover", "kim@ops1", "recover", desk.clock.now)
    before = (dead(desk) / JOURNAL).read_bytes()
    mark_recovered(desk.reports, holder, "Asia/Seoul", Translator("en"))
    assert (dead(desk) / JOURNAL).read_bytes() == before
    assert not (desk.reports / f"{LOCK}.holder").exists()
