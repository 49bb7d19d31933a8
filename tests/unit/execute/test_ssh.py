"""SSH as it is used for logs and evidence, against a real server on a loopback port."""

import os
import select
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import paramiko
import pytest

from automation.execute import ssh
from automation.execute.access import Access
from automation.execute.ssh import Answer, HostLost, connect, each
from tests.unit.execute.sshd import USER, Sshd, serve

pytestmark = pytest.mark.slow  # an SSH server of its own

FOREVER = 100  # seconds; only a test that fails takes so long


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    """A server whose key no known_hosts has yet."""
    with serve(tmp_path / "server") as server:
        yield server


@pytest.fixture(autouse=True)
def _nobodys_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the operator's ssh_config nor keys nor an agent have a say."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


def way_to(server: Sshd, known_hosts: Path, *more: tuple[str, str]) -> Access:
    """How w1 is reached, with the options of an inventory."""
    options = (
        ("Port", str(server.port)),
        ("User", USER),
        ("IdentityFile", str(server.client_key)),
        ("UserKnownHostsFile", str(known_hosts)),
        ("GlobalKnownHostsFile", "/dev/null"),
        ("IdentitiesOnly", "yes"),
        *more,
    )
    return Access("w1", "127.0.0.1", options, become="", connect_timeout=FOREVER)


@pytest.fixture
def w1(sshd: Sshd, tmp_path: Path) -> Access:
    """A host whose key is known."""
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(f"{sshd.known()}\n")
    return way_to(sshd, known_hosts)


def lost(access: Access) -> HostLost:
    """Why there is no connection."""
    with pytest.raises(HostLost) as caught:
        connect(access)
    return caught.value


def has_ended(pid: int) -> bool:
    """Wait for the end of a process that is not our child."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], FOREVER)[0])
    finally:
        os.close(process)


def wait_for_all(sshd: Sshd) -> None:
    """All that the server was made to run comes to its end."""
    for process in sshd.processes:
        process.wait(FOREVER)


def test_a_command_answers_with_code_output_and_errors(w1: Access) -> None:
    """POSIX sh is all that is needed on the host."""
    with connect(w1) as session:
        answer = session.run("echo 발매; echo no >&2; exit 3", seconds=FOREVER, limit=1000)
    assert answer == Answer(3, "발매\n", "no\n")


def test_an_unknown_host_key_is_refused_before_anything_is_sent(sshd: Sshd, tmp_path: Path) -> None:
    """The sentence names the host, the key, the file and what to do."""
    error = lost(way_to(sshd, tmp_path / "none"))
    name, key = f"[127.0.0.1]:{sshd.port}", f"ssh-rsa {sshd.key.fingerprint}"
    assert error.message == (
        f"w1 cannot be asked over SSH: its host key {key} is not in {tmp_path / 'none'}, "
        f"/dev/null under the name {name}"
    )
    assert error.hint.endswith(f"then add that key to {tmp_path / 'none'} as {name}.")
    assert sshd.processes == []


def test_a_changed_host_key_is_refused(w1: Access, sshd: Sshd, tmp_path: Path) -> None:
    """Both keys are shown, and the way out if it was a new installation."""
    other, name = paramiko.RSAKey.generate(2048), f"[127.0.0.1]:{sshd.port}"
    (tmp_path / "known_hosts").write_text(f"{name} ssh-rsa {other.get_base64()}\n")
    error = lost(w1)
    assert f"it shows ssh-rsa {sshd.key.fingerprint}" in error.message
    assert f"has ssh-rsa {other.fingerprint}" in error.message
    assert f"ssh-keygen -R '{name}' -f {tmp_path / 'known_hosts'}" in error.hint


def test_strict_checking_cannot_be_turned_off(sshd: Sshd, tmp_path: Path) -> None:
    """An inventory that says no is not listened to."""
    access = way_to(sshd, tmp_path / "none", ("StrictHostKeyChecking", "no"))
    assert "is not in" in lost(access).message


def test_the_key_is_looked_up_under_its_alias_and_under_no_other_name(
    sshd: Sshd, tmp_path: Path
) -> None:
    """HostKeyAlias replaces address and port."""
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(f"{sshd.known('wagering1')}\n")
    connect(way_to(sshd, known_hosts, ("HostKeyAlias", "wagering1"))).close()
    error = lost(way_to(sshd, known_hosts, ("HostKeyAlias", "wagering2")))
    assert "under the name wagering2" in error.message


def test_a_jump_host_is_gone_through_and_its_key_is_checked_too(
    sshd: Sshd, w1: Access, tmp_path: Path
) -> None:
    """ProxyJump takes the jump host's key from the operator's own known_hosts."""
    (tmp_path / ".ssh").mkdir()
    with serve(tmp_path / "bastion") as bastion:
        jump = f"{USER}@127.0.0.1:{bastion.port}"
        (tmp_path / ".ssh/config").write_text(
            f"Host 127.0.0.1\n  IdentityFile {bastion.client_key}\n"
        )
        access = replace(w1, options=(*w1.options, ("ProxyJump", jump)))
        assert "under the name [127.0.0.1]" in lost(access).message
        (tmp_path / ".ssh/known_hosts").write_text(f"{bastion.known()}\n")
        with connect(access) as session:
            assert session.run("echo there", seconds=FOREVER, limit=100).output == "there\n"
        assert bastion.forwarded == [("127.0.0.1", sshd.port)]


def test_a_proxy_command_is_gone_through(w1: Access, sshd: Sshd, tmp_path: Path) -> None:
    """Its %h and %p are this host's."""
    (tmp_path / "pipe.py").write_text(
        "import os, socket, sys, threading\n"
        "s = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
        "def back():\n"
        "    while data := s.recv(65536): os.write(1, data)\n"
        "threading.Thread(target=back, daemon=True).start()\n"
        "while data := os.read(0, 65536): s.sendall(data)\n"
    )
    command = ("ProxyCommand", f"python3 {tmp_path / 'pipe.py'} %h %p")
    with connect(replace(w1, options=(*w1.options, command))) as session:
        assert session.run("echo there", seconds=FOREVER, limit=100).output == "there\n"


