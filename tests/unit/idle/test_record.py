"""What is remembered between two calls of the timer."""

import json
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from automation.idle.quiet import Look, Moment
from automation.idle.record import FILE, Decision, Record, read_record, this_moment, write_record
from automation.idle.samples import Sample
from automation.run.events import Message

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
LOOK = Look("bets", Moment(NOW, 100.5, "this boot"), 0.25)
SAMPLE = Sample("wagering", "w1", LOOK.at, 1024.0)
CLOSED = Message("it is outside of every window, and there is none in the next year")
DUE = (("wagering", "w1"), ("wagering", "w2"))
WHY = Message("the signal '%(signal)s' ...", {"signal": "bets"})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Looks, samples and the decisions with their reasons; for the operator's eyes only."""
    record = Record(
        (LOOK,),
        Decision(NOW, (WHY,), DUE, ("drill wagering",)),
        (SAMPLE,),
        Decision(NOW, (CLOSED,)),
    )
    write_record(tmp_path / "demo", record)
    assert read_record(tmp_path / "demo") == record
    assert stat.S_IMODE((tmp_path / "demo" / FILE).stat().st_mode) == 0o600


def test_old_looks_are_forgotten(tmp_path: Path) -> None:
    """No signal must be quiet for more than a week."""
    old = replace(LOOK, at=replace(LOOK.at, wall=NOW - timedelta(days=7)))
    write_record(tmp_path, Record((old, LOOK)))
    assert read_record(tmp_path).looks == (LOOK,)


def test_a_record_of_an_earlier_release_is_read(tmp_path: Path) -> None:
    """An upgrade forgets no look, though there were no samples, and only names were due."""
    write_record(tmp_path, Record((LOOK,), Decision(NOW, (WHY,))))
    data = json.loads((tmp_path / FILE).read_text(encoding="utf-8"))
    del data["samples"], data["closed"], data["decision"]["tests"]
    data["decision"]["due"] = ["w1"]
    (tmp_path / FILE).write_text(json.dumps(data), encoding="utf-8")
    assert read_record(tmp_path) == Record((LOOK,), Decision(NOW, (WHY,)))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"looks": [1], "decision": null}', "{}"])
def test_a_broken_record_is_none(tmp_path: Path, text: str) -> None:
    """Then nothing is known, and every signal is watched anew."""
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    assert read_record(tmp_path) == Record()


def test_a_moment_has_both_clocks_and_the_boot() -> None:
    """So that a clock that was set shows itself."""
    first, second = this_moment(), this_moment()
    assert first.boot == second.boot
    assert 0 <= second.uptime - first.uptime < 60
