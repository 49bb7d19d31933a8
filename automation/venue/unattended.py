"""The venue file's keys for unattended work: what may be done, when, and what must be so then."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from automation.venue.fields import (
    WEEKDAYS,
    Argv,
    Country,
    CutoffMinutes,
    Flag,
    HostPath,
    LengthMinutes,
    LoadTest,
    LocalTime,
    Number,
    Query,
    Reference,
    Regexp,
    ServerUrl,
    Span,
    Text,
    TimeOfDay,
    Title,
    WearCondition,
    Weekdays,
    WholePercent,
    WholeSeconds,
    local_time,
    mistake,
    span,
)
from automation.venue.keys import NAMED_APART, Keys, check_one_of

MEMORY = ("memory_over", "memory_growing")
LONGEST_QUIET = timedelta(days=7)
SHORTEST_GROWTH = timedelta(hours=1)  # a timer looks every ten minutes at the least


class Weekly(Keys):
    """A span of time that comes back every week; it may go on over midnight."""

    name: Title
    days: Weekdays = WEEKDAYS
    start_time: TimeOfDay
    length_minutes: LengthMinutes


class Window(Weekly):
    """When unattended work may be done."""

    cutoff_minutes: CutoffMinutes = Field(
        0, description="Nothing is begun in the last minutes of the window."
    )

    @model_validator(mode="after")
    def _leaves_time(self) -> Self:
        if self.cutoff_minutes >= self.length_minutes:
            raise mistake("has a cutoff as long as itself, so nothing could ever be begun in it")
        return self


class Exclusion(Keys):
    """Days, or a time, in which nothing is done; the last day counts as a whole."""

    name: Title
    start: LocalTime
    end: LocalTime

    @model_validator(mode="after")
    def _ends_after_its_start(self) -> Self:
        if local_time(self.end) < local_time(self.start):
            raise mistake("ends before it starts; put start and end in that order")
        return self


class Prometheus(Keys):
    """Where signals and alerts are asked; an alert whose name matches the filter is no matter."""

    url: ServerUrl
    alert_filter_regexp: Regexp | None = None
    alert_firing_only: Flag = Field(True, description="false: a pending alert blocks too.")
    timeout: WholeSeconds = 5
    max_age: Span = Field("2m", description="Older samples are no answer.")


class Signal(Keys):
    """One number that says whether customers are at it, from Prometheus or from hosts."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["prometheus"]}, {"required": ["command"]}]}
    )

    name: Title
    prometheus: Query | None = Field(
        None, description="A query with a single number as its answer."
    )
    command: Argv | None = Field(None, description="Prints a single number on each host.")
    component: Reference | None = Field(None, description="On whose hosts the command is run.")
    below: Number | None = None
    above: Number | None = None
    quiet_for: Span = Field("15m", alias="for")

    @model_validator(mode="after")
    def _is_one_question(self) -> Self:
        check_one_of(self, ("prometheus", "command"))
        check_one_of(self, ("below", "above"))
        if bool(self.command) != bool(self.component):
            raise mistake("needs command and component together: what is run, and on whose hosts")
        if span(self.quiet_for) > LONGEST_QUIET:
            raise mistake("has a for that is longer than what is remembered; write at most 7d")
        return self


class RestartRule(Keys):
    """When a component's hosts are due for a restart: at an age, or in a condition."""

    component: Reference
    every: Span | None = None
    when: WearCondition | None = None
    above: WholePercent | None = Field(
        None,
        description="Of the unit's own memory limit; growth is over what it used at first.",
    )
    growing_for: Span | None = Field(
        None, alias="for", description="How long memory_growing must have gone on, at least 1h."
    )
    files: tuple[HostPath, ...] = Field((), description="What configuration_newer looks at.")

    @model_validator(mode="after")
    def _is_one_rule(self) -> Self:
        check_one_of(self, ("every", "when"))
        if (self.when in MEMORY) != bool(self.above):
            raise mistake(
                'needs when: memory_over or memory_growing and above together, such as above: "80%"'
            )
        if (self.when == "memory_growing") != bool(self.growing_for):
            raise mistake("needs when: memory_growing and for together, such as for: 24h")
        if self.growing_for and span(self.growing_for) < SHORTEST_GROWTH:
            raise mistake("has a for that is too short to see memory grow; write at least 1h")
        if (self.when == "configuration_newer") != bool(self.files):
            raise mistake("needs when: configuration_newer and files together")
        return self


class ScheduledTest(Keys):
    """How often a component's functional tests are done, or what `raceday test` does of that name.

    A rehearsal is of all channels at once, a drill of one component after the other.
    """

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["component"]}, {"required": ["test"]}]}
    )

    component: Reference | None = None
    test: LoadTest | None = None
    every: Span

    @model_validator(mode="after")
    def _is_one_test(self) -> Self:
        check_one_of(self, ("component", "test"))
        return self


class Unattended(Keys):
    """What holds for unattended work as a whole."""

    windows: Annotated[tuple[Window, ...], NAMED_APART] = ()
    blackouts: tuple[Weekly, ...] = Field((), description="Selling hours, settlement; they win.")
    exclusions: tuple[Exclusion, ...] = ()
    calendars: tuple[Text, ...] = Field(
        (), description=".ics files beside the inventory; nothing is done during their events."
    )
    holidays: Country | None = Field(
        None, description="A country; nothing is done on its public holidays."
    )
    prometheus: Prometheus | None = None
    idle: Annotated[tuple[Signal, ...], NAMED_APART] = ()
    restarts: tuple[RestartRule, ...] = ()
    tests: tuple[ScheduledTest, ...] = ()

    @model_validator(mode="after")
    def _can_be_done(self) -> Self:
        work = "restarts" if self.restarts else "tests" if self.tests else ""
        if work and not self.windows:
            text = "has %(work)s, but no windows, so nothing would ever be done; add windows"
            raise mistake(text, work=work)
        if work and not self.idle:
            text = "has %(work)s, but no idle signals, so it is never idle; add one to idle"
            raise mistake(text, work=work)
        if any(signal.prometheus for signal in self.idle) and not self.prometheus:
            raise mistake("has an idle signal that asks Prometheus; add prometheus: {url: ...}")
        return self
