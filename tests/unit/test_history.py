"""Durations of past runs: medians of what really worked, whatever lies beside it."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from automation.history import Duration, History, last_go, read_history, read_steps
from automation.views.notify import previous_outcome
from automation.views.report import build_report, dump_report
from tests.unit.views.samples import HEAD, STORIES, go, morning_plan


def report(**changes: Any) -> dict[str, Any]:
    """A short successful report."""
    step = {
        "id": "a.start",
        "verb": "start",
        "status": "succeeded",
        "seconds": 4.0,
        "hosts": [{"state": "ok"}],
    }
    verdict = {"result": "GO", "decided_at": "2026-11-20T23:30:22.000+00:00"}
    base = {"procedure": "morning", "result_state": "SUCCESS", "check": False}
    return {**base, "duration_seconds": 10.0, "verdict": verdict, "steps": [step], **changes}


def keep(
    reports: Path,
    number: int,
    content: dict[str, Any] | str,
    procedure: str = "morning",
    *,
    venue: str = "demo",
) -> None:
    """Put a report into the folder of the numbered day's run."""
    folder = reports / venue / f"202611{number:02}T233000Z-{procedure}-3f2a"
    folder.mkdir(parents=True)
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / "report.json").write_text(text, encoding="utf-8")


def watch_reports(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs whose reports are read from now on."""
    opened: list[str] = []
    read = Path.read_bytes

    def watched(path: Path) -> bytes:
        if path.name == "report.json":
            opened.append(path.parent.name)
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", watched)
    return opened


def took(seconds: float, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """A report whose one step and whole run took so long."""
    step = {**report()["steps"][0], "seconds": seconds, **(changes or {})}
    return report(steps=[step], duration_seconds=seconds)


def idle(seconds: float, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """The same of idle time."""
    return {**took(seconds, changes), "procedure": "idle"}


def test_no_past_is_no_history(tmp_path: Path) -> None:
    """A venue without reports, or without a folder, has nothing to tell."""
    assert read_history(tmp_path, "demo", "morning") == History()
    assert last_go(tmp_path, morning_plan()) is None


def test_medians_and_percentiles_per_step_and_run(tmp_path: Path) -> None:
    """The middle one, and by nearest rank the one that 95 of 100 stay under."""
    for number, seconds in enumerate((5.0, 1.0, 9.0, 3.0, 4.0), start=1):
        keep(tmp_path, number, took(seconds))
    history = read_history(tmp_path, "demo", "morning")
    assert history == History(5, Duration(4.0, 9.0), {"a.start": Duration(4.0, 9.0)})
    assert history.estimates() == {"a.start": 4.0}


@pytest.mark.parametrize(("runs", "p95"), [(1, 120.0), (4, 120.0), (5, 60.0)])
def test_a_step_that_was_done_a_few_times_may_take_twice_the_longest(
    tmp_path: Path, runs: int, p95: float
) -> None:
    """One good night is no percentile; its median is what it was."""
    for number in range(1, runs + 1):
        keep(tmp_path, number, took(60.0))
    history = read_history(tmp_path, "demo", "morning")
    assert history.steps["a.start"] == Duration(60.0, p95)


def test_a_step_keeps_its_history_however_often_other_things_are_done(tmp_path: Path) -> None:
    """Five weekly restarts, and thirty other tests since: the last 20 of each step count."""
    for number in range(1, 6):
        keep(tmp_path, number, idle(60.0), "idle")
    test = {"id": "b.test", "verb": "test"}
    for number in range(1, 31):
        keep(tmp_path, 5 + number, idle(float(31 - number), test), "idle")
    steps = read_steps(tmp_path, "demo", "idle").steps
    assert steps == {"a.start": Duration(60.0, 60.0), "b.test": Duration(10.5, 19.0)}


def test_only_the_last_runs_count(tmp_path: Path) -> None:
    """Older runs than asked for are not even read."""
    for number in range(1, 6):
        keep(tmp_path, number, took(float(number)))
    assert read_history(tmp_path, "demo", "morning", last=2).run == Duration(4.5, 5.0)


@pytest.mark.parametrize(
    "other",
    [
        "",
        "{",
        "[]",
        '{"schema_version": 7}',
        report(procedure="evening"),
        report(result_state="ERRORS"),
        report(result_state="RUNNING"),
        report(check=True),
        report(duration_seconds="long"),
        report(steps=[{"id": 3}]),
    ],
)
def test_what_is_broken_foreign_or_failed_is_passed_over(tmp_path: Path, other: Any) -> None:
    """It neither stops the reading nor counts."""
    keep(tmp_path, 1, report())
    keep(tmp_path, 2, other)
    assert read_history(tmp_path, "demo", "morning").runs == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"hosts": [{"state": "already"}]},
        {"hosts": [{"state": "would"}]},
        {"status": "degraded"},
        {"seconds": None},
    ],
)
def test_a_step_that_did_no_whole_work_is_no_measure(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    """A second run that finds all up in no time does not make the forecast too good."""
    keep(tmp_path, 1, took(6.0))
    keep(tmp_path, 2, took(0.2, changes))
    history = read_history(tmp_path, "demo", "morning")
    assert history.steps["a.start"] == Duration(6.0, 12.0)


def test_the_last_go_is_the_newest(tmp_path: Path) -> None:
    """A later NO-GO does not hide it."""
    decided = "2026-11-20T23:30:22+00:00"
    keep(tmp_path, 1, report())
    keep(tmp_path, 2, report(verdict={"result": "NO-GO", "decided_at": decided}))
    assert last_go(tmp_path, morning_plan()) == datetime.fromisoformat(decided)


def test_what_gives_no_verdict_has_no_last_go(tmp_path: Path) -> None:
    """No report is opened to look for it."""
    keep(tmp_path, 1, report())
    assert last_go(tmp_path, morning_plan(gives_verdict=False)) is None


def test_reports_of_other_procedures_are_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder's name tells whose it is; a name that begins or ends alike is another's."""
    for name in ("morning", "early-morning", "morning-tests", "sales-close"):
        keep(tmp_path, 1, report(), name)
    opened = watch_reports(monkeypatch)
    assert read_history(tmp_path, "demo", "morning").runs == 1
    assert last_go(tmp_path, morning_plan()) is not None
    assert previous_outcome(tmp_path / "demo", "morning") == "GO"
    assert opened == ["20261101T233000Z-morning-3f2a"] * 3


@pytest.mark.parametrize("name", STORIES)
def test_it_reads_what_the_report_writes(tmp_path: Path, name: str) -> None:
    """Every report of ours is readable; only successful ones count."""
    story = STORIES[name]()
    keep(tmp_path, 1, dump_report(build_report(story.state, story.now, HEAD)))
    history = read_history(tmp_path, "demo", "morning")
    assert history.runs == (name in {"go", "second_try", "conditional", "revoked"})
    said_go = last_go(tmp_path, morning_plan()) is not None
    assert said_go == (name in {"go", "second_try", "revoked"})


def test_a_real_report_gives_estimates_for_its_steps(tmp_path: Path) -> None:
    """Each step that worked is known afterwards."""
    story = go()
    keep(tmp_path, 1, dump_report(build_report(story.state, story.now, HEAD)))
    estimates = read_history(tmp_path, "demo", "morning").estimates()
    assert set(estimates) == set(story.plan.steps)
    assert estimates["database.start"] == pytest.approx(6.23, abs=0.01)
