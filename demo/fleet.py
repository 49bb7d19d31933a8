"""A set of containers that are like servers: made, started, waited for and removed together.

The demo is one fleet; tests of single roles make smaller ones of the same image.
"""

import hashlib
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from demo.engine import Engine
from demo.errors import DemoError
from demo.keys import make_key, public_key
from demo.progress import Progress

BOOT_SECONDS = 60
POLL_SECONDS = 0.1
STAMP = "raceday.stamp"
MAKER = "raceday.maker"

SSH_CONFIG = """\
Host *
    User raceday
    HostName 127.0.0.1
    IdentityFile "{state}/id_ed25519"
    IdentitiesOnly yes
    KexAlgorithms ^curve25519-sha256
    UserKnownHostsFile "{state}/known_hosts"
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    ConnectTimeout 5
    ServerAliveInterval 5
    ServerAliveCountMax 3
    BatchMode yes
"""


@dataclass(frozen=True)
class Host:
    """One container; `kind` tells the image what to be, `files` are given to it at creation."""

    name: str
    kind: str
    ssh_port: int
    files: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Fleet:
    """Hosts that share a network; `state` is the folder of their keys, `label` marks them all."""

    name: str
    label: str
    state: Path
    hosts: tuple[Host, ...]

    def container(self, host: Host) -> str:
        """The container's name; inside the network the host has its plain name."""
        return f"{self.name}-{host.name}"

    def folder(self, host: Host) -> Path:
        """What the host is given, read-only, when it is created."""
        return self.state / "hosts" / host.name


def start(engine: Engine, fleet: Fleet, image: str, progress: Progress) -> None:
    """Make the hosts or start those that are stopped, and wait until every one may be used.

    Hosts made of another image or configuration, or only some of them, are made anew together:
    they share secrets and a database. When interrupted while making them, it removes them again.
    Raises DemoError for hosts of another copy of the project, as long as that is there.
    """
    states = container_states(engine, fleet)
    _check_maker(engine, fleet, states)
    if states and not _is_current(engine, fleet, image):
        progress.say("the hosts are incomplete or of an older recipe: making all of them anew")
        remove(engine, fleet)
        states = {}
    if not states:
        _make(engine, fleet, image, progress)
    else:
        _start_stopped(engine, fleet, states, progress)
    _for_each(fleet.hosts, lambda host: _wait_for_boot(fleet, host))
    progress.say(f"{len(fleet.hosts)} hosts run and answer over SSH")


def remove(engine: Engine, fleet: Fleet) -> None:
    """Remove the containers, their network and their keys.

    Raises DemoError for hosts of another copy of the project, as long as that is there.
    """
    containers = list(container_states(engine, fleet))
    _check_maker(engine, fleet, containers)
    if containers:
        engine.call("rm", *engine.remove_options, *containers)
    if engine.works("network", "inspect", fleet.name):
        engine.call("network", "rm", fleet.name)
    shutil.rmtree(fleet.state, ignore_errors=True)


def container_states(engine: Engine, fleet: Fleet) -> dict[str, str]:
    """Each container that carries the fleet's label, and what it is doing."""
    listing = engine.call(
        "ps", "--all", "--filter", f"label={fleet.label}", "--format", "{{.Names}} {{.Status}}"
    )
    words = (line.split() for line in listing.splitlines())
    return {name: "running" if status == "Up" else "stopped" for name, status, *_ in words}


def host_states(engine: Engine, fleet: Fleet) -> dict[str, str]:
    """Each host, and what it is right now: absent, stopped, unreachable, or systemd's own word."""
    containers = container_states(engine, fleet)

    def state(host: Host) -> str:
        container = containers.get(fleet.container(host), "absent")
        return _system_state(fleet, host) if container == "running" else container

    with ThreadPoolExecutor(max_workers=len(fleet.hosts)) as pool:
        return dict(
            zip((host.name for host in fleet.hosts), pool.map(state, fleet.hosts), strict=True)
        )


def ssh_command(fleet: Fleet, host: Host) -> list[str]:
    """How to reach a host by hand; add the remote command."""
    return ["ssh", "-F", str(fleet.state / "ssh_config"), host.name]


def _check_maker(engine: Engine, fleet: Fleet, containers: Iterable[str]) -> None:
    """Hosts know only the keys of whoever made them, and may be in use there."""
    names = list(containers)
    template = f'{{{{index .Config.Labels "{MAKER}"}}}}'
    told = engine.call("inspect", "--format", template, *names).splitlines() if names else []
    others = sorted(set(told) - {"", str(fleet.state)})
    if others and any(Path(folder).exists() for folder in others):
        raise DemoError(
            f"the hosts of {fleet.name} were made by another copy, with {', '.join(others)}",
            "use them there; or remove them there (the demo's: python -m demo down) and try again",
        )


def _is_current(engine: Engine, fleet: Fleet, image: str) -> bool:
    """Whether all containers are there, made of this image for these hosts, and have their keys."""
    template = f'{{{{.Name}}}} {{{{index .Config.Labels "{STAMP}"}}}}'
    names = list(container_states(engine, fleet))
    found = engine.call("inspect", "--format", template, *names).splitlines()
    stamps = {f"{fleet.container(host)} {_stamp(image, host)}" for host in fleet.hosts}
    return {line.lstrip("/") for line in found} == stamps and _has_keys(fleet)


def _stamp(image: str, host: Host) -> str:
    return hashlib.sha256(f"{image} {host}".encode()).hexdigest()[:12]


