"""A race card that differs is told by race, horse and system."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

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
