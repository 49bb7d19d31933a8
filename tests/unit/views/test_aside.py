"""What is said on stderr is broken between words on a terminal, and nowhere else."""

import io
import sys

import pytest
from rich.cells import cell_len

from automation.views.aside import say, wrapped

RESTART = 'raceday restart wagering ticketing --emergency --reason "both servers hang"'
ENGLISH = f"wagering2 hangs and nothing is sold there. What ends it: {RESTART}, then look again."
KOREAN = (
    "발매 서버 두 대가 모두 응답하지 않아 고객이 마권을 살 수 없습니다. 먼저 확인하십시오: " * 2
)
PATH = "/very/long/" + "reports/" * 12 + "report.html"


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        """Whether somebody looks at it."""
        return True


@pytest.mark.parametrize("text", [ENGLISH, KOREAN, f"  {ENGLISH}"])
@pytest.mark.parametrize("width", [80, 60, 23])
def test_no_word_is_cut(text: str, width: int) -> None:
    """A Korean character takes two columns."""
    lines = wrapped(text, width).split("\n")
    assert " ".join(lines).split() == text.split()
    assert max(map(cell_len, lines)) <= width


@pytest.mark.parametrize(
    "command",
    [
        RESTART,
        "raceday sales open",
        'raceday sales open --reason "..."',
        "systemctl stop haproxy",
        '--break-glass --reason "..."',
        "raceday --venue demo recover",
        "raceday resume 20261122T034010Z-morning-1408 --yes",
    ],
)
@pytest.mark.parametrize("before", range(0, 80, 3))
def test_a_command_stays_on_one_line(command: str, before: int) -> None:
    """Wherever in the sentence it stands, as long as it fits on a line."""
    text = f"{'x' * before} it (then {command}), and look. " + "More of it. " * 9
    assert any(command in line for line in wrapped(text, 80).split("\n"))


def test_what_goes_on_is_indented_like_its_beginning() -> None:
    """So that it is seen what belongs together; each line of a text by itself."""
    text = wrapped("raceday: one two three\n  Wait until it ends.", 14)
    assert text == "raceday: one\ntwo three\n  Wait until\n  it ends."


def test_a_path_is_never_broken() -> None:
    """Whoever copies it gets all of it."""
    assert wrapped(f"It is in {PATH} now.", 40) == f"It is in\n{PATH}\nnow."


@pytest.mark.parametrize(("stream", "lines"), [(Terminal(), 3), (io.StringIO(), 1)])
def test_only_a_terminal_gets_it_wrapped(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, lines: int
) -> None:
    """A log has its lines whole."""
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setattr(sys, "stderr", stream)
    say("Sales are open; nothing was touched there.")
    assert len(stream.getvalue().splitlines()) == lines
