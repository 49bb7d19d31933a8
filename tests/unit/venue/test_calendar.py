"""When unattended work may be done: windows, blackouts, and tricky nights of time zones."""

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automation.venue.calendar import (
    Blackout,
    Calendar,
    Opening,
    next_openings,
    opening_at,
)
from automation.venue.events import Events
from automation.venue.unattended import Exclusion, Weekly, Window
from automation.views.i18n import Translator

SEOUL, NEW_YORK, LONDON = map(ZoneInfo, ("Asia/Seoul", "America/New_York", "Europe/London"))
MINUTE = dt.timedelta(minutes=1)


def night(start: str = "01:00", length: int = 180, cutoff: int = 0, **keys: object) -> Window:
    """A window of every night, unless days are given."""
    words = {"name": "night", "start_time": start, "length_minutes": length, **keys}
    return Window.model_validate({**words, "cutoff_minutes": cutoff})


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def openings(calendar: Calendar, after: str, count: int) -> list[tuple[str, str]]:
    """The next openings as UTC."""
    found = next_openings(calendar, utc(after), count)
    return [(f"{item.start:%m-%d %H:%M}", f"{item.end:%m-%d %H:%M}") for item in found]


def events(*lines: str) -> Calendar:
    """A Seoul calendar, open all day, with one event of these lines."""
    return of_file(ics(("UID:1", "SUMMARY:Derby", *lines)))


def ics(*found: tuple[str, ...]) -> str:
    """A file with events of these lines."""
    inner = [line for lines in found for line in ("BEGIN:VEVENT", *lines, "END:VEVENT")]
    return "\r\n".join(("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", *inner, "END:VCALENDAR", ""))


def of_file(text: str) -> Calendar:
    """A Seoul calendar, open all day, with this .ics file."""
    events = Events("races.ics", lambda: text)
    return Calendar(SEOUL, (night("00:00", 1440),), events=(events,))


def black_at(calendar: Calendar, moment: str) -> str:
    """What forbids it then, or nothing."""
    found = opening_at(calendar, utc(moment))
    return str(found.what) if isinstance(found, Blackout) else ""


def test_a_window_is_open_from_its_start_to_its_end() -> None:
    """The first instant is in it, the last is not; outside there is none."""
    calendar = Calendar(SEOUL, (night(),))
    opening = Opening(
        "night", utc("2026-05-15T16:00"), utc("2026-05-15T19:00"), utc("2026-05-15T19:00")
    )
    assert opening_at(calendar, utc("2026-05-15T15:59:59")) is None
    assert opening_at(calendar, utc("2026-05-15T16:00")) == opening
    assert opening_at(calendar, utc("2026-05-15T18:59:59")) == opening
    assert opening_at(calendar, utc("2026-05-15T19:00")) is None


def test_a_window_over_midnight_belongs_to_the_day_it_starts_on() -> None:
    """Saturday's window goes on into Sunday, and Sunday has none of its own."""
    calendar = Calendar(LONDON, (night("23:00", 180, days=("Sat",)),))
    assert openings(calendar, "2026-01-10T12:00", 2) == [
        ("01-10 23:00", "01-11 02:00"),
        ("01-17 23:00", "01-18 02:00"),
    ]
    assert opening_at(calendar, utc("2026-01-11T01:30")) is not None
    assert opening_at(calendar, utc("2026-01-11T23:30")) is None


def test_a_blackout_wins_and_the_cutoff_counts_from_it() -> None:
    """A window that settlement breaks into is open before and after it, in two openings."""
    settlement = Weekly(name="settlement", start_time="02:00", length_minutes=30)
    calendar = Calendar(LONDON, (night(cutoff=20),), (settlement,))
    first, second = next_openings(calendar, utc("2026-01-10T00:00"), 2)
    assert (first.end, first.cutoff) == (utc("2026-01-10T02:00"), utc("2026-01-10T01:40"))
    assert (second.start, second.cutoff) == (utc("2026-01-10T02:30"), utc("2026-01-10T03:40"))
    assert black_at(calendar, "2026-01-10T02:15") == "settlement"


