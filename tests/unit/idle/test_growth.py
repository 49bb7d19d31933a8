"""What counts as steady growth, and all that does not."""

from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.idle.growth import steady_growth

DAY = 86_400.0
HOUR = 3600.0


def every_four_hours(*memory: float) -> list[tuple[float, float]]:
    """One sample in the middle of each slice of a day, the oldest first."""
    return [(DAY - HOUR * (4 * place + 2), value) for place, value in enumerate(memory)]


RISING = every_four_hours(100, 101, 103, 110, 111, 120)


def test_memory_that_rises_from_slice_to_slice_has_grown() -> None:
    """By the first slice and the last."""
    assert steady_growth(RISING, DAY) == pytest.approx(0.2)


@pytest.mark.parametrize(
    "memories",
    [
        [],
        RISING[1:],
        [*RISING[:3], *RISING[4:]],
        RISING[:-1],
        every_four_hours(100, 101, 101, 110, 111, 120),
        every_four_hours(100, 120, 103, 110, 111, 140),
        every_four_hours(0, 1, 2, 3, 4, 5),
        every_four_hours(100, 101, nan, 110, 111, 120),
        [*RISING[:5], (-HOUR, 120.0)],
        [(DAY, 100.0), *RISING[1:]],
    ],
)
def test_what_is_not_steady_or_not_known_is_no_growth(memories: list[tuple[float, float]]) -> None:
    """No sample in a slice, a slice without a rise, nothing to compare with, another period."""
    assert steady_growth(memories, DAY) is None


def test_a_cache_that_fills_and_is_emptied_does_not_grow() -> None:
    """Its peaks rise, but what is left each time does not."""
    saw = [(HOUR * ago, 100.0 + 300.0 * (ago % 3 == 0) - ago) for ago in range(24)]
    assert steady_growth([*saw, *((ago + 60, 90.0) for ago, _ in saw)], DAY) is None


@given(st.lists(st.tuples(st.floats(0, DAY, exclude_max=True), st.floats(1, 1e12)), max_size=80))
def test_more_of_the_same_changes_nothing(memories: list[tuple[float, float]]) -> None:
    """The order of the samples, and one that is there twice."""
    assert steady_growth([*memories, *memories[::-1]], DAY) == steady_growth(memories, DAY)
