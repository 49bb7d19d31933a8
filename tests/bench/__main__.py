"""`make bench`: start a unit that takes a second on every demo host and wait until it answers.

Three ways, interleaved, on the same hosts: raceday's hot path, ordinary Ansible tasks, and plain
parallel ssh as the floor. Prints medians of wall and controller CPU seconds.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from tests.bench import ROOT, SSH

PLAYBOOK = str(Path(sys.executable).with_name("ansible-playbook"))
HOSTS = ("db1", "db2", "cache1", "wagering1", "wagering2", "ticketing1", "ticketing2", "kiosk1")
ROUNDS = 5
UNIT = """[Service]
ExecStart=/bin/sh -c 'sleep 1; exec python3 -m http.server 9977 --bind 127.0.0.1'
"""
WAIT = "until curl -sf -o /dev/null http://127.0.0.1:9977/; do sleep 0.2; done"


def main() -> None:
    """Install the unit, run the rounds, remove the unit, print the table."""
    place = "/run/systemd/system/raceday-bench.service"
    on_all(f"cat >{place} && systemctl daemon-reload", UNIT)
    try:
        figures = measure({"raceday": hot_path, "ordinary tasks": ordinary, "plain ssh": plain})
    finally:
        on_all(f"systemctl stop raceday-bench; rm -f {place}; systemctl daemon-reload")
    show(figures)


def measure(ways: dict[str, Callable[[], None]]) -> dict[str, list[tuple[float, float]]]:
    """Wall and CPU seconds of each way, one after the other in every round."""
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            on_all("systemctl stop raceday-bench")
            before, began = cpu_seconds(), time.monotonic()
            way()
            figures[name].append((time.monotonic() - began, cpu_seconds() - before))
    return figures


def hot_path() -> None:
    """playbooks/steps/start.yml with a component of the hosts."""
    component = {
        "role": "service",
        "unit": "raceday-bench",
        "healthcheck": {"http": "http://127.0.0.1:9977/", "settle": 0},
    }
    given = {"component": "bench", "raceday_role": "service", "components": {"bench": component}}
    play("playbooks/steps/start.yml", **given)


def ordinary() -> None:
    """systemd_service, wait_for, uri."""
    play("tests/bench/ordinary.yml")


def plain() -> None:
    """One ssh per host, all at once."""
    on_all(f"systemctl start raceday-bench; {WAIT}")


def play(playbook: str, **variables: object) -> None:
    """Run a playbook on the hosts, connections made anew."""
    with tempfile.TemporaryDirectory() as folder:
        given = {**variables, "raceday_hosts": HOSTS, "bench_hosts": HOSTS}
        environment = {**os.environ, "ANSIBLE_SSH_CONTROL_PATH_DIR": folder}
        command = [PLAYBOOK, "-i", "inventories/demo", playbook, "-e", json.dumps(given)]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
        subprocess.run(["pkill", "-f", folder], check=False)


def on_all(script: str, stdin: str = "") -> None:
    """A root shell on every host at once."""
    running = [
        subprocess.Popen([*SSH, host, f"sudo sh -c '{script}'"], stdin=subprocess.PIPE, text=True)
        for host in HOSTS
    ]
    for process in running:
        process.communicate(stdin)


def cpu_seconds() -> float:
    """CPU of all children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def show(figures: dict[str, list[tuple[float, float]]]) -> None:
    """The medians, and each way against the floor."""
    table = Table("way", "wall s", "CPU s", "times plain ssh", box=None)
    floor = middle(wall for wall, _ in figures["plain ssh"])
    for name, pairs in figures.items():
        wall, cpu = middle(wall for wall, _ in pairs), middle(cpu for _, cpu in pairs)
        table.add_row(name, f"{wall:.2f}", f"{cpu:.2f}", f"{wall / floor:.2f}")
    console = Console()
    console.print(f"{len(HOSTS)} hosts, {ROUNDS} rounds interleaved, medians")
    console.print(table)


def middle(values: Iterable[float]) -> float:
    """The median."""
    return median(list(values))


if __name__ == "__main__":
    main()
