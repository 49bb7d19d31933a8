"""Steps done by Ansible.

A lane is one `ansible-playbook` process for steps that follow each other on the same hosts. It is
launched ahead of time and holds before each verb until the engine releases it, so the 0.7 s that
a process costs are spent while something else is still starting. Results come as data (`raceday` in
a task's result); nothing is read from the printed output.
"""

import json
import os
import queue
import shlex
import shutil
import sys
import tempfile
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from automation.execute.diffs import Diff, diffs_of
from automation.execute.lane import Lane, Stage, make_lanes, write_playbook
from automation.execute.owner import read_owner, this_owner
from automation.execute.playbook import Playbook
from automation.execute.processes import (
    MARKER,
    OWNER,
    end_connections,
    end_marked,
    end_owned,
    marked_runs,
    owners_seen,
)
from automation.execute.results import reports_of
from automation.run.decide import Begin
from automation.run.events import GOOD, HostReported, Message, StepFinished
from automation.run.plan import Plan, Step, Verb
from automation.settings import ansible_config, content_root
from automation.venue.kinds import role_paths

AT_ONCE = frozenset({Verb.PREFLIGHT, Verb.PROBE})  # one task: a host's first report is its last
SCRATCH = "raceday-"  # and the run's id: a folder among the temporary files of this machine
OWNER_FILE = "owner"  # in it: whose it is
MOST_LAUNCHES = 2  # of one process that dies while it starts up
AT_FIRST = 2  # processes launched before a first step has ended


@dataclass(frozen=True)
class Options:
    """How Ansible is called. `keep` holds ansible-runner's artifacts when they are wanted.

    `venue` is the directory of the venue file; the inventory's own without it.
    """

    inventory: Path
    run_id: str
    roles: Mapping[str, str]
    connect_timeout: int = 5
    check: bool = False
    forks: int | None = None
    extra_vars: tuple[str, ...] = ()
    keep: Path | None = None
    diff: bool = False
    venue: Path | None = None


