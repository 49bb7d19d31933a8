"""A real SSH server on a loopback port, without root, systemd or an sshd of the machine.

Paramiko's server speaks the protocol; what it is sent runs in a shell of this machine, with a
folder of stand-ins first on its PATH. When a connection ends, a command's standard input ends and
nothing else does, which is all that OpenSSH does too.
"""

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path

import paramiko
from paramiko.channel import Channel
from paramiko.ssh_exception import SSHException

USER = "operator"


@dataclass
class Sshd:
    """A server that is up. `bin` holds the stand-ins; `processes` all that it was made to run."""

    port: int
    key: paramiko.PKey
    client_key: Path
    bin: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    forwarded: list[tuple[str, int]] = field(default_factory=list)

    def known(self, name: str = "") -> str:
        """The line of known_hosts that vouches for it."""
        return f"{name or f'[127.0.0.1]:{self.port}'} {self.key.get_name()} {self.key.get_base64()}"

    def put(self, name: str, script: str) -> None:
        """Add a stand-in for a command."""
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)


@contextmanager
def serve(folder: Path) -> Iterator[Sshd]:
    """A server with keys of its own, until the `with` ends."""
    (folder / "bin").mkdir(parents=True)
    key, client = paramiko.RSAKey.generate(2048), paramiko.RSAKey.generate(2048)
    client.write_private_key_file(str(folder / "id_rsa"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Sshd(listener.getsockname()[1], key, folder / "id_rsa", folder / "bin")
        threading.Thread(target=_accept, args=(listener, server, client), daemon=True).start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for process in server.processes:
                process.kill()


def _accept(listener: socket.socket, server: Sshd, client: paramiko.PKey) -> None:
    transports = []  # kept, or they would be collected with their threads still at work
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        transport = paramiko.Transport(sock)
        transport.add_server_key(server.key)
        transports.append(transport)
        try:
            transport.start_server(server=_Interface(server, client), event=threading.Event())
        except (SSHException, EOFError, OSError):
            continue


class _Interface(paramiko.ServerInterface):  # type: ignore[misc]  # paramiko has no types
    def __init__(self, server: Sshd, client: paramiko.PKey) -> None:
        self._server = server
        self._client = client

    def get_allowed_auths(self, username: str) -> str:  # noqa: ARG002  # paramiko's form
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        fits = username == USER and key == self._client
        return int(paramiko.AUTH_SUCCESSFUL if fits else paramiko.AUTH_FAILED)

    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002  # the same
        return int(paramiko.OPEN_SUCCEEDED)

    def check_channel_direct_tcpip_request(
        self,
        chanid: int,  # noqa: ARG002  # paramiko's form
        origin: tuple[str, int],  # noqa: ARG002  # the same
        destination: tuple[str, int],
    ) -> int:
        self._server.forwarded.append(destination)
        transport = threading.current_thread()  # paramiko asks from the transport's own
        threading.Thread(target=_forward, args=(transport, destination), daemon=True).start()
        return int(paramiko.OPEN_SUCCEEDED)

    def check_channel_exec_request(self, channel: Channel, command: bytes) -> bool:
        threading.Thread(
            target=_execute, args=(self._server, channel, command), daemon=True
        ).start()
        return True


def _execute(server: Sshd, channel: Channel, command: bytes) -> None:
    process = subprocess.Popen(
        ["/bin/sh", "-c", command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PATH": f"{server.bin}:{os.environ['PATH']}"},
    )
    server.processes.append(process)
    ways = ((process.stdout, channel.sendall), (process.stderr, channel.sendall_stderr))
    pumps = [threading.Thread(target=_pump, args=way, daemon=True) for way in ways]
    for pump in pumps:
        pump.start()
    threading.Thread(target=_feed, args=(channel, process), daemon=True).start()
    for pump in pumps:
        pump.join()
    code = process.wait()
    with suppress(EOFError, OSError):  # the client may have hung up
        channel.send_exit_status(code % 256)
        channel.close()


def _pump(source: BufferedReader, send: Callable[[bytes], object]) -> None:
    try:
        for block in iter(lambda: source.read1(4096), b""):
            send(block)
    except OSError:
        return


def _feed(channel: Channel, process: subprocess.Popen[bytes]) -> None:
    while channel.recv(4096):
        pass
    assert process.stdin
    process.stdin.close()


def _forward(transport: paramiko.Transport, destination: tuple[str, int]) -> None:
    channel = transport.accept(5)
    if channel is None:
        return
    with socket.create_connection(destination) as sock, sock.makefile("rb") as back:
        threading.Thread(target=_pump, args=(back, channel.sendall), daemon=True).start()
        for block in iter(lambda: channel.recv(4096), b""):
            sock.sendall(block)
