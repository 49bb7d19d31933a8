"""A race card that differs is told by race, horse and system."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleError

type Plugin = Callable[[str], ModuleType]


def card(**changes: Any) -> dict[str, Any]:
    """A card of one race with one horse."""
    horse = {"number": 5, "name": "새벽별", "withdrawn": False, **changes}
    return {"date": "2026-11-22", "races": [{"number": 3, "runners": [horse]}]}


@pytest.mark.parametrize(
    ("official", "observed", "said"),
    [
        (card(), card(), []),
        (
            card(),
            card(withdrawn=True),
            [
                "Race 3, horse 5 (새벽별) is withdrawn in ticketing "
                "but running on the official race card"
            ],
        ),
        (
            card(withdrawn=True),
            card(),
            [
                "Race 3, horse 5 (새벽별) is withdrawn on the official race card "
                "but still running in ticketing"
            ],
        ),
        (
            card(),
            {**card(), "races": []},
            ["Race 3, horse 5 (새벽별) is on the official race card but not in ticketing"],
        ),
        (
            card(),
            {**card(), "date": "2026-11-21"},
            ["ticketing holds the race card of 2026-11-21, the official one is of 2026-11-22"],
        ),
        (
            card(),
            card(name="천둥"),
            ["Race 3, horse 5 is 새벽별 on the official race card but 천둥 in ticketing"],
        ),
    ],
)
def test_every_difference_is_a_sentence(
    plugin: Plugin, official: dict[str, Any], observed: dict[str, Any], said: list[str]
) -> None:
    """Equal cards say nothing; each difference says race, horse and system."""
    found = plugin("action.race_card").compare(official, observed, "ticketing")
    assert [item["text"] % item["args"] for item in found] == said


@pytest.fixture
def compared(
    plugin: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Any, Any], dict[str, Any]]:
    """Compare a system's card with that of a file, as a task does."""
    module = plugin("action.race_card")
    monkeypatch.setattr(module.ActionBase, "run", lambda *_: {})

    def compare(official: Any, observed: Any) -> dict[str, Any]:
        (tmp_path / "card.json").write_text(json.dumps(official), encoding="utf-8")
        given = {"component": "ticketing", "official": "card.json", "observed": observed}
        task = SimpleNamespace(args=given, check_mode=False, async_val=0)
        action = module.ActionModule(task, None, None, None, None, None)
        known = {"inventory_hostname": "t1", "inventory_dir": str(tmp_path)}
        result: dict[str, Any] = action.run(None, known)
        return result

    return compare


RACES = [{"number": 3}, {"number": "x", "runners": [{}]}, 1]
ODD = [[1], {}, *({"races": [race]} for race in RACES)]


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_a_card_that_cannot_be_read_is_a_check_that_fails(compared: Any, odd: Any) -> None:
    """Whatever a system answers; it is no equal card, and no crash."""
    result = compared(card(), odd)
    ((check,),) = [report["checks"] for report in result["raceday"]]
    assert (result["failed"], check["passed"], check["observed"]) == (True, False, "not readable")
    assert result["msg"].startswith("The race card that ticketing gave cannot be read: ")


@pytest.mark.parametrize("odd", [*ODD, 7], ids=str)
def test_an_official_card_that_cannot_be_read_is_said(compared: Any, odd: Any) -> None:
    """With its file: it is ours to mend."""
    with pytest.raises(AnsibleError, match=r"The official race card .*card\.json cannot be read: "):
        compared(odd, card())


def test_equal_cards_are_equal(compared: Any) -> None:
    """Nothing is told beside it."""
    assert compared(card(), card())["failed"] is False