def test_what_a_blackout_leaves_may_be_too_short_to_begin_anything() -> None:
    """A piece no longer than the cut-off is no opening."""
    settlement = Weekly(name="settlement", start_time="01:20", length_minutes=160)
    calendar = Calendar(LONDON, (night(cutoff=20),), (settlement,))
    assert next_openings(calendar, utc("2026-01-10T00:00"), 1) == ()


@pytest.mark.parametrize(
    ("start", "end", "black", "free"),
    [
        (
            "2026-05-16",
            "2026-05-18",
            ["05-15T15:00", "05-18T14:59"],
            ["05-15T14:59", "05-18T15:00"],
        ),
        (
            "2026-05-16T18:00",
            "2026-05-16T20:30",
            ["05-16T09:00", "05-16T11:29"],
            ["05-16T08:59", "05-16T11:30"],
        ),
    ],
)
def test_an_exclusion_covers_its_last_day(
    start: str, end: str, black: list[str], free: list[str]
) -> None:
    """Days are whole local days, the last one too; a time ends when it says."""
    exclusion = Exclusion(name="Derby eve", start=start, end=end)
    calendar = Calendar(SEOUL, (night("00:00", 1440),), exclusions=(exclusion,))
    assert [black_at(calendar, f"2026-{at}") for at in black] == ["Derby eve"] * 2
    assert [black_at(calendar, f"2026-{at}") for at in free] == [""] * 2


def test_korean_public_holidays_are_blackouts_with_their_names() -> None:
    """Lunar ones and substitute days too."""
    calendar = Calendar(SEOUL, (night("00:00", 1440),), holidays="KR")
    assert black_at(calendar, "2026-02-17T00:00") == "설날"
    assert "대체" in black_at(calendar, "2026-05-25T00:00")
    assert black_at(calendar, "2026-05-26T00:00") == ""


def test_the_clock_jumps_over_the_start_of_a_window() -> None:
    """New York, 8 March 2026: 02:30 does not exist; the window starts an hour later by the wall.

    It lasts its real minutes, and the night after starts at 02:30 again.
    """
    calendar = Calendar(NEW_YORK, (night("02:30", 60),))
    assert openings(calendar, "2026-03-07T12:00", 2) == [
        ("03-08 07:30", "03-08 08:30"),
        ("03-09 06:30", "03-09 07:30"),
    ]


@pytest.mark.parametrize(
    ("zone", "after", "expected"),
    [
        (NEW_YORK, "2026-03-08T00:00", ("03-08 06:00", "03-08 09:00")),  # gap inside the window
        (NEW_YORK, "2026-11-01T00:00", ("11-01 05:00", "11-01 08:00")),  # the first of two 01:00
        (LONDON, "2026-03-29T00:00", ("03-29 01:00", "03-29 04:00")),  # 01:00 does not exist
        (LONDON, "2026-10-25T00:00", ("10-25 00:00", "10-25 03:00")),  # the first of two 01:00
        (SEOUL, "2026-10-25T00:00", ("10-25 16:00", "10-25 19:00")),  # no such nights at all
        (SEOUL, "2028-02-28T12:00", ("02-28 16:00", "02-28 19:00")),  # 29 February in Seoul
    ],
)
def test_a_window_lasts_its_real_minutes(
    zone: ZoneInfo, after: str, expected: tuple[str, str]
) -> None:
    """Three hours are three hours, whatever the clock on the wall does meanwhile."""
    assert openings(Calendar(zone, (night(),)), after, 1) == [expected]


def test_a_blackout_covers_both_hours_of_the_same_name() -> None:
    """London, 25 October 2026: 01:00 to 02:00 comes twice, and settlement may be at either."""
    settlement = Weekly(name="settlement", start_time="01:00", length_minutes=60)
    calendar = Calendar(LONDON, (night("00:00", 300),), (settlement,))
    assert openings(calendar, "2026-10-25T00:00", 1) == [("10-25 02:00", "10-25 04:00")]


