#!/usr/bin/python
"""Hold a play until raceday lets it go on. The work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Hold a play until raceday lets it go on
description:
  - Reads one line from a FIFO on the controller. Fails when raceday is gone, so no play waits for ever.
options:
  path:
    description: The FIFO.
    type: path
    required: true
author: The raceday authors (@raceday)
"""

EXAMPLES = r"""
- name: Hold
  raceday.core.release:
    path: /tmp/raceday-x/wagering/start
  run_once: true
"""

RETURN = r"""
raceday:
  description: Reports with state, checks, evidence and, when something is wrong, the problem.
  returned: always
  type: list
  elements: dict
"""
