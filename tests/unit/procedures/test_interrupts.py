"""What the second signal means, and what one means when the run is over."""

import os
import signal
import subprocess
from collections.abc import Iterator

import psutil
import pytest

from automation.execute.processes import MARKER
from automation.procedures.interrupts import Interrupts

RUN = "20261121T063000Z-restart-3f2a"
CTRL_C, ASKED = signal.SIGINT, signal.SIGTERM


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the run, the only one that there is."""
    command = ["sh", "-c", "echo up; read -r _"]
    environment = os.environ | {MARKER: RUN}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"up\n"  # until then it has no environment yet
        seen = [psutil.Process(process.pid)]
        monkeypatch.setattr(psutil, "process_iter", lambda: seen)
        yield process
        process.kill()


@pytest.mark.parametrize(
    ("numbers", "hurries"),
    [
        ((CTRL_C,), False),
        ((ASKED, ASKED), False),
        ((CTRL_C, ASKED), False),
        ((ASKED, CTRL_C), False),
        ((CTRL_C, CTRL_C), True),
        ((CTRL_C, ASKED, CTRL_C), True),
    ],
)
def test_only_a_second_ctrl_c_hurries(
    child: subprocess.Popen[bytes], numbers: tuple[signal.Signals, ...], hurries: bool
) -> None:
    """Whoever closes sales twice, or after a Ctrl-C, ends no start in its middle."""
    woken: list[str] = []
    with Interrupts() as interrupts:
        interrupts.catch(RUN, lambda: woken.append(interrupts()))
        for number in numbers:
            signal.raise_signal(number)
    assert woken == [number.name for number in numbers]
    assert (child.poll() is not None) == hurries


def test_a_signal_before_the_last_work_forbids_it() -> None:
    """It came while the outcome was being shown."""
    done: list[str] = []
    with Interrupts() as interrupts:
        interrupts.catch(RUN, lambda: None)
        signal.raise_signal(CTRL_C)
        interrupts.until_next(lambda: done.append("evidence"))
    assert done == []


def test_a_signal_ends_the_last_work_and_a_second_one_nothing_more() -> None:
    """What came of the run stays what it was."""
    done: list[str] = []

    def work() -> None:
        try:
            signal.raise_signal(CTRL_C)
        finally:
            signal.raise_signal(CTRL_C)
        done.append("evidence")

    with Interrupts() as interrupts:
        interrupts.catch(RUN, lambda: None)
        interrupts.until_next(work)
    assert done == []
