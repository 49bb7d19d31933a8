"""Text from hosts: shown as it is, unable to do anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.views.text import printable, tail


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("발매 엔진 ✓", "발매 엔진 ✓"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("a\tb\nc\rd", "a b c d"),
        ("bell\x07", "bell\ufffd"),
        ("gpj.\u202efdp", "gpj.\ufffdfdp"),
        ("zero\u200bwidth\ufeff", "zero\ufffdwidth\ufffd"),
        ("line\u2028separator", "line\ufffdseparator"),
        ("lone \udc80", "lone \ufffd"),
        ("29\u00a0min", "29\u00a0min"),
    ],
)
def test_what_could_act_is_taken_out(raw: str, shown: str) -> None:
    """Escape sequences vanish, blanks become spaces, the rest leaves a mark."""
    assert printable(raw) == shown


@given(st.text())
def test_nothing_unprintable_ever_remains(raw: str) -> None:
    """Whatever goes in, what comes out is printable, but for the blanks and joiners it keeps."""
    assert all(char.isprintable() or char in "\u00a0\u200c\u200d" for char in printable(raw))


def test_a_long_line_is_cut_and_says_by_how_much() -> None:
    """A limit keeps the beginning and the number of characters left out."""
    assert printable("x" * 5000, 400) == "x" * 400 + "… (+4600)"
    assert printable("x" * 400, 400) == "x" * 400


def test_a_tail_is_the_last_lines() -> None:
    """The last lines, without the blank ones at the end; none of nothing."""
    assert tail("a\nb\nc\n\n", 2) == ("b", "c")
    assert tail("", 2) == ()
