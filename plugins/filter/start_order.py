"""A venue's components in the order of their start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.raceday.core.plugins.plugin_utils.venue import start_order

DOCUMENTATION = r"""
name: start_order
short_description: A venue's components in the order of their start
description:
  - A tier waits only for the tiers before it, and the components of one tier for nothing in it.
options:
  _input:
    description: The block C(components) of the venue file.
    type: dict
    required: true
author: The raceday authors (@raceday)
"""

EXAMPLES = r"""
tiers: "{{ components | raceday.core.start_order }}"
"""

RETURN = r"""
_value:
  description: Tiers of names of components.
  type: list
  elements: list
"""


class FilterModule:
    """What Ansible asks a filter file for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"start_order": start_order}
