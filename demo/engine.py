"""The container engine: podman or docker, found by asking whether it really works."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.errors import DemoError

INSTALL_HINT = "on Debian: apt-get install podman runc netavark aardvark-dns iptables mmdebstrap"
OPEN_FILES = 4096
CGROUP_V2 = Path("/sys/fs/cgroup/cgroup.controllers")


@dataclass(frozen=True)
class Engine:
    """One engine and what it needs to run systemd in a container."""

    program: str
    global_options: tuple[str, ...]
    run_options: tuple[str, ...]
    remove_options: tuple[str, ...]

    def call(self, *arguments: str) -> str:
        """Run one engine command and return what it printed."""
        result = self._run(*arguments)
        if result.returncode:
            raise DemoError(
                f"{self.program} {arguments[0]} failed: {_last_line(result.stderr)}",
                f"the whole command: {self.program} {' '.join(arguments)}",
            )
        return result.stdout

    def works(self, *arguments: str) -> bool:
        """Whether a command succeeds, for questions such as `image exists`."""
        return self._run(*arguments).returncode == 0

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.program, *self.global_options, *arguments],
            capture_output=True,
            text=True,
            check=False,
        )


def find_engine() -> Engine:
    """The first engine that works here; the error says why each does not."""
    problems = []
    for find in (_find_podman, _find_docker):
        try:
            return find()
        except DemoError as error:
            problems.append(error.message)
    raise DemoError("no container engine works here: " + "; ".join(problems), INSTALL_HINT)


def _find_podman() -> Engine:
    host = _ask("podman", "info", "--format", "json")["host"]
    rootless = host["security"]["rootless"]
    hybrid = not CGROUP_V2.exists()
    if rootless and hybrid:
        raise DemoError("podman without root needs cgroup v2 to run systemd: run as root")
    if hybrid and shutil.which("runc") is None:
        raise DemoError("podman's crun cannot run under cgroup v1: install runc")
    if shutil.which("iptables") is None and shutil.which("nft") is None:
        raise DemoError("podman cannot publish ports: install iptables")
    return Engine(
        program="podman",
        global_options=("--runtime", "runc") if hybrid else (),
        run_options=(
            *("--systemd", "always", "--security-opt", "label=disable"),
            *("--cap-add", "SYS_PTRACE"),  # a server's root sees whose a port is
            *("--ulimit", f"nofile={OPEN_FILES}:{OPEN_FILES}"),
            *("--ulimit", f"nproc={OPEN_FILES}:{OPEN_FILES}"),
        ),
        remove_options=("--force", "--time", "0"),
    )


def _find_docker() -> Engine:
    _ask("docker", "info", "--format", "{{json .}}")
    return Engine(
        program="docker",
        global_options=(),
        run_options=(
            *("--privileged", "--cgroupns", "private", "--stop-signal", "SIGRTMIN+3"),
            *("--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp"),  # noqa: S108 - theirs
        ),
        remove_options=("--force",),
    )


def _ask(program: str, *arguments: str) -> Any:
    if shutil.which(program) is None:
        raise DemoError(f"{program} is not installed")
    result = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    answer = json.loads(result.stdout or "{}") if result.returncode == 0 else {}
    if not answer or answer.get("ServerErrors"):
        raise DemoError(f"{program} does not work: {_last_line(result.stderr)}")
    return answer


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it gave no reason"