def _has_keys(fleet: Fleet) -> bool:
    keys = [fleet.state / "id_ed25519", *(fleet.folder(host) / "kind" for host in fleet.hosts)]
    return all(key.exists() for key in keys)


def _make(engine: Engine, fleet: Fleet, image: str, progress: Progress) -> None:
    _check_ports(fleet.hosts)
    try:
        _write_access(fleet)
        if not engine.works("network", "inspect", fleet.name):
            engine.call("network", "create", "--label", fleet.label, fleet.name)
        _for_each(
            fleet.hosts, lambda host: engine.call(*_run_arguments(engine, fleet, image, host))
        )
    except KeyboardInterrupt:
        progress.say("interrupted: removing the hosts just made")
        remove(engine, fleet)
        raise
    progress.say(f"made {len(fleet.hosts)} hosts, waiting for systemd and sshd in them")


def _start_stopped(
    engine: Engine, fleet: Fleet, states: dict[str, str], progress: Progress
) -> None:
    stopped = [host for host in fleet.hosts if states[fleet.container(host)] == "stopped"]
    if not stopped:
        return
    _check_ports(stopped)
    _for_each(stopped, lambda host: engine.call("start", fleet.container(host)))
    progress.say(f"started {len(stopped)} stopped hosts, waiting for systemd and sshd in them")


def _check_ports(hosts: Iterable[Host]) -> None:
    for host in hosts:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", host.ssh_port))
            except OSError as error:
                raise DemoError(
                    f"port {host.ssh_port} on 127.0.0.1, for {host.name}'s SSH, is taken",
                    "free it, or move all ports, for instance RACEDAY_DEMO_PORT_BASE=12200",
                ) from error


def _run_arguments(engine: Engine, fleet: Fleet, image: str, host: Host) -> list[str]:
    return [
        *("run", "--detach", *engine.run_options),
        *("--name", fleet.container(host), "--hostname", host.name),
        *("--network", fleet.name, "--network-alias", host.name),
        *("--label", fleet.label, "--label", f"{STAMP}={_stamp(image, host)}"),
        *("--label", f"{MAKER}={fleet.state}"),
        *("--publish", f"127.0.0.1:{host.ssh_port}:22"),
        *("--volume", f"{fleet.folder(host)}:/opt/raceday-demo/host:ro"),
        *(image, "/sbin/init"),
    ]


def _write_access(fleet: Fleet) -> None:
    """Write every host's folder, and what a client needs to reach and to recognise the hosts."""
    fleet.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    make_key(fleet.state / "id_ed25519", "raceday-demo")
    _for_each(fleet.hosts, lambda host: _write_folder(fleet, host))
    known = "".join(
        f"{host.name},[127.0.0.1]:{host.ssh_port} "
        f"{public_key(fleet.folder(host) / 'ssh_host_ed25519_key')}\n"
        for host in fleet.hosts
    )
    (fleet.state / "known_hosts").write_text(known)
    aliases = "".join(
        f"Host {host.name}\n    Port {host.ssh_port}\n    HostKeyAlias {host.name}\n"
        for host in fleet.hosts
    )
    (fleet.state / "ssh_config").write_text(aliases + SSH_CONFIG.format(state=fleet.state))


def _write_folder(fleet: Fleet, host: Host) -> None:
    folder = fleet.folder(host)
    folder.mkdir(parents=True, exist_ok=True)
    make_key(folder / "ssh_host_ed25519_key", host.name)
    (folder / "kind").write_text(host.kind + "\n")
    (folder / "authorized_keys").write_text(public_key(fleet.state / "id_ed25519") + "\n")
    for name, text in host.files:
        (folder / name).write_text(text)


def _wait_for_boot(fleet: Fleet, host: Host) -> None:
    """Poll until sshd greets, then ask systemd through it; `--wait` ends with the boot."""
    deadline = time.monotonic() + BOOT_SECONDS
    while not _sshd_greets(host.ssh_port):
        _check_deadline(host, deadline)
        time.sleep(POLL_SECONDS)
    while (state := _system_state(fleet, host, "--wait")) != "running":
        if state == "degraded":
            raise DemoError(f"units have failed on {host.name}", _failed_units_hint(fleet, host))
        _check_deadline(host, deadline)
        time.sleep(POLL_SECONDS)


def _system_state(fleet: Fleet, host: Host, *options: str) -> str:
    """What systemd says of itself over SSH."""
    command = [*ssh_command(fleet, host), "systemctl", "is-system-running", *options]
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=BOOT_SECONDS
        )
    except subprocess.TimeoutExpired:
        return "unreachable"
    return answer.stdout.strip() or "unreachable"


def _check_deadline(host: Host, deadline: float) -> None:
    if time.monotonic() > deadline:
        raise DemoError(
            f"{host.name} did not boot within {BOOT_SECONDS} s",
            "see `python -m demo status`; if it says initializing, raise fs.inotify limits",
        )


def _failed_units_hint(fleet: Fleet, host: Host) -> str:
    return f"see: {' '.join(ssh_command(fleet, host))} systemctl --failed"


def _sshd_greets(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _for_each[T](things: Sequence[T], act: Callable[[T], object]) -> None:
    """Act on all of them side by side; the first error is raised when all have ended."""
    with ThreadPoolExecutor(max_workers=len(things)) as pool:
        for future in [pool.submit(act, thing) for thing in things]:
            future.result()
