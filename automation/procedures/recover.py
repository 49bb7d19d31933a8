"""Put back what dead or failed runs have left: what is stopped, untested, drained, half open."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from automation.history import last_go
from automation.procedures.checks import closing_checks, test_checks
from automation.procedures.records import JOURNAL, LOCK, read_run, read_runs, run_folders, was_begun
from automation.procedures.rehearsal import tidy_step
from automation.procedures.steps import (
    ROTATION_SECONDS,
    fronts,
    gate_step,
    in_order,
    look_step,
    make_plan,
    make_step,
    start_patience,
    test_patience,
)
from automation.run.events import RunRecovered
from automation.run.journal import read_journal, reopen_journal
from automation.run.ledger import Ledger, Place, ledger_of, settles_all
from automation.run.lock import Holder, hold
from automation.run.plan import Plan, Step, Verb
from automation.run.state import fold_all
from automation.venue.graph import dependencies
from automation.venue.loads import rehearsable
from automation.venue.model import Behind
from automation.venue.site import Component, Venue
from automation.views.files import write_views
from automation.views.i18n import Translator


def left_behind(reports: Path) -> Ledger:
    """What the runs in a venue's folder have taken and not put back."""
    return ledger_of(read_runs(reports))


def unreadable_runs(reports: Path) -> tuple[str, ...]:
    """Runs of which nobody knows what they have left, down to the last one that settled all."""
    found: list[str] = []
    for folder in run_folders(reports):
        state = read_run(folder)
        if state is None and was_begun(folder):
            found.append(folder.name)
        if state and settles_all(state):
            break
    return tuple(found)


def dead_runs(reports: Path) -> tuple[Path, ...]:
    """The folders of runs that never came to an end. Only with the venue held are they dead."""
    found = ((folder, read_run(folder)) for folder in run_folders(reports))
    return tuple(folder for folder, state in found if state and not state.finished_at)


def plan_recover(venue: Venue, left: Ledger) -> Plan:
    """What is stopped is started, what is unproven is tested, what is ready goes into rotation.

    Sales that are half open are closed, and a rehearsal's purchases taken back. What the venue file
    does not know any more is nobody's to put back. Where a run broke the glass, its reason goes on
    to hold. Sales that were closed by closing them stay closed; where runs have drained the last
    servers, these go back.
    """
    left = replace(left, servers=_servers(venue, left))
    return make_plan(
        venue,
        "recover",
        _steps(venue, left),
        gives_verdict=False,
        must_be_whole=True,
        break_glass=bool(left.reason),
        reason=left.reason,
        emptied=tuple(_emptied(venue, left)),
    )


def mark_recovered(reports: Path, holder: Holder, zone: str, translate: Translator) -> None:
    """Write every dead run's end into its journal and its report.

    Raises Locked, told in the time of `zone`, when another run has begun, and Unwritable when the
    disk has no room.
    """
    with hold(reports / LOCK, holder, zone=zone):
        for folder in dead_runs(reports):
            _mark(folder, holder, translate)


def _mark(folder: Path, holder: Holder, translate: Translator) -> None:
    at = datetime.fromisoformat(holder.since)
    with closing(reopen_journal(folder / JOURNAL)) as journal:
        journal.append(RunRecovered(holder.run_id), at)
        state = fold_all(read_journal(folder / JOURNAL))
        before = last_go(folder.parent.parent, state.plan)
        write_views(folder, state, at, journal.head, translate=translate, last_go=before)


def _steps(venue: Venue, left: Ledger) -> Iterator[Step]:
    looks = [look_step(venue.components[name]) for name in fronts(venue)]
    yield from looks
    heard = tuple(step.id for step in looks)
    for name in left.half_open:
        if name in venue.components:
            front = venue.components[name]
            yield make_step(
                front,
                Verb.CLOSE,
                name,
                checks=closing_checks(venue, front),
                timeout=ROTATION_SECONDS,
            )
    for component in in_order(venue):
        hosts = [host for name, host in left.places if name == component.name]
        known = [host for host in hosts if host in component.hosts]
        if known:
            yield from _component(venue, component, known, left, heard)
    started = (f"{item.name}.start" for item in in_order(venue) if _stopped(item, left))
    ready = (*heard, *started)
    for name in left.bought:
        if name in rehearsable(venue):
            yield tidy_step(venue, venue.components[name], ready)


