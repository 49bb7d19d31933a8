#!/usr/bin/python
"""Start a component on a host and wait until it is ready. The work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: start
short_description: Start a component on a host and wait until it is ready
description:
  - One round trip per host; needs no Python on the target.
  - Starts the unit (or runs the start command), waits until the health check answers, and sees that
    it is still the same invocation after C(settle) seconds. What is up is left alone.
  - On failure the last lines of the unit's journal are in the report's evidence.
options:
  component:
    description: The component, a name under C(components) in the venue file.
    type: str
    required: true
author: The raceday authors (@raceday)
"""

EXAMPLES = r"""
- name: Start the wagering engine
  raceday.core.start:
    component: wagering
"""

RETURN = r"""
raceday:
  description: Reports with state, checks, evidence and, when something is wrong, the problem.
  returned: always
  type: list
  elements: dict
"""
