"""Steps that are questions to this controller, answered here; all others are for hosts."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace

from automation.execute.ansible import AnsibleExecutor
from automation.run.decide import Begin
from automation.run.events import HostReported, Message, StepFinished
from automation.run.plan import Plan, Step, Verb

type Answer = Callable[[Begin], Iterable[HostReported]]


class Answering:
    """An executor that answers `quiet` itself, beside the one that does everything else."""

    def __init__(self, inner: AnsibleExecutor, answer: Answer) -> None:
        self._inner = inner
        self._answer = answer

    def prepare(self, plan: Plan) -> None:
        """Only the other steps need a process."""
        others = {name: step for name, step in plan.steps.items() if not _is_ours(step)}
        self._inner.prepare(replace(plan, steps=others))

    def begin(self, order: Begin) -> None:
        """A question may take seconds, so it is asked beside the loop."""
        if _is_ours(order.step):
            threading.Thread(target=self._ask, args=(order,), daemon=True).start()
        else:
            self._inner.begin(order)

    def skip(self, step: Step) -> None:
        """A question that is not asked was never got ready."""
        if not _is_ours(step):
            self._inner.skip(step)

    def abandon(self, step: Step) -> None:
        """The answer to a question may still come; nobody waits for it any more."""
        if not _is_ours(step):
            self._inner.abandon(step)

    def report(self, timeout: float | None) -> HostReported | StepFinished | None:
        """The next report, of either kind."""
        return self._inner.report(timeout)

    def wake(self) -> None:
        """Let a waiting `report` return at once."""
        self._inner.wake()

    def close(self) -> None:
        """End everything that is still running."""
        self._inner.close()

    def _ask(self, order: Begin) -> None:
        cause = None
        try:
            for report in self._answer(order):
                self._inner.tell(report)
        except Exception as error:  # noqa: BLE001  # whatever it is, the engine must hear of it
            cause = Message("%(why)s", {"why": f"{type(error).__name__}: {error}"})
        self._inner.tell(StepFinished(order.step.id, cause))


def _is_ours(step: Step) -> bool:
    return step.verb is Verb.QUIET
