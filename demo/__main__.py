"""`python -m demo up|down|status|build`: the demo racecourse on this machine."""

import argparse
import sys

from demo import fleet
from demo.engine import find_engine
from demo.hosts import PORT_BASE, demo_fleet, port_base
from demo.image import PLATFORM, SUITES, ensure_image, remove_images, remove_older_images
from demo.inventory import write_moved_inventory
from demo.limits import ensure_inotify
from demo.progress import Progress
from demo.run import FAILED, run


def up(_options: argparse.Namespace) -> int:
    """Build the image if needed and start every host."""
    progress, engine, hosts = Progress(), find_engine(), demo_fleet()
    ensure_inotify(len(hosts.hosts), progress)
    image = ensure_image(engine, progress)
    fleet.start(engine, hosts, image, progress)
    remove_older_images(engine, image)
    if port_base() != PORT_BASE:
        progress.say(f"ports moved: use the venue at {write_moved_inventory(port_base())}")
    return 0


def down(options: argparse.Namespace) -> int:
    """Remove every trace."""
    engine = find_engine()
    fleet.remove(engine, demo_fleet())
    if not options.keep_image:
        remove_images(engine)
    return 0


def build(options: argparse.Namespace) -> int:
    """Build the image unless it is there, and print its name."""
    print(ensure_image(find_engine(), Progress(), options.platform))
    return 0


def status(_options: argparse.Namespace) -> int:
    """Say what every host is right now; 1 unless all run."""
    hosts = demo_fleet()
    states = fleet.host_states(find_engine(), hosts)
    for host in hosts.hosts:
        print(f"{host.name:12} 127.0.0.1:{host.ssh_port}  {states[host.name]}")
    return 0 if set(states.values()) == {"running"} else FAILED


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for command in (up, down, status, build):
        subparser = commands.add_parser(command.__name__, help=command.__doc__)
        subparser.set_defaults(run=command)
        if command is down:
            subparser.add_argument(
                "--keep-image", action="store_true", help="keep the image for the next up"
            )
        if command is build:
            subparser.add_argument("--platform", choices=SUITES, default=PLATFORM)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(run(_parse()))
