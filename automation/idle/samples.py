"""What is remembered of the memory of units, to see whether it grows. Pure.

Forgotten is what comes from before a start of the unit, a boot of this controller or a setting of
its clock.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from automation.idle.due import Wear
from automation.idle.growth import SLICES
from automation.idle.quiet import Moment, is_comparable
from automation.venue.fields import span
from automation.venue.unattended import RestartRule

ENOUGH = 12 * SLICES  # samples of a period


@dataclass(frozen=True)
class Sample:
    """The memory of a component's unit on a host, in bytes, and when it was seen."""

    component: str
    host: str
    at: Moment
    memory: float

    def ago(self, now: Moment) -> float:
        """Seconds since then."""
        return now.uptime - self.at.uptime


def with_memories(worn: Iterable[Wear], samples: Sequence[Sample], now: Moment) -> tuple[Wear, ...]:
    """What hosts show, with what is remembered of their memory."""
    return tuple(replace(wear, memories=tuple(_memories(wear, samples, now))) for wear in worn)


def remembered(
    rules: Sequence[RestartRule], samples: Iterable[Sample], worn: Sequence[Wear], now: Moment
) -> tuple[Sample, ...]:
    """The samples that may still count, and those that hosts show now where one is wanted."""
    kept = tuple(sample for sample in samples if _counts(rules, sample, worn, now))
    wanted = {rule.component for rule in wanting(rules, kept, now)}
    new = (
        Sample(wear.component, wear.host, now, memory)
        for wear in worn
        if wear.component in wanted and (memory := wear.number("memory")) is not None
    )
    return (*kept, *new)


def wanting(
    rules: Iterable[RestartRule], samples: Sequence[Sample], now: Moment
) -> tuple[RestartRule, ...]:
    """The rules for which it is time to look at the memory of their components again."""
    return tuple(rule for rule in rules if _is_wanting(rule, samples, now))


def _is_wanting(rule: RestartRule, samples: Iterable[Sample], now: Moment) -> bool:
    own = (
        sample.ago(now)
        for sample in samples
        if sample.component == rule.component and is_comparable(sample.at, now)
    )
    period = _period(rule)
    return period > 0 and min(own, default=period) >= period / ENOUGH


def _counts(
    rules: Iterable[RestartRule], sample: Sample, worn: Iterable[Wear], now: Moment
) -> bool:
    """A rule may need it, and the unit was not started since."""
    periods = (_period(rule) for rule in rules if rule.component == sample.component)
    place = (sample.component, sample.host)
    ages = (wear.number("age") for wear in worn if (wear.component, wear.host) == place)
    limit = min([max(periods, default=0.0), *(age for age in ages if age is not None)])
    return is_comparable(sample.at, now) and 0 <= sample.ago(now) <= limit


def _memories(wear: Wear, samples: Iterable[Sample], now: Moment) -> Iterator[tuple[float, float]]:
    place = (wear.component, wear.host)
    for sample in samples:
        if (sample.component, sample.host) == place and is_comparable(sample.at, now):
            yield sample.ago(now), sample.memory
    memory = wear.number("memory")
    if memory is not None:
        yield 0.0, memory


def _period(rule: RestartRule) -> float:
    """Seconds for which it wants samples; none for a rule of another kind."""
    return span(rule.growing_for).total_seconds() if rule.growing_for else 0.0
