"""Sales stop, whoever holds the venue, and be it recorded now, later or not at all."""

import socket
from collections.abc import Iterator, Mapping
from dataclasses import replace

from automation.commands.show import run_and_show
from automation.errors import Bug, Locked, RacedayError
from automation.execute.processes import interrupt
from automation.exit_codes import ExitCode
from automation.procedures.sales import plan_cut
from automation.procedures.session import Request, run_unrecorded, utc_now
from automation.run.events import Message
from automation.run.lock import PATIENCE, VenueLocked, wait_until_free
from automation.run.plan import Plan
from automation.run.state import BEFORE, SALES, State
from automation.run.verdict import cut_off_at, findings, warnings
from automation.settings import Settings
from automation.venue.site import Venue
from automation.views.aside import say
from automation.views.i18n import Translator

AMONG_CUSTOMERS = frozenset({"restart", "idle"})  # procedures that go on while sales are open
ENDING = AMONG_CUSTOMERS | {"sales-close"}  # and another that closes: they are waited for
TO_END = 90.0  # seconds for such a run, which may have to put back what it has drained


class NotRecorded(RacedayError):
    """What was done to stop the sales, which is on no record, and what to do about that."""

    def __init__(self, why: RacedayError | OSError, seen: State) -> None:
        super().__init__(_done(why, seen), Message(*_in_lines(_following(why, seen))))
        if seen.interrupted:
            self.exit_code = ExitCode.INTERRUPTED
        elif isinstance(why, Locked | Bug):
            self.exit_code = why.exit_code


def close_whoever_holds(settings: Settings, venue: Venue, plan: Plan, request: Request) -> int:
    """Close and record it. Whatever forbids the record, sales are closed at once without it.

    A run that goes on among customers is then asked to end, once, and what it has put back is
    closed again with the record. Raises NotRecorded.
    """
    translate, met = Translator(settings.lang), set[str]()
    request = replace(request, patience=0)
    while True:
        try:
            return run_and_show(settings, venue, plan, request)
        except (RacedayError, OSError) as why:
            text = "Closing sales at once, before that is recorded: %(why)s"
            say(translate(text, why=_said(why)))
            seen = _cut(venue, request)
            told = NotRecorded(why, seen)
            if seen.interrupted or not isinstance(why, VenueLocked):
                raise told from why
            if not met:
                plan = _closed_already(plan, seen)
            if not _make_way(why, told, met, translate):
                raise told from why


def _cut(venue: Venue, request: Request) -> State:
    """Close at every load balancer now. Raises RacedayError when not even that can be begun."""
    plan = plan_cut(venue)
    try:
        return run_unrecorded(venue, plan, request, ())
    except OSError as error:
        text = "Sales could not be closed, and customers may still be buying: %(why)s"
        by_hand = Message(*_in_lines(_by_hand(plan)))
        raise RacedayError(Message(text, {"why": str(error)}), by_hand) from error


def _make_way(locked: VenueLocked, told: NotRecorded, met: set[str], translate: Translator) -> bool:
    """Whether the venue may be ours now; nobody is asked, or waited for, a second time.

    Who does not say here who it is may be about to go: it is waited for now that sales are closed.
    """
    holder = locked.holder
    name = holder.run_id if holder else ""
    if name in met:
        return False
    met.add(name)
    if not holder or holder.why not in ENDING or holder.host != socket.gethostname():
        return wait_until_free(locked.path, 0 if holder else PATIENCE)
    if holder.why in AMONG_CUSTOMERS:
        text = "%(run)s goes on among customers; it is interrupted, and waited for."
        for said in (told.told[0], Message(text, {"run": name})):
            say(translate(said))
        if not interrupt(holder.pid, holder.began):
            return False
    try:
        wait_until_free(locked.path, TO_END)
    except KeyboardInterrupt:
        return False
    return True


def _closed_already(plan: Plan, seen: State) -> Plan:
    """What is to be recorded tells what the closing has found, and when sales were stopped."""
    results = [pair for item in seen.steps.values() for pair in item.hosts.items()]
    found = {host: _before(result.evidence) for host, result in results}
    plan = replace(plan, found=found, cut_off={host: cut_off_at(item) for host, item in results})
    is_closed = seen.sales_said() == "closed"
    return replace(plan, closed_at=utc_now().isoformat()) if is_closed else plan


def _before(evidence: Mapping[str, str]) -> Mapping[str, str]:
    told = {name: was for name, was in evidence.items() if name.startswith(BEFORE)}
    return {name.removeprefix(BEFORE): was for name, was in told.items()}


def _said(why: RacedayError | OSError) -> Message:
    return why.told[0] if isinstance(why, RacedayError) else Message(str(why))


def _done(why: RacedayError | OSError, seen: State) -> Message:
    bad = {finding.host for finding in findings(seen)}
    closed = [host for host, word in seen.last_said(SALES).items() if word == "closed"]
    hosts = ", ".join(host for host in closed if host not in bad)
    if not hosts:
        return Message(
            "Nothing proves that sales are closed, nor is it recorded: %(why)s", {"why": _said(why)}
        )
    text = "Sales were closed at %(hosts)s, but it is not recorded: %(why)s"
    return Message(text, {"hosts": hosts, "why": _said(why)})


def _following(why: RacedayError | OSError, seen: State) -> Iterator[Message]:
    for finding in (*findings(seen), *warnings(seen)):
        problem = finding.problem
        args = {"what": problem.what, "why": problem.why, "next": problem.next}
        yield Message("%(what)s: %(why)s. %(next)s", args)
    if isinstance(why, RacedayError):
        yield _opens_again(why) if isinstance(why, VenueLocked) else why.told[1]
    if isinstance(why, VenueLocked) or seen.sales_said() != "closed":
        yield from _by_hand(seen.plan)


def _opens_again(locked: VenueLocked) -> Message:
    text = "%(run)s may let customers in again. Interrupt it where it runs, then give this again."
    other = Message("whoever holds the venue")
    return Message(text, {"run": locked.holder.run_id if locked.holder else other})


def _by_hand(plan: Plan) -> Iterator[Message]:
    for name in plan.fronts:
        front = plan.components[name]
        args = {"hosts": ", ".join(front.hosts), "unit": front.unit or name}
        yield Message("To be certain until then, on %(hosts)s: systemctl stop %(unit)s", args)


def _in_lines(told: Iterator[Message]) -> tuple[str, dict[str, Message]]:
    """One message of several, each on a line of its own."""
    args = {f"line{number}": message for number, message in enumerate(told) if message.text}
    return "\n  ".join(f"%({name})s" for name in args), args
