"""What `schedule install` leaves on the machine for services that run as somebody else."""

import os
import pwd
from dataclasses import replace
from pathlib import Path

import pytest

from automation.procedures.schedule import Manager, install
from automation.views.units import Schedule, unit_texts

IDLE = "raceday-demo-idle.service"


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Manager:
    """A folder for units, and a systemd that has nothing against anything."""
    for name in ("systemctl", "systemd-analyze"):
        (program := tmp_path / "bin" / name).parent.mkdir(exist_ok=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return Manager(tmp_path / "units", tmp_path / "settings")


def wanted(tmp_path: Path, user: str) -> Schedule:
    return Schedule(
        venue="demo",
        title="Demo",
        time_zone="Asia/Seoul",
        inventory=tmp_path,
        reports=tmp_path / "new" / "reports",
        program=Path("/usr/bin/raceday"),
        environment=tmp_path / "settings" / "demo.env",
        idle_minutes=5,
        idle_longest_minutes=180,
        days=(),
        user=user,
    )


def test_the_reports_belong_to_whom_the_services_run_as(manager: Manager, tmp_path: Path) -> None:
    """What was made on the way to them too; what was there before keeps its owner."""
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    install(manager, wanted(tmp_path, user.pw_name), {})
    made = [tmp_path / "new", tmp_path / "new" / "reports"]
    owners = [(path.stat().st_uid, path.stat().st_gid) for path in made]
    assert owners == [(user.pw_uid, user.pw_gid)] * 2
    assert tmp_path.stat().st_uid == os.geteuid()


@pytest.mark.parametrize("user", ["", "root"])
def test_an_idle_call_that_hangs_ends_before_the_next_day(tmp_path: Path, user: str) -> None:
    """After the longest window; the morning, which waits for it, must not wait for ever."""
    schedule = replace(wanted(tmp_path, user), idle_longest_minutes=180)
    assert "\nTimeoutStartSec=10800\n" in unit_texts(schedule)[IDLE]


def test_a_setting_is_read_as_it_was_written(manager: Manager, tmp_path: Path) -> None:
    """Systemd replaces nothing in it: quotes, backslashes and dollars are escaped."""
    install(manager, wanted(tmp_path, ""), {"RACEDAY_NOTIFY": '/a "b" $c \\d'})
    said = (tmp_path / "settings" / "demo.env").read_text(encoding="utf-8").splitlines()[1:]
    assert said == ['RACEDAY_NOTIFY="/a \\"b\\" \\$c \\\\d"']
