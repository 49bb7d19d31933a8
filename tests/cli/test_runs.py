"""`raceday runs`: what is on record, and the proof that it was not changed."""

import json
import os
import subprocess
import tarfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from automation.cli import raceday
from automation.errors import RacedayError, Refused, UsageError
from automation.procedures.records import LOCK
from automation.run.events import (
    HostReported,
    HostState,
    RunFinished,
    StepFinished,
    StepStarted,
    VerdictDecided,
)
from automation.run.lock import hold, this_process
from automation.run.plan import Step, Verb
from tests.unit.views.records import keep, utc
from tests.unit.views.samples import BEGAN, Story, go, morning_plan, revoked, running

RUN = "20261120T233000Z-morning-3f2a"


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """One morning of the demo venue on record."""
    keep(tmp_path, go(), BEGAN)
    return tmp_path


def run(reports: Path, *words: str) -> Result:
    """The command on these reports."""
    return CliRunner().invoke(raceday, ["--reports", str(reports), "runs", *words])


def test_a_run_is_listed_and_verified(reports: Path) -> None:
    """Whole: every line is sealed, and the report names the last one."""
    assert RUN in run(reports, "list").output
    assert "each sealed to the one before it" in run(reports, "verify", "3f2a").output


def test_a_verdict_that_no_longer_holds_is_not_listed_as_one(tmp_path: Path) -> None:
    """Who reads the list must not take it for a GO."""
    keep(tmp_path, revoked(), BEGAN)
    listed = run(tmp_path, "list").output
    assert ("✗ Revoked" in listed, "GO" in listed) == (True, False)


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


def asked(reports: Path, *words: str) -> dict[str, Any]:
    """The document of a command on these reports."""
    options = ["--reports", str(reports), "--format", "json", "runs"]
    document: dict[str, Any] = json.loads(CliRunner().invoke(raceday, [*options, *words]).stdout)
    return document


def test_a_run_is_shown_with_its_steps(reports: Path) -> None:
    """What, when, by whom, the verdict, each step with its time."""
    lines = run(reports, "show", "3f2a").output.splitlines()
    assert lines[:5] == [
        RUN,
        "Demo racecourse · Morning start-up",
        "Saturday 21 November 2026 08:30:00 - 08:30:23 (24\u00a0s)",
        "Operator: hana",
        "✓ GO  Every gate and every check was confirmed.",
    ]
    assert any(line.split()[1:4] == ["wagering.start", "✓", "succeeded"] for line in lines)
    document = asked(reports, "show")
    assert (document["run_id"], document["verdict"]["result"]) == (RUN, "GO")


def test_a_check_is_not_the_newest_run(reports: Path) -> None:
    """What was only shown stands before nothing that was done; asked for, it is shown."""
    check = Story(morning_plan(check=True)).begin().go_on()
    folder = keep(reports, check, BEGAN + timedelta(hours=1))
    assert asked(reports, "show")["run_id"] == RUN
    assert run(reports, "verify").output.startswith(RUN)
    assert "Check mode" in run(reports, "show", folder.name).output


def test_an_archive_proves_itself_and_is_always_the_same(reports: Path, tmp_path: Path) -> None:
    """Each file with its sum; the same bytes again, whoever makes it."""
    (reports / "demo" / RUN / "evidence-w1.tar.gz").write_bytes(b"evidence")
    (reports / "demo" / RUN / "left.tmp").write_text("not a part of a run")
    archives = [tmp_path / "one.tar.gz", tmp_path / "two.tar.gz"]
    for archive in archives:
        files = asked(reports, "export", "3f2a", "-o", str(archive))["files"]
        os.utime(reports / "demo" / RUN / "report.json")
    assert archives[0].read_bytes() == archives[1].read_bytes()
    assert set(files) == {
        *("journal.jsonl", "report.json", "report.html", "junit.xml", "metrics.prom"),
        *("evidence-w1.tar.gz", "SHA256SUMS"),
    }
    with tarfile.open(archives[0]) as packed:
        packed.extractall(tmp_path / "out", filter="data")
    check = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    subprocess.run(check, cwd=tmp_path / "out" / RUN, check=True, capture_output=True)


