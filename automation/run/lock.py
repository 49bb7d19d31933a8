"""One run per venue. The kernel's lock is the proof that its holder lives; age proves nothing."""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from datetime import datetime
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from zoneinfo import ZoneInfo

from automation.errors import NO_ROOM, Locked, UsageError, full_disk_told
from automation.run.events import Message

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
PROC = Path("/proc")
STATE, BEGAN = 0, 19  # of the words behind the name in /proc/PID/stat
PATIENCE = 2.0  # seconds for a holder to say who it is, or for what is left of a dead one to go
_held: set[int] = set()  # descriptors of what this process holds


@dataclass(frozen=True)
class Holder:
    """Who holds a venue, and what for. `since` is UTC ISO 8601, `began` as `began` has it.

    A file that an older raceday wrote does not say when the process began.
    """

    run_id: str
    pid: int
    host: str
    boot_id: str
    since: str
    why: str
    operator: str
    began: str = ""


class VenueLocked(Locked):
    """Another run holds the lock `path`; `holder` is None when it has not said yet who it is.

    Since when is told as the clock of the `zone` shows it.
    """

    def __init__(self, path: Path, holder: Holder | None, zone: str) -> None:
        super().__init__(_sentence(path, holder, ZoneInfo(zone)), _next_step(holder))
        self.path = path
        self.holder = holder


@contextmanager
def hold(
    path: Path,
    holder: Holder,
    venue_file: Path | None = None,
    *,
    zone: str = "UTC",
    patience: float = PATIENCE,
) -> Iterator[None]:
    """Hold the venue whose lock file is `path`, or raise VenueLocked at once.

    The directory of the venue file is held too, so that a run which keeps its reports elsewhere is
    not missed. Processes that are started meanwhile do not inherit the lock, so it is free as soon
    as its holder is gone, however it went. Where nobody says that he holds it, that is waited for
    with `patience`, in seconds. `zone` is the venue's, for telling since when another holds it.
    Raises Unwritable when the disk has no room, for the lock or for what is done while it is held.
    """
    with full_disk_told(), _locked(path, zone, patience):
        try:
            with _folder_locked(venue_file.parent, zone, patience) if venue_file else nullcontext():
                _publish(path, holder)
                yield
        finally:
            with _may_refuse(path):
                _holder_file(path).unlink(missing_ok=True)


def wait_until_free(path: Path, seconds: float) -> bool:
    """Whether the lock `path`, a file or a directory, becomes free within these seconds."""
    with holding(path, seconds) as ours:
        return ours


def this_process(run_id: str, operator: str, why: str, since: datetime) -> Holder:
    """The holder that this process is."""
    host, pid = socket.gethostname(), os.getpid()
    return Holder(run_id, pid, host, boot_id(), since.isoformat(), why, operator, began(pid))


def read_holder(path: Path) -> Holder | None:
    """Who wrote its name beside the lock file `path`; None for nobody, or nobody who is alive."""
    try:
        holder = Holder(**json.loads(_holder_file(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return None if _is_dead(holder) else holder


@contextmanager
def holding(path: Path, seconds: float) -> Iterator[bool]:
    """Hold a file, made if need be, or a directory; whether that came true within these seconds.

    A directory, because an editor that saves a file in it puts a new one in its place. Raises
    OSError where the file system knows no flock.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY if path.is_dir() else os.O_RDWR | os.O_CREAT
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
    _held.add(descriptor)
    try:
        deadline = time.monotonic() + seconds
        while not (ours := _is_ours(descriptor)) and time.monotonic() < deadline:
            time.sleep(0.05)
        yield ours
    finally:
        _held.discard(descriptor)
        os.close(descriptor)


@contextmanager
def _locked(path: Path, zone: str, patience: float) -> Iterator[None]:
    with ExitStack() as stack:
        with _may_refuse(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            seconds = 0 if read_holder(path) else patience
            ours = stack.enter_context(holding(path, seconds))
        if not ours:
            raise VenueLocked(path, read_holder(path), zone)
        yield


@contextmanager
def _folder_locked(folder: Path, zone: str, patience: float) -> Iterator[None]:
    with holding(folder, patience) as ours:
        if not ours:
            raise VenueLocked(folder, None, zone)
        yield


def _is_ours(descriptor: int) -> bool:
    try:
        flock(descriptor, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _let_go() -> None:
    """A child that was forked would hold them until it has become another program."""
    while _held:
        os.close(_held.pop())


os.register_at_fork(after_in_child=_let_go)


@contextmanager
def _may_refuse(path: Path) -> Iterator[None]:
    """What the place of a lock refuses is the operator's to mend. Raises UsageError."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise
        raise UsageError(
            Message(
                "The venue's lock %(path)s cannot be taken: %(why)s.",
                {"path": path, "why": error.strerror},
            ),
            "Let the operator write there, on a file system that knows flock, or choose --reports.",
        ) from error


def _publish(path: Path, holder: Holder) -> None:
    """Say beside the lock file who holds it."""
    draft = path.with_name(f"{path.name}.holder.{holder.pid}")
    with _may_refuse(path):
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as stream:
            json.dump(asdict(holder), stream, ensure_ascii=False, sort_keys=True)
        draft.replace(_holder_file(path))


def _holder_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.holder")


def boot_id() -> str:
    """Which boot of this machine it is; empty where the kernel does not say."""
    return BOOT_ID.read_text(encoding="utf-8").strip() if BOOT_ID.exists() else ""


def began(pid: int) -> str:
    """When a process began, in ticks from boot.

    Empty when there is none, and for one that only waits to be reaped.
    """
    try:
        words = (PROC / str(pid) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if words[STATE] in {"Z", "X"} else words[BEGAN]


def _is_dead(holder: Holder) -> bool:
    """Provably gone: it left its name behind, and whoever holds the lock now is another."""
    if holder.host != socket.gethostname():
        return False
    return holder.boot_id != boot_id() or not _process_exists(holder.pid) or _is_reused(holder)


def _is_reused(holder: Holder) -> bool:
    """Its number is another process's; unless both beginnings are known, it may be its own."""
    now = began(holder.pid)
    return bool(holder.began and now) and now != holder.began


def _process_exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _sentence(path: Path, holder: Holder | None, zone: ZoneInfo) -> Message:
    if holder is None:
        text = "Another run holds %(path)s and does not say here who it is."
        return Message(text, {"path": path})
    text = (
        "%(operator)s holds the venue since %(since)s for %(why)s: "
        "run %(run_id)s, process %(pid)s on %(host)s."
    )
    since = datetime.fromisoformat(holder.since).astimezone(zone)
    return Message(text, {**asdict(holder), "since": f"{since:%Y-%m-%d %H:%M:%S}"})


def _next_step(holder: Holder | None) -> Message:
    if holder is None:
        return Message("Try again in a moment. Does somebody use another reports directory?")
    text = (
        "Wait for run %(run_id)s, or interrupt it where it runs. "
        "When its process ends, however it ends, the venue is free. "
        "What it does: raceday explain."
    )
    return Message(text, {"run_id": holder.run_id})