def test_an_all_day_event_is_a_whole_day_of_the_venue() -> None:
    """Its end is the day after, as the format has it."""
    calendar = events("DTSTART;VALUE=DATE:20260516", "DTEND;VALUE=DATE:20260517")
    assert black_at(calendar, "2026-05-15T15:00") == "Derby"
    assert black_at(calendar, "2026-05-16T14:59") == "Derby"
    assert black_at(calendar, "2026-05-16T15:00") == ""


def test_a_recurring_event_comes_back_but_for_its_exceptions() -> None:
    """Every Saturday, in its own time zone, not on the date that was taken out."""
    calendar = events(
        "DTSTART;TZID=Europe/London:20260110T100000",
        "DTEND;TZID=Europe/London:20260110T120000",
        "RRULE:FREQ=WEEKLY;BYDAY=SA",
        "EXDATE;TZID=Europe/London:20260124T100000",
    )
    assert black_at(calendar, "2026-01-17T11:00") == "Derby"
    assert black_at(calendar, "2026-01-24T11:00") == ""
    assert black_at(calendar, "2026-07-11T09:30") == "Derby"  # summer time there


@pytest.mark.parametrize(
    ("line", "black"), [("STATUS:CANCELLED", ""), ("TRANSP:TRANSPARENT", "Derby")]
)
def test_a_cancelled_event_is_none_and_one_marked_free_is_one(line: str, black: str) -> None:
    """Calendars mark all-day events as free by themselves, race days too."""
    calendar = events("DTSTART;VALUE=DATE:20260516", line)
    assert black_at(calendar, "2026-05-16T02:00") == black


def test_an_event_without_an_end_lasts_to_the_end_of_its_day() -> None:
    """Nobody knows how long it takes."""
    calendar = events("DTSTART:20260516T020000Z")
    assert black_at(calendar, "2026-05-16T14:59") == "Derby"
    assert black_at(calendar, "2026-05-16T15:00") == ""


def test_a_time_without_a_zone_is_the_venues_own() -> None:
    """What RFC 5545 calls floating."""
    calendar = events("DTSTART:20260516T100000", "DTEND:20260516T110000")
    assert black_at(calendar, "2026-05-16T01:30") == "Derby"


START = "DTSTART:20260516T020000Z"
DAILY = (START, "DURATION:PT1H", "RRULE:FREQ=DAILY")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("<html>\r\nLog in</html>", "its first line is not BEGIN:VCALENDAR"),
        (ics((START,)) + ics((START,)), "it holds more than one VCALENDAR"),
        (ics((START,)).replace("END:VEVENT\r\n", ""), "not as many END:VEVENT"),
        (ics((START, "DTEND")), "line 4, an event without a name: it cannot be read"),
        (ics(("DTSTART:020000",)), "its DTSTART is no day"),
        (ics(("DTSTART;VALUE=DATE:99991231",)), "or one that cannot be counted to"),
        (ics((START, "DTEND:99991231T000000Z")), "its DTEND is no day, or one"),
        (ics(), "it has no events"),
        (ics((START,)).replace("END:VCALENDAR\r\n", ""), "its last line is not END:VCALENDAR"),
        ("BEGIN:VEVENT\r\nDTSTART:20260516T020000Z\r\nEND:VEVENT\r\n", "no VCALENDAR"),
        (ics((START,), ("SUMMARY:Derby",)), "line 7, Derby: it has no DTSTART"),
        (ics(("DTSTART:soon",)), "line 4, an event without a name: its DTSTART cannot be read: "),
        (ics((START, START)), "more than one DTSTART"),
        (ics((START, "RRULE:FREQ=SOMETIMES")), "SOMETIMES"),
        (ics((START, "DTEND;VALUE=DATE:20261301")), "20261301"),
        (ics((START, "DTEND:20260516T010000Z")), "it ends before it starts"),
        (ics((START, "DTEND:20260516T110000")), "not both"),
        (ics((START, "DTEND:20260516T030000Z", "DURATION:PT9H")), "both DTEND and DURATION"),
        (ics((START, "DURATION:-PT2H")), "it ends before it starts"),
        (ics(("DTSTART;TZID=Korea/Gwacheon:20260516T020000",)), "time zone Korea/Gwacheon"),
        (ics((*DAILY, "EXDATE;TZID=Korea/Gwacheon:20260517T020000")), "Korea/Gwacheon"),
        (ics(("UID:7", START), ("UID:7", "DTSTART:20260518T020000Z")), "has its UID 7"),
    ],
)
def test_a_calendar_that_cannot_be_trusted_is_a_blackout(text: str, why: str) -> None:
    """At any time, and it is said which line is wrong; nothing opens."""
    calendar = of_file(text)
    found = opening_at(calendar, utc("2031-01-01T00:00"))
    assert isinstance(found, Blackout)
    assert found.doubt
    assert str(found.what).startswith("races.ics is no calendar that can be trusted: ")
    assert why in str(found.what)
    assert next_openings(calendar, utc("2026-05-14T00:00"), 1) == ()


