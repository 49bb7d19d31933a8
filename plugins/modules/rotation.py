#!/usr/bin/python
"""Open HAProxy's backends. The work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation
short_description: Put every server of HAProxy's backends in rotation
description:
  - Sets each server of the named backends to C(ready) over the admin socket and waits until HAProxy
    itself sees it up. What is in rotation already is left alone.
options:
  component:
    description: The component that the checks belong to.
    type: str
    required: true
  socket:
    description: HAProxy's admin socket.
    type: path
    default: /run/haproxy/admin.sock
  backends:
    description: The backends to open.
    type: list
    elements: str
    required: true
  leave_out:
    description: Names of servers that stay as they are, because they were not found ready.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds to wait until every server is seen up.
    type: float
    default: 15.0
author: The raceday authors (@raceday)
"""

EXAMPLES = r"""
- name: Open wagering and ticketing
  raceday.core.rotation:
    component: load_balancer
    backends: [wagering, ticketing]
"""

RETURN = r"""
raceday:
  description: One report with a check per server.
  returned: always
  type: list
"""
