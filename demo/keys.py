"""SSH keys, made on this side: whoever connects knows each host's key before the host exists."""

import shutil
import subprocess
from pathlib import Path

from demo.errors import DemoError


def make_key(file: Path, comment: str) -> None:
    """Make an ed25519 key pair without a passphrase, unless it is there."""
    if shutil.which("ssh-keygen") is None:
        raise DemoError("ssh-keygen is not installed", "on Debian: apt-get install openssh-client")
    if not file.exists():
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(file)],
            check=True,
        )


def public_key(file: Path) -> str:
    """The public half, as one line without its comment."""
    kind, key, *_ = file.with_suffix(".pub").read_text().split()
    return f"{kind} {key}"
