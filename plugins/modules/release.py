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
hosts:
  description: The hosts that the verb may touch now.
  returned: always
  type: list
  elements: str
unready:
  description: Hosts that are not ready for customers.
  returned: always
  type: list
  elements: str
servers:
  description:
    - By host of a load balancer, the servers behind it that the verb is about, as C(BACKEND/SERVER) or by name;
      all of them when it has none.
  returned: always
  type: dict
stage:
  description: The name of the FIFO.
  returned: always
  type: str
"""
