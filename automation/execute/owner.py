"""Which raceday process, of which venue, a child process or a scratch folder belongs to.

It is carried in the child's environment and in a file of the folder, so what a process has left is
found after its death even when no reports directory knows of it.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from automation.run.lock import PROC, began, boot_id


@dataclass(frozen=True)
class Owner:
    """A raceday process. `venue` is the directory of its venue file, `since` in ticks from boot.

    `space` is its process namespace; elsewhere its number means another process.
    """

    venue: str
    pid: int
    since: str
    boot: str
    space: str

    def __str__(self) -> str:
        """One line, the same for the same process."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @property
    def is_dead(self) -> bool:
        """Proven to be gone; whoever cannot be looked at may live."""
        if self.boot != boot_id():
            return bool(self.boot and boot_id())
        return bool(self.since) and self.space == _space() and began(self.pid) != self.since


def this_owner(venue: Path) -> Owner:
    """The one that this process is, for a venue whose file lies in this directory."""
    return Owner(str(venue.resolve()), os.getpid(), began(os.getpid()), boot_id(), _space())


def read_owner(text: str) -> Owner | None:
    """The owner in a line; None when it is not ours."""
    try:
        return Owner(**json.loads(text))
    except (ValueError, TypeError):
        return None


def _space() -> str:
    try:
        return str((PROC / "self" / "ns" / "pid").readlink())
    except OSError:
        return ""
