"""A unit and a pair of commands, each after it was started and tested twice."""

from conftest import Component, Play
from testinfra.host import Host


def board(component: Component) -> Host:
    """The one host."""
    return component.hosts["board1"]


def test_both_answer(component: Component) -> None:
    """The unit's port and that of the commands."""
    for port in (9100, 9200):
        page = board(component).check_output(f"curl -s http://127.0.0.1:{port}/")
        assert page == "odds of race 1: 3.4"


def test_a_test_of_the_venue_file_that_does_not_hold_fails(
    component: Component, play: Play
) -> None:
    """It is named, with what was expected and what was seen."""
    board(component).check_output("mv /srv/odds.http /srv/kept && printf x >/srv/odds.http")
    test = play("test")
    board(component).check_output("mv /srv/kept /srv/odds.http")
    assert not test.passed, test.output
    assert "the board shows odds" in test.said


def test_commands_stop_what_commands_started(component: Component, play: Play) -> None:
    """Its port is closed; a second stop changes nothing; it starts again."""
    first, second = (play("stop", component="ticker") for _ in range(2))
    assert (first.passed, first.changed) == (True, {"board1"}), first.output
    assert (second.passed, second.changed) == (True, set()), second.output
    assert not board(component).socket("tcp://0.0.0.0:9200").is_listening
    assert play("start", component="ticker").changed == {"board1"}
