"""What a load balancer's hosts are told, with real plays on this machine."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from automation.execute.ansible import AnsibleExecutor, Options
from automation.run.decide import Begin
from automation.run.events import HostReported, StepFinished
from automation.run.plan import Plan, PlannedComponent, Step, Verb

UNDRAIN = """
- name: Say which servers are meant
  raceday.core.transaction:
    component: front
    steps: [{check: "{{ raceday_servers | join(' ') }}", value: 1, expect: {"": 1}}]
"""


@pytest.mark.slow
def test_each_host_of_a_load_balancer_is_told_of_its_own_servers(tmp_path: Path) -> None:
    """One order, two hosts, two answers."""
    tasks = tmp_path / "roles" / "balancer" / "tasks"
    tasks.mkdir(parents=True)
    (tasks / "undrain.yml").write_text(UNDRAIN, encoding="utf-8")
    inventory = tmp_path / "hosts.yml"
    hosts = {name: {"ansible_connection": "local"} for name in ("l1", "l2")}
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
    step = Step("front.open", "front", Verb.UNDRAIN, ("l1", "l2"), "front")
    front = PlannedComponent("front", "Front", step.hosts)
    plan = Plan("v", "V", "UTC", "emergency", {"front": front}, {step.id: step})
    told = {"l1": ("bets/a", "bets/b"), "l2": ("bets/b",)}
    options = Options(inventory, "20261121T063000Z-emergency-0d1e", {"front": "balancer"})
    heard: dict[str, str] = {}
    with closing(AnsibleExecutor(options)) as executor:
        executor.prepare(plan)
        executor.begin(Begin(step, step.hosts, (), told))
        report = executor.report(30)
        while not isinstance(report, StepFinished):
            assert isinstance(report, HostReported)
            heard[report.host] = report.checks[0].name
            report = executor.report(30)
    assert heard == {"l1": "bets/a bets/b", "l2": "bets/b"}
