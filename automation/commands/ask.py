"""The question before anything is changed, and the reason that some requests must give."""

import sys
from datetime import datetime

import click

from automation.errors import Refused, UsageError
from automation.venue.calendar import blackout_at, shown
from automation.venue.site import Venue


def confirm_change(question: str, *, yes: bool) -> None:
    """Go on only if somebody said yes. Raises Refused without a terminal, and on a no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refused(
            "Nobody can be asked here, because this is not a terminal; nothing was touched.",
            "Give --yes if it shall go on without a question.",
        )
    if not click.confirm(question, err=True):
        raise Refused("You said no; nothing was touched.")


def reason_for(option: str, reason: str, *, wanted: bool) -> str:
    """The reason that goes with an option. Raises UsageError when one comes without the other."""
    if wanted != bool(reason.strip()):
        raise UsageError(
            f"{option} and --reason go together.",
            f'Say why, for instance: {option} --reason "ticketing2 is in repair".',
        )
    return reason.strip()


def refuse_while_selling(said: str, hint: str) -> None:
    """Raises Refused unless the load balancers said that sales are closed."""
    if said != "closed":
        what = "Sales are open" if said == "open" else "It is not known whether sales are closed"
        raise Refused(f"{what}; nothing was touched.", hint)


def refuse_in_blackout(venue: Venue, now: datetime) -> None:
    """Raises Refused on days when the venue file wants to be left alone."""
    found = blackout_at(venue.calendar, now)
    if found:
        until = shown(venue.calendar, found.end)
        raise Refused(
            f"{found.what}: a blackout until {until}; nothing was touched.",
            'Wait, or say why it must be now: --break-glass --reason "...".',
        )
