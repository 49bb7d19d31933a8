#!/usr/bin/python
"""Take servers of HAProxy in and out of rotation. The work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation
short_description: Take servers of HAProxy's backends in and out of rotation
description:
  - Works over the admin socket, in one round trip, and says what each server was set to before. What is
    so already is left alone.
  - A server that is taken out ends in C(maint), where HAProxy's own health checks never put it back.
options:
  component:
    description: The component that the checks belong to.
    type: str
    required: true
  socket:
    description: HAProxy's admin socket.
    type: path
    default: /run/haproxy/admin.sock
  action:
    description:
      - V(undrain) sets servers to C(ready) and waits until HAProxy itself sees them up.
      - V(drain) sets those in rotation to C(drain), waits until nobody is at them or queues for them, and
        sets them to C(maint). When O(timeout) passes first they go to C(maint) all the same, and the check
        C(sessions of BACKEND/SERVER) says how many were left, and fails the task. It fails as well while a process of
        HAProxy lives that a reload has left, because its customers may be at any server.
      - V(close) sets servers to C(maint) at once, then waits as V(drain) does. When O(timeout) passes first it
        ends the sessions that are left (C(shutdown sessions server)), and with SIGTERM the processes of HAProxy that
        a reload has left. It fails when some cannot be ended, when it cannot see whether there are any, and
        when a backend that is not in O(backends) lets customers in.
      - V(serving) changes nothing and waits until HAProxy sees the servers up and has sent somebody to each.
    type: str
    choices: [undrain, drain, close, serving]
    default: undrain
  backends:
    description: The backends to work on.
    type: list
    elements: str
    required: true
  servers:
    description:
      - The servers to work on; every server of the backends by default. A name means that server in each of
        O(backends), C(BACKEND/SERVER) in that one only. V(undrain) leaves alone what is in another backend.
    type: list
    elements: str
    default: []
  leave_out:
    description: Names of servers that stay as they are, because they were not found ready.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds to wait; 15 for V(undrain) and V(serving), 30 for V(drain), 5 for V(close) by default;
      80 at most, because a run gives up after 90.
    type: float
author: The raceday authors (@raceday)
"""

EXAMPLES = r"""
- name: Open wagering and ticketing
  raceday.core.rotation:
    component: load_balancer
    backends: [wagering, ticketing]

- name: Take one server out for a restart
  raceday.core.rotation:
    component: wagering
    action: drain
    backends: [wagering]
    servers: [wagering1]
"""

RETURN = r"""
raceday:
  description:
    - One report with checks per server and backend. Its evidence has C(before:BACKEND/SERVER), which is
      C(ready), C(drain) or C(maint); C(sales), which is C(open) while any server of the load balancer is
      not in C(maint), or after V(close) has customers still, backends named C(rehearsal_...) apart; but for
      V(undrain) C(sessions), how many customers are still at it; and after V(close) C(cut_off), how many
      sessions it has ended.
  returned: always
  type: list
  elements: dict
"""