class AnsibleExecutor:
    """Does steps with ansible-playbook processes, one per lane."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._owner = str(this_owner(options.venue or options.inventory))
        self._scratch = Path(tempfile.mkdtemp(prefix=f"{SCRATCH}{options.run_id}-"))
        (self._scratch / OWNER_FILE).write_text(self._owner, encoding="utf-8")
        self._lanes: dict[str, Lane] = {}
        self._waiting: list[Lane] = []
        self._begun: list[Begin] = []
        self._warm = False
        self._reports: queue.SimpleQueue[HostReported | StepFinished | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._diffs: list[Diff] = []

    @property
    def mark(self) -> str:
        """What every process of this run carries in its environment."""
        return self._options.run_id

    @property
    def diffs(self) -> tuple[Diff, ...]:
        """What was changed so far, or would be, if diffs were asked for; in the order it came."""
        return tuple(self._diffs)

    def prepare(self, plan: Plan) -> None:
        """Launch the first lane. Each that is up and holds lets the next one be launched.

        All but the first two wait until a first step has ended: until then all hosts are being
        connected to, and a process starting up would be in the way.
        """
        self._lanes = make_lanes(plan, self._scratch)
        self._waiting = list(self._lanes.values())
        self._launch_next()

    def begin(self, order: Begin) -> None:
        """Noted now, released by the next `report`, together with all that begins with it."""
        self._begun.append(order)

    def skip(self, step: Step) -> None:
        """Let the process go past a stage none of whose steps will be begun."""
        lane = self._lanes[step.lane]
        stage = lane.stage_of(step)
        lane.skipped.add(step.id)
        if lane.skipped.issuperset(item.id for item in stage.steps):
            _write_order(stage, {"hosts": [], "unready": [], "servers": {}})

    def abandon(self, step: Step) -> None:
        """End the step's whole process; one that only starts up ends with its first event."""
        lane = self._lanes[step.lane]
        lane.cancelled = True
        lane.finished.add(step.id)
        self._end(lane)

    def report(self, timeout: float | None) -> HostReported | StepFinished | None:
        """Release what was begun, then wait for the next report."""
        self._release_begun()
        try:
            return self._reports.get(timeout=timeout)
        except queue.Empty:
            return None

    def tell(self, report: HostReported | StepFinished) -> None:
        """Pass on what somebody else has to report; safe in a thread."""
        self._reports.put(report)

    def wake(self) -> None:
        """Let a waiting `report` return at once; safe in a signal handler."""
        self._reports.put(None)

    def close(self) -> None:
        """End every process of the run and remove what they wrote."""
        with self._lock:
            self._waiting.clear()
        for lane in self._lanes.values():
            lane.cancelled = True
            lane.close()
        end_marked(self._options.run_id)
        for lane in self._lanes.values():
            if lane.thread:
                lane.thread.join(timeout=5)
        _remove(self._scratch)

    # --- lanes ---------------------------------------------------------------------------------

    def _launch_next(self) -> None:
        with self._lock:
            if self._waiting:
                self._launch(self._waiting.pop(0))

    def _launch(self, lane: Lane) -> None:
        """Only with the lock held, so that `close` sees every thread there is."""
        lane.launches += 1
        lane.thread = threading.Thread(target=self._run, args=(lane,), name=lane.name, daemon=True)
        lane.thread.start()

    def _release_begun(self) -> None:
        groups: dict[tuple[str, str], list[Begin]] = {}
        for order in self._begun:
            lane = self._lanes[order.step.lane]
            lane.begun[order.step.id] = set(order.hosts)
            stage = lane.stage_of(order.step)
            groups.setdefault((lane.name, stage.name), []).append(order)
        self._begun.clear()
        for (name, _), orders in groups.items():
            self._release(self._lanes[name], orders)

    def _release(self, lane: Lane, orders: Sequence[Begin]) -> None:
        """One line on the stage's FIFO; its play reads it whenever its process has come so far."""
        line = {
            "hosts": list(dict.fromkeys(host for order in orders for host in order.hosts)),
            "unready": orders[-1].unready,
            "servers": {host: told for order in orders for host, told in order.servers.items()},
        }
        _write_order(lane.stage_of(orders[0].step), line)
        if lane.ended:
            text = "its ansible-playbook process had ended before: %(why)s"
            self._lost(lane, Message(text, {"why": lane.why}))

    # --- one process ---------------------------------------------------------------------------

    def _run(self, lane: Lane) -> None:
        why = ""
        try:
            why = self._playbook(lane).run(
                on_event=lambda event: self._on_event(lane, event),
                give_up=lambda: self._end(lane),
            )
        except Exception as error:  # noqa: BLE001  # whatever it is, the engine must hear of it
            why = f"{type(error).__name__}: {error}"
        if lane.current is None and lane.launches < MOST_LAUNCHES and not lane.cancelled:
            with self._lock:  # it died before it did anything: its orders are still waiting
                self._launch(lane)
            return
        lane.why = why
        lane.ended = True  # before the steps are told: what is begun from now on tells itself
        self._lost(lane, Message("%(why)s", {"why": lane.why}))
        self._launch_next()

    def _lost(self, lane: Lane, why: Message) -> None:
        """The process is gone: every step it has begun and not finished ends here."""
        for step in lane.steps:
            if step.id in lane.begun:
                self._finish(lane, step.id, why)

    def _on_event(self, lane: Lane, event: Mapping[str, Any]) -> bool:
        """Turn an ansible-runner event into reports. False: runner shall write no file for it."""
        if lane.cancelled:
            self._end(lane)
            return False
        kind, data = event.get("event"), event.get("event_data") or {}
        if data.get("task_action") == "raceday.core.release":
            self._on_release(lane, str(kind), data)
        elif kind in {"runner_on_ok", "runner_on_failed", "runner_on_unreachable"}:
            if self._options.diff:
                self._diffs.extend(diffs_of(data))
            for report in reports_of(lane.current_steps, str(kind), data):
                self._tell(lane, report)
        elif kind == "playbook_on_stats":
            self._finish_stage(lane)
        return self._options.keep is not None

    def _on_release(self, lane: Lane, kind: str, data: Mapping[str, Any]) -> None:
        if kind == "playbook_on_task_start":
            launched = len(self._lanes) - len(self._waiting)
            if lane.current is None and (self._warm or launched < AT_FIRST):
                self._launch_next()
            self._finish_stage(lane)
        elif kind == "runner_on_ok":
            lane.enter(data["res"]["stage"])

    def _tell(self, lane: Lane, report: HostReported) -> None:
        """Pass a report on; a host that is lost is lost for the later verbs of the lane too."""
        if report.state not in GOOD:
            lane.lost.setdefault(report.host, report)
        if report.step not in lane.begun:
            return  # another component of the host, whose own step was not executed
        self._reports.put(report)
        silent = lane.begun[report.step]
        silent.discard(report.host)
        if lane.current and lane.current.verb in AT_ONCE and not silent:
            self._finish(lane, report.step, None)

    def _finish_stage(self, lane: Lane) -> None:
        for step in lane.current_steps:
            if step.id in lane.begun:
                self._finish(lane, step.id, None)

    def _finish(self, lane: Lane, step_id: str, cause: Message | None) -> None:
        if step_id in lane.finished:
            return
        lane.finished.add(step_id)
        for host in sorted(lane.begun[step_id] & set(lane.lost)):  # silent, because lost before
            self._reports.put(replace(lane.lost[host], step=step_id))
        self._reports.put(StepFinished(step_id, cause))
        if not self._warm:
            self._warm = True
            self._launch_next()

    # --- how it is called ----------------------------------------------------------------------

    def _playbook(self, lane: Lane) -> Playbook:
        keep = self._options.keep
        return Playbook(
            arguments=tuple(self._arguments(lane)),
            environment=self._environment(lane),
            folder=lane.folder,
            artifacts=keep / lane.name if keep else lane.folder / "artifacts",
            ident=f"run{lane.launches}",
        )

    def _arguments(self, lane: Lane) -> Iterable[str]:
        for word in self._options.extra_vars:  # @file is meant from where the operator stands
            yield "-e"
            yield f"@{Path(word[1:]).absolute()}" if word.startswith("@") else word
        yield from ("-e", f"raceday_lane={shlex.quote(str(lane.folder))}")
        yield from ("--forks", str(self._options.forks or lane.forks))
        yield from ("-i", str(self._options.inventory.absolute()))
        if self._options.check:
            yield "--check"
        if self._options.diff:
            yield "--diff"
        yield str(write_playbook(lane, self._options.roles))

    def _environment(self, lane: Lane) -> dict[str, str]:
        root = content_root()
        roles = role_paths(self._options.inventory)
        return {
            MARKER: self._mark(lane),
            OWNER: self._owner,
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
            "ANSIBLE_CONFIG": ansible_config(),
            "ANSIBLE_ROLES_PATH": os.pathsep.join(map(str, roles)),
            "ANSIBLE_COLLECTIONS_PATH": str(root / "collections"),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self._scratch / "cp"),
            "ANSIBLE_TIMEOUT": str(self._options.connect_timeout),
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_INJECT_FACT_VARS": "0",
            "ANSIBLE_DEPRECATION_WARNINGS": "0",
            "TMPDIR": str(self._scratch),
            "ANSIBLE_LOCAL_TEMP": str(lane.folder / "tmp"),
        }

    def _end(self, lane: Lane) -> None:
        end_marked(self._mark(lane))

    def _mark(self, lane: Lane) -> str:
        return f"{self._options.run_id}/{lane.name}"


