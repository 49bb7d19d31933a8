"""Every process a run starts carries the run's id in its environment, so none can be lost.

ansible-core's workers leave the process group, and after a `kill -9` of raceday nobody waits for
them; the mark finds them wherever they went.
"""

import psutil

MARKER = "RACEDAY_RUN"


def end_marked(mark: str) -> int:
    """End every process whose mark is this run, or this lane of a run. Returns how many."""
    ours = [process for process in psutil.process_iter() if _is_marked(process, mark)]
    for process in ours:
        _kill(process)
    psutil.wait_procs(ours, timeout=5)
    return len(ours)


def _is_marked(process: psutil.Process, mark: str) -> bool:
    try:
        found = process.environ().get(MARKER, "")
    except psutil.Error:
        return False
    return found == mark or found.startswith(f"{mark}/")


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return
