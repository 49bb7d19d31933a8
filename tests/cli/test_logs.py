"""`raceday logs`, as typed, against real SSH servers whose journalctl is a stand-in."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from automation.commands.logs import logs
from automation.errors import UsageError
from automation.settings import Settings
from automation.venue import load
from tests.unit.execute.sshd import Sshd, serve
from tests.unit.execute.venues import reached_at, small_inventory

ARGUMENTS = "--unit=wagering --lines=100 --output=short-iso --no-pager --quiet"
RACEDAY = str(Path(sys.executable).with_name("raceday"))
STAMP = "2026-11-21T08:30:0"


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[dict[str, Sshd]]:
    """Two wagering servers."""
    with serve(tmp_path / "w1") as first, serve(tmp_path / "w2") as second:
        yield {"w1": first, "w2": second}


@pytest.fixture
def small(hosts: dict[str, Sshd], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A venue of both, whose inventory is answered without a process."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    variables = {name: reached_at(server, tmp_path / name) for name, server in hosts.items()}
    found = small_inventory(tmp_path, variables)
    monkeypatch.setattr(load, "read_inventory", lambda _source: found)
    (tmp_path / "hosts.yml").write_text(
        yaml.safe_dump({"wagering": {"hosts": variables}}), encoding="utf-8"
    )
    return tmp_path


def run(site: Path, *words: str, output: str = "text", lang: str = "en") -> Result:
    """The command with the global options already read."""
    settings = Settings(venue=str(site), reports=site, lang=lang, format=output, verbose=0)
    return CliRunner().invoke(logs, words, obj=settings, standalone_mode=False)


def test_lines_of_all_hosts_stand_side_by_side(small: Path, hosts: dict[str, Sshd]) -> None:
    """In the order of their time, each with its host; later lines of a message stay with it."""
    hosts["w1"].put(
        "journalctl", f"echo '{STAMP}1+0900 one'; echo '  more'; echo '{STAMP}4+0900 four'"
    )
    hosts["w2"].put("journalctl", f"printf '{STAMP}2+0900 \\033[31mtwo\\033[0m\\007\\n'")
    result = run(small, "wagering")
    assert result.stdout.splitlines() == [
        f"w1 | {STAMP}1+0900 one",
        "w1 |   more",
        f"w2 | {STAMP}2+0900 two\ufffd",
        f"w1 | {STAMP}4+0900 four",
    ]
    assert (result.stderr, result.return_value) == ("", 0)


def test_journalctl_is_asked_in_the_venues_zone_and_every_word_is_quoted(
    small: Path, hosts: dict[str, Sshd], tmp_path: Path
) -> None:
    """What an operator types is one word to journalctl and nothing to the shell."""
    for server in hosts.values():
        server.put("journalctl", 'echo "$TZ"; for word; do echo "$word"; done')
    evil = f"'; touch {tmp_path / 'evil'}; $(id) \""
    document = json.loads(run(small, "wagering", f"--since={evil}", output="json").stdout)
    assert document["hosts"][0]["lines"] == [
        "<+0900>-09:00",
        "--unit=wagering",
        "--lines=10000",
        f"--since={evil}",
        "--output=short-iso",
        "--no-pager",
        "--quiet",
    ]
    assert not (tmp_path / "evil").exists()


def test_a_host_that_cannot_be_reached_is_named_and_the_others_are_shown(
    small: Path, hosts: dict[str, Sshd]
) -> None:
    """Exit code 20, in text and in JSON; in Korean too."""
    hosts["w1"].put("journalctl", 'echo "$*"')
    (small / "w2/known_hosts").unlink()
    result = run(small, "wagering")
    assert result.return_value == 20
    assert result.stdout == f"w1 | {ARGUMENTS}\n"
    first, second = result.stderr.splitlines()
    assert first.startswith("raceday: w2 cannot be asked over SSH: its host key ssh-rsa SHA256:")
    assert second.startswith("  Compare it at the host's own console")
    assert "호스트 키" in run(small, "wagering", lang="ko").stderr
    document = json.loads(run(small, "wagering", output="json").stdout)
    assert (document["component"], document["unit"]) == ("wagering", "wagering")
    assert document["hosts"][0] == {"name": "w1", "lines": [ARGUMENTS], "problem": None}
    assert document["hosts"][1]["problem"]["what"] == "w2 cannot be asked over SSH"


def test_the_unit_is_the_kinds_usual_one_when_the_venue_names_none(
    small: Path, hosts: dict[str, Sshd]
) -> None:
    """One host alone needs no name before its lines."""
    hosts["w1"].put("journalctl", 'echo "$1"')
    assert run(small, "cache").stdout == "--unit=redis-server\n"


def test_an_empty_journal_is_said_and_is_no_failure(small: Path, hosts: dict[str, Sshd]) -> None:
    """Nothing on stdout, a word on stderr."""
    for server in hosts.values():
        server.put("journalctl", "exit 0")
    result = run(small, "wagering")
    assert (result.stdout, result.return_value) == ("", 0)
    assert result.stderr.splitlines() == [
        "raceday: w1 has no line to show",
        "raceday: w2 has no line to show",
    ]


def test_a_journalctl_that_fails_is_quoted(small: Path, hosts: dict[str, Sshd]) -> None:
    """Its own last word, and exit code 20."""
    for server in hosts.values():
        server.put("journalctl", "echo 'No journal files were found.' >&2; exit 1")
    result = run(small, "wagering")
    assert result.return_value == 20
    assert "the log of w1 is not whole: journalctl: No journal files were found." in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("wagring",), "There is no component wagring."),
        (("database",), "database has no systemd unit, so there is no journal of it"),
        (("bank",), "bank has no systemd unit, so there is no journal of it"),
    ],
)
def test_a_component_without_a_journal_is_wrong_usage(
    small: Path, words: tuple[str, ...], said: str
) -> None:
    """Nothing is asked of any host."""
    error = run(small, *words).exception
    assert isinstance(error, UsageError)
    assert error.message == said


def test_a_since_that_is_no_time_is_wrong_usage(small: Path, hosts: dict[str, Sshd]) -> None:
    """journalctl decides what a time is."""
    for server in hosts.values():
        server.put("journalctl", "echo 'Failed to parse timestamp: noon-ish' >&2; exit 1")
    error = run(small, "wagering", "--since", "noon-ish").exception
    assert isinstance(error, UsageError)
    assert error.message == "--since noon-ish is no time that journalctl knows"


def test_a_follow_is_no_document(small: Path) -> None:
    """JSON has an end."""
    assert isinstance(run(small, "wagering", "-f", output="json").exception, UsageError)


@pytest.mark.slow
def test_following_ends_with_ctrl_c_and_leaves_nothing_on_the_hosts(
    small: Path, hosts: dict[str, Sshd]
) -> None:
    """Lines come as they are written; exit code 130; no journalctl is left behind."""
    for name, server in hosts.items():
        server.put(
            "journalctl", f'echo $$ >{small}/{name}.pid; echo "$*" from {name}; exec sleep 60'
        )
    words = [RACEDAY, "--venue", str(small / "hosts.yml"), "logs", "wagering", "-f"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        lines = sorted(process.stdout.readline() for _ in hosts)
        process.send_signal(signal.SIGINT)
        errors = process.stderr.read()
    assert (process.returncode, errors) == (130, "")
    assert lines == [f"{name} | {ARGUMENTS} --follow from {name}\n" for name in hosts]
    assert eventually_gone(*(int((small / f"{name}.pid").read_text()) for name in hosts))


def test_a_follow_whose_hosts_are_all_lost_ends(small: Path, hosts: dict[str, Sshd]) -> None:
    """Each is named as it is lost; exit code 20."""
    for server in hosts.values():
        server.put("journalctl", "echo last; echo gone >&2; exit 1")
    result = run(small, "wagering", "-f")
    assert result.return_value == 20
    assert sorted(result.stdout.splitlines()) == ["w1 | last", "w2 | last"]
    assert "w2 cannot be asked over SSH: the log ended: gone" in result.stderr


def eventually_gone(*pids: int) -> bool:
    """Whether all of these have ended within five seconds."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        if not any(map(_is_running, pids)):
            return True
        time.sleep(0.02)
    return False


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False