def test_a_calendar_in_another_encoding_says_what_to_do() -> None:
    """As Korean programs may still write it."""
    text = ics((START, "SUMMARY:더비")).encode("euc-kr")
    calendar = Calendar(SEOUL, (night("00:00", 1440),), events=(Events("x", text.decode),))
    found = opening_at(calendar, utc("2031-01-01T00:00"))
    assert isinstance(found, Blackout)
    assert str(found.what).endswith("it is not in UTF-8; save it as UTF-8")


def test_a_calendar_in_doubt_is_told_in_korean() -> None:
    """Why it blocks; the name of the event and what is written in it stay as they are."""
    found = opening_at(events("DTSTART;TZID=Korea/Gwacheon:20260516T020000"), utc("2031-01-01"))
    assert isinstance(found, Blackout)
    assert Translator("ko")(found.what) == (
        "races.ics 파일: 믿을 수 있는 일정 파일이 아닙니다: 4번째 줄, Derby: "
        "Korea/Gwacheon(이)라는 시간대를 알 수 없습니다"
    )


ZONED = "DTSTART;TZID=Asia/Seoul:20260516T110000"
FLOATING = "DTSTART:20260516T110000"
DATE = "DTSTART;VALUE=DATE:20260516"


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ((DATE, "RRULE:FREQ=WEEKLY;UNTIL=20261121T150000Z"), "UNTIL"),
        ((DATE, "RRULE:FREQ=WEEKLY;UNTIL=20261122T000000"), "UNTIL"),
        ((ZONED, "RRULE:FREQ=WEEKLY;UNTIL=20261122"), "UNTIL"),
        ((ZONED, "RRULE:FREQ=WEEKLY;UNTIL=20261122T110000"), "UNTIL"),
        ((START, "RRULE:FREQ=WEEKLY;UNTIL=20261122"), "UNTIL"),
        ((FLOATING, "RRULE:FREQ=WEEKLY;UNTIL=20261122T110000Z"), "UNTIL"),
        ((START, "RRULE:FREQ=WEEKLY;UNTIL=20260501T000000Z"), "before DTSTART"),
        ((START, "RRULE:FREQ=WEEKLY;COUNT=2;UNTIL=20261122T020000Z"), "both COUNT and UNTIL"),
        ((START, "RRULE:FREQ=WEEKLY;COUNT=0"), "COUNT"),
        ((START, "RRULE:FREQ=DAILY;INTERVAL=0"), "INTERVAL"),
        ((START, "RRULE:FREQ=DAILY;INTERVAL=-1"), "INTERVAL"),
        ((START, "RRULE:FREQ=DAILY;INTERVAL=1,2"), "more than one INTERVAL"),
        ((START, "RRULE:FREQ=SECONDLY"), "FREQ SECONDLY"),
        ((START, "RRULE:FREQ=HOURLY"), "FREQ HOURLY"),
        ((START, "RRULE:INTERVAL=2"), "FREQ none"),
        ((START, "RRULE:FREQ=DAILY;BYHOUR=2"), "BYHOUR"),
        ((START, "RRULE:RSCALE=CHINESE;FREQ=YEARLY"), "RSCALE"),
        ((START, "RRULE:FREQ=DAILY;BYMONTH=5,13"), "BYMONTH"),
        ((START, "RRULE:FREQ=MONTHLY;BYMONTHDAY=16,32"), "BYMONTHDAY"),
        ((START, "RRULE:FREQ=WEEKLY;BYMONTHDAY=16"), "BYMONTHDAY"),
        ((START, "RRULE:FREQ=WEEKLY;BYDAY=3SA"), "numbers days"),
        ((START, "RRULE:FREQ=YEARLY;BYDAY=SA,54MO"), "BYDAY"),
        ((START, "RRULE:FREQ=YEARLY;BYDAY=SA,0MO"), "BYDAY"),
        ((START, "RRULE:FREQ=WEEKLY;WKST=1MO"), "WKST"),
        ((START, "RRULE:FREQ=MONTHLY;BYSETPOS=1"), "BYSETPOS"),
        ((START, "RRULE:FREQ=MONTHLY;BYDAY=SA;BYSETPOS=-1"), "no day of its RRULE"),
        ((START, "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"), "no day of its RRULE"),
        ((START, "RRULE:FREQ=WEEKLY;BYDAY=SU"), "no day of its RRULE"),
        ((START, "RRULE:FREQ=MONTHLY;BYDAY=2SA"), "no day of its RRULE"),
        ((START, "RRULE:FREQ=WEEKLY;FREQ=DAILY"), "line 8, RRULE:FREQ=WEEKLY;FREQ=DAILY: "),
        ((START, "RRULE:FREQ=WEEKLY;BYDAY"), "has no value"),
        ((START, "RRULE:FREQ=WEEKLY", "RRULE:FREQ=MONTHLY"), "more than one RRULE"),
        (("DTSTART:00010101T000000Z", "RRULE:FREQ=DAILY"), "not in the years 1970 to 2199"),
        ((START, "RDATE;VALUE=DATE:20261122"), "RDATE is of another type"),
        ((START, "RDATE;VALUE=PERIOD:20261122T020000Z/PT1H"), "RDATE is of another type"),
        ((DATE, "RDATE:20261122T020000Z"), "RDATE is of another type"),
        ((*DAILY, "EXDATE;VALUE=DATE:20261122"), "EXDATE is of another type"),
        ((*DAILY, "EXDATE:20261122T020000"), "EXDATE is of another type"),
        ((*DAILY, "RECURRENCE-ID:20261122T020000Z"), "recurs itself"),
        ((START, *2 * ("RECURRENCE-ID:20261122T020000Z",)), "more than one RECURRENCE-ID"),
        ((START, "RECURRENCE-ID;RANGE=THISANDPRIOR:20261122T020000Z"), "RANGE"),
    ],
)
def test_what_recurs_in_more_than_one_way_is_not_trusted(lines: tuple[str, ...], why: str) -> None:
    """A reader would guess, and the day that it guesses away may be a race day."""
    found = opening_at(events(*lines), utc("2031-01-01T00:00"))
    assert isinstance(found, Blackout)
    assert found.doubt
    assert "trusted: line " in str(found.what)
    assert why in str(found.what)


