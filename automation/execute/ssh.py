"""SSH without Ansible, for what must work when Python on a host does not: the only user of fabric.

Host keys are checked, always: paramiko would take any key unless it is told otherwise. What is sent
is POSIX sh, nothing is asked on the way (`sudo -n`), and every wait has an end.
"""

import getpass
import logging
import queue
import shlex
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fabric import Config, Connection
from paramiko import (
    AuthenticationException,
    BadHostKeyException,
    MissingHostKeyPolicy,
    PasswordRequiredException,
    PKey,
    ProxyCommand,
    SSHClient,
    SSHConfig,
    SSHException,
)
from paramiko.channel import Channel
from paramiko.config import SSH_PORT

from automation.errors import RacedayError
from automation.execute.access import Access
from automation.run.events import Message, Problem

CONFIGS = ("~/.ssh/config", "/etc/ssh/ssh_config")
KNOWN_HOSTS = {
    "userknownhostsfile": "~/.ssh/known_hosts ~/.ssh/known_hosts2",
    "globalknownhostsfile": "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2",
}
LOST = (SSHException, OSError, EOFError, ValueError)  # all that paramiko raises of a connection
ERROR_BYTES = 16_384
LINE_BYTES = 65_536
KEEPALIVE_SECONDS = 5
SILENCE_SECONDS = 15  # as ServerAliveInterval=5 and ServerAliveCountMax=3 would have it
# The remote command ends with the connection: its standard input closes, and `read` returns.
WATCHED = """exec 3<&0
%s </dev/null 3<&- &
command=$!
{ read -r _ <&3; kill "$command"; } >/dev/null 2>&1 &
wait "$command"
code=$?
kill "$!" 2>/dev/null
exit "$code"
"""


class HostLost(RacedayError):
    """A host that cannot be asked; `problem` says it in the reader's language."""

    def __init__(self, host: str, problem: Problem) -> None:
        super().__init__(f"{problem.what}: {problem.why}", str(problem.next))
        self.host = host
        self.problem = problem


@dataclass(frozen=True)
class Answer:
    """What a command said. `code` is None when it was cut off, by the clock or by the limit."""

    code: int | None
    output: str
    errors: str = ""