def test_an_archive_replaces_nothing_unless_told(reports: Path, tmp_path: Path) -> None:
    """What is there stays as it is; nor is anything written through a link."""
    target, link = tmp_path / "mine", tmp_path / "link"
    target.write_text("mine")
    link.symlink_to(target)
    for place in (target, link):
        assert isinstance(run(reports, "export", "-o", str(place)).exception, UsageError)
        assert target.read_text() == "mine"
    assert run(reports, "export", "-o", str(link), "--force").exit_code == 0
    assert (target.read_text(), link.is_symlink()) == ("mine", False)


def test_a_broken_run_is_archived_only_on_demand(reports: Path, tmp_path: Path) -> None:
    """As evidence, and by somebody who says that they know."""
    journal = reports / "demo" / RUN / "journal.jsonl"
    journal.write_text(journal.read_text("utf-8").replace("hana", "hano", 1), encoding="utf-8")
    target = tmp_path / "broken.tar.gz"
    assert isinstance(run(reports, "export", "-o", str(target)).exception, RacedayError)
    assert not target.exists()
    assert run(reports, "export", "-o", str(target), "--broken").exit_code == 0
    assert target.exists()


def test_a_link_in_a_run_is_not_followed(reports: Path, tmp_path: Path) -> None:
    """A file that somebody has linked there is none of the run's."""
    page = reports / "demo" / RUN / "report.html"
    page.unlink()
    page.symlink_to("/etc/passwd")
    target = tmp_path / "run.tar.gz"
    assert isinstance(run(reports, "export", "-o", str(target)).exception, RacedayError)
    assert not target.exists()


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """From old to new: a plain one, a broken one, one without an end, a plain one, the newest."""
    folders = [
        keep(tmp_path, story, utc(f"2026-0{month}-01T23:30:00"))
        for month, story in enumerate((go(), go(), running(), go(), go()), start=1)
    ]
    journal = folders[1] / "journal.jsonl"
    journal.write_text(journal.read_text("utf-8").replace("hana", "hano", 1), encoding="utf-8")
    return tmp_path


def months(reports: Path) -> list[str]:
    """The months of the runs that are there."""
    return sorted(path.name[4:6] for path in (reports / "demo").glob("2*"))


def test_old_runs_are_removed_and_what_is_needed_stays(history: Path) -> None:
    """Broken, unfinished and newest verdict stay, whatever is asked; each with its reason."""
    shown = asked(history, "prune", "--older-than", "1d", "--check")
    assert months(history) == ["01", "02", "03", "04", "05"]
    done = asked(history, "prune", "--older-than", "1d", "--yes")
    assert done == {**shown, "check": False}
    assert [name[4:6] for name in done["removed"]] == ["01", "04"]
    assert done["bytes"] > 0
    assert {item["run_id"][4:6]: item["why"] for item in done["kept"]} == {
        "02": "its journal is not whole, and that is evidence",
        "03": "it never came to its end: raceday recover",
        "05": "it holds the newest verdict",
    }
    assert months(history) == ["02", "03", "05"]
    assert [path.name for path in (history / "demo").glob(".pruned*")] == []


def test_the_newest_runs_are_kept_by_number(history: Path) -> None:
    """`--keep 4` leaves four."""
    assert [name[4:6] for name in asked(history, "prune", "--keep", "4", "--yes")["removed"]] == [
        "01"
    ]


def test_what_is_not_put_back_yet_is_still_needed(tmp_path: Path) -> None:
    """A server that an old run drained is in its journal only; once sales were opened it is not."""
    left_out = replace(go().plan, procedure="restart", gives_verdict=False)
    drain = Step(
        "wagering.drain",
        "wagering",
        Verb.DRAIN,
        ("load_balancer1",),
        "d",
        hosts_of="load_balancer",
        servers=("wagering1",),
    )
    look = Step("load_balancer.look", "load_balancer", Verb.PROBE, ("load_balancer1",), "look")
    plan = replace(left_out, steps={look.id: look, drain.id: drain})
    said = HostReported(
        look.id,
        "load_balancer1",
        HostState.OK,
        evidence={"sales": "open", "rotation": "wagering/wagering1"},
    )
    story = Story(plan).begin()
    story.tell(StepStarted(look.id, look.hosts)).tell(said).tell(StepFinished(look.id))
    story.tell(StepStarted(drain.id, drain.hosts, {"load_balancer1": ("wagering1",)}))
    story.tell(HostReported(drain.id, "load_balancer1", HostState.OK)).tell(StepFinished(drain.id))
    keep(tmp_path, story.tell(RunFinished("ERRORS")), utc("2026-02-01T23:30:00"))
    (kept,) = asked(tmp_path, "prune", "--older-than", "1d", "--yes")["kept"]
    assert kept["why"] == "what it took is not put back yet: raceday recover"
    keep(tmp_path, go(), utc("2026-03-01T23:30:00"))
    assert len(asked(tmp_path, "prune", "--older-than", "1d", "--yes")["removed"]) == 1


