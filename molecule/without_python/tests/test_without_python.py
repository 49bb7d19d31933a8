"""A host without Python, after preflight, start and probe."""

from conftest import Component, Play


def test_there_is_no_python(component: Component) -> None:
    """Else this scenario would prove nothing."""
    (host,) = component.hosts.values()
    assert host.run("command -v python3 || ls /usr/bin/python*").rc != 0
    assert host.check_output("redis-cli ping") == "PONG"


def test_what_needs_python_says_so(play: Play) -> None:
    """Functional tests do; the sentence names the host, what is missing and the mend."""
    test = play("test")
    assert not test.passed
    assert (
        "cache1 has no python3, which transaction needs; install the package python3" in test.said
    )
