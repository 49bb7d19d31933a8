#!/usr/bin/python
"""Stop a component on a host and see that nothing of it is left. The work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stop
short_description: Stop a component on a host and see that nothing of it is left
description:
  - One round trip per host; needs no Python on the target.
  - Stops the unit (or runs the stop command) within the health check's C(timeout), then waits up to 5
    seconds until the unit is down, nobody listens on the component's ports and no process is left in
    the unit's cgroup. What is down is left alone, and looked at all the same.
  - On failure the last lines of the unit's journal are in the report's evidence.
options:
  component:
    description: The component, a name under C(components) in the venue file.
    type: str
    required: true
  force:
    description: End its processes with SIGKILL first, for a component that hangs.
    type: bool
    default: false
author: The raceday authors (@raceday)
"""

EXAMPLES = r"""
- name: Stop the wagering engine
  raceday.core.stop:
    component: wagering
"""

RETURN = r"""
raceday:
  description: Reports with state, checks, evidence and, when something is wrong, the problem.
  returned: always
  type: list
  elements: dict
"""
