#!/usr/bin/python
"""Ask every component of a host whether it is ready. The work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: probe
short_description: Ask every component of a host whether it is ready
description:
  - One round trip per host; needs no Python on the target; changes nothing.
  - Asks unit and health check once; see C(patient) and C(unhurried).
options:
  components:
    description:
      - The components to ask; by default all that are on the host, and the partners that are asked from it.
      - With none the host is skipped, and not connected to.
    type: list
    elements: str
  patient:
    description: Ask an external partner again, at its health check's interval and until its timeout.
    type: bool
    default: false
  unhurried:
    description:
      - Ask a server that takes the connection and says nothing within 5 seconds once more, for 15 seconds.
      - One that answers then is slow; of one that does not the evidence says C(hangs=yes).
      - One per host, and only pages (C(http)) that are asked for with curl.
    type: bool
    default: false
author: The raceday authors (@raceday)
"""

EXAMPLES = r"""
- name: Ask all components
  raceday.core.probe:
"""

RETURN = r"""
raceday:
  description: Reports with state, checks, evidence and, when something is wrong, the problem.
  returned: always
  type: list
  elements: dict
"""
