"""Times for people."""

from datetime import UTC, datetime

import pytest

from automation.views.i18n import Translator
from automation.views.times import Clock, stopwatch

MOMENT = datetime(2026, 11, 20, 23, 41, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "english", "korean"),
    [
        (0.0, "0.0 s", "0.0초"),
        (4.25, "4.2 s", "4.2초"),
        (9.96, "10 s", "10초"),
        (59.4, "59 s", "59초"),
        (59.6, "1 min 0 s", "1분 0초"),
        (-185, "3 min 5 s", "3분 5초"),
        (3725, "1 h 2 min", "1시간 2분"),
    ],
)
def test_durations_are_said_in_words(seconds: float, english: str, korean: str) -> None:
    """Tenths below ten seconds, then seconds, minutes, hours; never broken over two lines."""
    for lang, said in (("en", english), ("ko", korean)):
        assert Clock("UTC", Translator(lang)).duration(seconds) == said.replace(" ", "\u00a0")


@pytest.mark.parametrize(
    ("seconds", "shown"), [(-3, "0:00"), (9.9, "0:09"), (754, "12:34"), (3723, "1:02:03")]
)
def test_a_stopwatch_counts_whole_seconds(seconds: float, shown: str) -> None:
    """As on a stopwatch, hours only when there are any."""
    assert stopwatch(seconds) == shown


def test_moments_are_shown_in_the_zone_with_its_offset() -> None:
    """Date in the reader's words, 24 hours, the offset of that very day."""
    korean, english = Clock("Asia/Seoul", Translator("ko")), Clock("Asia/Seoul", Translator("en"))
    assert korean.date(MOMENT) == "2026년 11월 21일(토)"
    assert english.date(MOMENT) == "Saturday 21 November 2026"
    assert (english.time(MOMENT), english.seconds(MOMENT)) == ("08:41", "08:41:07")
    assert english.named_zone(MOMENT) == "Asia/Seoul, UTC+09:00"
