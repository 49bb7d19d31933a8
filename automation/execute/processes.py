"""Every process a run starts carries the run's id in its environment, so none can be lost.

ansible-core's workers leave the process group, and after a `kill -9` of raceday nobody waits for
them; the mark finds them wherever they went. Only the ssh that keeps a connection for others writes
its title over its environment; there it says where its socket lies.
"""

from collections.abc import Sequence
from pathlib import Path

import psutil

from automation.run.lock import began

MARKER, OWNER = "RACEDAY_RUN", "RACEDAY_OWNER"


def end_marked(mark: str) -> int:
    """End every process whose mark is this run, or this lane of a run. Returns how many."""
    return _end([process for process in psutil.process_iter() if _is_marked(process, mark)])


def end_owned(owner: str) -> int:
    """End every process that was started by this very process of ours. Returns how many."""
    return _end([item for item in psutil.process_iter() if owner and _said(item, OWNER) == owner])


def end_connections(folder: Path) -> None:
    """End whoever keeps a connection whose socket lies in this folder, or lay there.

    They are nobody's children any more, and are not waited for: that may take init a second.
    """
    for process in psutil.process_iter():
        if _title(process).startswith(f"ssh: {folder}/"):
            _kill(process)


def interrupt(pid: int, since: str) -> bool:
    """Ask a run to stop in order, which never hurries one that stops already; whether we may.

    `since` is when its process began: whoever has its number now is left alone, and where that is
    not known, everybody.
    """
    if not since:
        return False
    try:
        process = psutil.Process(pid)
        if began(pid) == since:
            process.terminate()
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False
    return True


def marked_runs() -> frozenset[str]:
    """The ids of all runs that have processes on this machine."""
    marks = (_said(process, MARKER) for process in psutil.process_iter())
    return frozenset(mark.partition("/")[0] for mark in marks if mark)


def owners_seen() -> frozenset[str]:
    """The owners of all processes on this machine that carry one."""
    found = (_said(process, OWNER) for process in psutil.process_iter())
    return frozenset(filter(None, found))


def _end(processes: Sequence[psutil.Process]) -> int:
    for process in processes:
        _kill(process)
    psutil.wait_procs(processes, timeout=5)
    return len(processes)


def _is_marked(process: psutil.Process, mark: str) -> bool:
    found = _said(process, MARKER)
    return bool(found) and (found == mark or found.startswith(f"{mark}/"))


def _said(process: psutil.Process, name: str) -> str:
    try:
        return str(process.environ().get(name, ""))
    except psutil.Error:
        return ""


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return
