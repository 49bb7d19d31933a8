"""Go on with a run that died, failed or was interrupted; nothing in it is believed unseen."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from automation.errors import RacedayError, Refused, UsageError
from automation.procedures.evening import plan_evening
from automation.procedures.morning import plan_morning
from automation.procedures.records import read_run, runs_after
from automation.procedures.restart import plan_emergency, plan_restart
from automation.procedures.steps import look_step, make_plan
from automation.run.events import Message, RunResumed, StepReused, StepStarted
from automation.run.ledger import ledger_of
from automation.run.plan import Plan, Step, Verb
from automation.run.reuse import still_stands
from automation.run.state import State, StepState, ended_at, fold
from automation.venue.calendar import blackout_at
from automation.venue.site import Venue

DONE = frozenset({"SUCCESS", "WARNINGS"})


@dataclass(frozen=True)
class Preview:
    """Steps that still stand, that are done again, and that are done for the first time.

    Of hosts that were `rebooted` since nothing that was started stands.
    """

    reused: tuple[str, ...]
    again: tuple[str, ...]
    new: tuple[str, ...]
    rebooted: tuple[str, ...] = ()


def resumable(folder: Path) -> State:
    """The run of a folder, if it can be gone on with.

    Raises UsageError when there is nothing to go on with, Refused when another run has changed
    the venue since.
    """
    state = read_run(folder)
    if state is None:
        raise UsageError(
            Message("%(run)s ended before it wrote anything.", {"run": folder.name}),
            "Start it again.",
        )
    procedure = state.plan.procedure
    if procedure not in _PLANNERS:
        raise UsageError(
            Message(
                "%(run)s is a %(procedure)s; only %(known)s can be resumed.",
                {"run": folder.name, "procedure": procedure, "known": ", ".join(_PLANNERS)},
            ),
            "Run it again: it is short, and safe to run twice.",
        )
    if state.plan.check:
        raise UsageError(
            Message("%(run)s ran in check mode and changed nothing.", {"run": folder.name}),
            "Run it again.",
        )
    if state.finished_at and state.result_state in DONE:
        raise UsageError(
            Message(
                "%(run)s came to its end: %(result)s. Nothing is left to do.",
                {"run": folder.name, "result": Message(state.result_state)},
            )
        )
    later = next((run for run in runs_after(folder) if _comes_between(run, state)), None)
    if later:
        raise Refused(
            Message(
                "%(later)s came after %(run)s and may have changed what it relied on.",
                {"later": later.run_id, "run": folder.name},
            ),
            Message("Begin a new one: raceday %(command)s", {"command": _command(state.plan)}),
        )
    return state


def resume_command(venue: Venue, folder: Path, now: datetime) -> str:
    """What is typed to go on with the run of a folder; empty when that would be refused."""
    try:
        state = resumable(folder)
        plan = plan_resume(venue, state, now, accept_changes=False)
    except RacedayError:
        return ""
    blackout = plan.procedure == "restart" and blackout_at(venue.calendar, now)
    wants_reason = ' --break-glass --reason "..."' if plan.break_glass or blackout else ""
    return f"raceday resume {folder.name}{wants_reason}"


def _comes_between(later: State, state: State) -> bool:
    """Whether it may have changed what a run relied on; a recovery only what that had left."""
    return later.plan.procedure != "recover" or bool(ledger_of([state]))


def plan_resume(venue: Venue, state: State, now: datetime, *, accept_changes: bool) -> Plan:
    """The plan of the run as the venue is now, with a first look at every host.

    A CONDITIONAL that somebody accepted is not accepted any more: it may be another one now.
    Raises Refused when the venue file is another than the run's, unless the changes are accepted.
    """
    plan = state.plan
    zone = ZoneInfo(venue.time_zone)
    if plan.procedure == "morning" and _day(state.started_at, zone) != _day(now, zone):
        raise Refused(
            Message(
                "%(run)s is not of today: its tests prove nothing any more.", {"run": state.run_id}
            ),
            "Begin a new one: raceday morning",
        )
    if plan.digest != venue.digest:
        if accept_changes and ledger_of([state]):
            raise Refused(
                Message(
                    "%(run)s has left something in the venue as it was; nothing was touched.",
                    {"run": state.run_id},
                ),
                Message(
                    "Put it back and begin a new one: raceday recover, then raceday %(command)s",
                    {"command": _command(plan)},
                ),
            )
        if not accept_changes:
            raise Refused(
                Message(
                    "The venue file was changed since %(run)s began; nothing was touched.",
                    {"run": state.run_id},
                ),
                Message(
                    "To go on with the changed one: raceday resume %(run)s --accept-changes",
                    {"run": state.run_id},
                ),
            )
        plan = _planned_anew(venue, plan, now)
    looks = {step.id: step for step in _looks(venue, plan)}
    return replace(plan, steps={**looks, **plan.steps}, accept_conditional=False)


def _day(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()


def preview(state: State, event: RunResumed, seen: State, now: datetime) -> Preview:
    """What would become of each step, by a look that was taken right now."""
    resumed = fold(state, event, now)
    steps = {name: seen.steps.get(name, item) for name, item in resumed.steps.items()}
    resumed = replace(resumed, steps=steps)
    begun = {name for name, item in resumed.steps.items() if item.earlier}
    for item in resumed.steps.values():
        name = item.step.id
        stands = still_stands(resumed, item.step)
        following = StepReused(name) if stands else StepStarted(name, item.step.hosts)
        if not item.step.is_look:
            resumed = fold(resumed, following, now)
    return replace(sorted_out(resumed, begun), rebooted=tuple(_rebooted(state, seen)))


def _rebooted(state: State, seen: State) -> Iterator[str]:
    """Hosts that are another boot by a look than when the run saw them last."""
    before = _boots(item.latest for item in state.steps.values())
    for host, boot in _boots(seen.steps.values()).items():
        if before.get(host, boot) != boot:
            yield host


def _boots(items: Iterable[StepState]) -> Mapping[str, str]:
    """By host, what its last report said of it."""
    return {
        host: result.evidence["boot"]
        for item in sorted(items, key=ended_at)
        for host, result in item.hosts.items()
        if "boot" in result.evidence
    }


def sorted_out(state: State, begun: Collection[str]) -> Preview:
    """The steps of a resumed run by what becomes of them; `begun` were so before."""
    names = [name for name, item in state.steps.items() if not item.step.is_look]
    reused = {name for name in names if state.steps[name].reused}
    return Preview(
        tuple(name for name in names if name in reused),
        tuple(name for name in names if name in begun and name not in reused),
        tuple(name for name in names if name not in begun and name not in reused),
    )


def known_step(plan: Plan, name: str) -> str:
    """The name, if it is a step's. Raises UsageError with the steps there are."""
    if name and name not in plan.steps:
        raise UsageError(
            Message("--from %(name)s: the run has no such step.", {"name": name}), _steps_of(plan)
        )
    return name


