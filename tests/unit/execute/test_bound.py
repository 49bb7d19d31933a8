"""The time a host has for a step, with real plays on this machine."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from automation.execute.ansible import AnsibleExecutor, Options
from automation.run.decide import Begin
from automation.run.events import HostReported, HostState, StepFinished
from automation.run.plan import Plan, PlannedComponent, Step, Verb

TIMEOUT = 10.0  # of the step; a host has 5 s less, so that who hangs fails alone
FIRST, SECOND = {"a": 3, "b": 0}, {"a": 12, "b": 0}
TASKS = """
- name: Take some time
  ansible.builtin.raw: sleep {{ first }}
  changed_when: false
- name: Take much more
  ansible.builtin.raw: sleep {{ second }}
  changed_when: false
- name: Say that all is well
  raceday.core.transaction:
    component: odds
    steps: [{check: all is well, value: 1, expect: {"": 1}}]
"""


@pytest.fixture
def executor(tmp_path: Path) -> Iterator[AnsibleExecutor]:
    """Two hosts that are this machine, and a role of two tasks before its report."""
    tasks = tmp_path / "roles" / "slow" / "tasks"
    tasks.mkdir(parents=True)
    (tasks / "test.yml").write_text(TASKS, encoding="utf-8")
    hosts = {
        name: {"ansible_connection": "local", "first": FIRST[name], "second": SECOND[name]}
        for name in ("a", "b")
    }
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
    options = Options(
        inventory=inventory, run_id="20261121T063000Z-test-b0d1", roles={"odds": "slow"}
    )
    with closing(AnsibleExecutor(options)) as made:
        yield made


@pytest.mark.slow
def test_a_host_has_its_time_for_all_tasks_of_a_step_together(executor: AnsibleExecutor) -> None:
    """Who hangs in the second task fails alone when the time is over; nobody waits for it."""
    step = Step("odds.test", "odds", Verb.TEST, ("a", "b"), "odds", timeout=TIMEOUT)
    odds = PlannedComponent("odds", "Odds", ("a", "b"))
    plan = Plan("v", "V", "UTC", "test", {"odds": odds}, {step.id: step})
    executor.prepare(plan)
    executor.begin(Begin(step, step.hosts))
    told: dict[str, tuple[HostReported, float]] = {}
    report = executor.report(0)
    while not isinstance(report, StepFinished):
        report = executor.report(30)
        assert report is not None
        if isinstance(report, HostReported):
            told.setdefault(report.host, (report, time.monotonic()))
    assert {host: item.state for host, (item, _) in told.items()} == {
        "a": HostState.FAILED,
        "b": HostState.OK,
    }
    assert report.cause is None
    between = told["a"][1] - told["b"][1]
    assert 0 < between < TIMEOUT - 5 + FIRST["a"] / 2, "each task was given the whole time"
