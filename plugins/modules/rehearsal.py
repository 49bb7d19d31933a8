#!/usr/bin/python
"""Rehearse sales through a load balancer. The work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rehearsal
short_description: Rehearse sales through a load balancer
description:
  - Buys test items at a set rate, whatever the answers are, and times each from the moment it was due.
    Runs on the load balancer's host and needs nothing but its python3.
  - The test customers are numbered; everything they buy is taken back by O(action=tidy), and what an
    earlier rehearsal left is taken back before the first purchase.
options:
  component:
    description: The component that the checks belong to.
    type: str
    required: true
  action:
    description:
      - V(load) buys until O(load.seconds) are over, or until V(tidy) ends it.
      - V(tidy) ends the component's load, takes everything back and compares the balances with those of before;
        where those are gone, for instance after a reboot, the check fails.
      - V(watch) waits until O(purchases) in a row are answered on each of O(channels).
    type: str
    choices: [load, tidy, watch]
    default: load
  channel:
    description: The channel's word, with which the names of the checks begin.
    type: str
  name:
    description: What the names of test customers and test races begin with.
    type: str
  buy:
    description:
      - A purchase. In all requests C($customer), C($race) and C($runner) are replaced by those of the purchase.
    type: dict
    suboptions: &request
      method:
        description: The HTTP method; V(GET) by default.
        type: str
      url:
        description: Ask this URL.
        type: str
      line:
        description: Ask this C(host:port) by sending the body as one line of JSON.
        type: str
      body:
        description: JSON to send.
        type: dict
      status:
        description: The HTTP status that must come back; 200 by default.
        type: int
      expect:
        description: Keys of the answer and what they must be.
        type: dict
      value:
        description: The key of the answer that is looked at.
        type: str
      count:
        description: The key of the answer that says how many were taken back.
        type: str
  take_back:
    description:
      - Takes back all that C($customer) has bought. It needs C(expect), the answer when nothing is left, because
        nothing else proves that; without it the task is refused.
    type: dict
    suboptions: *request
  look:
    description:
      - Tells what C($customer) has; it must be the same before and after. It needs C(value), and an answer without
        that key, or with null, is a failed check.
    type: dict
    suboptions: *request
  load:
    description: How much is bought.
    type: dict
    suboptions:
      rate:
        description: Purchases a second.
        type: float
        default: 20.0
      seconds:
        description: For how long at most.
        type: float
        default: 30.0
      burst:
        description: So many times the rate in the last fifth of the time.
        type: float
        default: 1.0
      judge_latency:
        description: Whether latencies over the limits fail.
        type: bool
        default: true
  limits:
    description: What is still smooth.
    type: dict
    suboptions:
      errors_percent:
        description: Of a hundred purchases so many may fail or stay without an answer.
        type: float
        default: 1.0
      p95_seconds:
        description: Of a hundred purchases 95 take no longer than this.
        type: float
        default: 0.5
      p99_seconds:
        description: Of a hundred purchases 99 take no longer than this.
        type: float
        default: 1.0
  channels:
    description: For V(watch), components and the words of their channels.
    type: dict
  purchases:
    description: For V(watch), how many in a row.
    type: int
    default: 10
  mark:
    description: For V(watch), count failures anew from here on.
    type: bool
    default: false
  timeout:
    description: For V(watch), seconds to wait.
    type: float
    default: 30.0
  folder:
    description: Where a load keeps its control socket, and the balances of before.
    type: path
    default: /run/raceday
author: The raceday authors (@raceday)
"""

EXAMPLES = r"""
- name: Place test bets for half a minute
  raceday.core.rehearsal:
    component: wagering
    channel: bet
    name: "test-rehearsal-{{ inventory_hostname }}"
    buy:
      method: POST
      url: http://127.0.0.1:18100/bets
      body: {account: $customer, race: $race, pool: win, selection: $runner, amount: 100, test: true}
      status: 201
    take_back: {method: DELETE, url: "http://127.0.0.1:18100/accounts/$customer/bets", expect: {left: 0}}
    look: {url: "http://127.0.0.1:18100/accounts/$customer", value: balance}
    load: {rate: 50, burst: 3}
"""

RETURN = r"""
raceday:
  description:
    - One report. Its evidence after V(load) has C(flow), which is V(smooth), V(slow), V(congested), or V(unknown)
      when the generator itself could not keep up; C(sent), C(answered), C(errors), C(late) and C(unsent);
      C(p50), C(p95), C(p99) and C(max) in seconds.
  returned: always
  type: list
"""
