"""One procedure from the lock to the report: where venue, engine, executor and views meet."""

import getpass
import os
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from automation.errors import NO_ROOM, Bug, RacedayError, Refused
from automation.execute.ansible import (
    AnsibleExecutor,
    Options,
    dead_owners,
    end_owners,
    end_run,
    runs_here,
)
from automation.execute.answering import Answer, Answering
from automation.execute.diffs import Diff
from automation.exit_codes import ExitCode
from automation.history import last_go, read_history
from automation.procedures.extra_vars import recorded
from automation.procedures.interrupts import Interrupts
from automation.procedures.records import JOURNAL, LOCK, new_run_id, next_run_id
from automation.procedures.standing import proven_units
from automation.run.events import RunResumed
from automation.run.journal import FileSink, Journal, reopen_journal
from automation.run.lock import PATIENCE, hold, this_process
from automation.run.loop import Observer, Run
from automation.run.plan import Plan, Verb
from automation.run.state import State, Status
from automation.run.verdict import failed_hosts
from automation.settings import Settings
from automation.venue.site import Venue
from automation.views.document import Report
from automation.views.files import write_report, write_views
from automation.views.i18n import Translator

AGAIN = "Run the same command again: it looks anew."
VERDICT_CODES = {
    "GO": ExitCode.GO,
    "CONDITIONAL": ExitCode.CONDITIONAL,
    "NO-GO": ExitCode.NO_GO,
}


@dataclass(frozen=True)
class Resume:
    """A run to go on with: its folder, what it was when that was planned, what to do again."""

    folder: Path
    state: State
    from_step: str = ""


def _always() -> bool:
    return True


@dataclass(frozen=True)
class Request:
    """How a plan is to be run, apart from what is in it.

    `is_current` is asked once the venue is held: whether the plan, made before, still fits;
    `answer` is for its questions. Who holds the venue and does not say so here is waited for with
    `patience`, in seconds.
    """

    forks: int | None = None
    extra_vars: tuple[str, ...] = ()
    keep_artifacts: bool = False
    diff: bool = False
    answer: Answer | None = None
    resume: Resume | None = None
    is_current: Callable[[], bool] = _always
    patience: float = PATIENCE


@dataclass(frozen=True)
class Outcome:
    """A finished run, its report, where both are recorded, and the diffs that were asked for."""

    state: State
    report: Report
    folder: Path
    diffs: tuple[Diff, ...] = ()


class _Memory:
    """A sink for a look that is not recorded."""

    def write(self, line: str) -> None:
        """Forget it."""

    def close(self) -> None:
        """Nothing is open."""


def utc_now() -> datetime:
    """The controller's clock."""
    return datetime.now(UTC)


def _steady_clock() -> Callable[[], datetime]:
    """What the wall's clock says now, and from then on a clock that nobody can set."""
    wall, began = utc_now(), time.monotonic()
    return lambda: wall + timedelta(seconds=time.monotonic() - began)


def with_history(settings: Settings, plan: Plan, now: datetime) -> Plan:
    """The plan with what earlier runs tell: how long steps take, and the GO that still stands."""
    history = read_history(settings.reports, plan.venue, plan.procedure)
    standing = proven_units(settings.reports / plan.venue, plan.digest, now)
    return replace(plan, estimates=history.estimates(), standing=standing)


def run_plan(
    settings: Settings,
    venue: Venue,
    plan: Plan,
    request: Request,
    observers: Sequence[Observer],
    interrupts: Interrupts,
) -> Outcome:
    """Hold the venue, run the plan, write the report; one to resume in its own record.

    Raises Locked when somebody else holds it, Unwritable when the disk has no room for the truth,
    Refused when the plan is not current any more.
    """
    now, resume = utc_now(), request.resume
    reports = settings.reports / venue.name
    run_id = resume.folder.name if resume else next_run_id(reports, plan.procedure, now)
    holder = this_process(run_id, operator_name(), plan.procedure, now)
    patience = request.patience
    with hold(reports / LOCK, holder, venue.venue_file, zone=venue.time_zone, patience=patience):
        _end_dead_runs(reports)
        end_owners(dead_owners(venue.venue_file.parent))
        if not request.is_current():
            what = "Another run has changed the venue meanwhile; nothing was touched."
            raise Refused(what, AGAIN)
        folder = reports / run_id
        plan = with_history(settings, plan, now)
        plan = replace(plan, extra_vars=recorded(request.extra_vars))
        with closing(_opened(folder, resume)) as journal, _traceback_kept(folder):
            return _run_and_report(
                settings, venue, plan, request, journal, observers, interrupts, folder
            )


def probe_now(venue: Venue, plan: Plan, observers: Sequence[Observer]) -> State:
    """Run a plan that only looks."""
    return run_unrecorded(venue, plan, Request(), observers)


