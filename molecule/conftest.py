"""What the tests of all scenarios share: the hosts, raceday's playbooks as people run them."""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import testinfra
import yaml

ROOT = Path(__file__).resolve().parent.parent
INVENTORY = Path(os.environ["MOLECULE_INVENTORY_FILE"])
PLATFORM = os.environ.get("RACEDAY_PLATFORM", "debian-12")
RECAP = re.compile(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Played:
    """How a run of a playbook ended, the hosts it changed, and all that it printed."""

    passed: bool
    changed: frozenset[str]
    output: str

    @property
    def said(self) -> str:
        """What it printed, without the line breaks that Ansible puts into sentences."""
        return " ".join(self.output.split())


@dataclass(frozen=True)
class Component:
    """What is under test: its names, and its hosts by inventory name."""

    name: str
    role: str
    unit: str
    hosts: Mapping[str, testinfra.host.Host]


type Play = Callable[..., Played]


@pytest.fixture(scope="session")
def hosts() -> Mapping[str, testinfra.host.Host]:
    """Every host of the scenario, as root."""
    inventory = str(INVENTORY)
    names = yaml.safe_load(INVENTORY.read_text(encoding="utf-8"))["all"]["hosts"]
    return {
        name: testinfra.get_host(f"ansible://{name}", ansible_inventory=inventory, sudo=True)
        for name in names
    }


@pytest.fixture(scope="session")
def component(hosts: Mapping[str, testinfra.host.Host]) -> Component:
    """The component that RACEDAY_COMPONENT names in the scenario's molecule.yml."""
    name = os.environ["RACEDAY_COMPONENT"]
    (file,) = (INVENTORY.parent / "group_vars" / "all").glob("venue.yml")
    keys = yaml.safe_load(file.read_text(encoding="utf-8"))["components"][name]
    members = yaml.safe_load(INVENTORY.read_text(encoding="utf-8"))[name]["hosts"]
    unit = keys.get("unit") or usual_unit(keys["role"])
    return Component(name, keys["role"], unit, {host: hosts[host] for host in members})


def usual_unit(role: str) -> str:
    """What the role calls its unit on the platform that the hosts are of."""
    there = ROOT / "roles" / role / "vars" / f"{PLATFORM}.yml"
    if there.exists():
        return str(yaml.safe_load(there.read_text(encoding="utf-8"))[f"{role}_unit"])
    known = ROOT / "roles" / role / "meta" / "raceday.yml"
    return str(yaml.safe_load(known.read_text(encoding="utf-8"))["unit"])


@pytest.fixture(scope="session")
def play(component: Component) -> Play:
    """Run `playbooks/steps/<verb>.yml` on the component, with more variables if wanted."""

    def run(*verbs: str, **variables: object) -> Played:
        given = {"component": component.name, "raceday_role": component.role, **variables}
        return run_playbooks(*verbs, **given)

    return run


def run_playbooks(*names: str, **variables: object) -> Played:
    """Run the playbooks of these verbs in one process, on the scenario's inventory."""
    command = [
        *("ansible-playbook", "--inventory", str(INVENTORY.parent)),
        *("--extra-vars", json.dumps(variables)),
        *(f"playbooks/steps/{name}.yml" for name in names),
    ]
    plain = {**os.environ, "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(command, cwd=ROOT, env=plain, capture_output=True, text=True, check=False)
    changed = {host for host, count in RECAP.findall(done.stdout) if count != "0"}
    return Played(done.returncode == 0, frozenset(changed), done.stdout + done.stderr)


def facts(host: testinfra.host.Host, component: str) -> Mapping[str, str]:
    """What a host tells of a component with every look at it."""
    arguments = json.dumps({"components": [component]})
    (report,) = host.ansible("raceday.core.probe", arguments, check=False)["raceday"]
    return dict(report["evidence"])


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 20) -> None:
    """Poll until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)
