"""The batches of a rolling restart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, repeat
from math import ceil
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: batches
short_description: The batches of a rolling restart
description:
  - Cuts a list of hosts into batches, as C(restart.serial) and C(min_ready) of the venue file say.
positional: serial, total, min_ready
options:
  _input:
    description: The hosts, in the order of their restart.
    type: list
    elements: str
    required: true
  serial:
    description:
      - A number of hosts, a share such as C(50%), or a list with one size per batch, the last
        of which counts for all that follow.
    type: raw
    default: 1
  total:
    description: How many hosts there are, of which a share is one; all that are given by default.
    type: int
  min_ready:
    description:
      - How many of them must be left, a number or a share; no batch takes more than the others.
        When that is all of them it bounds nothing, for then no restart would be possible at all.
    type: raw
    default: 100%
author: The raceday authors (@raceday)
"""

EXAMPLES = r"""
# [[wagering1, wagering2], [wagering3]]
batches: "{{ ['wagering1', 'wagering2', 'wagering3'] | raceday.core.batches(2) }}"

# [[wagering1], [wagering2]]
one_is_left: "{{ ['wagering1', 'wagering2'] | raceday.core.batches(2, min_ready=1) }}"
"""

RETURN = r"""
_value:
  description: Batches of hosts.
  type: list
  elements: list
"""


def batches(
    hosts: Sequence[str],
    serial: int | str | Sequence[int | str] = 1,
    total: int | None = None,
    min_ready: int | str = "100%",
) -> list[list[str]]:
    """The hosts in batches."""
    shares = [serial] if isinstance(serial, (int, str)) else list(serial)
    there = len(hosts) if total is None else total
    spare = there - _least(min_ready, there)
    sizes = [min(_size(share, there), spare or there) for share in shares]
    if min(sizes) < 1:
        raise AnsibleFilterError(
            f"of {there} hosts {min_ready} must be ready, and serial is {serial}"
        )
    return list(_cut(list(hosts), chain(sizes, repeat(sizes[-1]))))


def _cut(hosts: list[str], sizes: Iterator[int]) -> Iterator[list[str]]:
    while hosts:
        size = next(sizes)
        yield hosts[:size]
        hosts = hosts[size:]


def _size(share: int | str, hosts: int) -> int:
    if isinstance(share, int):
        return share
    return max(1, hosts * int(share.removesuffix("%")) // 100)


def _least(share: int | str, hosts: int) -> int:
    """What must be left is rounded up, as a batch is rounded down."""
    if isinstance(share, int):
        return share
    return ceil(hosts * int(share.removesuffix("%")) / 100)


class FilterModule:
    """What Ansible asks a filter file for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"batches": batches}