class Session:
    """An open connection to one host; close it, or use it in a `with`."""

    def __init__(self, access: Access, connection: Connection, below: Sequence[Connection]) -> None:
        self.host = access.host
        self._become = access.become
        self._connection = connection
        self._below = tuple(below)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End what still runs and hang up, at the jump hosts too."""
        for connection in (self._connection, *reversed(self._below)):
            connection.close()

    def run(self, script: str, *, seconds: float, limit: int) -> Answer:
        """Run POSIX sh to its end, for so many seconds and bytes. Raises HostLost."""
        deadline = time.monotonic() + seconds
        try:
            channel = self._begin(script, seconds)
            with channel:
                channel.shutdown_write()
                return self._answer(channel, deadline, limit)
        except LOST as error:
            raise _lost(self.host, _why(error)) from error

    def follow(self, command: str) -> Iterator[str]:
        """The lines of a command that runs until the connection ends. Raises HostLost."""
        try:
            channel = self._begin(WATCHED % command, None)
            with channel, channel.makefile("rb") as lines:
                for line in iter(lambda: lines.readline(LINE_BYTES), b""):
                    yield line.decode(errors="replace").rstrip("\r\n")
                answer = self._answer(channel, time.monotonic() + 1, 0)
        except LOST as error:
            raise _lost(self.host, _why(error)) from error
        raise _lost(self.host, Message("the log ended: %(said)s", {"said": _last_word(answer)}))

    def _begin(self, script: str, seconds: float | None) -> Channel:
        channel: Channel = self._connection.create_session()
        channel.settimeout(seconds)
        channel.exec_command(_command(script, self._become))
        return channel

    def _answer(self, channel: Channel, deadline: float, limit: int) -> Answer:
        output, whole = _read(channel, channel.recv, deadline, limit)
        errors = _read(channel, channel.recv_stderr, deadline, ERROR_BYTES)[0] if whole else ""
        whole = whole and channel.status_event.wait(max(deadline - time.monotonic(), 0))
        answer = Answer(channel.exit_status if whole else None, output, errors)
        if whole and answer.code == -1 and not self._connection.is_connected:
            raise EOFError("it was cut off")
        if answer.code and errors.startswith("sudo:"):
            raise _refused_by_sudo(self.host, errors)
        return answer


def connect(access: Access) -> Session:
    """Open a connection whose host key is known. Raises HostLost."""
    _hush()
    below: list[Connection] = []
    try:
        options = _lookup(access.address, access.options)
        for hop in _hops(options):
            below.append(_open_hop(hop, access, below))
        return Session(access, _open(access, options, below), below)
    except RacedayError:
        _close_all(below)
        raise
    except LOST as error:
        _close_all(below)
        raise _lost(access.host, _why(error)) from error


def each[T](
    hosts: Mapping[str, Access], work: Callable[[Session], T], *, seconds: float
) -> dict[str, T | HostLost]:
    """Do the same on all hosts at once; a host without an answer in time is lost. Raises nothing.

    Whatever work raises is its host's loss, so that one odd host cannot hide what others say.
    """
    answers: queue.SimpleQueue[tuple[str, T | HostLost]] = queue.SimpleQueue()
    for access in hosts.values():
        words = (access, work, answers)
        threading.Thread(target=_work, args=words, name=access.host, daemon=True).start()
    return _gather(list(hosts), answers, seconds)


def _work[T](
    access: Access,
    work: Callable[[Session], T],
    answers: "queue.SimpleQueue[tuple[str, T | HostLost]]",
) -> None:
    try:
        with connect(access) as session:
            answers.put((access.host, work(session)))
    except HostLost as lost:
        answers.put((access.host, lost))
    except Exception as error:  # noqa: BLE001  # the thread's end; the caller must hear of it
        why = Message("%(why)s", {"why": f"{type(error).__name__}: {error}"})
        answers.put((access.host, _lost(access.host, why)))


def _gather[T](
    names: Sequence[str], answers: "queue.SimpleQueue[tuple[str, T | HostLost]]", seconds: float
) -> dict[str, T | HostLost]:
    late = Message("it gave no answer within %(seconds)s seconds", {"seconds": round(seconds)})
    found: dict[str, T | HostLost] = {name: _lost(name, late) for name in names}
    deadline = time.monotonic() + seconds
    for _ in names:
        try:
            name, answer = answers.get(timeout=max(deadline - time.monotonic(), 0))
        except queue.Empty:
            break
        found[name] = answer
    return found


# --- the way there -------------------------------------------------------------------------------


def _lookup(address: str, options: Sequence[tuple[str, str]]) -> Mapping[str, Any]:
    """All that OpenSSH would know of an address: what Ansible gives it, then its own files."""
    config = SSHConfig.from_text("\n".join(("Host *", *(f"{key} {said}" for key, said in options))))
    for path in (Path(name).expanduser() for name in CONFIGS):
        if path.is_file():
            with path.open(encoding="utf-8", errors="replace") as file:
                config.parse(file)
    found: Mapping[str, Any] = config.lookup(address)
    return found


def _hops(options: Mapping[str, Any]) -> list[str]:
    jump = str(options.get("proxyjump") or "none")
    return [] if jump.lower() == "none" else [hop.strip() for hop in jump.split(",")]


def _open_hop(hop: str, access: Access, below: Sequence[Connection]) -> Connection:
    """A jump host, as in ProxyJump: [user@]address[:port]; only ssh_config's files apply to it."""
    user, _, place = hop.removeprefix("ssh://").rpartition("@")
    name, colon, port = place.rpartition(":")
    address = (name if colon else place).strip("[]")
    given = (("User", user), ("Port", port if colon else ""))
    options = _lookup(address, tuple((key, said) for key, said in given if said))
    return _open(access, options, below)


