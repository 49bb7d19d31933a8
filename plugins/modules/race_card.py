#!/usr/bin/python
"""Compare a system's race card with the official one. The work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: race_card
short_description: Compare a system's race card with the official one
description:
  - Runs on the controller and says which race and horse differ, and how.
options:
  component:
    description: The component whose card it is.
    type: str
    required: true
  official:
    description: The official card, a JSON file, relative to the inventory's directory.
    type: path
    required: true
  observed:
    description: The card as the system shows it. One of another shape is a check that fails.
    type: raw
    required: true
author: The raceday authors (@raceday)
"""

EXAMPLES = r"""
- name: Compare
  raceday.core.race_card:
    component: ticketing
    official: race_card.json
    observed: "{{ answer.saved.card }}"
"""

RETURN = r"""
raceday:
  description: Reports with state, checks, evidence and, when something is wrong, the problem.
  returned: always
  type: list
  elements: dict
"""
