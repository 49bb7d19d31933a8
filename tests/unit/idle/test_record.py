"""What is remembered between two calls of the timer."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from automation.errors import RacedayError
from automation.idle import record as record_module
from automation.idle.quiet import Look, Moment
from automation.idle.record import (
    FILE,
    LOCK,
    Decision,
    Record,
    change_record,
    read_record,
    this_moment,
)
from automation.idle.samples import Sample
from automation.run.events import Message
from automation.run.lock import holding
from tests.unit.idle.remembering import write_record

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


def test_changes_from_several_sides_are_all_kept(tmp_path: Path) -> None:
    """A timer, a run and an operator write at once: none loses what another has learnt."""

    def add(place: int) -> None:
        look = replace(LOOK, value=float(place))
        change_record(tmp_path, lambda record: replace(record, looks=(*record.looks, look)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    assert {look.value for look in read_record(tmp_path).looks} == set(range(40))


def test_what_cannot_be_written_in_time_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process holds it and does not let go."""
    monkeypatch.setattr(record_module, "PATIENCE", 0.1)
    with holding(tmp_path / LOCK, 0), pytest.raises(RacedayError, match="held by another process"):
        write_record(tmp_path, Record((LOOK,)))
    assert read_record(tmp_path) == Record()


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
