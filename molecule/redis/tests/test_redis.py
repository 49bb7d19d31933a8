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


@pytest.fixture
def locked(component: Component) -> Iterator[str]:
    """A Redis whose default user has this password."""
    (host,) = component.hosts.values()
    restart = f"systemctl restart {component.unit}"
    host.check_output(
        f"cp -p {ACL} {ACL}.kept && sed -i 's/ nopass / >s3cret-1 /' {ACL} && {restart}"
    )
    yield "s3cret-1"
    host.check_output(f"mv {ACL}.kept {ACL} && {restart}")


def test_redis_answers(component: Component) -> None:
    """It keeps a key for a client."""
    for host in component.hosts.values():
        assert host.check_output("redis-cli set raceday:molecule ready ex 9") == "OK"
        assert host.check_output("redis-cli get raceday:molecule") == "ready"


def test_a_redis_that_takes_no_writes_fails_its_test(read_only: None, play: Play) -> None:
    """To answer is not enough, nor that what an earlier test wrote is read."""
    test = play("test")
    assert not test.passed, test.output
    assert "a key is written and read back" in test.said
    assert "NOPERM" in test.said


def test_a_redis_with_a_password_is_tested_with_it(locked: str, play: Play) -> None:
    """It starts as any other; without the password, or with another, the test fails."""
    started, test = play("start"), play("test", redis_password=locked)
    assert (started.passed, test.passed) == (True, True), started.output + test.output
    assert locked not in test.output
    for words in ({}, {"redis_password": "another"}):
        refused = play("test", **words)
        assert not refused.passed, refused.output
        assert "NOAUTH" in refused.said