def plan_looks(venue: Venue, plan: Plan) -> Plan:
    """The first looks of a plan alone."""
    looks = (step for step in plan.steps.values() if step.is_look)
    return make_plan(venue, "status", looks, gives_verdict=False)


def _looks(venue: Venue, plan: Plan) -> Iterator[Step]:
    """One at each component that is ours; those that the plan has itself stay where they are."""
    for name, component in venue.components.items():
        step = look_step(component)
        if name in plan.components and not component.external and step.id not in plan.steps:
            yield step


def _planned_anew(venue: Venue, plan: Plan, now: datetime) -> Plan:
    return replace(
        _PLANNERS[plan.procedure](venue, plan, now),
        break_glass=plan.break_glass,
        stops_at_failure=plan.stops_at_failure,
        include_primary=plan.include_primary,
        reason=plan.reason,
    )


def _restart_anew(venue: Venue, plan: Plan) -> Plan:
    """The same hosts of each component in the same order, those that the venue still has."""
    struck = _struck(venue, plan, Verb.STOP)
    return plan_restart(venue, {name: tuple(_stopped(venue, plan, name)) for name in struck})


def _stopped(venue: Venue, plan: Plan, name: str) -> Iterator[str]:
    for step in plan.of_component(name):
        if step.verb is Verb.STOP:
            yield from (host for host in step.hosts if host in venue.components[name].hosts)


def _struck(venue: Venue, plan: Plan, verb: Verb) -> tuple[str, ...]:
    """The components that a run restarts, those that the venue still has."""
    names = dict.fromkeys(step.component for step in plan.steps.values() if step.verb is verb)
    return tuple(name for name in names if name in venue.components)


_PLANNERS: Mapping[str, Callable[[Venue, Plan, datetime], Plan]] = {
    "morning": lambda venue, _plan, now: plan_morning(venue, now),
    "evening": lambda venue, _plan, _now: plan_evening(venue),
    "restart": lambda venue, plan, _now: _restart_anew(venue, plan),
    "emergency": lambda venue, plan, _now: plan_emergency(venue, _struck(venue, plan, Verb.KILL)),
}


def _command(plan: Plan) -> str:
    if plan.procedure in {"morning", "evening"}:
        return plan.procedure
    is_emergency = plan.procedure == "emergency"
    return "restart COMPONENT" + (' --emergency --reason "..."' if is_emergency else "")


def _steps_of(plan: Plan) -> Message:
    names = [name for name, step in plan.steps.items() if not step.is_look]
    return Message("They are: %(names)s.", {"names": ", ".join(names)})
