"""The venue file as frozen models: every key a site may write, in Docker Compose's words.

`VenueFile` is what is written; `automation.venue.site` holds what it comes to on real hosts.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, model_validator

from automation.venue.fields import (
    Argv,
    Batches,
    Condition,
    Days,
    Endpoint,
    Flag,
    HostPath,
    HostPattern,
    HttpStatus,
    Minutes,
    Name,
    Percent,
    Port,
    Reference,
    Retries,
    RoleName,
    Seconds,
    SecondsOrNone,
    Share,
    Text,
    TimeOfDay,
    TimeZone,
    Title,
    UnitName,
    Url,
    WholeMinutes,
    WholeSeconds,
    mistake,
    unfit,
)
from automation.venue.keys import NAMED_APART, Keys, check_one_of
from automation.venue.unattended import Unattended

PROBES = ("http", "tcp", "command", "unit")


class Thresholds(Keys):
    """The limits preflight holds every host to."""

    disk_used_percent: Percent = 90.0
    inodes_used_percent: Percent = 90.0
    memory_available_percent: Percent = 5.0
    clock_seconds: Seconds = 1.0
    certificate_days: Days = 14
    open_files_percent: Percent = 90.0
    headroom_percent: Percent = Field(
        95.0, description="Counters, sequences and connections against their own limits."
    )


class VenueKeys(Keys):
    """The `venue` block: what holds for the whole site."""

    name: Name
    title: Title | None = None
    time_zone: TimeZone
    sales_open: TimeOfDay | None = Field(
        None, description="The deadline the verdict counts down to, in the venue's time zone."
    )
    race_card: Text | None = Field(
        None, description="The official race card, relative to the inventory's directory."
    )
    verdict_valid_minutes: WholeMinutes = 720
    connect_timeout: WholeSeconds = 5
    thresholds: Thresholds = Thresholds()


class Healthcheck(Keys):
    """How a component shows that it is ready; asked from the host itself, times in seconds."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [probe]} for probe in PROBES]}
    )

    http: Url | None = None
    status: HttpStatus = Field(200, description="The answer that http wants.")
    contains: Text | None = Field(None, description="A text that the http answer must hold.")
    tcp: Endpoint | None = None
    command: Argv | None = None
    unit: UnitName | None = None
    interval: Seconds = 0.2
    timeout: Seconds = 60.0
    settle: SecondsOrNone = Field(
        1.0, description="How long it must stay the same invocation after the first good answer."
    )

    @model_validator(mode="after")
    def _is_one_probe(self) -> Self:
        check_one_of(self, PROBES)
        stray = self.model_fields_set & {"status", "contains"}
        if stray and not self.http:
            keys = ", ".join(sorted(stray))
            raise mistake("has %(keys)s, which goes with http only; remove it", keys=keys)
        if self.interval > self.timeout:
            raise mistake("has an interval longer than its timeout; make the interval shorter")
        return self


class Commands(Keys):
    """Commands for a component that systemd does not run.

    `status` exits 0 when it is up; 4, any code from 124 on, or no end within 10 s: nobody knows.
    """

    start: Argv
    stop: Argv
    status: Argv


class Behind(Keys):
    """Which load balancer's backend a host is taken out of before it is stopped."""

    component: Name
    backend: Text


class Restart(Keys):
    """How a rolling restart goes: how many hosts at a time, and drained from where."""

    serial: Batches = Field(
        (1,),
        description="Hosts at a time; a list gives one size per batch. "
        "Never so many that fewer than min_ready are left, unless that is all of them.",
    )
    behind: Behind | None = None


class Expect(Keys):
    """What the answer to an http test must be."""

    status: HttpStatus = 200
    contains: Text | None = None


