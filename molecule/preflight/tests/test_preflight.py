"""Preflight, which has passed twice: what it must not pass."""

from collections.abc import Callable, Iterator, Mapping

import pytest
from conftest import Played, run_playbooks
from testinfra.host import Host

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
SHIFT = """
printf 'LD_PRELOAD={library}\\nFAKETIME={seconds:+}s\\n' >/etc/raceday-shifted
umask 337; echo 'Defaults env_file=/etc/raceday-shifted' >/etc/sudoers.d/raceday-shifted
"""

type Shift = Callable[[str, int], None]


@pytest.fixture
def shift(hosts: Mapping[str, Host]) -> Iterator[Shift]:
    """Move the clock of a host, as root there sees it; in the end it is right again."""
    yield lambda host, seconds: hosts[host].run(SHIFT.format(library=FAKETIME, seconds=seconds))
    for host in ("wagering1", "wagering2"):
        hosts[host].run("rm -f /etc/sudoers.d/raceday-shifted")


def test_a_clock_that_is_ahead_is_named(shift: Shift) -> None:
    """It is compared with this controller's."""
    shift("wagering1", 90)
    seen = look()
    assert not seen.passed, seen.output
    assert "The clock of wagering1 is" in seen.said


def test_two_clocks_that_differ_are_named(shift: Shift) -> None:
    """Each is near enough to this controller's, and they are not near to each other."""
    shift("wagering1", 3)
    shift("wagering2", -3)
    seen = look()
    assert not seen.passed, seen.output
    assert "The clocks of wagering1 and wagering2 are" in seen.said


def test_a_stranger_on_the_port_is_named(hosts: Mapping[str, Host]) -> None:
    """What listens where the engine will is not the engine."""
    hosts["wagering2"].check_output("systemd-run --unit=stranger socat TCP-LISTEN:8081 -")
    seen = look()
    hosts["wagering2"].run("systemctl stop stranger; systemctl reset-failed")
    assert not seen.passed, seen.output
    assert "8081" in seen.said
    assert "socat" in seen.said


def test_a_failed_unit_is_named(hosts: Mapping[str, Host]) -> None:
    """What systemd could not keep up is said before anything is started beside it."""
    hosts["wagering2"].run("systemd-run --unit=broken --wait false")
    seen = look()
    hosts["wagering2"].run("systemctl reset-failed")
    assert not seen.passed, seen.output
    assert "On wagering2 systemd says these units failed: broken.service" in seen.said


def test_what_does_not_run_is_not_ready() -> None:
    """A probe starts nothing, and says what it saw."""
    probe = run_playbooks("probe")
    assert not probe.passed, probe.output
    assert probe.changed == set()
    assert "wagering.service is inactive" in probe.said


def look() -> Played:
    """Preflight as people run it by hand: every host, then the clocks."""
    return run_playbooks("preflight", "clocks")
