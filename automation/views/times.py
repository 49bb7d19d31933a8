"""Moments and durations for people: one zone per page, with its offset."""

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from babel.dates import format_date

from automation.run.events import Message
from automation.views.i18n import Translator
from automation.views.text import NO_BREAK

TENTHS_BELOW = 10  # seconds; above, tenths only blur the figure
_MONTHS = {"en": "MMMM y", "ko": "y년 M월"}
_DAYS = {"en": "EEE d MMM", "ko": "M월 d일(EEE)"}
_DATES = {"en": "EEEE d MMMM y", "ko": "y년 M월 d일(EEE)"}


@dataclass(frozen=True)
class Clock:
    """Shows moments in the venue's zone and the reader's language."""

    zone: str
    translate: Translator

    def date(self, moment: dt.datetime) -> str:
        """Saturday 21 November 2026; 2026년 11월 21일(토)."""
        lang = self.translate.lang
        return format_date(self._local(moment), _DATES[lang], locale=lang)

    def month(self, day: dt.date) -> str:
        """November 2026; 2026년 11월."""
        return format_date(day, _MONTHS[self.translate.lang], locale=self.translate.lang)

    def day(self, day: dt.date) -> str:
        """Sat 21 Nov; 11월 21일(토): a date in a table of one month."""
        return format_date(day, _DAYS[self.translate.lang], locale=self.translate.lang)

    def time(self, moment: dt.datetime) -> str:
        """08:41."""
        return f"{self._local(moment):%H:%M}"

    def seconds(self, moment: dt.datetime) -> str:
        """08:41:07."""
        return f"{self._local(moment):%H:%M:%S}"

    def named_zone(self, moment: dt.datetime) -> str:
        """Asia/Seoul, UTC+09:00: the offset that holds at that moment."""
        return f"{self.zone}, UTC{self._local(moment):%:z}"

    def duration(self, seconds: float) -> str:
        """4.2 s, 42 s, 3 min 5 s, 1 h 2 min; the sign is the caller's to tell."""
        return self.translate(_duration(abs(seconds))).replace(" ", NO_BREAK)

    @property
    def tz(self) -> ZoneInfo:
        """The zone itself."""
        return ZoneInfo(self.zone)

    def _local(self, moment: dt.datetime) -> dt.datetime:
        return moment.astimezone(ZoneInfo(self.zone))


def stopwatch(seconds: float) -> str:
    """0:09, 12:34, 1:02:03: for columns of running figures."""
    whole = max(int(seconds), 0)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def _duration(seconds: float) -> Message:
    tenths = round(seconds, 1)
    if tenths < TENTHS_BELOW:
        return Message("%(seconds)s s", {"seconds": tenths})
    whole = round(seconds)
    hours, minutes, left = whole // 3600, whole % 3600 // 60, whole % 60
    args = {"hours": hours, "minutes": minutes, "seconds": left}
    if hours:
        return Message("%(hours)s h %(minutes)s min", args)
    return Message("%(minutes)s min %(seconds)s s" if minutes else "%(seconds)s s", args)