def runs_here() -> frozenset[str]:
    """The ids of all runs, of any venue, that have processes or files on this machine."""
    folders = _scratch_folders()
    names = (folder.name.removeprefix(SCRATCH).rpartition("-")[0] for folder in folders)
    return marked_runs() | frozenset(filter(None, names))


def end_run(run_id: str) -> int:
    """End what a dead run has left on this machine, and remove its files. Returns how many."""
    ended = end_marked(run_id)
    for folder in Path(tempfile.gettempdir()).glob(f"{SCRATCH}{run_id}-*"):
        _remove(folder)
    return ended


def dead_owners(venue: Path) -> frozenset[str]:
    """Processes of ours that are gone and left processes or files of this venue on this machine.

    `venue` is the directory of the venue file. Whoever lives is not among them, whatever it does.
    """
    told = owners_seen() | frozenset(map(_owner_of, _scratch_folders()))
    found = ((text, read_owner(text)) for text in told)
    mine = str(venue.resolve())
    return frozenset(
        text for text, owner in found if owner and owner.venue == mine and owner.is_dead
    )


def end_owners(owners: Collection[str]) -> None:
    """End what these processes of ours have left, and remove their files."""
    for owner in owners:
        end_owned(owner)
    for folder in _scratch_folders():
        if _owner_of(folder) in owners:
            _remove(folder)


def _remove(scratch: Path) -> None:
    """What a run wrote, and the connections that it kept there."""
    end_connections(scratch)
    shutil.rmtree(scratch, ignore_errors=True)


def _scratch_folders() -> tuple[Path, ...]:
    return tuple(Path(tempfile.gettempdir()).glob(f"{SCRATCH}2*"))


def _owner_of(folder: Path) -> str:
    try:
        return (folder / OWNER_FILE).read_text(encoding="utf-8")
    except OSError:
        return ""


def _write_order(stage: Stage, order: Mapping[str, Any]) -> None:
    os.write(stage.fifo, json.dumps(order).encode() + b"\n")
