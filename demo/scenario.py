"""`python -m demo.scenario up|down NAME`: the hosts of one molecule scenario, of the demo's image.

They have the demo's names and kinds, and a network, keys and SSH ports of their own, so that
scenarios and the demo run side by side.
"""

import argparse
import json
import sys
from pathlib import Path

from demo import fleet
from demo.engine import Engine, find_engine
from demo.hosts import demo_host, port_base
from demo.image import SUITES, ensure_image
from demo.limits import ensure_inotify
from demo.progress import Progress
from demo.run import run

SCENARIOS = Path(__file__).resolve().parent.parent / "molecule"
PORTS_EACH = 20
BEHIND_THE_DEMO = 100


def up(options: argparse.Namespace) -> int:
    """Make the hosts and write how Molecule reaches them."""
    progress, engine, hosts = Progress(), find_engine(), _fleet(options)
    ensure_inotify(len(hosts.hosts) + _running(engine), progress)
    fleet.start(engine, hosts, ensure_image(engine, progress, options.platform), progress)
    options.instance_config.write_text(json.dumps(_instances(hosts)))
    return 0


def down(options: argparse.Namespace) -> int:
    """Remove every trace of them."""
    fleet.remove(find_engine(), _fleet(options))
    return 0


def _fleet(options: argparse.Namespace) -> fleet.Fleet:
    name = f"raceday-molecule-{options.scenario}"
    base = port_base() + BEHIND_THE_DEMO + PORTS_EACH * _scenarios().index(options.scenario)
    return fleet.Fleet(
        name=name,
        label=f"raceday.molecule={options.scenario}",
        state=options.state,
        hosts=tuple(
            demo_host(host, base + number, options.hosts)
            for number, host in enumerate(options.hosts)
        ),
    )


def _scenarios() -> list[str]:
    return sorted(file.parent.name for file in SCENARIOS.glob("*/molecule.yml"))


def _running(engine: Engine) -> int:
    return len(engine.call("ps", "--quiet").split())


def _instances(hosts: fleet.Fleet) -> list[dict[str, str | int]]:
    return [
        {
            "instance": host.name,
            "address": "127.0.0.1",
            "user": "raceday",
            "port": host.ssh_port,
            "identity_file": str(hosts.state / "id_ed25519"),
        }
        for host in hosts.hosts
    ]


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo.scenario", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for command in (up, down):
        subparser = commands.add_parser(command.__name__, help=command.__doc__)
        subparser.set_defaults(run=command)
        subparser.add_argument("scenario", choices=_scenarios())
        subparser.add_argument("hosts", nargs="*", metavar="HOST")
        subparser.add_argument("--state", type=Path, required=True)
        if command is up:
            subparser.add_argument("--instance-config", type=Path, required=True)
            subparser.add_argument("--platform", choices=SUITES, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(run(_parse()))