def _servers(venue: Venue, left: Ledger) -> Mapping[Place, tuple[str, ...]]:
    """Who goes back at which hosts of a load balancer, drained there or left out at its opening."""
    out = dict(left.servers)
    for component in in_order(venue):
        backend = component.restart.behind.backend if component.restart.behind else ""
        for place in ((component.name, host) for host in component.hosts):
            word = f"{backend}/{place[1]}"
            at = [host for host, words in left.left_out.items() if word in words]
            if at:
                out[place] = tuple(dict.fromkeys((*out.get(place, ()), *at)))
    return out


def _emptied(venue: Venue, left: Ledger) -> Iterator[str]:
    """Hosts of load balancers that nothing but drains has closed."""
    for name in fronts(venue):
        if name not in {*left.half_open, *left.closed}:
            yield from (host for host in venue.components[name].hosts if host in left.emptied)


def _component(
    venue: Venue, component: Component, hosts: list[str], left: Ledger, heard: tuple[str, ...]
) -> Iterator[Step]:
    """Each host for itself: one that does not come back keeps no other one out."""
    stopped = _stopped(component, left)
    if stopped:
        yield make_step(
            component,
            Verb.START,
            component.name,
            hosts=stopped,
            min_ready=1,
            after=(*heard, *_starts_before(venue, component, left)),
            timeout=start_patience(venue, component),
        )
    started = (f"{component.name}.start",) if stopped else ()
    gate = gate_step(component, (*heard, *started))
    yield replace(gate, lane=gate.id)  # each waits for a start of its own
    for number, host in enumerate(hosts, start=1):
        doubtful = host in stopped or (component.name, host) in left.untested
        test = _test(venue, component, host, number, (*heard, gate.id)) if doubtful else None
        if test:
            yield test
        sent_by = left.servers.get((component.name, host), ())
        behind = component.restart.behind
        if behind and behind.component not in left.half_open:
            front = venue.components[behind.component]
            at = tuple(name for name in front.hosts if name in sent_by)
            if at:
                needs = (test.id,) if test else ()
                yield _undrain(component, behind, host, at, number=number, needs=needs)


def _stopped(component: Component, left: Ledger) -> tuple[str, ...]:
    """The hosts on which it is to be started, those that the venue still has."""
    return tuple(host for host in component.hosts if (component.name, host) in left.stopped)


def _starts_before(venue: Venue, component: Component, left: Ledger) -> Iterator[str]:
    """The starts of what it depends on, directly or not; one that fails holds up nobody."""
    for name in dependencies(venue, component.name):
        if _stopped(venue.components[name], left):
            yield f"{name}.{Verb.START}"


def _test(
    venue: Venue, component: Component, host: str, number: int, after: tuple[str, ...]
) -> Step | None:
    checks = test_checks(venue, component)
    if not checks:
        return None
    return make_step(
        component,
        Verb.TEST,
        f"{component.name}.{Verb.TEST}",
        id=f"{component.name}.{Verb.TEST}.{number}",
        hosts=(host,),
        after=after,
        checks=checks,
        min_ready=1,
        timeout=test_patience(component),
    )


def _undrain(
    component: Component,
    behind: Behind,
    host: str,
    at: tuple[str, ...],
    *,
    number: int,
    needs: tuple[str, ...],
) -> Step:
    """Only at those hosts of the load balancer that sent customers to it."""
    return make_step(
        component,
        Verb.UNDRAIN,
        f"{component.name}.{Verb.UNDRAIN}",
        id=f"{component.name}.{Verb.UNDRAIN}.{number}",
        hosts=at,
        hosts_of=behind.component,
        needs=needs,
        after=(f"{component.name}.gate",),
        servers=(f"{behind.backend}/{host}",),
        min_ready=len(at),
        timeout=ROTATION_SECONDS,
    )
