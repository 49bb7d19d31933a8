"""Redis, after it was started and tested twice."""

from conftest import Component


def test_redis_answers(component: Component) -> None:
    """It keeps a key for a client."""
    for host in component.hosts.values():
        assert host.check_output("redis-cli set raceday:molecule ready ex 9") == "OK"
        assert host.check_output("redis-cli get raceday:molecule") == "ready"
