"""A unit and a pair of commands, each after it was started and tested twice."""

from collections.abc import Mapping

from conftest import Play
from testinfra.host import Host


def test_both_answer(hosts: Mapping[str, Host]) -> None:
    """The unit's port and that of the commands."""
    for name, port in (("board1", 9100), ("ticker1", 9200)):
        page = hosts[name].check_output(f"curl -s http://127.0.0.1:{port}/")
        assert page.strip() == "odds of race 1: 3.4"


def test_a_test_of_the_venue_file_that_does_not_hold_fails(
    hosts: Mapping[str, Host], play: Play
) -> None:
    """It is named."""
    hosts["board1"].check_output("cd /srv/board && mv index.html kept && echo closed >index.html")
    test = play("test")
    hosts["board1"].check_output("cd /srv/board && mv kept index.html")
    assert not test.passed, test.output
    assert "the board shows odds" in test.said


def test_commands_stop_what_commands_started(hosts: Mapping[str, Host], play: Play) -> None:
    """Its port is closed; a second stop changes nothing; it starts again."""
    first, second = (play("stop", component="ticker") for _ in range(2))
    assert (first.passed, first.changed) == (True, {"ticker1"}), first.output
    assert (second.passed, second.changed) == (True, set()), second.output
    assert not hosts["ticker1"].socket("tcp://0.0.0.0:9200").is_listening
    assert play("start", component="ticker").changed == {"ticker1"}