@pytest.mark.parametrize(
    "line", ["RECURRENCE-ID;VALUE=DATE:20260517", "RECURRENCE-ID:20260517T110000"]
)
def test_the_occurrence_that_moves_is_named_as_its_series_is(line: str) -> None:
    """By a day, or a time of another kind, it is not known which one is meant."""
    moved = ("UID:7", line, "DTSTART:20260517T080000Z", "DURATION:PT1H")
    found = opening_at(of_file(ics(("UID:7", *DAILY), moved)), utc("2031-01-01T00:00"))
    assert isinstance(found, Blackout)
    assert "RECURRENCE-ID is of another type" in str(found.what)


@pytest.mark.parametrize(
    ("lines", "black", "free"),
    [
        ((DATE, "RRULE:FREQ=WEEKLY;UNTIL=20260523"), "2026-05-23", "2026-05-30"),
        ((START, "RRULE:FREQ=WEEKLY;UNTIL=20260523T020000Z"), "2026-05-23", "2026-05-30"),
        ((ZONED, "RRULE:FREQ=WEEKLY;UNTIL=20260523T020000Z"), "2026-05-23", "2026-05-30"),
        ((FLOATING, "RRULE:FREQ=WEEKLY;UNTIL=20260523T110000"), "2026-05-23", "2026-05-30"),
        ((START, "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=SA,SU;WKST=MO"), "2026-05-31", "2026-05-23"),
        ((START, "RRULE:FREQ=DAILY;COUNT=2"), "2026-05-17", "2026-05-18"),
        ((START, "RRULE:FREQ=MONTHLY;BYDAY=3SA"), "2026-06-20", "2026-06-13"),
        ((START, "RRULE:FREQ=MONTHLY;BYDAY=-3SA"), "2026-06-13", "2026-06-20"),
        ((START, "RRULE:FREQ=MONTHLY;BYDAY=SA,SU;BYSETPOS=5"), "2026-06-20", "2026-06-21"),
        ((START, "RRULE:FREQ=MONTHLY;BYDAY=SA,SU;BYSETPOS=-6"), "2026-06-13", "2026-06-14"),
        ((START, "RRULE:FREQ=MONTHLY;BYMONTHDAY=-16"), "2026-06-15", "2026-06-16"),
        ((START, "RRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=3SA"), "2027-05-15", "2027-05-16"),
        ((START, "RRULE:FREQ=YEARLY;BYDAY=20SA"), "2027-05-15", "2027-05-16"),
        ((START, "RRULE:FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=16"), "2027-05-16", "2027-05-15"),
        ((START, "RDATE:20260601T020000Z"), "2026-06-01", "2026-06-02"),
        ((*DAILY, "EXDATE:20260601T020000Z"), "2026-06-02", "2026-06-01"),
        ((ZONED, "RRULE:FREQ=DAILY", "EXDATE:20260601T020000Z"), "2026-06-02", "2026-06-01"),
    ],
)
def test_what_race_days_recur_by_is_trusted(lines: tuple[str, ...], black: str, free: str) -> None:
    """The kinds of rule that calendars write, at half past eleven in Seoul."""
    calendar = events(*lines)
    assert black_at(calendar, "2026-05-16T02:30") == "Derby"
    assert black_at(calendar, f"{black}T02:30") == "Derby"
    assert black_at(calendar, f"{free}T02:30") == ""


