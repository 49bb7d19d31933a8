#!/usr/bin/python
"""Look at a host before anything is started on it. The work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Look at a host before anything is started on it
description:
  - One round trip per host; needs no Python on the target; changes nothing.
  - Compares root, disk, inodes, memory, clock, failed units, open files, ports and certificates with
    the thresholds of the venue file.
options:
  components:
    description:
      - The components to ask; by default all that are on the host.
      - With none the host is skipped, and not connected to.
    type: list
    elements: str
  strict:
    description: Whether a failed check fails the task.
    type: bool
    default: true
author: The raceday authors (@raceday)
"""

EXAMPLES = r"""
- name: Look at the host
  raceday.core.preflight:
"""

RETURN = r"""
raceday:
  description: Reports with state, checks, evidence and, when something is wrong, the problem.
  returned: always
  type: list
  elements: dict
clock_offset:
  description: Seconds the host's clock is ahead of the controller's; M(raceday.core.clocks) compares them.
  returned: when the host answered
  type: float
"""
