"""The question before anything is changed, and the reason that some requests must give."""

import sys
from collections.abc import Mapping
from datetime import datetime

from automation.errors import Refused, UsageError
from automation.run.events import Message
from automation.run.state import State
from automation.run.verdict import unheard
from automation.venue.calendar import blackout_at, shown
from automation.venue.site import Venue
from automation.views.aside import ask

MEND = 'Mend it (raceday venue check), or say why it must be now: --break-glass --reason "...".'
ASK_AGAIN = Message("Then look again: raceday status.")


def confirm_change(question: str, *, yes: bool) -> None:
    """Go on only if somebody said yes. Raises Refused without a terminal, and on a no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refused(
            "Nobody can be asked here, because this is not a terminal; nothing was touched.",
            "Give --yes if it shall go on without a question.",
        )
    if not ask(question):
        raise Refused("You said no; nothing was touched.")


def reason_for(options: Mapping[str, bool], reason: str) -> str:
    """The reason that goes with any of these options, or commands, by whether each was given.

    Raises UsageError when one comes without the other; a blank reason is none.
    """
    given = [option for option, wanted in options.items() if wanted]
    if bool(given) != bool(reason.strip()):
        text = "%(options)s wants --reason." if given else "--reason goes with %(options)s."
        example = 'Say why, for instance: %(options)s --reason "ticketing2 is in repair".'
        raise UsageError(
            Message(text, {"options": " | ".join(given or options)}),
            Message(example, {"options": " ".join(given or list(options)[:1])}),
        )
    return reason.strip()


def refuse_while_selling(seen: State, hint: Message) -> None:
    """Raises Refused unless the load balancers said that sales are closed."""
    match seen.sales_said():
        case "closed":
            return
        case "open":
            raise Refused("Sales are open; nothing was touched.", hint)
        case _:
            raise _unheard(seen)


def _unheard(seen: State) -> Refused:
    """Which load balancer could not be asked, why not, and what to do about it."""
    problems = [finding.problem for finding in unheard(seen)]
    unknown = "It is not known whether sales are closed; nothing was touched."
    if not problems:
        return Refused(unknown, ASK_AGAIN)
    first = problems[0]
    what = Message(
        "It is not known whether sales are closed, because %(what)s: %(why)s. Nothing was touched.",
        {"what": first.what, "why": first.why},
    )
    return Refused(what, Message("%(first)s\n  %(then)s", {"first": first.next, "then": ASK_AGAIN}))


def refuse_in_blackout(venue: Venue, now: datetime) -> None:
    """Raises Refused on days when the venue file wants to be left alone, or may want to be."""
    found = blackout_at(venue.calendar, now)
    if found and found.doubt:
        text = "It is not known whether this is a blackout, because %(why)s; nothing was touched."
        raise Refused(Message(text, {"why": found.what}), MEND)
    if found:
        args = {"what": found.what, "until": shown(venue.calendar, found.end)}
        raise Refused(
            Message("%(what)s: a blackout until %(until)s; nothing was touched.", args),
            'Wait, or say why it must be now: --break-glass --reason "...".',
        )
