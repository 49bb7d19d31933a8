"""Kernel limits that many systemds on one machine run into."""

from pathlib import Path

from demo.errors import DemoError
from demo.progress import Progress

INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances")
PER_HOST = 5
"""inotify instances that one booted container holds, measured with the demo's image."""
OTHERS = 60
"""Left for everything else that runs as the same user."""


def ensure_inotify(hosts: int, progress: Progress) -> None:
    """Raise the limit on inotify instances if this many hosts would hit it, and say so."""
    needed = hosts * PER_HOST + OTHERS
    limit = int(INSTANCES.read_text())
    if limit >= needed:
        return
    try:
        INSTANCES.write_text(f"{needed}\n")
    except OSError as error:
        raise DemoError(
            f"fs.inotify.max_user_instances is {limit}, {hosts} hosts need {needed}",
            f"as root: sysctl fs.inotify.max_user_instances={needed}",
        ) from error
    progress.say(f"raised fs.inotify.max_user_instances from {limit} to {needed}")