def _open(access: Access, options: Mapping[str, Any], below: Sequence[Connection]) -> Connection:
    """One connection through those below it; the key is looked up under HostKeyAlias, if any."""
    port, alias = int(options.get("port", SSH_PORT)), options.get("hostkeyalias")
    connection = Connection(
        host=alias or options["hostname"],
        port=SSH_PORT if alias else port,
        user=options.get("user") or getpass.getuser(),
        config=Config(ssh_config=SSHConfig(), lazy=True),
        connect_timeout=access.connect_timeout,
        connect_kwargs=_credentials(access, options),
    )
    files = _trust(connection.client, access, options)
    sock = _socket(access, options, port, below)
    connection.connect_kwargs["sock"] = sock
    try:
        connection.open()
    except BadHostKeyException as error:
        sock.close()
        raise _changed_key(access, error, _name(connection), files) from error
    except BaseException:
        sock.close()
        raise
    connection.transport.set_keepalive(KEEPALIVE_SECONDS)
    return connection


def _socket(
    access: Access, options: Mapping[str, Any], port: int, below: Sequence[Connection]
) -> Any:
    address, timeout = str(options["hostname"]), access.connect_timeout
    command = str(options.get("proxycommand") or "none")
    if below:
        way = ((address, port), ("", 0))
        return below[-1].transport.open_channel("direct-tcpip", *way, timeout=timeout)
    if command.lower() != "none":
        return ProxyCommand(command)
    sock = socket.create_connection((address, port), timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE_SECONDS * 1000)
    return sock


def _credentials(access: Access, options: Mapping[str, Any]) -> dict[str, Any]:
    """Keys and the agent, never a password; IdentitiesOnly leaves the keys that are named."""
    files = [str(Path(file).expanduser()) for file in options.get("identityfile", ())]
    keys = [file for file in files if Path(file).is_file()]
    if files and not keys:
        why = Message("the key file %(file)s is not there", {"file": files[0]})
        raise _lost(access.host, why, Message("Check ansible_ssh_private_key_file."))
    first = _readable(keys[0]) if keys else None
    only = bool(first) and str(options.get("identitiesonly", "no")).lower() == "yes"
    return {
        "pkey": first,  # by itself: a file that paramiko tries in vain hides why it was refused
        "key_filename": keys[1:],
        "allow_agent": not only,
        "look_for_keys": not only,
        "banner_timeout": access.connect_timeout,
        "auth_timeout": access.connect_timeout,
        "channel_timeout": access.connect_timeout,
    }


def _readable(file: str) -> PKey | None:
    """The key of a file; None when it has a passphrase, which then only the agent knows."""
    try:
        return PKey.from_path(file)
    except (PasswordRequiredException, TypeError):
        return None


# --- host keys -----------------------------------------------------------------------------------


class _Refuse(MissingHostKeyPolicy):  # type: ignore[misc]  # paramiko has no types
    """A host that no known_hosts names is not talked to."""

    def __init__(self, access: Access, files: Sequence[str]) -> None:
        self._access = access
        self._files = files

    def missing_host_key(self, _client: SSHClient, hostname: str, key: PKey) -> None:
        """Raise HostLost with the key's fingerprint, for somebody to compare."""
        why = Message(
            "its host key %(key)s is not in %(files)s under the name %(name)s",
            {"key": _shown(key), "files": ", ".join(self._files), "name": hostname},
        )
        following = Message(
            "Compare it at the host's own console (ssh-keygen -lf /etc/ssh/ssh_host_*.pub), then "
            "add that key to %(file)s as %(name)s.",
            {"file": self._files[0], "name": hostname},
        )
        raise _lost(self._access.host, why, following)


