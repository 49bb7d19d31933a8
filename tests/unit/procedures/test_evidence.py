"""What is kept of a failed host, and what must never be in it."""

import os
import stat
import tarfile
import time
import timeit
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from automation.procedures import evidence
from automation.procedures.evidence import Evidence, collect
from automation.redaction import redact
from automation.run.verdict import failed_hosts
from automation.venue.site import Venue
from tests.unit.execute.sshd import Sshd, serve
from tests.unit.execute.venues import reached_at, small_venue
from tests.unit.views.samples import conditional, go, no_go

pytestmark = pytest.mark.slow  # an SSH server of its own

CANARY = "Yellow7Canary"
FOREVER = 100  # seconds; only a test that fails takes so long
TIME_IS_UP = """shift
case "$*" in *"df -h"*) ;; *) exec "$@" ;; esac
setsid "$@" &
read -r _ <%s
kill -- -$!
exit 124"""
COMMANDS = ("journalctl", "systemctl", "ss", "df", "free", "dmesg", "uptime")


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    """A host whose commands say their own names and arguments."""
    with serve(tmp_path / "server") as server:
        for name in COMMANDS:
            server.put(name, f'echo "{name} $*"')
        yield server


@pytest.fixture(autouse=True)
def _all_the_time_in_the_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """How fast a busy machine answers is no matter of these tests."""
    monkeypatch.setattr(evidence, "HOST_SECONDS", FOREVER)
    monkeypatch.setattr(evidence, "COMMAND_SECONDS", FOREVER // 2)


@pytest.fixture
def venue(sshd: Sshd, tmp_path: Path) -> Venue:
    """w1 answers, w2 is dead."""
    w1 = reached_at(sshd, tmp_path)
    found = small_venue(tmp_path, {"w1": w1, "w2": {**w1, "ansible_port": 1}})
    return replace(found, connect_timeout=FOREVER)


def contents(archive: Path) -> dict[str, str]:
    """Its files by their name."""
    with tarfile.open(archive) as tar:
        files = {member.name: tar.extractfile(member) for member in tar}
        return {name: file.read().decode() for name, file in files.items() if file}


def test_a_failed_host_leaves_one_archive_and_a_dead_one_a_sentence(
    venue: Venue, tmp_path: Path
) -> None:
    """Everything that is asked is in it, and the file is for its owner only."""
    found = collect(venue, {"wagering": ("w1", "w2")}, tmp_path)
    archive = tmp_path / "evidence-w1.tar.gz"
    assert found.archives == (archive,)
    assert [str(note) for note in found.notes] == [
        "no evidence came from w2: Connection refused",
    ]
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    files = contents(archive)
    assert sorted(name.removeprefix("evidence-w1/") for name in files) == [
        "disk.txt",
        "failed-units.txt",
        "journal-wagering.txt",
        "kernel.txt",
        "memory.txt",
        "ports.txt",
        "status-wagering.txt",
        "time.txt",
    ]
    command = "journalctl -u wagering -n 200 --no-pager -o short-iso -q"
    assert files["evidence-w1/journal-wagering.txt"] == f"$ {command}\n{command}\n"
    assert "\ndf -h\ndf -i\n" in files["evidence-w1/disk.txt"]


def test_a_host_of_two_failed_components_leaves_one_archive(venue: Venue, tmp_path: Path) -> None:
    """A component without a unit adds nothing of a unit."""
    found = collect(venue, {"wagering": ("w1",), "database": ("w1",)}, tmp_path)
    assert found == Evidence((tmp_path / "evidence-w1.tar.gz",))
    assert len(contents(found.archives[0])) == 8


def test_no_secret_gets_into_an_archive(venue: Venue, sshd: Sshd, tmp_path: Path) -> None:
    """Planted in every command's output, with colours in between, none is found again."""
    for name in COMMANDS:
        sshd.put(
            name,
            rf"""printf 'db_password\033[0m=%s\nAuthorization: Basic %s\n' {CANARY} {CANARY}""",
        )
    found = collect(venue, {"wagering": ("w1",)}, tmp_path)
    files = contents(found.archives[0])
    assert len(files) == 8
    assert [name for name, text in files.items() if CANARY in text or "\x1b" in text] == []
    assert all("db_password=[redacted]" in text for text in files.values())


def test_an_output_is_bounded_and_its_cut_line_is_dropped(
    venue: Venue, sshd: Sshd, tmp_path: Path
) -> None:
    """The newest part is kept; half a line could be a secret without its name."""
    sshd.put("ss", f"echo password={CANARY * 60_000}; echo last")
    found = collect(venue, {"wagering": ("w1",)}, tmp_path)
    assert contents(found.archives[0])["evidence-w1/ports.txt"] == "$ ss -ltnp\n...\nlast\n"


@pytest.mark.slow
def test_a_command_that_hangs_costs_its_own_time_only(
    venue: Venue, sshd: Sshd, tmp_path: Path
) -> None:
    """`df` hangs on a dead network file system; the others are still asked."""
    begun = tmp_path / "begun"
    os.mkfifo(begun)
    sshd.put("df", f"echo begun; echo >{begun}; exec sleep 600")
    sshd.put("timeout", TIME_IS_UP % begun)
    found = collect(venue, {"wagering": ("w1",)}, tmp_path)
    files = contents(found.archives[0])
    assert "begun\n" in files["evidence-w1/disk.txt"]
    assert "free" in files["evidence-w1/memory.txt"]


def test_a_folder_that_cannot_be_written_is_a_sentence(venue: Venue, tmp_path: Path) -> None:
    """Evidence never stands in the way of the report."""
    found = collect(venue, {"wagering": ("w1",)}, tmp_path / "nowhere")
    assert [str(note) for note in found.notes] == [
        "no evidence came from w1: No such file or directory"
    ]


@pytest.mark.parametrize(
    "line",
    [
        "password=%s",
        "PGPASSWORD=%s psql",
        "password = %s, host=db1",
        "passwd: %s and the rest of it",
        "db.secret_key: '%s two words'",
        '{"password": "%s two \\" words", "host": "db1"}',
        r"said {\"access_token\":\"%s two\",\"host\":\"db1\"}",
        "X-Api-Key: %s",
        "apikey=%s&race=3",
        "GET /bets?race=3&token=%s HTTP/1.1",
        "Authorization: Basic %s",
        "'authorization': 'Digest a, b=%s'",
        "sent Bearer %s to the bank",
        "connect postgres://wager:%s@db1:5432/bets",
        "connect postgres://wager:one@two@%s@db1/bets",
        "connect redis://:%s/9@cache1/0",
        "alter role wager password '%s'",
        "/usr/bin/wager --db-password %s --port 8081",
        "Set-Cookie: session=%s",
        "-----BEGIN RSA PRIVATE KEY-----\n%s\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----\n%s",
        "비밀번호: %s",
        'password="%s without an end',
        "secret => %s",
        "ADMIN_PASS=%s",
        '["/usr/bin/wager", "--db-password", "%s"]',
        "requirepass %s",
        "masterauth '%s two'",
        "sentinel auth-pass main %s",
        '1763790000.1 [0 127.0.0.1:52364] "AUTH" "%s"',
        "AUTH default %s",
        "CREATE USER wager IDENTIFIED BY '%s'",
        "stats auth admin:%s",
        "curl -s -u wager:%s http://127.0.0.1:8081/",
        "curl --user=wager:%s http://127.0.0.1:8081/",
        "sshpass -p %s ssh w1",
        "redis-cli -h cache1 -a %s ping",
        "POST https://hooks.slack.com/services/T0/B0/%s",
        "POST https://racecourse.webhook.office.com/webhookb2/%s",
        "userlist ops\n  user admin insecure-password %s",
        "+    user admin password %s groups ops",
        "dbpass=%s",
        "standbypass=%s",
        '{"userPass": "%s two words"}',
        "userPass: %s",
        "access_key=%s",
        "AccountKey=%s;EndpointSuffix=example",
        "ENCRYPTION_KEY=%s",
        "signing-key: %s",
        "GET https://blobs.example/cards.json?sv=2024&sig=%s&se=9 HTTP/1.1",
        "GET https://s3.example/cards.json?X-Amz-Signature=%s HTTP/1.1",
        "mysqldump -u bet -p%s bets",
        "/usr/bin/mysql -h db1 -p'%s two words' bets",
        "said eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ3YWdlciJ9.%s to the bank",
    ],
)
def test_secrets_are_taken_out(line: str) -> None:
    """Whatever form they come in; that there was one stays to be seen."""
    said = redact(line % CANARY)
    assert CANARY not in said
    assert "words" not in said
    assert "[redacted]" in said


@pytest.mark.parametrize(
    "line",
    [
        'FATAL: password authentication failed for user "wager"',
        "2026-11-21T08:30:12+0900 w1 wagering[412]: token expired after 30 s",
        "wagering.service: Failed with result 'exit-code'; 3 tests passed: all",
        'LISTEN 0 128 127.0.0.1:8081 0.0.0.0:* users:(("wagering",pid=412,fd=7))',
        "GET http://127.0.0.1:8081/health from ops@controller",
        "Reached target Basic System.",
        "pam_unix(sshd:auth): authentication failure; logname= uid=0 user=ops",
        "systemctl --user status wagering; journalctl -u wagering.service -n 20",
        "bypass=1, ssl_bypass: true, compass: north; all passed: yes",
        "the user admin password expired; a password of eight letters is too short",
        "primary_key=17, foreign_key: 3, public_key=none, key=race 3, keyboard: ko",
        "mysql -h db1 -P 3306 --port=3306 && mkdir -p /srv/bets",
        "design=round, signal: 15/TERM, 3 signatures: eyJ, eyJ.x.y and keys",
        "GET /bets?design=4&signed=no HTTP/1.1",
    ],
)
def test_what_helps_to_find_the_cause_stays(line: str) -> None:
    """A word alone is no secret."""
    assert redact(line) == line


@pytest.mark.slow
def test_redacting_a_hostile_log_takes_no_time() -> None:
    """Four times the text takes about four times the work, not sixteen times, whatever it is."""
    for piece in (
        "a",
        "password",
        "://",
        'password="',
        "--",
        "-----BEGIN ",
        "a_",
        "\\",
        "token:",
        " --",
        "eyJ-",
        "eyJhbGciOiJI.",
        "mysql ",
        "\n user a ",
        "?sig",
    ):
        short, long = (work(piece * (size // len(piece))) for size in (8192, 32_768))
        assert long < 10 * short + 0.2, piece


def work(text: str) -> float:
    """Seconds of CPU that redacting takes, the better of two."""
    return min(timeit.repeat(lambda: redact(text), timer=time.process_time, number=1, repeat=2))


def test_failed_hosts_are_those_that_were_bad_in_any_step() -> None:
    """By component, in the order of the plan; a run without failure has none."""
    assert failed_hosts(go().state) == {}
    for story in (conditional(), no_go()):
        state = story.state
        bad = {
            (item.step.owner, host)
            for item in state.steps.values()
            for host, result in item.hosts.items()
            if not result.good and not state.plan.components[item.step.owner].external
        }
        assert bad
        found = failed_hosts(state)
        assert {(name, host) for name, hosts in found.items() for host in hosts} == bad


def test_an_odd_host_name_stays_inside_the_folder(sshd: Sshd, tmp_path: Path) -> None:
    """A name is never a path."""
    venue = small_venue(tmp_path, {"w1": {}, "../w2": reached_at(sshd, tmp_path)})
    found = collect(venue, {"wagering": ("../w2",)}, tmp_path)
    assert found == Evidence((tmp_path / "evidence-.._w2.tar.gz",))
