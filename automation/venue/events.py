"""The .ics files of a venue: read when they are first asked, and believed as a whole or not at all.

What is in one is read by `ics`, which is imported only then: it costs 0.1 s, and few venues have
such files.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from automation.run.events import Message
from automation.venue.document import printable, quoted

if TYPE_CHECKING:
    import icalendar
    from recurring_ical_events import CalendarQuery

DAY = dt.timedelta(days=1)


class Doubt(ValueError):
    """Why a file is not believed: `why` is what to say after its name, or of what is in it."""

    def __init__(self, text: str, **named: Any) -> None:
        self.why = Message(text, named)
        super().__init__(str(self.why))


@dataclass(frozen=True)
class Events:
    """The events of a file; `read` gives its text, and is called when they are first wanted."""

    name: str
    read: Callable[[], str]

    def between(self, start: dt.datetime, end: dt.datetime) -> "tuple[icalendar.Event, ...]":
        """What may touch these days, as it recurs. Raises Doubt: what to say after the name.

        Whole days are asked for, so that who asks again within the same ones gets what is known.
        """
        return self._believed(lambda: self._between(start.date() - DAY, end.date() + DAY))

    def check(self) -> None:
        """Raises Doubt, as above, when the file cannot be trusted."""
        self._believed(lambda: self._query)

    @cached_property
    def _query(self) -> "CalendarQuery":
        query: CalendarQuery = _ics().read_events(self.read())
        return query

    def _between(self, first: dt.date, last: dt.date) -> "tuple[icalendar.Event, ...]":
        found: tuple[icalendar.Event, ...] = _ics().between(self._query, first, last)
        return found

    def _believed[T](self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except OSError as error:
            text = "cannot be read: %(why)s; it is looked for beside the inventory"
            raise Doubt(text, why=error.strerror) from error
        except UnicodeDecodeError as error:
            utf8 = Message("it is not in UTF-8; save it as UTF-8")
            raise Doubt("is no calendar that can be trusted: %(why)s", why=utf8) from error
        except Exception as error:  # whatever a reader stumbles over is doubt
            said = quoted(str(error).strip().rstrip("."))
            why = error.why if isinstance(error, Doubt) else said
            raise Doubt("is no calendar that can be trusted: %(why)s", why=why) from error


def name_of(event: "icalendar.Event") -> Message | str:
    """What an event is called."""
    return printable(str(event.get("SUMMARY", ""))) or Message("an event without a name")


def _ics() -> ModuleType:
    return import_module("automation.venue.ics")
