"""`raceday report`: a run and a month, computed from journals that are verified on the way."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from automation.cli import raceday
from automation.errors import RacedayError, UsageError
from automation.exit_codes import ExitCode
from tests.unit.views.records import keep, morning_at, utc
from tests.unit.views.samples import died, second_try, unreachable

DEAD = {("wagering.start", f"wagering{n}"): died("wagering.start", f"wagering{n}") for n in (1, 2)}
AWAY = {("wagering.preflight", "wagering2"): unreachable("wagering.preflight", "wagering2")}


@pytest.fixture(scope="module")
def two_months(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """October: a slow morning. November: in time, late, not opened, at the second try, broken."""
    reports = tmp_path_factory.mktemp("two_months")
    keep(reports, morning_at(utc("2026-10-29T23:30:00")), utc("2026-10-29T23:30:00"), slow=3)
    keep(reports, morning_at(utc("2026-10-31T23:30:00")), utc("2026-10-31T23:30:00"))
    late = utc("2026-11-08T00:10:00")
    keep(reports, morning_at(late), late)
    keep(reports, morning_at(utc("2026-11-14T23:30:00"), DEAD), utc("2026-11-14T23:30:00"))
    keep(reports, morning_at(utc("2026-11-15T23:30:00"), AWAY), utc("2026-11-15T23:30:00"))
    keep(reports, second_try(), utc("2026-11-20T23:30:00"))
    folder = keep(reports, morning_at(utc("2026-11-21T23:30:00")), utc("2026-11-21T23:30:00"))
    journal = folder / "journal.jsonl"
    journal.write_text(journal.read_text("utf-8").replace("hana", "hano", 1), encoding="utf-8")
    return reports


@pytest.fixture
def reports(two_months: Path, tmp_path: Path) -> Path:
    """A copy of the two months."""
    return shutil.copytree(two_months, tmp_path / "reports")


def run(reports: Path, *words: str, lang: str = "en") -> Result:
    """The command on these reports."""
    options = ["--reports", str(reports), "--lang", lang]
    return CliRunner().invoke(raceday, [*options, *words], standalone_mode=False)


def month(reports: Path, name: str) -> dict[str, Any]:
    """The document of a month."""
    result = run(reports, "--format", "json", "report", "--month", name)
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_a_month_is_the_venues_own(reports: Path) -> None:
    """A run of 1 November in Seoul began on 31 October in UTC; every day has its margin."""
    days = month(reports, "2026-11")["days"]
    assert [(day["date"], day["result"], day["met"]) for day in days] == [
        ("2026-11-01", "GO", True),
        ("2026-11-08", "GO", False),
        ("2026-11-15", "NO-GO", False),
        ("2026-11-16", "CONDITIONAL", False),
        ("2026-11-21", "GO", True),
    ]
    margins = [day["margin_seconds"] for day in days]
    assert margins[0] == pytest.approx(30 * 60 - 23, abs=2)
    assert margins[1] == pytest.approx(-10 * 60 - 23, abs=2)
    assert margins[2:4] == [None, None]


def test_a_month_is_compared_with_the_one_before(reports: Path) -> None:
    """Runs by verdict, median and p95, and how much faster that was than in October."""
    (morning,) = month(reports, "2026-11")["procedures"]
    assert morning["results"] == {"GO": 3, "CONDITIONAL": 1, "NO-GO": 1}
    assert morning["before"]["median"] == pytest.approx(3 * morning["duration"]["median"], rel=0.1)
    assert morning["change"]["median"] == pytest.approx(
        morning["duration"]["median"] - morning["before"]["median"], abs=0.01
    )
    (october,) = month(reports, "2026-10")["procedures"]
    assert (october["before"], october["change"]) == (None, None)


def test_what_failed_is_told_with_its_place(reports: Path) -> None:
    """What keeps the venue closed, who was missed, and what went well only at the second try."""
    failures = month(reports, "2026-11")["failures"]
    assert {(item["host"], item["what"], item["mended"]) for item in failures} == {
        ("wagering1", "wagering.service did not start on wagering1", False),
        ("wagering2", "wagering.service did not start on wagering2", False),
        ("wagering2", "wagering2 cannot be reached", False),
        ("wagering1", "wagering came up on wagering1 only at try 2", True),
    }


def test_time_saved_names_its_runs(reports: Path) -> None:
    """Low, likely and high are sums; a NO-GO saves nothing."""
    saved = month(reports, "2026-11")["time_saved"]
    assert saved["runs"] == 4
    assert saved["low"] < saved["likely"] < saved["high"]


def test_a_broken_journal_is_named_and_not_counted(reports: Path) -> None:
    """In the document, on the terminal, on the page and in the exit code."""
    document = month(reports, "2026-11")
    (broken,) = document["unproven"]
    assert broken["run_id"] == "20261121T233000Z-morning-3f2a"
    assert broken["why"].startswith("journal.jsonl, line 1: its content does not match its hash")
    assert len(document["proofs"]) == 5
    result = run(reports, "report", "--month", "2026-11")
    page = (reports / "demo" / "month-2026-11.html").read_text(encoding="utf-8")
    assert result.return_value == ExitCode.NO_GO
    for text in (result.stdout, page):
        assert "Only 5 of 6 journals are whole." in text
        assert broken["run_id"] in text


def test_a_month_speaks_korean(reports: Path) -> None:
    """Terminal and page."""
    said = run(reports, "report", "--month", "2026-10", lang="ko")
    assert (said.return_value, said.stdout.splitlines()[0]) == (0, "Demo racecourse · 2026년 10월")
    page = (reports / "demo" / "month-2026-10.html").read_text(encoding="utf-8")
    assert '<html lang="ko">' in page
    assert "저널 1건이 모두 온전하며" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_an_empty_month_says_so(reports: Path) -> None:
    """It is no failure, and leaves no page."""
    result = run(reports, "report", "--month", "2026-08")
    assert (result.return_value, result.stdout) == (0, "No run of August 2026 is on record.\n")
    assert not list((reports / "demo").glob("month-*"))
    assert month(reports, "2026-08")["proofs"] == []


@pytest.mark.parametrize("name", ["2026-13", "november", "2026-11-01", "26-11"])
def test_no_month_is_wrong_usage(reports: Path, name: str) -> None:
    """It says how to write one."""
    assert isinstance(run(reports, "report", "--month", name).exception, UsageError)


def test_a_run_is_reported_anew_in_the_language_of_choice(reports: Path) -> None:
    """From its journal alone: the page that was lost is there again."""
    folder = reports / "demo" / "20261120T233000Z-morning-3f2a"
    (folder / "report.html").unlink()
    (folder / "report.json").unlink()
    result = run(reports, "report", "20261120", lang="ko")
    assert result.return_value == ExitCode.GO
    assert "개장 가능" in result.stdout
    assert str(folder / "report.html") in result.stdout.replace("\n", "")
    assert '<html lang="ko">' in (folder / "report.html").read_text(encoding="utf-8")
    document = json.loads(run(reports, "--format", "json", "report", "20261120").stdout)
    assert document == json.loads((folder / "report.json").read_text(encoding="utf-8"))


def test_a_broken_run_has_no_report(reports: Path) -> None:
    """Nothing is computed from what was changed, and its page is left alone."""
    folder = reports / "demo" / "20261121T233000Z-morning-3f2a"
    before = (folder / "report.html").read_bytes()
    result = run(reports, "report", "20261121")
    assert isinstance(result.exception, RacedayError)
    assert (folder / "report.html").read_bytes() == before


def test_a_link_is_no_run(reports: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A folder from elsewhere under a run's name is neither counted nor read."""
    elsewhere = keep(
        tmp_path_factory.mktemp("other"),
        morning_at(utc("2026-10-30T23:30:00")),
        utc("2026-10-30T23:30:00"),
    )
    (reports / "demo" / elsewhere.name).symlink_to(elsewhere)
    assert len(month(reports, "2026-10")["proofs"]) == 1
    assert isinstance(run(reports, "report", "20261030").exception, UsageError)