def test_a_calendar_that_is_not_there_is_a_blackout(tmp_path: Path) -> None:
    """With what the system says."""
    events = Events("races.ics", (tmp_path / "races.ics").read_text)
    found = opening_at(Calendar(SEOUL, (night(),), events=(events,)), utc("2026-05-16T00:00"))
    assert isinstance(found, Blackout)
    assert str(found.what).startswith("races.ics cannot be read: No such file or directory")


def test_a_description_may_hold_anything() -> None:
    """A line that goes on with a blank is no line of its own, whatever it says."""
    calendar = events(START, "DURATION:PT1H", "DESCRIPTION:mail of the club:", " BEGIN:VEVENT")
    assert black_at(calendar, "2026-05-16T02:30") == "Derby"


def test_one_occurrence_may_be_moved() -> None:
    """It has the UID of its series, and says which one it stands for."""
    moved = ("UID:7", "RECURRENCE-ID:20260517T020000Z", "DTSTART:20260517T080000Z", "DURATION:PT1H")
    calendar = of_file(ics(("UID:7", "SUMMARY:Derby", *DAILY), ("SUMMARY:Late", *moved)))
    assert black_at(calendar, "2026-05-17T02:30") == ""
    assert black_at(calendar, "2026-05-17T08:30") == "Late"
    assert black_at(calendar, "2026-05-18T02:30") == "Derby"


