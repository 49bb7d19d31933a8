"""What a run has taken out of its normal state and not put back, as its journal tells. Pure.

A step is written down before it is begun, so whatever may have been taken is known even of a run
that was killed in the middle of it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from automation.run.plan import Verb
from automation.run.state import PASSED, State, StepState
from automation.run.verdict import in_rotation


@dataclass(frozen=True)
class Ledger:
    """Servers by component that are out of rotation, and load balancers half way open."""

    servers: tuple[tuple[str, str], ...] = ()
    half_open: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is to be put back."""
        return bool(self.servers or self.half_open)


def ledger_of(states: Iterable[State]) -> Ledger:
    """What runs, newest first, have left; an opening or closing of sales settles all before it."""
    servers: dict[tuple[str, str], None] = {}
    half_open: dict[str, None] = {}
    returned: set[str] = set()
    for state in states:
        if state.plan.check:
            continue
        items = [item for item in state.steps.values() if item.targets]
        returned.update(name for item in items if _is_back(item) for name in item.servers)
        servers.update(
            dict.fromkeys(
                (item.step.component, name)
                for item in items
                if item.step.verb is Verb.DRAIN
                for name in in_rotation(state, item.step)
                if name not in returned
            )
        )
        opening = [item for item in items if item.step.on_verdict or item.step.verb is Verb.CLOSE]
        half_open.update(dict.fromkeys(_unfinished(opening)))
        if opening:
            break
    return Ledger(tuple(servers), tuple(half_open))


def _is_back(item: StepState) -> bool:
    return item.step.verb is Verb.UNDRAIN and item.status in PASSED


def _unfinished(opening: Iterable[StepState]) -> Iterator[str]:
    return (item.step.component for item in opening if item.status not in PASSED)
