"""The writer: whole files, private, replaced in one act."""

import json
from pathlib import Path

import pytest

from automation.views.files import replace_file, write_report, write_views
from automation.views.i18n import Translator
from tests.unit.views.samples import HEAD, RUN_ID, no_go, running


def test_all_views_are_written_private(tmp_path: Path) -> None:
    """Four files of mode 0600 and nothing else; the page is in the language asked for."""
    story = no_go()
    write_views(tmp_path, story.state, story.now, HEAD, translate=Translator("ko"))
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == ["junit.xml", "metrics.prom", "report.html", "report.json"]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    assert "개장 불가" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_report_is_there_while_the_run_goes_on(tmp_path: Path) -> None:
    """`report.json` alone is written from the first second, as RUNNING."""
    story = running()
    write_report(tmp_path, story.state, story.now, HEAD)
    document = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert (document["run_id"], document["result_state"]) == (RUN_ID, "RUNNING")


def test_a_failed_write_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk refuses, the reader still finds the last whole file."""
    path = tmp_path / "report.json"
    replace_file(path, "old")
    monkeypatch.setattr("os.fsync", _refuse)
    with pytest.raises(OSError, match="full"):
        replace_file(path, "new")
    assert [(item.name, item.read_text(encoding="utf-8")) for item in tmp_path.iterdir()] == [
        ("report.json", "old")
    ]


def _refuse(_file: int) -> None:
    raise OSError("the disk is full")
