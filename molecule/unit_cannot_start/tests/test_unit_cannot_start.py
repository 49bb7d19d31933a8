"""What a person is left with when a unit cannot start."""

from conftest import Component, Play

MESSAGE = (
    "wagering.service did not start on wagering1: "
    "its process ended with status 1 (exit-code) before it was ready"
)


def test_the_playbook_fails_with_the_message_and_the_log(component: Component, play: Play) -> None:
    """The same sentence as in a run, with the service's own last words."""
    start = play("start")
    assert not start.passed
    assert MESSAGE in start.said
    assert "fault switch: wagering refuses to start" in start.said


def test_nothing_is_left_running(component: Component) -> None:
    """A failed start holds no port."""
    (host,) = component.hosts.values()
    assert not host.service(component.unit).is_running
    assert "8081" not in host.check_output("ss -Hltn")