def test_what_forbids_a_resume_stays(tmp_path: Path) -> None:
    """The last run of all, however old; what only looked forbids nothing."""
    keep(tmp_path, go(), utc("2026-01-01T23:30:00"))
    evening = Story(replace(go().plan, procedure="evening", gives_verdict=False, steps={})).begin()
    keep(tmp_path, evening.tell(RunFinished("SUCCESS")), utc("2026-02-01T23:30:00"))
    keep(tmp_path, evening, utc("2026-03-01T23:30:00"))
    check = Story(morning_plan(check=True)).begin().go_on()
    keep(tmp_path, check, utc("2026-04-01T23:30:00"))
    done = asked(tmp_path, "prune", "--older-than", "1d", "--yes")
    assert [name[4:6] for name in done["removed"]] == ["02", "04"]
    assert {item["run_id"][4:6]: item["why"] for item in done["kept"]} == {
        "01": "it holds the newest verdict",
        "03": "it came last, so no run before it may be resumed",
    }


def test_no_run_on_record_is_said(tmp_path: Path) -> None:
    """With what makes one; for programs an empty list."""
    said = run(tmp_path, "list").output
    assert "No run of this venue is on record." in said
    assert "raceday morning" in said
    options = ["--reports", str(tmp_path), "--format", "json", "runs", "list"]
    assert json.loads(CliRunner().invoke(raceday, options).stdout) == []


def test_nothing_is_removed_unasked(history: Path) -> None:
    """Without a terminal and without --yes it refuses; without a rule there is nothing old."""
    assert isinstance(run(history, "prune", "--keep", "1").exception, Refused)
    for words in ((), ("--keep", "1", "--older-than", "1d"), ("--older-than", "soon")):
        assert isinstance(run(history, "prune", *words).exception, UsageError)
    assert len(months(history)) == 5


def test_what_is_linked_is_not_removed(history: Path, tmp_path_factory: Any) -> None:
    """A link that looks like a run leads elsewhere, and there is nothing of this venue's."""
    elsewhere = tmp_path_factory.mktemp("precious")
    (elsewhere / "file").write_text("precious")
    (history / "demo" / "20250101T233000Z-morning-3f2a").symlink_to(elsewhere)
    asked(history, "prune", "--older-than", "1d", "--yes")
    assert (elsewhere / "file").read_text() == "precious"


def test_a_run_whose_process_was_killed_is_not_in_progress(tmp_path: Path) -> None:
    """Only who holds the venue for it goes on; by list, show and report."""
    folder = keep(tmp_path, running(), BEGAN)
    report = ["--reports", str(tmp_path), "--lang", "en", "report"]
    with hold(folder.parent / LOCK, this_process(folder.name, "hana", "morning", BEGAN)):
        assert "▸ In progress" in run(tmp_path, "list").output
        assert "▸ In progress" in run(tmp_path, "show").output
        assert "▸ In progress" in CliRunner().invoke(raceday, report).output
    with hold(folder.parent / LOCK, this_process(RUN.replace("3f2a", "77aa"), "hana", "x", BEGAN)):
        assert "■ Died" in run(tmp_path, "list").output
    said = "■ Died  Its process died before its end; raceday explain says how to go on."
    assert "■ Died" in run(tmp_path, "list").output
    assert said in run(tmp_path, "show").output
    assert said in CliRunner().invoke(raceday, report).output


def test_a_verdict_of_a_run_that_was_killed_is_not_shown_as_its_end(tmp_path: Path) -> None:
    """It died before sales were opened on it, or before that was written down."""
    story = go()
    cut = next(i for i, (event, _) in enumerate(story.events) if isinstance(event, VerdictDecided))
    keep(tmp_path, Story(story.plan, events=story.events[: cut + 1]), BEGAN)
    assert "■ Died" in run(tmp_path, "list").output