def _trust(client: SSHClient, access: Access, options: Mapping[str, Any]) -> list[str]:
    """Load the keys that OpenSSH would load, and refuse all others; the files' names."""
    said = (str(options.get(key, usual)) for key, usual in KNOWN_HOSTS.items())
    files = [str(Path(name).expanduser()) for names in said for name in names.split()]
    for file in files:
        if Path(file).is_file():
            client.load_system_host_keys(file)
    client.set_missing_host_key_policy(_Refuse(access, files))
    return files


def _name(connection: Connection) -> str:
    """What known_hosts calls it."""
    host, port = connection.host, connection.port
    return host if port == SSH_PORT else f"[{host}]:{port}"


def _changed_key(
    access: Access, error: BadHostKeyException, name: str, files: Sequence[str]
) -> HostLost:
    why = Message(
        "its host key has changed: it shows %(key)s, %(files)s has %(known)s",
        {
            "key": _shown(error.key),
            "files": ", ".join(files),
            "known": _shown(error.expected_key),
        },
    )
    following = Message(
        "If nobody installed %(host)s anew, somebody may sit in between: do not go on. If it was, "
        "compare the key at its console, then: ssh-keygen -R %(name)s -f %(file)s, and add it.",
        {"host": access.host, "name": shlex.quote(name), "file": files[0]},
    )
    return _lost(access.host, why, following)


def _shown(key: PKey) -> str:
    return f"{key.get_name()} {key.fingerprint}"


# --- what is sent, and what comes back -----------------------------------------------------------


def _command(script: str, become: str) -> str:
    """The script for any login shell; as another user by sudo, which must not ask."""
    run = f"sh -c {shlex.quote(script)}"
    if not become:
        return f"exec {run}"
    user = shlex.quote(become)
    already = f'[ "$(id -un)" = {user} ] && exec {run}'
    return f"exec sh -c {shlex.quote(f'{already}; exec sudo -n -u {user} -- {run}')}"


def _read(
    channel: Channel, receive: Callable[[int], bytes], deadline: float, limit: int
) -> tuple[str, bool]:
    """What came until the end, the deadline or the limit, and whether it was the end."""
    got = bytearray()
    while True:
        channel.settimeout(max(deadline - time.monotonic(), 0.001))
        try:
            block = receive(LINE_BYTES)
        except TimeoutError:
            return got.decode(errors="replace"), False
        if not block or len(got) + len(block) > limit:
            got += block[: limit - len(got)]
            return got.decode(errors="replace"), not block
        got += block


def _last_word(answer: Answer) -> str:
    words = answer.errors.strip().splitlines()
    return words[-1] if words else f"code {answer.code}"


def _lost(host: str, why: Message, following: Message | None = None) -> HostLost:
    what = Message("%(host)s cannot be asked over SSH", {"host": host})
    try_it = Message("Check the network, the host and its sshd.")
    return HostLost(host, Problem(what, why, following or try_it))


def _refused_by_sudo(host: str, errors: str) -> HostLost:
    why = Message("sudo refused: %(said)s", {"said": errors.strip().splitlines()[0]})
    return _lost(host, why, Message("Let the ansible_user sudo without a password."))


def _why(error: Exception) -> Message:
    if isinstance(error, TimeoutError):
        return Message("it did not answer in time")
    if isinstance(error, AuthenticationException):
        return Message("it does not let us in: %(why)s", {"why": str(error)})
    if isinstance(error, OSError) and error.strerror:
        return Message("%(why)s", {"why": error.strerror})
    return Message("the connection ended: %(why)s", {"why": str(error) or type(error).__name__})


def _close_all(connections: Sequence[Connection]) -> None:
    for connection in reversed(connections):
        connection.close()


@cache
def _hush() -> None:
    """Paramiko logs what it raises as well; without a handler that would land on the terminal."""
    logging.getLogger("paramiko").addHandler(logging.NullHandler())
