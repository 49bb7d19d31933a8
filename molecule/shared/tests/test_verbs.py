"""What holds of every component that can be started and stopped, whatever its kind."""

from collections.abc import Iterator, Mapping

import pytest
from conftest import ROOT, Component, Play, Played

ROLES = ROOT / "roles"
OF_SEVERAL_PROCESSES = frozenset({"haproxy", "postgresql"})
DEAF = r"[Service]\nExecStop=\nKillSignal=SIGCONT\nTimeoutStopSec=300\n"


@pytest.fixture(scope="module")
def started(component: Component) -> Mapping[str, str]:
    """Which start of its unit each host ran before anything else was done."""
    return invocations(component)


@pytest.fixture(scope="module")
def stopped(started: Mapping[str, str], play: Play) -> Played:
    """The component, stopped."""
    return play("stop")


@pytest.fixture
def hanging(component: Component, stopped: Played) -> Iterator[None]:
    """A component that does not hear when it is told to stop."""
    if component.role in OF_SEVERAL_PROCESSES:
        pytest.skip("systemd in a container may miss the end of several that are killed at once")
    folder = f"/run/systemd/system/{component.unit}.service.d"
    for host in component.hosts.values():
        host.check_output(f"mkdir -p {folder} && printf '{DEAF}' >{folder}/deaf.conf")
        host.check_output("systemctl daemon-reload")
    yield
    for host in component.hosts.values():
        host.check_output(f"rm {folder}/deaf.conf && systemctl daemon-reload")


def test_stop_changes_every_host(component: Component, stopped: Played) -> None:
    """Each of them ran, and none does any more."""
    assert stopped.passed, stopped.output
    assert stopped.changed == set(component.hosts)


def test_stop_leaves_no_process_and_no_open_port(component: Component, stopped: Played) -> None:
    """Of what ran on the host, sshd alone is left."""
    for host in component.hosts.values():
        assert not host.service(component.unit).is_running
        assert component.unit not in host.check_output("ps -eo unit=,args=")
        ports = host.check_output("ss -Hltn | awk '{print $4}' | sed 's/.*://' | sort -u")
        assert ports == "22"


def test_a_second_stop_changes_nothing(stopped: Played, play: Play) -> None:
    """What is down is left alone."""
    again = play("stop")
    assert (again.passed, again.changed) == (True, set()), again.output


def test_the_functional_test_of_what_is_down_fails(
    component: Component, stopped: Played, play: Play
) -> None:
    """A test that passes on nothing would prove nothing."""
    if not (ROLES / component.role / "tasks" / "test.yml").exists():
        pytest.skip("this kind has no test of its own")
    test = play("test")
    assert not test.passed, test.output


def test_start_after_stop_is_a_new_start(
    component: Component, started: Mapping[str, str], stopped: Played, play: Play
) -> None:
    """A restart is not the same processes again."""
    again = play("start")
    assert (again.passed, again.changed) == (True, set(component.hosts)), again.output
    now = invocations(component)
    assert all(now[host] not in {"", before} for host, before in started.items())


def test_what_hangs_is_ended_and_starts_anew(
    component: Component, hanging: None, play: Play
) -> None:
    """An emergency restart does not wait for what an orderly stop would wait for in vain."""
    before = invocations(component)
    anew = play("kill", "start")
    assert (anew.passed, anew.changed) == (True, set(component.hosts)), anew.output
    for host in component.hosts.values():
        log = host.check_output(f"journalctl -u {component.unit} --no-pager")
        assert "KILL" in log
    assert all(now not in {"", before[host]} for host, now in invocations(component).items())


def invocations(component: Component) -> dict[str, str]:
    """systemd's number of the start that each host runs."""
    ask = f"systemctl show -p InvocationID --value {component.unit}"
    return {name: host.check_output(ask) for name, host in component.hosts.items()}
