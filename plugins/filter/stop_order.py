"""A venue's components in the order of their stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.raceday.core.plugins.plugin_utils.venue import stop_order

DOCUMENTATION = r"""
name: stop_order
short_description: A venue's components in the order of their stop
description:
  - The tiers of the start backwards, without external components and without what is kept running.
options:
  _input:
    description: The block C(components) of the venue file.
    type: dict
    required: true
author: The raceday authors (@raceday)
"""

EXAMPLES = r"""
tiers: "{{ components | raceday.core.stop_order }}"
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
        return {"stop_order": stop_order}
