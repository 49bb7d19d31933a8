"""Preflight, which has passed twice: what it must not pass."""

from collections.abc import Callable, Iterator, Mapping

import pytest
from conftest import Played, run_playbooks
from testinfra.host import Host

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
SHIFT = f"""
printf 'LD_PRELOAD={FAKETIME}\\nFAKETIME=+90s\\n' >/etc/raceday-shifted
umask 337; echo 'Defaults env_file=/etc/raceday-shifted' >/etc/sudoers.d/raceday-shifted
"""

type Look = Callable[..., Played]


@pytest.fixture
def look() -> Look:
    """Preflight as people run it by hand: every host, then the clocks."""
    return lambda *more: run_playbooks("preflight", "clocks", *more)


@pytest.fixture
def shifted(hosts: Mapping[str, Host]) -> Iterator[None]:
    """The clock of wagering1, as root there sees it, 90 s ahead."""
    hosts["wagering1"].check_output(SHIFT)
    yield
    hosts["wagering1"].run("rm -f /etc/sudoers.d/raceday-shifted")


def test_a_clock_that_is_ahead_is_named(shifted: None, look: Look) -> None:
    """It is compared with this controller's and with its fellow's."""
    seen = look()
    assert not seen.passed, seen.output
    assert "The clock of wagering1 is" in seen.said


def test_a_stranger_on_the_port_is_named(hosts: Mapping[str, Host], look: Look) -> None:
    """What listens where the engine will is not the engine."""
    hosts["wagering2"].check_output("systemd-run --unit=stranger socat TCP-LISTEN:8081 -")
    seen = look()
    hosts["wagering2"].run("systemctl stop stranger; systemctl reset-failed")
    assert not seen.passed, seen.output
    assert "8081" in seen.said
    assert "socat" in seen.said


def test_a_failed_unit_is_named(hosts: Mapping[str, Host], look: Look) -> None:
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