def test_a_calendar_is_read_once_and_only_when_it_is_asked() -> None:
    """Thousands of events cost nothing until then, and nobody pays for them twice."""
    reads: list[str] = []

    def read() -> str:
        reads.append("races.ics")
        return ics((START, "DURATION:PT1H"))

    calendar = Calendar(SEOUL, (night(),), events=(Events("races.ics", read),))
    assert reads == []
    for hour in range(24):
        opening_at(calendar, utc(f"2026-05-16T{hour:02}:00"))
    assert reads == ["races.ics"]


def test_a_race_day_inside_a_window_ends_it() -> None:
    """What is foretold ends where the event begins, and its cut-off counts from there."""
    race = Events("races.ics", lambda: ics((START, "DURATION:PT1H")))
    calendar = Calendar(SEOUL, (night("10:00", 240, cutoff=15),), events=(race,))
    first, second = next_openings(calendar, utc("2026-05-16T00:00"), 2)
    assert (first.end, first.cutoff) == (utc("2026-05-16T02:00"), utc("2026-05-16T01:45"))
    assert second.start == utc("2026-05-16T03:00")
    assert opening_at(calendar, utc("2026-05-16T01:30")) == first


ZONES = st.sampled_from([SEOUL, NEW_YORK, LONDON])
TRICKY = st.sampled_from(
    [utc(day) for day in ("2026-03-08", "2026-11-01", "2026-03-29", "2026-10-25", "2028-02-29")]
)
TIMES = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from((0, 15, 30, 59)))
LENGTHS = st.integers(1, 1440)


@settings(max_examples=300)
@given(ZONES, TRICKY, st.integers(-2160, 2160), TIMES, LENGTHS, TIMES, LENGTHS)
def test_an_opening_never_touches_a_blackout(  # noqa: PLR0913, PLR0917  # one per drawn value
    zone: ZoneInfo,
    day: dt.datetime,
    offset: int,
    start: str,
    length: int,
    black: str,
    lasts: int,
) -> None:
    """On the trickiest days, what is open is in the window and not in a blackout by the wall."""
    now = day + offset * MINUTE
    settlement = Weekly(name="settlement", start_time=black, length_minutes=lasts)
    found = opening_at(Calendar(zone, (night(start, length),), (settlement,)), now)
    if isinstance(found, Opening):
        assert found.start <= now < found.end
        assert found.end - found.start <= length * MINUTE
        assert not wall_is_black(now.astimezone(zone), black, lasts)


def wall_is_black(now: dt.datetime, start: str, length: int) -> bool:
    """By the clock on the wall alone, minute for minute of today and yesterday."""
    wall = now.replace(tzinfo=None)
    begins = [
        dt.datetime.combine(wall.date() - back, dt.time.fromisoformat(start)) for back in BACK
    ]
    return any(begin <= wall < begin + length * MINUTE for begin in begins)


BACK = (dt.timedelta(0), dt.timedelta(days=1))


@settings(max_examples=100)
@given(ZONES, TRICKY, TIMES, LENGTHS, st.integers(0, 60))
def test_the_next_openings_are_open_when_they_start(
    zone: ZoneInfo, day: dt.datetime, start: str, length: int, cutoff: int
) -> None:
    """What is foretold is what is found when the time has come; they are in order."""
    window = night(start, length, min(cutoff, length - 1))
    calendar = Calendar(zone, (window,))
    found = next_openings(calendar, day, 5)
    assert len(found) == 5
    assert sorted(item.start for item in found) == [item.start for item in found]
    assert [opening_at(calendar, item.start) for item in found] == list(found)