class FunctionalTest(Keys):
    """One named test for a component whose role has no test verb of its own."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["http"]}, {"required": ["command"]}]}
    )

    name: Title
    http: Url | None = None
    expect: Expect = Expect()
    command: Argv | None = None
    timeout: Seconds = 10.0

    @model_validator(mode="after")
    def _is_one_question(self) -> Self:
        check_one_of(self, ("http", "command"))
        if "expect" in self.model_fields_set and not self.http:
            raise mistake("has expect, which goes with http only; a command must exit 0")
        return self


class ManualMinutes(Keys):
    """What the step took by hand; the base of the time saved."""

    low: Minutes
    likely: Minutes
    high: Minutes

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if not self.low <= self.likely <= self.high:
            raise mistake("must rise: low <= likely <= high; put them in that order")
        return self


class Dependency(Keys):
    """What one component waits for in another before it may start."""

    condition: Condition = "service_healthy"


_REFERENCES: TypeAdapter[tuple[str, ...]] = TypeAdapter(tuple[Reference, ...])


def _as_conditions(value: Any) -> Any:
    """The short form, a list of names, means that each of them must be healthy."""
    if isinstance(value, tuple):
        return {name: {} for name in _REFERENCES.validate_python(value, strict=True)}
    if not isinstance(value, dict):
        raise unfit("it must be a list of components such as [database], or a block of them")
    return value


DependsOn = Annotated[
    Mapping[str, Dependency],
    BeforeValidator(
        _as_conditions, json_schema_input_type=tuple[Name, ...] | Mapping[Name, Dependency]
    ),
]


class ComponentKeys(Keys):
    """One component: a group of hosts that starts and stops as one thing."""

    title: Title | None = None
    role: RoleName | None = None
    hosts: HostPattern | None = Field(
        None, description="An inventory group or pattern; the component's own name by default."
    )
    unit: UnitName | None = None
    commands: Commands | None = None
    depends_on: DependsOn = Field(default_factory=dict)
    healthcheck: Healthcheck | None = None
    critical: Flag = Field(True, description="false makes its failure CONDITIONAL, not NO-GO.")
    min_ready: Share = Field("100%", description="How many of its hosts must be ready.")
    restart: Restart = Restart()
    external: Flag = Field(False, description="Not ours to start: only checked.")
    tests: Annotated[tuple[FunctionalTest, ...], NAMED_APART] = ()
    manual_minutes: ManualMinutes | None = None
    keep_running: Flag = Field(False, description="The evening leaves it up.")
    retries: Retries = 0
    ports: tuple[Port, ...] = Field((), description="What it listens on; strangers are found.")
    certificates: tuple[HostPath, ...] = Field((), description="Certificate files on its hosts.")

    @model_validator(mode="after")
    def _can_be_operated(self) -> Self:
        if self.external:
            self._check_external()
        elif self.role is None:
            raise mistake(
                "has no role; give role: NAME, role: service for any systemd unit, "
                "or external: true if it is not ours to start"
            )
        if self.role == "service" and not (self.unit or self.commands):
            raise mistake("has role: service; that needs a unit, or commands {start, stop, status}")
        if self.unit and self.commands:
            raise mistake("has both a unit and commands; keep one of them")
        return self

    def _check_external(self) -> None:
        for key in ("unit", "commands", "restart", "keep_running", "ports"):
            if key in self.model_fields_set:
                raise mistake("is external, so raceday never starts it; remove %(key)s", key=key)
        for key in ("tests", "certificates"):
            if key in self.model_fields_set:
                text = "is external, so only its healthcheck is asked; remove %(key)s"
                raise mistake(text, key=key)
        if self.healthcheck is None:
            raise mistake('is external; say how to check it: healthcheck: {tcp: "host:port"}')
        if self.healthcheck.unit:
            raise mistake("is external, so its unit cannot be asked; check it by http or tcp")


class VenueFile(Unattended):
    """The whole venue file."""

    venue: VenueKeys
    components: Annotated[Mapping[Name, ComponentKeys], Field(min_length=1)]
