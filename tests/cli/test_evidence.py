"""What comes after a verdict: it is nobody's business to wait for it."""

import signal
import socket
from pathlib import Path

import pytest

from automation.exit_codes import ExitCode
from automation.procedures.records import LOCK
from automation.run.lock import read_holder
from tests.cli.here import begin, write_site

pytestmark = pytest.mark.slow  # processes of their own


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_after_the_verdict_ends_the_evidence_only(
    tmp_path: Path, number: signal.Signals
) -> None:
    """The outcome stands on the terminal already, the venue is free, the code is the verdict's."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        mute.settimeout(60)
        host = {"ansible_host": "127.0.0.1", "ansible_port": mute.getsockname()[1]}
        site = write_site(tmp_path / "small", {"w1": host, "lb1": {"haproxy_socket": "/nowhere"}})
        with begin(*site, "morning", "--yes") as raceday:
            asked, _ = mute.accept()  # only what collects evidence comes over SSH
            assert raceday.stdout
            assert any("NO-GO" in line for line in iter(raceday.stdout.readline, ""))
            holder = read_holder(tmp_path / "reports/small" / LOCK)
            raceday.send_signal(number)
            _, errors = raceday.communicate(timeout=60)
            asked.close()
    assert (raceday.returncode, holder) == (ExitCode.NO_GO, None), errors
    assert errors.endswith("Evidence is being collected from w1, lb1; Ctrl-C ends that.\n")
