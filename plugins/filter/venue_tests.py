"""A venue file's `tests` as steps of raceday.core.transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

DOCUMENTATION = r"""
name: venue_tests
short_description: A venue file's tests as steps of raceday.core.transaction
description:
  - Turns each C({name, http, expect}) or C({name, command}) into a step with a check of that name.
options:
  _input:
    description: The component's C(tests).
    type: list
    elements: dict
    required: true
author: The raceday authors (@raceday)
"""

EXAMPLES = r"""
steps: "{{ components[component].tests | raceday.core.venue_tests }}"
"""

RETURN = r"""
_value:
  description: Steps for raceday.core.transaction.
  type: list
  elements: dict
"""

TEST_SECONDS = 10.0  # as automation.venue.model has it


def venue_tests(tests: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One step per test."""
    return [_step(test) for test in tests]


def _step(test: Mapping[str, Any]) -> dict[str, Any]:
    step: dict[str, Any] = {"check": test["name"], "timeout": test.get("timeout", TEST_SECONDS)}
    if "command" in test:
        return {**step, "command": [str(word) for word in test["command"]]}
    expect = test.get("expect") or {}
    step |= {"url": test["http"], "status": expect.get("status", 200)}
    return step | ({"contains": expect["contains"]} if "contains" in expect else {})


class FilterModule:
    """What Ansible asks a filter file for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"venue_tests": venue_tests}
