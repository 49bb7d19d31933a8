"""What `raceday status --format json` prints: a report of the probe, and the verdict on record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from automation.run.events import Message
from automation.run.ledger import Ledger, Place, Rest
from automation.run.lock import Holder
from automation.run.state import State
from automation.run.verdict import GO
from automation.views.document import to_data
from automation.views.leftovers import leftovers
from automation.views.report import build_report


@dataclass(frozen=True)
class StandingReport:
    """The last verdict of the venue as its own run's journal tells it."""

    run_id: str
    result: str
    decided_at: datetime
    valid_until: datetime | None
    revoked_at: datetime | None
    revoked_because: tuple[Message, ...]


@dataclass(frozen=True)
class EveningReport:
    """The run that has stopped the venue; `finished_at` is null while it goes on or has died."""

    run_id: str
    operator: str
    finished_at: datetime | None


@dataclass(frozen=True)
class Around:
    """What is known of the venue beside what a probe saw.

    `holder` is who holds it now, `out` who is out of rotation, `left` what runs have left and
    nobody has put back, None where that is not known; `rest` is the evening that has stopped it.
    `resume` is the command that goes on with a run, empty when that would be refused. It
    `is_unproven` when it sells and no verdict holds; `is_doubted` when a look found it worse since.
    """

    holder: Holder | None = None
    out: Mapping[str, Sequence[str]] = field(default_factory=dict)
    left: Ledger | None = None
    rest: Rest | None = None
    resume: str = ""
    is_unproven: bool = False
    is_doubted: bool = False


def build_status(
    probe: State, now: datetime, standing: State | None, around: Around
) -> Mapping[str, Any]:
    """The keys of a report, and five more; a probe is no verdict.

    Nor is there anything to run again.
    """
    rest = around.rest
    places = rest.places if rest else ()
    report = build_report(replace(probe, verdict=None), now, "", places)
    left = tuple(leftovers(around.left or Ledger(), seen_up(probe)))
    verdict = standing and _standing(standing)
    return {
        **to_data(replace(report, left=left, next=())),
        "healthy": is_healthy(probe),
        "standing": to_data(verdict),
        "held_by": to_data(around.holder),
        "out_of_rotation": to_data(around.out),
        "closed_by": to_data(_evening(rest.run)) if rest else None,
    }


def is_healthy(probe: State) -> bool:
    """Every gate of every component was seen, and is good."""
    return probe.verdict is not None and probe.verdict.result == GO


def _evening(run: State) -> EveningReport:
    return EveningReport(run.run_id, run.operator, run.finished_at)


def seen_up(probe: State) -> frozenset[Place]:
    """The hosts of each component whose gate was seen, and is good."""
    return frozenset(
        (item.step.component, host)
        for item in probe.steps.values()
        for host, result in item.hosts.items()
        if result.good
    )


def _standing(state: State) -> StandingReport | None:
    verdict = state.verdict
    if verdict is None:
        return None
    return StandingReport(
        run_id=state.run_id,
        result=verdict.result,
        decided_at=verdict.decided_at,
        valid_until=datetime.fromisoformat(verdict.valid_until) if verdict.valid_until else None,
        revoked_at=verdict.revoked_at,
        revoked_because=verdict.revoked_because,
    )