def run_unrecorded(
    venue: Venue, plan: Plan, request: Request, observers: Sequence[Observer]
) -> State:
    """Run a plan without lock and record: one that only looks, or that can wait for neither."""
    run_id = new_run_id(plan.procedure, utc_now())
    options = _options(venue, plan, request, run_id, None)
    with closing(AnsibleExecutor(options)) as executor:
        run = Run(Journal(_Memory()), executor, _steady_clock(), observers)
        with Interrupts() as interrupts:
            interrupts.catch(run_id, executor.wake)
            run.start(run_id, operator_name(), plan, {})
            return run.drive(interrupts)


def keep_evidence(venue: Venue, outcome: Outcome) -> None:
    """What the failed hosts look like now, while it can still be seen.

    The venue need not be held for it: it only looks, and writes into the finished run's folder.
    """
    # fabric costs every command 0.3 s, and only a failed run needs it
    evidence = import_module("automation.procedures.evidence")
    evidence.collect(venue, wants_evidence(outcome), outcome.folder)


def wants_evidence(outcome: Outcome) -> Mapping[str, Sequence[str]]:
    """The failed hosts by component; none of a check, nor after an interruption."""
    state = outcome.state
    return {} if state.plan.check or state.interrupted else failed_hosts(state)


def exit_code(state: State) -> ExitCode:
    """What the shell is told of a finished run."""
    if state.interrupted:
        return ExitCode.INTERRUPTED
    if _could_not_open(state):
        return ExitCode.NO_GO
    if _was_refused(state):
        return ExitCode.REFUSED
    if state.verdict:
        return VERDICT_CODES[state.verdict.result]
    return ExitCode.NO_GO if state.result_state == "ERRORS" else ExitCode.GO


def _end_dead_runs(reports: Path) -> None:
    """Whatever still works for an earlier run of this venue is an orphan: the lock is ours."""
    for run_id in runs_here():
        if (reports / run_id).is_dir():
            end_run(run_id)


def _could_not_open(state: State) -> bool:
    """Sales were to open on the verdict, and did not."""
    return any(
        item.step.on_verdict and item.status is Status.FAILED for item in state.steps.values()
    )


def _was_refused(state: State) -> bool:
    """It was to be asked whether anything may be done, and not all was well, and nothing was."""
    verbs = {item.step.verb for item in state.steps.values() if item.targets}
    asks = any(item.step.verb is Verb.QUIET for item in state.steps.values())
    return asks and verbs <= {Verb.PROBE, Verb.QUIET} and state.result_state != "SUCCESS"


def operator_name() -> str:
    """Who asked: the person behind sudo, at this host."""
    try:
        user = os.environ.get("SUDO_USER") or getpass.getuser()
    except OSError:
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _opened(folder: Path, resume: Resume | None) -> Journal:
    """The journal of a new run, or of the one to go on with. Only with the venue held."""
    if resume is None:
        folder.mkdir(mode=0o700)
        return Journal(FileSink(folder / JOURNAL))
    return reopen_journal(folder / JOURNAL)


def _run_and_report(  # noqa: PLR0913, PLR0917  # what, where, how, its record, who watches
    settings: Settings,
    venue: Venue,
    plan: Plan,
    request: Request,
    journal: Journal,
    observers: Sequence[Observer],
    interrupts: Interrupts,
    folder: Path,
) -> Outcome:
    keep = folder / "artifacts" if request.keep_artifacts else None
    options = _options(venue, plan, request, folder.name, keep)
    before = last_go(settings.reports, plan)
    with closing(AnsibleExecutor(options)) as executor:
        doer = Answering(executor, request.answer) if request.answer else executor
        run = Run(journal, doer, _steady_clock(), observers)
        interrupts.catch(folder.name, executor.wake)
        state = _begin(run, plan, folder.name, request.resume)
        write_report(folder, state, utc_now(), journal.head)
        state = run.drive(interrupts)
    translate = Translator(settings.lang)
    report = write_views(
        folder, state, utc_now(), journal.head, translate=translate, last_go=before
    )
    return Outcome(state, report, folder, executor.diffs)


def _begin(run: Run, plan: Plan, run_id: str, resume: Resume | None) -> State:
    if resume is None:
        return run.start(run_id, operator_name(), plan, _versions())
    return run.resume(resume.state, RunResumed(operator_name(), plan.dump(), resume.from_step))


def _options(venue: Venue, plan: Plan, request: Request, run_id: str, keep: Path | None) -> Options:
    return Options(
        inventory=venue.inventory,
        run_id=run_id,
        roles={name: item.role for name, item in venue.components.items() if item.role},
        connect_timeout=venue.connect_timeout,
        check=plan.check,
        forks=request.forks,
        extra_vars=request.extra_vars,
        diff=request.diff,
        keep=keep,
        venue=venue.venue_file.parent,
    )


def _versions() -> dict[str, str]:
    names = ("raceday", "ansible-core", "ansible-runner")
    return {**{name: version(name) for name in names}, "python": sys.version.split()[0]}


@contextmanager
def _traceback_kept(folder: Path) -> Iterator[None]:
    """A bug leaves its traceback in the run's folder."""
    try:
        yield
    except RacedayError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise
        path = folder / "traceback.txt"
        path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
        raise Bug(error, path) from error
