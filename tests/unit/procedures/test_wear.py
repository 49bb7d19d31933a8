"""What hosts show of themselves, asked over SSH of hosts that a test's own server stands for."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from automation.procedures.wear import read_number, read_wear
from automation.venue.site import Venue
from automation.venue.unattended import RestartRule, Signal
from tests.unit.execute.sshd import Sshd, serve
from tests.unit.execute.venues import reached_at, small_venue

SYSTEMD = """case $3 in
  ActiveState) echo active ;;
  ActiveEnterTimestampMonotonic) echo 1000000 ;;
  MemoryCurrent) echo {memory} ;;
  MemoryMax) echo {limit} ;;
esac"""
RULES = tuple(
    RestartRule.model_validate(keys)
    for keys in (
        {"component": "wagering", "every": "7d"},
        {"component": "wagering", "when": "configuration_newer", "files": ("/proc/self/status",)},
        {"component": "wagering", "when": "memory_over", "above": "80%"},
        {"component": "wagering", "when": "memory_growing", "above": "20%", "for": "24h"},
        {"component": "wagering", "when": "reboot_required"},
        {"component": "wagering", "when": "libraries_deleted"},
    )
)


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    """A host whose systemd says a few figures."""
    with serve(tmp_path / "server") as server:
        server.put("systemctl", SYSTEMD.format(memory=81, limit=100))
        yield server


@pytest.fixture
def venue(sshd: Sshd, tmp_path: Path) -> Venue:
    """w1 answers, w2 is dead."""
    w1 = reached_at(sshd, tmp_path)
    return small_venue(tmp_path, {"w1": w1, "w2": {**w1, "ansible_port": 1}})


def test_a_host_shows_how_worn_it_is_and_a_dead_one_is_named(venue: Venue) -> None:
    """Its age since one second after boot, its memory, and when its configuration was changed."""
    (wear,), lost = read_wear(venue, RULES)
    uptime = int(float(Path("/proc/uptime").read_text(encoding="ascii").split()[0]))
    age = wear.number("age")
    assert age is not None
    assert uptime - 3 <= age <= uptime
    assert (wear.number("memory"), wear.number("memory_limit")) == (81, 100)
    assert wear.shown["active"] == "active"
    assert wear.number("configuration") in {0, 1}
    assert wear.shown["reboot_required"]
    assert [str(item) for item in lost] == ["w2 cannot be asked: Connection refused"]


@pytest.mark.parametrize("limit", ["infinity", "18446744073709551615", "'[not set]'", ""])
def test_without_a_limit_of_its_own_the_machines_memory_is_the_limit(
    venue: Venue, sshd: Sshd, limit: str
) -> None:
    """Systemd says so in several ways."""
    sshd.put("systemctl", SYSTEMD.format(memory=81, limit=limit))
    (wear,), _ = read_wear(venue, RULES)
    total = Path("/proc/meminfo").read_text(encoding="ascii").split()[1]
    assert wear.number("memory_limit") == int(total) * 1024


def test_what_systemd_does_not_say_is_unknown(venue: Venue, sshd: Sshd) -> None:
    """No age, no memory, no libraries: nothing is made up."""
    sshd.put("systemctl", "exit 1")
    sshd.put("grep", "exit 1")  # this machine may run containers with a unit of the same name
    (wear,), _ = read_wear(venue, RULES)
    assert {"active", "age", "memory", "libraries_deleted"}.isdisjoint(wear.shown)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/usr/lib/x86_64-linux-gnu/libssl.so.3", "yes"),
        ("/lib64/libc.so.6", "yes"),
        ("/opt/engine/lib/libodds.so", "yes"),
        ("/tmp/libnetty_transport_native_epoll_x86_64123.so", "no"),  # noqa: S108
        ("/tmp/usr/lib/libx.so", "no"),  # noqa: S108
        ("/dev/shm/libjffi.so", "no"),  # noqa: S108
        ("/memfd:libx.so", "no"),
        ("/var/tmp/libx.so", "no"),  # noqa: S108
        ("/usr/share/locale/ko.mo", "no"),
    ],
)
def test_only_libraries_of_the_system_were_replaced(
    venue: Venue, sshd: Sshd, tmp_path: Path, path: str, said: str
) -> None:
    """What a program unpacks for itself and deletes at once is no update."""
    maps = tmp_path / "maps"
    maps.write_text(f"7f1c-7f1d r-xp 00000000 08:01 123         {path} (deleted)\n")
    sshd.put(
        "grep",
        f"""case "$*" in
  *cgroup*) echo /proc/1/cgroup ;;
  *) exec /usr/bin/grep "$1" "$2" {maps} ;;