def test_become_is_sudo_that_never_asks(w1: Access, sshd: Sshd) -> None:
    """Every quote of the script survives; a user who is already the one needs no sudo."""
    sshd.put("sudo", 'echo "$1 $2 $3 $4"; shift 4; exec "$@"')
    script = """printf '%s\n' "a 'b' $((1 + 1)) \\$x" """
    with connect(replace(w1, become="nobody")) as session:
        answer = session.run(script, seconds=FOREVER, limit=1000)
    assert answer.output == "-n -u nobody --\na 'b' 2 $x\n"
    sshd.put("id", "echo nobody")
    with connect(replace(w1, become="nobody")) as session:
        assert session.run(script, seconds=FOREVER, limit=1000).output == "a 'b' 2 $x\n"


def test_sudo_that_wants_a_password_is_named(w1: Access, sshd: Sshd) -> None:
    """The hint says what to change."""
    sshd.put("sudo", "echo 'sudo: a password is required' >&2; exit 1")
    with connect(replace(w1, become="nobody")) as session, pytest.raises(HostLost) as caught:
        session.run("true", seconds=FOREVER, limit=100)
    assert caught.value.message.endswith("sudo refused: sudo: a password is required")
    assert caught.value.hint == "Let the ansible_user sudo without a password."


def test_a_wrong_key_a_missing_key_and_a_closed_port_are_sentences(
    w1: Access, tmp_path: Path
) -> None:
    """Each says what is wrong, none is a traceback."""
    other = tmp_path / "other"
    paramiko.RSAKey.generate(2048).write_private_key_file(str(other))
    wrong = replace(w1, options=(("IdentityFile", str(other)), *w1.options[:2], *w1.options[3:]))
    assert "it does not let us in" in lost(wrong).message
    other.unlink()
    assert lost(wrong).message.endswith(f"the key file {other} is not there")
    closed = replace(w1, options=(("Port", "1"), *w1.options))
    assert lost(closed).message == "w1 cannot be asked over SSH: Connection refused"
    assert lost(closed).hint == "Check the network, the host and its sshd."


def test_a_host_that_accepts_and_says_nothing_is_given_up(w1: Access) -> None:
    """A hung sshd costs about the connect timeout."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = ("Port", str(mute.getsockname()[1]))
        error = lost(replace(w1, options=(port, *w1.options), connect_timeout=1))
    assert error.message.startswith("w1 cannot be asked over SSH: ")


@pytest.mark.slow
def test_a_command_without_an_end_is_cut_off(w1: Access) -> None:
    """By the clock and by the size; what came until then is kept."""
    with connect(w1) as session:
        slow = session.run("echo begun; exec sleep 600", seconds=4, limit=1000)
        long = session.run("while echo 0123456789; do :; done", seconds=FOREVER, limit=10_000)
    assert (slow, long.code, len(long.output)) == (Answer(None, "begun\n"), None, 10_000)


def test_hanging_up_ends_what_is_followed(w1: Access, sshd: Sshd, tmp_path: Path) -> None:
    """No remote process outlives the connection, even one that writes nothing."""
    mark = tmp_path / "pid"
    session = connect(w1)
    lines = session.follow(f"sh -c 'echo $$ >{mark}; echo first; exec sleep 60'")
    assert next(lines) == "first"
    pid = int(mark.read_text())
    session.close()
    assert has_ended(pid)
    wait_for_all(sshd)


def test_a_follow_that_ends_by_itself_says_why(w1: Access, sshd: Sshd) -> None:
    """The command's last word is the reason."""
    with connect(w1) as session, pytest.raises(HostLost) as caught:
        list(session.follow("sh -c 'echo one; echo gone >&2; exit 1'"))
    assert caught.value.message.endswith("the log ended: gone")
    wait_for_all(sshd)


def test_all_hosts_are_asked_at_once_and_a_late_one_is_lost(
    w1: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One bad host hides none of the others. Time is up when two of the three have answered."""
    clock = iter((0.0, 0.0, 0.0, float(FOREVER)))
    monkeypatch.setattr(ssh, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    dead = replace(w1, host="w2", options=(("Port", "1"), *w1.options))
    stuck = replace(w1, host="w3")
    release = threading.Event()
    answers = each(
        {"w1": w1, "w2": dead, "w3": stuck},
        lambda session: release.wait() if session.host == "w3" else session.host,
        seconds=FOREVER,
    )
    release.set()
    assert answers["w1"] == "w1"
    said = [str(item) for item in answers.values() if isinstance(item, HostLost)]
    assert said == [
        "w2 cannot be asked over SSH: Connection refused",
        "w3 cannot be asked over SSH: it gave no answer within 100 seconds",
    ]
