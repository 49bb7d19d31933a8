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


def interrupt(pid: int) -> bool:
    """Ask a run to stop in order, which never hurries one that stops already; whether we may."""
    try:
        psutil.Process(pid).terminate()
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False
    return True


def marked_runs() -> frozenset[str]:
    """The ids of all runs that have processes on this machine."""
    marks = (_mark_of(process) for process in psutil.process_iter())
    return frozenset(mark.partition("/")[0] for mark in marks if mark)


def _is_marked(process: psutil.Process, mark: str) -> bool:
    found = _mark_of(process)
    return bool(found) and (found == mark or found.startswith(f"{mark}/"))


def _mark_of(process: psutil.Process) -> str:
    try:
        return str(process.environ().get(MARKER, ""))
    except psutil.Error:
        return ""


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return
