"""A run as one archive, the same bytes each time, with the SHA-256 sum of each file in it."""

import gzip
import io
import os
import tarfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from automation.errors import RacedayError, UsageError
from automation.procedures.records import JOURNAL
from automation.run.events import Message
from automation.views.files import JUNIT, METRICS, PAGE, REPORT, replace_file_bytes

SUMS = "SHA256SUMS"
PARTS = (JOURNAL, REPORT, PAGE, JUNIT, METRICS, "traceback.txt")
EVIDENCE = "evidence-*.tar.gz"


def export_run(folder: Path, target: Path, *, force: bool = False) -> tuple[str, ...]:
    """Write a run's archive and return what is in it. Raises UsageError when the file is there."""
    if os.path.lexists(target) and not force:
        raise UsageError(
            Message("%(target)s is there already; nothing was written.", {"target": target}),
            "Add --force.",
        )
    files = {path.name: _content(path) for path in _parts(folder)}
    sums = "".join(f"{sha256(data).hexdigest()}  {name}\n" for name, data in files.items())
    content = {**files, SUMS: sums.encode()}
    replace_file_bytes(target, _packed(folder.name, content))
    return tuple(content)


def _parts(folder: Path) -> list[Path]:
    named = [folder / name for name in PARTS]
    return sorted(path for path in (*named, *folder.glob(EVIDENCE)) if os.path.lexists(path))


def _content(path: Path) -> bytes:
    if path.is_symlink() or not path.is_file():
        raise RacedayError(
            Message("%(path)s is no file of the run's own; nothing was written.", {"path": path}),
            "Somebody has put a link or a folder there: find out who.",
        )
    return path.read_bytes()


def _packed(name: str, content: Mapping[str, bytes]) -> bytes:
    """No name, owner or time of this machine is in it."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for file, data in sorted(content.items()):
            member = tarfile.TarInfo(f"{name}/{file}")
            member.size, member.mode = len(data), 0o600
            archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()
