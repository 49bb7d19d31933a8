"""What the unit of a kind is called where names differ: `roles/<kind>/vars/<platform>.yml`.

A host's platform is its inventory variable `raceday_platform`, because nobody asks a host for it on
the hot path.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from automation.errors import VenueError
from automation.run.events import Message
from automation.venue.fields import did_you_mean
from automation.venue.inventory import Inventory
from automation.venue.kinds import role_paths

VARIABLE = "raceday_platform"


def usual_unit(role: str, hosts: Sequence[str], inventory: Inventory) -> str | None:
    """The unit's name on the platform of these hosts, if it has one of its own there.

    Raises VenueError when the hosts differ, or are of a platform that no role knows.
    """
    platforms = {str(inventory.hosts[host].get(VARIABLE, "")) for host in hosts}
    if len(platforms) > 1:
        text = "%(variable)s differs among %(hosts)s; write the unit in the venue file."
        raise VenueError((Message(text, {"variable": VARIABLE, "hosts": ", ".join(hosts)}),))
    platform = platforms.pop() if platforms else ""
    if platform:
        _check(platform, inventory.source)
    file = next(_files(f"{role}/vars/{platform}.yml", inventory.source), None)
    said = yaml.safe_load(file.read_text(encoding="utf-8")) if platform and file else {}
    unit = said.get(f"{role}_unit")
    return str(unit) if unit else None


def _check(platform: str, inventory: Path) -> None:
    known = sorted({file.stem for file in _files("*/vars/*.yml", inventory)} - {"main"})
    if platform not in known:
        mend = did_you_mean(platform, known, "; write one of %(names)s.", names=", ".join(known))
        args = {"variable": VARIABLE, "platform": platform, "mend": mend}
        text = "%(variable)s is %(platform)s, which no role knows%(mend)s"
        raise VenueError((Message(text, args),))


def _files(pattern: str, inventory: Path) -> Iterator[Path]:
    for root in role_paths(inventory):
        yield from root.glob(pattern)
