"""One procedure from the lock to the report: where venue, engine, executor and views meet."""

import getpass
import os
import secrets
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from automation.execute.ansible import AnsibleExecutor, Options
from automation.execute.processes import end_marked
from automation.exit_codes import ExitCode
from automation.run.journal import FileSink, Journal
from automation.run.lock import hold, this_process
from automation.run.loop import Observer, Run
from automation.run.plan import Plan
from automation.run.state import State
from automation.settings import Settings
from automation.venue.site import Venue
from automation.views.files import write_report, write_views
from automation.views.i18n import Translator

VERDICT_CODES = {
    "GO": ExitCode.GO,
    "CONDITIONAL": ExitCode.CONDITIONAL,
    "NO-GO": ExitCode.NO_GO,
}


@dataclass(frozen=True)
class Request:
    """How a plan is to be run, apart from what is in it."""

    forks: int | None = None
    extra_vars: tuple[str, ...] = ()
    keep_artifacts: bool = False
    why: str = ""


@dataclass(frozen=True)
class Outcome:
    """A finished run and where it is recorded."""

    state: State
    folder: Path


def utc_now() -> datetime:
    """The controller's clock."""
    return datetime.now(UTC)


def new_run_id(procedure: str, now: datetime) -> str:
    """A name that sorts by time, such as 20261121T063000Z-morning-3f2a."""
    return f"{now:%Y%m%dT%H%M%SZ}-{procedure}-{secrets.token_hex(2)}"


def run_plan(
    settings: Settings, venue: Venue, plan: Plan, request: Request, observers: Sequence[Observer]
) -> Outcome:
    """Hold the venue, run the plan, write the report. Raises Locked when somebody else holds it."""
    now = utc_now()
    run_id, operator = new_run_id(plan.procedure, now), operator_name()
    reports = settings.reports / venue.name
    holder = this_process(run_id, operator, request.why or plan.procedure, now)
    with hold(reports / ".lock", holder):
        folder = reports / run_id
        folder.mkdir(mode=0o700)
        return _run(settings, venue, plan, request, folder, observers)


def exit_code(state: State) -> ExitCode:
    """What the shell is told of a finished run."""
    if state.interrupted:
        return ExitCode.INTERRUPTED
    if state.verdict:
        return VERDICT_CODES[state.verdict.result]
    return ExitCode.NO_GO if state.result_state == "ERRORS" else ExitCode.GO


def operator_name() -> str:
    """Who asked: the person behind sudo, at this host."""
    try:
        user = os.environ.get("SUDO_USER") or getpass.getuser()
    except OSError:
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _run(  # what a run is made of
    settings: Settings,
    venue: Venue,
    plan: Plan,
    request: Request,
    folder: Path,
    observers: Sequence[Observer],
) -> Outcome:
    executor = AnsibleExecutor(_options(venue, plan, request, folder))
    sink = FileSink(folder / "journal.jsonl")
    journal = Journal(sink)
    run = Run(journal, executor, utc_now, observers)
    try:
        with _interruptible(executor) as interrupted_by:
            state = run.start(folder.name, operator_name(), plan, _versions())
            write_report(folder, state, utc_now(), journal.head)
            state = run.drive(interrupted_by)
        write_views(folder, state, utc_now(), journal.head, translate=Translator(settings.lang))
    finally:
        executor.close()
        sink.close()
    return Outcome(state, folder)


def _options(venue: Venue, plan: Plan, request: Request, folder: Path) -> Options:
    return Options(
        inventory=venue.inventory,
        run_id=folder.name,
        connect_timeout=venue.connect_timeout,
        check=plan.check,
        forks=request.forks,
        extra_vars=request.extra_vars,
        keep=folder / "artifacts" if request.keep_artifacts else None,
    )


def _versions() -> dict[str, str]:
    names = ("raceday", "ansible-core", "ansible-runner")
    return {**{name: version(name) for name in names}, "python": sys.version.split()[0]}


class _Interrupts:
    """Counts the operator's Ctrl-C: the first stops in order, the second hurries."""

    def __init__(self, executor: AnsibleExecutor, mark: str) -> None:
        self._executor = executor
        self._mark = mark
        self._by = ""

    def __call__(self) -> str:
        return self._by

    def on_signal(self, number: int, _frame: object) -> None:
        """Note who stopped us and wake the loop; a second signal ends the children at once."""
        if self._by:
            end_marked(self._mark)
        self._by = signal.Signals(number).name
        self._executor.wake()


@contextmanager
def _interruptible(executor: AnsibleExecutor) -> Iterator[_Interrupts]:
    interrupts = _Interrupts(executor, executor.mark)
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupts.on_signal) for number in numbers}
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
