"""A play goes on when raceday says so, and ends when raceday is gone."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

type Plugin = Callable[[str], ModuleType]


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    """Where a verb is released."""
    path = tmp_path / "start"
    os.mkfifo(path)
    return path


def test_a_play_waits_for_its_hosts(plugin: Plugin, fifo: Path) -> None:
    """It holds while raceday has the FIFO open, and goes on with what is written."""
    raceday = os.open(fifo, os.O_RDWR)
    later = threading.Timer(0.2, os.write, (raceday, b'["wagering1"]\n'))
    later.start()
    try:
        assert plugin("action.release").await_line(fifo) == '["wagering1"]\n'
    finally:
        later.join()
        os.close(raceday)


@pytest.mark.timeout(10)
def test_a_play_ends_when_raceday_was_killed_before_it_asked(plugin: Plugin, fifo: Path) -> None:
    """Nobody has the FIFO open any more: the answer is empty at once, never a wait."""
    assert plugin("action.release").await_line(fifo) == ""


@pytest.mark.timeout(10)
def test_a_play_ends_when_raceday_is_killed_while_it_waits(plugin: Plugin, fifo: Path) -> None:
    """The last writer goes: the answer is empty."""
    raceday = os.open(fifo, os.O_RDWR)
    later = threading.Timer(0.2, os.close, (raceday,))
    later.start()
    assert plugin("action.release").await_line(fifo) == ""
    later.join()
