"""What the shell is told of a finished run."""

from dataclasses import replace

import pytest

from automation.exit_codes import ExitCode
from automation.procedures.session import exit_code
from automation.run.events import HostReported, HostState
from automation.run.plan import Step, Verb
from tests.unit.views.samples import Story, conditional, go, morning_plan, no_go

OPEN = "load_balancer.open"


def opening(state: HostState) -> Story:
    """A morning to GO whose load balancer answers so when sales are to open."""
    plan = morning_plan()
    step = Step(OPEN, "load_balancer", Verb.UNDRAIN, ("lb1",), "open", on_verdict=True)
    plan = replace(plan, steps={**plan.steps, OPEN: step})
    return Story(plan, {(OPEN, "lb1"): HostReported(OPEN, "lb1", state)}).begin().go_on()


@pytest.mark.parametrize(
    ("story", "code"),
    [
        (go(), ExitCode.GO),
        (conditional(), ExitCode.CONDITIONAL),
        (no_go(), ExitCode.NO_GO),
        (opening(HostState.OK), ExitCode.GO),
        (opening(HostState.FAILED), ExitCode.NO_GO),
    ],
    ids=["GO", "CONDITIONAL", "NO-GO", "opened", "not opened"],
)
def test_the_exit_code_is_the_verdict_unless_sales_did_not_open(
    story: Story, code: ExitCode
) -> None:
    """A GO whose sales then do not open is no success: somebody must look before 09:00."""
    assert exit_code(story.state) is code
