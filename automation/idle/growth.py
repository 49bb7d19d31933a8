"""Whether the memory of a unit grows steadily. Pure.

Steadily means: the period up to now is cut into six equal slices, each of them has a sample, and
the smallest sample of each slice is above that of the slice before. The growth is that from the
first slice's smallest to the last one's. So a cache that fills and is emptied does not count, and a
hole proves nothing.
"""

from collections.abc import Iterable
from itertools import pairwise

SLICES = 6


def steady_growth(memories: Iterable[tuple[float, float]], period: float) -> float | None:
    """By which share it grew in the period, such as 0.2; None unless it grew steadily.

    `memories` are samples by their age in seconds.
    """
    slices: dict[int, float] = {}
    for ago, memory in memories:
        if 0 <= ago < period:
            place = SLICES - 1 - int(ago * SLICES / period)
            slices[place] = min(memory, slices.get(place, memory))
    lowest = [slices.get(place, 0.0) for place in range(SLICES)]
    rises = lowest[0] > 0 and all(earlier < later for earlier, later in pairwise(lowest))
    return lowest[-1] / lowest[0] - 1 if rises else None
