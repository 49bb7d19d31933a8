"""A real Prometheus with a past of our own making: nothing is scraped, so nothing is waited for."""

import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

STEP = 15  # seconds between two samples


def history(now: float, series: Mapping[str, tuple[float | None, ...]], minutes: int = 30) -> str:
    """OpenMetrics text: each series repeats its values up to `now`, the last one at `now`.

    Where a value is None there is no sample.
    """
    lines = ["# TYPE x gauge"]
    for name, values in series.items():
        count = minutes * 60 // STEP
        for place in range(count + 1):
            value = values[max(len(values) - 1 - (count - place), 0)]
            if value is not None:
                lines.append(f"{name} {value} {now - STEP * (count - place):.3f}")
    return "\n".join((*lines, "# EOF", ""))


@contextmanager
def serve(folder: Path, text: str = "# EOF\n", config: str = "{}\n") -> Iterator[str]:
    """The address of a server that knows this text, until the `with` ends."""
    source, data = folder / "history.om", folder / "data"
    source.write_text(text, encoding="utf-8")
    (folder / "prometheus.yml").write_text(config, encoding="utf-8")
    backfill = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(source), str(data)]
    subprocess.run(backfill, check=True, capture_output=True)
    port = _free_port()
    command = (
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={data}",
        f"--web.listen-address=127.0.0.1:{port}",
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_until_ready(address, process)
        yield address
    finally:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_until_ready(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while not _is_ready(address):
        assert process.poll() is None, "Prometheus ended"
        assert time.monotonic() < deadline, "Prometheus is not ready"
        time.sleep(0.05)


def _is_ready(address: str) -> bool:
    try:
        with urlopen(f"{address}/-/ready", timeout=5) as answer:  # noqa: S310  # our own
            return bool(answer.status == 200)
    except URLError:
        return False
