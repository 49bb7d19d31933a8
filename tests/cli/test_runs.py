"""`raceday runs`: what is on record, and the proof that it was not changed."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from automation.cli import raceday
from automation.errors import RacedayError
from automation.procedures.session import utc_now
from automation.run.journal import FileSink, Journal
from automation.views.files import write_views
from automation.views.i18n import Translator
from tests.unit.views.samples import go

RUN = "20261120T233000Z-morning-3f2a"


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """One morning of the demo venue on record."""
    folder = tmp_path / "demo" / RUN
    folder.mkdir(parents=True)
    story = go()
    sink = FileSink(folder / "journal.jsonl")
    journal = Journal(sink)
    for event in story.events:
        journal.append(*event)
    sink.close()
    write_views(folder, story.state, utc_now(), journal.head, translate=Translator("en"))
    return tmp_path


def run(reports: Path, *words: str) -> Result:
    """The command on these reports."""
    return CliRunner().invoke(raceday, ["--reports", str(reports), "runs", *words])


def test_a_run_is_listed_and_verified(reports: Path) -> None:
    """Whole: every line is sealed, and the report names the last one."""
    assert RUN in run(reports, "list").output
    assert "each sealed to the one before it" in run(reports, "verify", "3f2a").output


@pytest.mark.parametrize("name", ["journal.jsonl", "report.json"])
def test_what_was_changed_is_found(reports: Path, name: str) -> None:
    """One character is enough, in the journal or in the report's seal."""
    file = reports / "demo" / RUN / name
    text = file.read_text(encoding="utf-8")
    old = '"GO"' if name == "journal.jsonl" else '"journal_head": "'
    new = '"NO"' if name == "journal.jsonl" else '"journal_head": "0'
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    assert isinstance(run(reports, "verify").exception, RacedayError)
