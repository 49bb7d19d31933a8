"""Whole journals beside the verdict they must give. A new case is two files in cases/."""

import json
from pathlib import Path

import pytest

from automation.run.journal import read_journal
from automation.run.state import fold_all
from automation.run.verdict import judge

CASES = sorted((Path(__file__).parent / "cases").glob("*.events.jsonl"))


@pytest.mark.parametrize("journal", CASES, ids=lambda path: path.name.removesuffix(".events.jsonl"))
def test_case(journal: Path) -> None:
    """A journal of an earlier day is readable, and still gives the verdict it gave."""
    state = fold_all(read_journal(journal))
    expected = json.loads(journal.with_name(_beside(journal)).read_text(encoding="utf-8"))
    assert state.verdict
    told = {
        "result": state.verdict.result,
        "reasons": [str(reason) for reason in state.verdict.reasons],
        "result_state": state.result_state,
    }
    assert told == expected
    judgement = judge(state, state.verdict.decided_at)
    assert (judgement.result, judgement.reasons) == (state.verdict.result, state.verdict.reasons)


def _beside(journal: Path) -> str:
    return journal.name.replace(".events.jsonl", ".verdict.json")
