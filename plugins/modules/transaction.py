#!/usr/bin/python
"""Do a business transaction. The work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: transaction
short_description: Do a business transaction and record what it proved
description:
  - Runs a list of steps in order, on the target, in one round trip. Each step asks something over
    HTTP, over a TCP line protocol, or from a command, and says what the answer must be.
  - The first step that does not hold ends the transaction; steps marked O(steps[].cleanup), and those
    that only look at a saved O(steps[].value), still run.
  - What a transaction does it takes back, so it never reports a change.
options:
  component:
    description: The component that the checks belong to.
    type: str
    required: true
  timeout:
    description: Seconds one step may take.
    type: float
    default: 5.0
  steps:
    description: What to ask, in order.
    type: list
    elements: dict
    required: true
    suboptions:
      check:
        description:
          - The name this step is recorded under. A step without one is preparation for the next that
            has one; when it does not hold, that check fails.
        type: str
      method:
        description: The HTTP method.
        type: str
        default: GET
      url:
        description: Ask this URL. C($name) is replaced by a value saved earlier.
        type: str
      body:
        description: JSON to send; strings C($name) are replaced by saved values.
        type: dict
      status:
        description: The HTTP status that must come back.
        type: int
        default: 200
      line:
        description: Ask this C(host:port) by sending O(steps[].body) as one line of JSON.
        type: str
      command:
        description: Run this; it must end with 0.
        type: list
        elements: str
      secrets:
        description:
          - Environment variables for O(steps[].command), beside those that are there, each with the name
            of the Ansible variable that holds its value, such as a password. One that is empty is not set.
          - So the task itself holds no secret and needs no C(no_log), which would hide its checks. Values
            go through standard input and stand on no command line.
        type: dict
        default: {}
      value:
        description: Ask nobody; look at this saved value again.
        type: raw
      contains:
        description: A text the answer must hold.
        type: str
      expect:
        description:
          - What the answer must hold, by dotted path; C($name) is a saved value and
            C($name+100) or C($name-100) a saved number and a difference.
        type: dict
        default: {}
      save:
        description: Values to keep for later steps, as C(name - dotted path); an empty path is all.
        type: dict
        default: {}
      save_when_wrong:
        description:
          - More values to keep, only when the answer is not what it must be, for instance the number of
            a bet that was to be refused. A step that asks with one that was not kept is left out.
        type: dict
        default: {}
      cleanup:
        description: Run this step even after an earlier one did not hold, once its values are known.
        type: bool
        default: false
      timeout:
        description: Seconds this step may take, when that is not O(timeout).
        type: float
      why:
        description:
          - The sentence to say when this step does not hold. Placeholders are C(%(seen)s) and the
            names of saved values.
        type: str
      next:
        description: What to do then.
        type: str
author: The raceday authors (@raceday)
"""

EXAMPLES = r"""
- name: Place a test bet and take it back
  raceday.core.transaction:
    component: wagering
    steps:
      - {url: "http://127.0.0.1:8081/accounts/test-1", save: {before: balance}}
      - check: a test bet is accepted
        method: POST
        url: http://127.0.0.1:8081/bets
        body: {account: test-1, race: test-1, pool: win, selection: 1, amount: 100, test: true}
        status: 201
        expect: {balance: $before-100}
        save: {bet: bet}
      - check: the bet is cancelled
        method: DELETE
        url: http://127.0.0.1:8081/bets/$bet
        expect: {balance: $before}
"""

RETURN = r"""
raceday:
  description: One report with a check for every named step that was reached.
  returned: always
  type: list
  elements: dict
saved:
  description: Every value that was saved.
  returned: always
  type: dict
"""
