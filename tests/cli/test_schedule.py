"""`raceday schedule`: what systemd itself says of the units, and what is asked of it."""

import json
import os
import subprocess
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from automation.venue.fields import WEEKDAYS
from tests.cli.here import typed
from tests.unit.views.test_notify import config, open_post

pytestmark = pytest.mark.slow  # processes of their own

STAND_IN = """\
#!/bin/sh
# What is on is a file in $ON. The verb that FAILS does it for its first unit only.
echo "$*" >>"$SAID"
mkdir -p "$ON"
[ "$1" = --user ] && shift
verb=$1
shift
case $verb in show | daemon-reload) set -- none ;; esac
now=
[ "$1" = --now ] && now=active && shift
[ $# -gt 0 ] || { echo "Too few arguments." >&2; exit 1; }
for unit; do
  case $verb in
    enable) for state in enabled $now; do : >"$ON/$unit.$state"; done ;;
    disable) for state in enabled $now; do rm -f "$ON/$unit.$state"; done ;;
    stop) rm -f "$ON/$unit.active" ;;
    is-*) [ -e "$ON/$unit.${verb#is-}" ] || exit 3 ;;
  esac
  case $verb in "$FAILS") echo "Host is down" >&2; exit 1 ;; esac
done
"""
UNITS = [
    f"raceday-demo-{what}.{kind}" for what in ("idle", "morning") for kind in ("service", "timer")
]
WHEN = ("--morning", "06:30", "--day", "Sat", "--day", "Sun")


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    """A user's own folder of units, and a systemctl that notes what it is asked."""
    stand_in = tmp_path / "bin" / "systemctl"
    stand_in.parent.mkdir()
    stand_in.write_text(STAND_IN)
    stand_in.chmod(0o755)
    return os.environ | {
        "PATH": f"{stand_in.parent}:{os.environ['PATH']}",
        "SAID": str(tmp_path / "said"),
        "ON": str(tmp_path / "on"),
        "FAILS": "nothing",
        "XDG_CONFIG_HOME": str(tmp_path),
        "XDG_RUNTIME_DIR": str(tmp_path),
        "LC_ALL": "C.UTF-8",
    }


def schedule(
    environment: Mapping[str, str], *words: str, venue: str = "demo"
) -> subprocess.CompletedProcess[str]:
    """The command as typed."""
    return typed(environment, "--venue", venue, "schedule", *words)


def changes(tmp_path: Path) -> list[str]:
    """What systemctl was asked, but for how things are."""
    asked = (tmp_path / "said").read_text().splitlines()
    return [words for words in asked if " is-" not in words]


def turned_on(tmp_path: Path) -> list[str]:
    """The timers that systemd has, each as it is."""
    return sorted(file.name.removeprefix("raceday-demo-") for file in (tmp_path / "on").iterdir())


def written(text: str, folder: Path) -> list[Path]:
    """The units of `schedule show` as files."""
    folder.mkdir()
    for part in text.split("# /")[1:]:
        path, _, unit = part.partition("\n")
        (folder / Path(path).name).write_text(unit)
    return sorted(folder.iterdir())


