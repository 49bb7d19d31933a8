"""Who may not be tested through, and may get no customers."""

import pytest

from automation.run.events import Check, HostReported, HostState
from automation.run.verdict import unready_hosts
from tests.unit.views.samples import Story, conditional, failed_check, go


def full_disk() -> Story:
    """A host whose disk is nearly full."""
    bad = Check("disk space", "at most 90 % used", "97 % of /", passed=False)
    step = "wagering.preflight"
    report = HostReported(step, "wagering1", HostState.OK, 0.2, (bad,))
    return Story(reports={(step, "wagering1"): report}).begin().go_on()


@pytest.mark.parametrize(
    ("story", "hosts"),
    [
        (go(), ()),
        (conditional(), ("wagering2",)),
        (failed_check(), ("ticketing1",)),
        (full_disk(), ()),
    ],
    ids=["all well", "unreachable", "failed its test", "full disk"],
)
def test_a_host_is_unready_when_it_was_lost_or_failed_at_its_work(
    story: Story, hosts: tuple[str, ...]
) -> None:
    """What only preflight finds wrong is for the verdict."""
    assert unready_hosts(story.state) == hosts