esac""",
    )
    (wear,), _ = read_wear(venue, RULES)
    assert wear.shown["libraries_deleted"] == said


def test_a_host_is_asked_only_what_a_rule_is_about(venue: Venue) -> None:
    """Nobody goes through the files of every process for a rule about memory."""
    (wear,), _ = read_wear(venue, RULES[3:4])
    assert set(wear.shown) == {"active", "age", "memory", "memory_limit"}


def signal(*command: str) -> Signal:
    keys = {"name": "bets", "command": command, "component": "cache", "below": 1}
    return Signal.model_validate(keys)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("echo", "0.5"), "0.5"),
        (("echo", "many"), "w1 says 'many', which is no number"),
        (("echo", "nan"), "w1 says 'nan', which is no number"),
        (("true",), "w1 says '', which is no number"),
        (("false",), "the command on w1 ended with code 1: "),
    ],
)
def test_a_number_is_a_number_or_a_sentence(
    venue: Venue, command: tuple[str, ...], said: str
) -> None:
    """What a command prints on the host of its component, and nothing is guessed."""
    assert str(read_number(venue, signal(*command))) == said


def test_a_command_that_is_cut_off_is_named_with_its_host(venue: Venue) -> None:
    """By the clock, of which less may be left than it could have, or for all that it says."""
    late = read_number(venue, signal("sleep", "30"), 0.5)
    assert str(late) == "the command on w1 did not end within 0.5 s"
    flood = read_number(venue, signal("head", "-c", "70000", "/dev/zero"))
    assert str(flood) == "the command on w1 said more than 64 KiB"


DOCUMENTED = Path(__file__).parents[3] / "docs/operations.md"


def documented(name: str) -> Signal:
    """A signal of the documentation's own venue file, asked of w1."""
    text = DOCUMENTED.read_text(encoding="utf-8").partition("\nidle: ")[2]
    signals = yaml.safe_load("idle: " + text.partition("\nrestarts:")[0])["idle"]
    keys = next(keys for keys in signals if keys["name"] == name)
    return Signal.model_validate_json(json.dumps({**keys, "component": "cache"}))


TWO_PEOPLE = (
    "echo '? sshd'; echo 'tty1 agetty'; echo 'pts/0 bash'; echo 'pts/0 vim'; echo 'pts/1 sh'"
)


@pytest.mark.parametrize(
    ("ps", "said"),
    [
        ("echo '? sshd'; echo 'tty1 agetty'; echo '? ps'", "0.0"),
        (TWO_PEOPLE, "2.0"),
        (f"{TWO_PEOPLE}; exit 1", "the command on w1 ended with code 1: "),
        ("exec /nonexistent/ps", "the command on w1 ended with code 127: "),
    ],
)
def test_the_documented_signal_of_people_at_work_fails_where_it_cannot_know(
    venue: Venue, sshd: Sshd, ps: str, said: str
) -> None:
    """Nobody, two terminals, and a host that cannot say."""
    sshd.put("ps", ps)
    assert str(read_number(venue, documented("terminals in use"))).startswith(said)


@pytest.mark.parametrize(
    ("psql", "said"),
    [
        ("echo 0", "0.0"),
        ("echo 7", "7.0"),
        ("echo 'could not connect' >&2; exit 2", "the command on w1 ended with code 2: could not"),
        ("exit 0", "w1 says '', which is no number"),
    ],
)
def test_the_documented_signal_of_unsettled_bets_fails_where_it_cannot_know(
    venue: Venue, sshd: Sshd, psql: str, said: str
) -> None:
    """It is asked as postgres, of the demo's own table."""
    wanted = (
        "-u postgres psql -Atc SELECT count(*) FROM wagering.bets WHERE state = 'accepted' demo"
    )
    sshd.put("sudo", f'[ "$*" = "{wanted}" ] || exit 9\n{psql}')
    assert str(read_number(venue, documented("unsettled bets"))).startswith(said)


def test_a_host_that_cannot_be_asked_makes_the_number_unknown(venue: Venue) -> None:
    """Of several hosts all must answer."""
    asked = signal("echo", "0").model_copy(update={"component": "wagering"})
    assert str(read_number(venue, asked)) == "w2 cannot be asked: Connection refused"


@pytest.mark.parametrize(("wrong", "apart"), [("-1 hour", "3600"), ("+1 day", "86400")])
def test_a_clock_that_differs_makes_the_number_unknown(
    venue: Venue, sshd: Sshd, wrong: str, apart: str
) -> None:
    """One of both is wrong, and the window may be another hour's."""
    sshd.put("date", f"exec /bin/date -d '{wrong}' \"$@\"")
    said = str(read_number(venue, signal("echo", "0")))
    text = "the clocks of w1 and of this controller are {} s apart"
    assert said in {text.format(int(apart) + more) for more in (-1, 0, 1)}


def test_a_host_that_does_not_know_the_time_makes_the_number_unknown(
    venue: Venue, sshd: Sshd
) -> None:
    """Its answer may be of any hour."""
    sshd.put("date", "echo today")
    assert str(read_number(venue, signal("echo", "0"))) == "w1 does not say what time it is"