@pytest.mark.parametrize("scope", ["--user", "--system"])
def test_systemd_has_nothing_against_the_units(
    environment: Mapping[str, str], tmp_path: Path, scope: str
) -> None:
    """Not a word from systemd-analyze verify, for either manager."""
    system = ("--system",) if scope == "--system" else ()
    shown = schedule(environment, "show", *WHEN, *system)
    files = written(shown.stdout, tmp_path / "units")
    assert [file.name for file in files] == UNITS
    command = ["systemd-analyze", scope, "verify", *map(str, files)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=dict(environment)
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_system_services_are_hardened(environment: Mapping[str, str], tmp_path: Path) -> None:
    """Systemd's own measure of exposure: below 5.0, of 10; and raceday alone is asked to stop."""
    shown = schedule(environment, "show", *WHEN, "--system")
    for file in written(shown.stdout, tmp_path / "units"):
        if file.suffix == ".service":
            assert "KillMode=mixed" in file.read_text(encoding="utf-8")
            command = ["systemd-analyze", "security", "--offline=yes", "--threshold=50", str(file)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout


def test_the_timers_come_when_they_should(environment: Mapping[str, str]) -> None:
    """In the venue's own time zone; a missed morning is made up for, a missed idle call is not."""
    shown = schedule(environment, "show", *WHEN).stdout
    assert '"--earliest" "06:30"' in shown
    assert '"--day" "Sat" "--day" "Sun"' in shown
    idle, morning = (
        shown.partition(f"demo-{what}.timer\n")[2].partition("\n# ")[0]
        for what in ("idle", "morning")
    )
    assert "OnCalendar=Sat,Sun *-*-* 06:30:00 Asia/Seoul\n" in morning
    assert "Persistent=yes\n" in morning
    assert "After=raceday" not in shown  # an idle call that hangs would hold the morning
    assert "OnCalendar=*-*-* *:0/5:00\n" in idle
    idle_service = shown.partition("demo-idle.service\n")[2].partition("\n# ")[0]
    longest = 24 * 3600  # what a window may be; the demo has none
    assert f"TimeoutStartSec={longest}\n" in idle_service
    assert "Persistent=no\n" in idle


def test_the_units_are_one_document(environment: Mapping[str, str], tmp_path: Path) -> None:
    """With --format json: the folder, where settings are read, and each unit by its name."""
    done = typed(environment, "--venue", "demo", "--format", "json", "schedule", "show", *WHEN)
    document = json.loads(done.stdout)
    assert document["environment"] == f"{tmp_path}/raceday/demo.env"
    assert sorted(document["units"]) == UNITS
    assert document["units"][UNITS[0]].startswith("[Unit]")


def test_units_are_installed_and_removed(environment: Mapping[str, str], tmp_path: Path) -> None:
    """Twice is safe, and afterwards nothing is left."""
    folder = tmp_path / "systemd" / "user"
    for _ in range(2):
        done = schedule(environment, "install", "--yes", *WHEN)
        assert done.returncode == 0, done.stderr
        assert sorted(file.name for file in folder.iterdir()) == UNITS
    removed = schedule(environment, "remove", "--yes")
    assert removed.returncode == 0, removed.stderr
    assert list(folder.iterdir()) == []
    timers = "raceday-demo-idle.timer raceday-demo-morning.timer"
    said = changes(tmp_path)
    asked = "--user show --property=Version"
    assert said[:3] == [asked, "--user daemon-reload", f"--user enable --now {timers}"]
    assert said[6:] == [f"--user disable --now {timers}", "--user daemon-reload"]


@pytest.mark.parametrize("words", [("remove",), ("install",)])
def test_services_whose_timers_are_gone_are_removed(
    environment: Mapping[str, str], tmp_path: Path, words: tuple[str, ...]
) -> None:
    """What was killed halfway leaves them; by install too, of what is wanted no more."""
    folder = tmp_path / "systemd" / "user"
    folder.mkdir(parents=True)
    (folder / "raceday-demo-morning.service").write_text("[Service]\n")
    done = schedule(environment, *words, "--yes")
    assert done.returncode == 0, done.stderr
    assert "raceday-demo-morning.service" in done.stdout + done.stderr
    assert not (folder / "raceday-demo-morning.service").exists()


def test_a_remove_that_systemd_did_not_hear_of_can_be_done_again(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    """The timers are off, the units are still there, and the next call finishes it."""
    folder = tmp_path / "systemd" / "user"
    assert schedule(environment, "install", "--yes", *WHEN).returncode == 0
    done = schedule({**environment, "FAILS": "daemon-reload"}, "remove", "--yes")
    assert done.returncode == 20
    assert "Mend that, then run it again: it is safe." in done.stderr
    assert turned_on(tmp_path) == []
    assert sorted(file.name for file in folder.iterdir()) == UNITS
    (tmp_path / "said").unlink()
    again = schedule(environment, "remove", "--yes")
    assert again.returncode == 0, again.stderr
    assert (list(folder.iterdir()), changes(tmp_path)[-1]) == ([], "--user daemon-reload")


def test_where_nothing_is_installed_nothing_is_removed(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    """It says so, asks nobody and nothing, and that is well."""
    done = schedule(environment, "remove")
    assert (done.returncode, done.stderr) == (0, "")
    folder = tmp_path / "systemd" / "user"
    assert done.stdout == f"There are no units of demo in {folder}: nothing to remove.\n"
    assert not (tmp_path / "said").exists()


@pytest.mark.parametrize(
    ("lacks", "said"),
    [
        ({"PATH": "/nowhere"}, "systemctl, systemd-analyze: not installed here"),
        ({"FAILS": "show"}, "systemd cannot be reached here: Host is down"),
    ],
)
def test_without_systemd_nothing_is_changed(
    environment: Mapping[str, str], tmp_path: Path, lacks: Mapping[str, str], said: str
) -> None:
    """It is said what is missing; no unit, no settings and no reports directory are left."""
    (targets := tmp_path / "targets").write_text("failure=json://127.0.0.1:9/\n")
    reports = tmp_path / "reports"
    told = {"RACEDAY_NOTIFY": str(targets), "RACEDAY_REPORTS": str(reports)}
    done = schedule({**environment, **told, **lacks}, "install", "--yes", *WHEN)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert "Nothing was changed." in done.stderr
    left = {path.name for path in tmp_path.iterdir()}
    assert left <= {"bin", "said", "on", "targets"}


def test_an_install_that_fails_halfway_puts_back_what_was_there(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    """Units that were there are as they were, what was not there is gone, systemd reads again."""
    folder = tmp_path / "systemd" / "user"
    assert schedule(environment, "install", "--yes").returncode == 0
    before = {file.name: file.read_text() for file in folder.iterdir()}
    (targets := tmp_path / "targets").write_text("failure=json://127.0.0.1:9/\n")
    reports = tmp_path / "new" / "reports"
    told = {"RACEDAY_NOTIFY": str(targets), "RACEDAY_REPORTS": str(reports), "FAILS": "enable"}
    done = schedule({**environment, **told}, "install", "--yes", *WHEN, "--every", "7")
    assert done.returncode == 20
    assert "What was there before is put back." in done.stderr
    assert {file.name: file.read_text() for file in folder.iterdir()} == before
    assert not (tmp_path / "raceday").exists()
    assert not reports.parent.exists()
    assert turned_on(tmp_path) == ["idle.timer.active", "idle.timer.enabled"]
    assert changes(tmp_path)[-1] == "--user daemon-reload"


@pytest.mark.parametrize("before", [[], ["idle.timer.active"], ["idle.timer.enabled"]])
def test_a_timer_that_somebody_turned_off_is_off_again_after_an_install_that_fails(
    environment: Mapping[str, str], tmp_path: Path, before: list[str]
) -> None:
    """Its file was there before, and systemd had turned it on already when it failed."""
    assert schedule(environment, "install", "--yes").returncode == 0
    for state in {"idle.timer.active", "idle.timer.enabled"} - set(before):
        (tmp_path / "on" / f"raceday-demo-{state}").unlink()
    done = schedule({**environment, "FAILS": "enable"}, "install", "--yes", *WHEN)
    assert done.returncode == 20
    assert turned_on(tmp_path) == before


def test_a_first_install_that_fails_leaves_nothing(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    """Not even the folder."""
    done = schedule({**environment, "FAILS": "enable"}, "install", "--yes", *WHEN)
    assert done.returncode == 20
    assert not (tmp_path / "systemd" / "user").exists()


def test_whom_to_tell_goes_with_the_units(environment: Mapping[str, str], tmp_path: Path) -> None:
    """What the shell says of messages is in a file for its owner alone, which the services read."""
    (targets := tmp_path / "people & more").write_text("failure=json://127.0.0.1:9/\n")
    told = {"RACEDAY_NOTIFY": str(targets), "RACEDAY_NOTIFY_LONGER": "+5m"}
    file = tmp_path / "raceday" / "demo.env"
    done = schedule({**environment, **told}, "install", "--yes", *WHEN)
    assert done.returncode == 0, done.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text().splitlines()[1:] == [
        f'RACEDAY_NOTIFY="{targets}"',
        'RACEDAY_NOTIFY_LONGER="+5m"',
    ]
    for unit in (tmp_path / "systemd" / "user").glob("*.service"):
        assert f"EnvironmentFile=-{file}\n" in unit.read_text()
    assert schedule(environment, "remove", "--yes").returncode == 0
    assert not file.exists()


def test_settings_that_somebody_wrote_are_left_alone(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    """By install and by remove, which both say so."""
    (targets := tmp_path / "targets").write_text("failure=json://127.0.0.1:9/\n")
    file = tmp_path / "raceday" / "demo.env"
    file.parent.mkdir()
    file.write_text("RACEDAY_NOTIFY=/mine\n")
    told = {**environment, "RACEDAY_NOTIFY": str(targets)}
    for words in (("install", *WHEN), ("remove",)):
        done = schedule(told, *words, "--yes")
        assert done.returncode == 0, done.stderr
        assert f"The settings in {file} are kept as they are." in done.stderr
        assert file.read_text() == "RACEDAY_NOTIFY=/mine\n"


def test_who_tells_nobody_hears_of_it(environment: Mapping[str, str], tmp_path: Path) -> None:
    """Without RACEDAY_NOTIFY a missed morning would be told to nobody: where to put it is said."""
    done = schedule(environment, "install", "--yes", *WHEN)
    assert done.returncode == 0
    assert f"Nobody is told of a missed morning: put RACEDAY_NOTIFY into {tmp_path}" in done.stderr
    assert not (tmp_path / "raceday").exists()


def test_a_list_of_people_that_cannot_be_read_is_not_installed(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    """Every morning would end on it."""
    told = {**environment, "RACEDAY_NOTIFY": str(tmp_path / "nowhere")}
    assert schedule(told, "install", "--yes", *WHEN).returncode == 2
    assert not (tmp_path / "systemd").exists()


def test_a_morning_that_is_wanted_no_more_is_removed(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    """Installed again without --morning; its units are named."""
    assert schedule(environment, "install", "--yes", *WHEN).returncode == 0
    done = schedule(environment, "install", "--yes")
    assert done.returncode == 0, done.stderr
    assert "Removed: raceday-demo-morning.timer, raceday-demo-morning.service" in done.stderr
    left = sorted(file.name for file in (tmp_path / "systemd" / "user").iterdir())
    assert left == ["raceday-demo-idle.service", "raceday-demo-idle.timer"]
    asked = (tmp_path / "said").read_text().splitlines()
    assert "--user disable --now raceday-demo-morning.timer" in asked


def test_a_machine_that_has_lost_systemd_is_rid_of_what_was_installed(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    """The files that install and systemctl wrote are gone, and it is said what may go on."""
    assert schedule(environment, "install", "--yes", *WHEN).returncode == 0
    units = tmp_path / "systemd" / "user"
    (units / "timers.target.wants").mkdir()
    for timer in units.glob("*.timer"):
        (units / "timers.target.wants" / timer.name).symlink_to(timer)
    done = schedule({**environment, "PATH": "/nowhere"}, "remove", "--yes")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in units.rglob("*")] == ["timers.target.wants"]
    assert "systemctl: not installed here, so only files were removed" in done.stderr


def test_the_reports_directory_is_there_for_the_services(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    """Systemd would refuse to start a service whose writable directory is missing."""
    reports = tmp_path / "new" / "reports"
    told = {**environment, "RACEDAY_REPORTS": str(reports)}
    assert schedule(told, "show", *WHEN).returncode == 0
    assert not reports.parent.exists()
    assert schedule(told, "install", "--yes", *WHEN).returncode == 0
    assert reports.is_dir()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("install", *WHEN), 30, "not a terminal"),
        (("install", "--yes", "--morning", "08:30"), 2, "--latest 08:00 is not after"),
        (("install", "--yes", "--every", "11"), 2, "--every"),
        (("install", "--yes", "--day", "Sat"), 2, "--morning"),
    ],
)
def test_what_makes_no_sense_changes_nothing(
    environment: Mapping[str, str], tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    """A sentence, and no unit."""
    done = schedule(environment, *words)
    assert done.returncode == code
    assert said in done.stderr
    assert not (tmp_path / "systemd").exists()


def is_it(day: str) -> bool:
    """Whether it is that day at the demo venue."""
    return WEEKDAYS[datetime.now(ZoneInfo("Asia/Seoul")).weekday()] == day


def call(
    environment: Mapping[str, str], tmp_path: Path, *words: str
) -> subprocess.CompletedProcess[str]:
    """`raceday morning` as the service calls it."""
    where = ("--venue", "demo", "--reports", str(tmp_path / "reports"))
    return typed(environment, *where, "morning", "--yes", *words)


@pytest.mark.parametrize("too_late", ["hour", "day"])
def test_a_morning_that_was_missed_is_announced_and_not_begun(
    environment: Mapping[str, str], tmp_path: Path, too_late: str
) -> None:
    """Exit 30 and a message to whoever wants failures, also when its day is over; no run."""
    others = [word for day in WEEKDAYS if not is_it(day) for word in ("--day", day)]
    words = {"hour": ["--latest", "00:00"], "day": [*others, "--earliest", "23:59"]}[too_late]
    with open_post() as post:
        told = {"RACEDAY_NOTIFY": str(config(tmp_path, f"failure={post.url}"))}
        done = call({**environment, **told}, tmp_path, *words)
    assert done.returncode == 30, done.stderr
    said = f"Demo racecourse was not opened: {'it' if too_late == 'hour' else 'today'} is "
    assert said in done.stderr
    (message,) = post.received
    assert message["title"].startswith(said)
    assert not (tmp_path / "reports").exists()


def test_a_call_from_yesterday_opens_nothing_at_night(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    """The machine came on before the hour: today's own call is still to come, nobody is told."""
    days = [word for day in WEEKDAYS for word in ("--day", day)]
    with open_post() as post:
        told = {"RACEDAY_NOTIFY": str(config(tmp_path, f"failure={post.url}"))}
        done = call({**environment, **told}, tmp_path, *days, "--earliest", "23:59")
    assert done.returncode == 30, done.stderr
    assert "before 23:59" in done.stderr
    assert post.received == []
    assert not (tmp_path / "reports").exists()


def test_a_morning_knows_only_real_days(environment: Mapping[str, str], tmp_path: Path) -> None:
    """Another word is wrong usage."""
    done = call(environment, tmp_path, "--day", "Sunday")
    assert done.returncode == 2
    assert "it is none of Mon, " in " ".join(done.stderr.split())
