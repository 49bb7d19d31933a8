#!/usr/bin/python
"""Compare the clocks of a component's hosts with each other. The work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: clocks
short_description: Compare the clocks of a component's hosts with each other
description:
  - Runs once, on the controller, over what M(raceday.core.preflight) registered for each host.
options:
  measured:
    description: The variable that holds preflight's result on each host.
    type: str
    required: true
  members:
    description: The hosts of each component; worked out from the venue file by default.
    type: dict
  strict:
    description: Whether a failed check fails the task.
    type: bool
    default: true
author: The raceday authors (@raceday)
"""

EXAMPLES = r"""
- name: Compare the clocks
  raceday.core.clocks:
    measured: __preflight_seen
  run_once: true
"""

RETURN = r"""
raceday:
  description: Reports with state, checks, evidence and, when something is wrong, the problem.
  returned: always
  type: list
  elements: dict
"""
