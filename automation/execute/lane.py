"""A lane: one `ansible-playbook` process for steps that follow each other, and what it is given."""

import json
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from automation.run.events import HostReported
from automation.run.plan import Plan, Step, Verb
from automation.settings import content_root

SPARE_SECONDS = 5.0


@dataclass(frozen=True)
class Stage:
    """Steps of one verb that are done together: one play, which holds until it is released."""

    name: str
    verb: Verb
    steps: tuple[Step, ...]
    fifo: int

    @property
    def hosts(self) -> tuple[str, ...]:
        """Every host of the stage, each once, in plan order."""
        return tuple(dict.fromkeys(host for step in self.steps for host in step.hosts))


@dataclass
class Lane:
    """One process: its stages in the order it does them, and how far it has got."""

    name: str
    folder: Path
    stages: tuple[Stage, ...]
    thread: threading.Thread | None = None
    launches: int = 0
    current: Stage | None = None
    begun: dict[str, set[str]] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)
    finished: set[str] = field(default_factory=set)
    lost: dict[str, HostReported] = field(default_factory=dict)
    cancelled: bool = False
    ended: bool = False
    why: str = ""

    @property
    def forks(self) -> int:
        """As many hosts as its largest stage has."""
        return max(len(stage.hosts) for stage in self.stages)

    @property
    def steps(self) -> tuple[Step, ...]:
        """Its steps of every stage."""
        return tuple(step for stage in self.stages for step in stage.steps)

    @property
    def current_steps(self) -> tuple[Step, ...]:
        """The steps of the stage that is being done."""
        return self.current.steps if self.current else ()

    def stage_of(self, step: Step) -> Stage:
        """The stage that a step belongs to."""
        return next(stage for stage in self.stages if step in stage.steps)

    def enter(self, stage: str) -> None:
        """The process has been released into a stage."""
        self.current = next(item for item in self.stages if item.name == stage)

    def close(self) -> None:
        """Let go of the FIFOs: a play that still holds ends itself."""
        for stage in self.stages:
            os.close(stage.fifo)
        self.stages = ()


def make_lanes(plan: Plan, scratch: Path) -> dict[str, Lane]:
    """The lanes of a plan, each with its folder and FIFOs, in the order they are needed."""
    grouped: dict[str, list[Step]] = {}
    for step in plan.steps.values():
        grouped.setdefault(step.lane, []).append(step)
    return {name: _make_lane(name, steps, scratch / name) for name, steps in grouped.items()}


def write_playbook(lane: Lane, roles: Mapping[str, str]) -> Path:
    """Its stages, one after the other in one process; each is a playbook of ours."""
    steps = content_root() / "playbooks" / "steps"
    plays = [
        {
            "ansible.builtin.import_playbook": str(steps / f"{stage.verb}.yml"),
            "vars": _variables(stage, roles),
        }
        for stage in lane.stages
    ]
    path = lane.folder / "lane.yml"
    path.write_text(json.dumps(plays), encoding="utf-8")
    return path


def _make_lane(name: str, steps: Sequence[Step], folder: Path) -> Lane:
    folder.mkdir()
    stages = (
        _make_stage(folder / f"{number}-{group[0].verb}", group)
        for number, group in enumerate(_groups(steps))
    )
    return Lane(name, folder, tuple(stages))


def _groups(steps: Sequence[Step]) -> list[tuple[Step, ...]]:
    """Steps of one verb that follow each other, each component once: they are done together."""
    groups: list[tuple[Step, ...]] = []
    for step in steps:
        last = groups[-1] if groups else ()
        same = all(_are_one_play(item, step) for item in last)
        if last and same and not step.options:
            groups[-1] = (*last, step)
        else:
            groups.append((step,))
    return groups


def _are_one_play(one: Step, other: Step) -> bool:
    """A play is released once, so its steps begin together: they wait for the same."""
    alike = one.verb is other.verb and one.after == other.after
    return alike and one.component != other.component


def _make_stage(path: Path, steps: tuple[Step, ...]) -> Stage:
    os.mkfifo(path, 0o600)
    return Stage(path.name, steps[0].verb, steps, os.open(path, os.O_RDWR | os.O_CLOEXEC))


def _variables(stage: Stage, roles: Mapping[str, str]) -> dict[str, Any]:
    first = stage.steps[0]
    components = {step.component: list(step.hosts) for step in stage.steps}
    return {
        "component": first.component,
        "raceday_stage": stage.name,
        "raceday_hosts": list(stage.hosts),
        "raceday_timeout": _timeout(stage),
        "raceday_role": roles.get(first.component, "service"),
        "raceday_patient": all(step.is_patient for step in stage.steps),
        "raceday_unhurried": all(step.is_gate for step in stage.steps),
        "raceday_front_role": roles.get(first.owner, "haproxy"),
        "raceday_members": {"components": components, stage.verb: _members(stage.steps)},
        "raceday_options": first.options,
    }


def _timeout(stage: Stage) -> str:
    """Seconds for a task: what a host has left of its time, which counts from the release.

    So who hangs fails alone, in whichever task it is, before the whole step is given up. Ansible
    works it out anew for each task.
    """
    seconds = max(1, int(min(step.timeout for step in stage.steps) - SPARE_SECONDS))
    left = f"__release.released_at + {seconds} - now().timestamp()"
    return f"{{{{ [({left}) | int, 1] | max }}}}"


def _members(steps: Iterable[Step]) -> dict[str, list[str]]:
    """Which components each host answers for."""
    members: dict[str, list[str]] = {}
    for step in steps:
        for host in step.hosts:
            members.setdefault(host, []).append(step.component)
    return members
