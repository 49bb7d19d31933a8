"""The next openings for unattended work, and which hosts will be due in each. Pure."""

from collections.abc import Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table

from automation.venue.calendar import Calendar, Opening, shown
from automation.views.i18n import Translator

type Foretold = Sequence[tuple[Opening, Sequence[str]]]


def openings_document(foretold: Foretold) -> list[dict[str, Any]]:
    """For programs; moments in UTC."""
    return [
        {
            "window": opening.name,
            "start": opening.start.isoformat(),
            "end": opening.end.isoformat(),
            "nothing_begun_after": opening.cutoff.isoformat(),
            "due": list(hosts),
        }
        for opening, hosts in foretold
    ]


def render_openings(
    foretold: Foretold, calendar: Calendar, translate: Translator
) -> RenderableType:
    """For people; moments as the venue's clock shows them."""
    if not foretold:
        return translate("there is no window in the next year")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("opens", "nothing is begun after", "closes", "window", "due then"):
        table.add_column(translate(title), overflow="fold")
    for opening, hosts in foretold:
        moments = (shown(calendar, at) for at in (opening.start, opening.cutoff, opening.end))
        table.add_row(*moments, opening.name, ", ".join(hosts) or "-")
    return table
