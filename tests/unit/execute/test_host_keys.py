"""Host keys are checked where Ansible goes, too, with a real play to a real SSH server."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from automation.execute.ansible import AnsibleExecutor, Options
from automation.run.decide import Begin
from automation.run.events import HostReported, HostState, StepFinished
from automation.run.plan import Plan, PlannedComponent, Step, Verb
from tests.unit.execute.sshd import USER, Sshd, serve

TASK = """
- name: Ask it something
  ansible.builtin.raw: "true"
  changed_when: false
"""


def states(folder: Path, server: Sshd, known_hosts: Path) -> set[HostState]:
    """What is reported of w1, which is reached over SSH, when a role asks it something."""
    tasks = folder / "roles" / "odds" / "tasks"
    tasks.mkdir(parents=True)
    (tasks / "test.yml").write_text(TASK, encoding="utf-8")
    files = f"-o UserKnownHostsFile={known_hosts} -o GlobalKnownHostsFile=/dev/null"
    w1 = {
        "ansible_host": "127.0.0.1",
        "ansible_port": server.port,
        "ansible_user": USER,
        "ansible_ssh_private_key_file": str(server.client_key),
        "ansible_ssh_common_args": f"-F none -o IdentitiesOnly=yes {files}",
    }
    inventory = folder / "hosts.yml"
    inventory.write_text(json.dumps({"all": {"hosts": {"w1": w1}}}), encoding="utf-8")
    step = Step("odds.test", "odds", Verb.TEST, ("w1",), "odds", timeout=30)
    odds = PlannedComponent("odds", "Odds", ("w1",))
    run_id = f"20261122T063000Z-test-{server.port:04x}"  # to end a run ends all of it
    options = Options(inventory=inventory, run_id=run_id, roles={"odds": "odds"})
    with closing(AnsibleExecutor(options)) as executor:
        executor.prepare(Plan("v", "V", "UTC", "test", {"odds": odds}, {step.id: step}))
        executor.begin(Begin(step, step.hosts))
        found: set[HostState] = set()
        report = executor.report(0)
        while not isinstance(report, StepFinished):
            report = executor.report(30)
            found |= {report.state} if isinstance(report, HostReported) else set()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("known", [True, False])
def test_a_host_whose_key_nobody_knows_is_not_talked_to(tmp_path: Path, *, known: bool) -> None:
    """ansible-runner would turn that off where nobody says anything."""
    known_hosts = tmp_path / "known_hosts"
    with serve(tmp_path / "server") as server:
        known_hosts.write_text(f"{server.known()}\n" if known else "")
        found = states(tmp_path, server, known_hosts)
        assert (HostState.UNREACHABLE not in found) is known
        assert bool(server.processes) is known
