"""The next openings for unattended work, and what will be due in each. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType
from rich.table import Table

from automation.run.events import Message
from automation.venue.calendar import Calendar, Opening, shown
from automation.views.i18n import Translator

WINDOWS = Message(
    "Say in the venue file when it may work, and on what (docs/operations.md, Idle time):\n"
    '    windows: [{name: night, start_time: "01:00", length_minutes: 180}]\n'
    "    restarts: [{component: NAME, every: 7d}]"
)


@dataclass(frozen=True)
class Foretold:
    """An opening, the hosts to be restarted in it, and what is typed for the tests to be done.

    Of hosts that are `unknown` nobody could say whether they are due.
    """

    opening: Opening
    hosts: tuple[str, ...]
    tests: tuple[str, ...]
    unknown: tuple[str, ...] = ()


def asked_again(calendar: Calendar) -> Message:
    """When a call that did nothing is made up for, or what it wants first."""
    if not calendar.windows:
        return WINDOWS
    return Message("It is asked again when the timer calls the next time.")


def openings_document(foretold: Sequence[Foretold]) -> list[dict[str, Any]]:
    """For programs; moments in UTC."""
    return [
        {
            "window": item.opening.name,
            "start": item.opening.start.isoformat(),
            "end": item.opening.end.isoformat(),
            "nothing_begun_after": item.opening.cutoff.isoformat(),
            "due": list(item.hosts),
            "unknown": list(item.unknown),
            "tests": list(item.tests),
        }
        for item in foretold
    ]


def render_openings(
    foretold: Sequence[Foretold], calendar: Calendar, translate: Translator
) -> RenderableType:
    """For people; moments as the venue's clock shows them."""
    if not foretold:
        return translate("there is no window in the next year")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("opens", "nothing is begun after", "closes", "window", "due then"):
        table.add_column(translate(title), overflow="fold")
    for item in foretold:
        opening = item.opening
        moments = (shown(calendar, at) for at in (opening.start, opening.cutoff, opening.end))
        unknown = (translate("%(host)s (not known)", host=host) for host in item.unknown)
        due = (*item.hosts, *(f"test {words}" for words in item.tests), *unknown)
        table.add_row(*moments, opening.name, ", ".join(due) or "-")
    return table
