"""What a venue is once its file and its inventory are read together: what all else works on."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from automation.venue.calendar import Calendar
from automation.venue.model import (
    Commands,
    FunctionalTest,
    Healthcheck,
    ManualMinutes,
    Restart,
    Thresholds,
)
from automation.venue.unattended import Unattended


@dataclass(frozen=True)
class Host:
    """One machine of the inventory and how it is reached.

    `variables` are its inventory variables as Ansible sees them before templating; they may hold
    secrets, so they are kept out of `repr`.
    """

    name: str
    address: str
    port: int
    user: str | None
    variables: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Dependency:
    """What must hold for another component before this one starts."""

    component: str
    condition: Literal["service_healthy"]


@dataclass(frozen=True)
class Component:
    """A group of hosts that starts and stops as one thing, with every default filled in.

    `role` is None only for an external component; `min_ready` is a count of `hosts`. The hosts of
    an external component are those from which it is asked.
    """

    name: str
    title: str
    role: str | None
    hosts: tuple[str, ...]
    depends_on: tuple[Dependency, ...]
    critical: bool
    min_ready: int
    external: bool
    healthcheck: Healthcheck | None
    unit: str | None
    commands: Commands | None
    restart: Restart
    tests: tuple[FunctionalTest, ...]
    manual_minutes: ManualMinutes | None
    keep_running: bool
    retries: int
    ports: tuple[int, ...]
    certificates: tuple[str, ...]


@dataclass(frozen=True)
class Venue:
    """One site. `components` are in the order of the file; `digest` changes with any input.

    `limited` holds the hosts that --limit left, or None when there is no limit: the venue itself
    stays whole, because what is not looked at still has to exist. `calendar` says when unattended
    work may be done, and when nobody should work on it without a reason.
    """

    name: str
    title: str
    time_zone: str
    sales_open: dt.time | None
    race_card: Path | None
    verdict_valid_minutes: int
    connect_timeout: int
    thresholds: Thresholds
    components: Mapping[str, Component]
    hosts: Mapping[str, Host]
    inventory: Path
    venue_file: Path
    digest: str
    limited: frozenset[str] | None = None
    calendar: Calendar = field(default_factory=Calendar)
    unattended: Unattended = field(default_factory=Unattended)

    @property
    def graph(self) -> Mapping[str, tuple[str, ...]]:
        """Each component and those it waits for."""
        return {
            name: tuple(dependency.component for dependency in component.depends_on)
            for name, component in self.components.items()
        }
