"""Redis, after it was started and tested twice."""

from collections.abc import Iterator

import pytest
from conftest import Component, Play

ACL = "/etc/redis/users.acl"


@pytest.fixture
def read_only(component: Component) -> Iterator[None]:
    """A Redis that answers, and takes no writes from us."""
    (host,) = component.hosts.values()
    restart = f"systemctl restart {component.unit}"
    host.check_output(f"cp -p {ACL} {ACL}.kept && sed -i 's/ +set / /' {ACL} && {restart}")
    yield
    host.check_output(f"mv {ACL}.kept {ACL} && {restart}")


def test_redis_answers(component: Component) -> None:
    """It keeps a key for a client."""
    for host in component.hosts.values():
        assert host.check_output("redis-cli set raceday:molecule ready ex 9") == "OK"
        assert host.check_output("redis-cli get raceday:molecule") == "ready"


def test_a_redis_that_takes_no_writes_fails_its_test(read_only: None, play: Play) -> None:
    """To answer is not enough: what was written must be read back."""
    test = play("test")
    assert not test.passed, test.output
    assert "a key is written and read back" in test.said
