"""The kinds of value a venue file holds; each says in words what it wants when it gets another."""

import datetime as dt
import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from automation.run.events import Message
from automation.venue.document import quoted
from automation.venue.promql import Unfit, selectors

NAME_PATTERN = r"^[a-z][a-z0-9_]*$"
DAY_SECONDS = 86_400
LAST_PORT = 65_535
LOCAL_TIME = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2})?)?")
SPAN_UNITS = {
    "s": dt.timedelta(seconds=1),
    "m": dt.timedelta(minutes=1),
    "h": dt.timedelta(hours=1),
    "d": dt.timedelta(days=1),
    "w": dt.timedelta(weeks=1),
}


def mistake(text: str, **named: Any) -> PydanticCustomError:
    """A mistake in our own words: what is said of the key, as in `has no role; give it one`."""
    return PydanticCustomError("mistake", "{said}", {"said": Message(text, named)})


def unfit(text: str, **named: Any) -> PydanticCustomError:
    """A value that does not fit: what comes after `is VALUE, but`."""
    return _unfit(Message(text, named))


def _unfit(said: Message, *, wants_text: bool = False) -> PydanticCustomError:
    """`wants_text`: a text was wanted, in case YAML made something else of what is written."""
    return PydanticCustomError("unfit", "{said}", {"said": said, "wants_text": wants_text})


def closest(word: str, known: Sequence[str]) -> str | None:
    """The known word that was probably meant, if one is close."""
    by_fold = {name.casefold(): name for name in known}
    close = get_close_matches(word.casefold(), list(by_fold), n=1, cutoff=0.6)
    return by_fold[close[0]] if close else None


def did_you_mean(word: str, known: Sequence[str], otherwise: str = "", **named: Any) -> Message:
    """`; did you mean X?` when one of the known words is close, else what is to be said instead."""
    near = closest(word, known)
    return (
        Message("; did you mean %(near)s?", {"near": near}) if near else Message(otherwise, named)
    )


def wants(description: str) -> WrapValidator:
    """Fold whatever pydantic has against a value into one sentence: what the key wants."""
    wanted = Message("it must be %(wanted)s", {"wanted": Message(description)})
    return _folding(lambda _value: wanted)


def _one_of(*words: str) -> WrapValidator:
    """The same for one of a few words."""

    def wanted(value: Any) -> Message:
        args = {"words": ", ".join(words), "mend": did_you_mean(str(value), words)}
        return Message("it must be one of %(words)s%(mend)s", args)

    return _folding(wanted)


def _folding(wanted: Callable[[Any], Message]) -> WrapValidator:
    def ask(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            raise _in_words(error, wanted(value)) from None

    return WrapValidator(ask)


def _in_words(error: ValidationError, wanted: Message) -> PydanticCustomError:
    first = error.errors()[0]
    if first["type"] == "unfit":
        return _unfit(first["ctx"]["said"])
    return _unfit(wanted, wants_text=first["type"] == "string_type")


def _matching(test: Callable[[str], bool]) -> AfterValidator:
    def keep(value: str) -> str:
        if not test(value):
            raise ValueError
        return value

    return AfterValidator(keep)


def _is_url(text: str) -> bool:
    parts = urlsplit(text)  # raises ValueError itself on a bad IPv6 address or port
    port_is_real = parts.port is None or parts.port > 0
    known = parts.scheme in {"http", "https"} and bool(parts.hostname) and port_is_real
    return known and not re.search(r"\s", text)


def _is_server(text: str) -> bool:
    parts = urlsplit(text)
    return _is_url(text) and not (parts.username or parts.password or parts.query or parts.fragment)


def _is_endpoint(text: str) -> bool:
    host, _, port = text.rpartition(":")
    named = re.fullmatch(r"[A-Za-z0-9._-]+|\[[0-9a-fA-F:.%]+\]", host)
    return bool(named and re.fullmatch(r"[1-9][0-9]{0,4}", port) and int(port) <= LAST_PORT)


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        zones = sorted(zone for zone in available_timezones() if "/" in zone)
        mend = did_you_mean(name, zones, "; write one such as Asia/Seoul")
        raise unfit("no time zone has that name%(mend)s", mend=mend) from None
    return name


def _as_batches(value: Any) -> Any:
    return value if isinstance(value, tuple) else (value,)


def _is_regexp(text: str) -> bool:
    try:
        re.compile(text)
    except (re.error, OverflowError) as error:
        raise unfit("it is no regular expression: %(why)s", why=quoted(str(error))) from None
    return True


def _is_query(text: str) -> bool:
    try:
        selectors(text)
    except Unfit as error:
        raise _unfit(error.why) from None
    return True


def _has_holidays(code: str) -> bool:
    holidays = import_module("holidays")  # 0.1 s, for few venues
    return code in holidays.list_supported_countries()


def _only_text(value: Any) -> Any:
    """In quotes a bare number would be no better."""
    if not isinstance(value, str):
        raise ValueError  # noqa: TRY004  # what pydantic turns into a sentence
    return value


def _as_local_time(value: Any) -> Any:
    """YAML makes a date of what looks like one; as text it is the same."""
    return value.isoformat() if isinstance(value, dt.date) else value


def _is_local_time(text: str) -> bool:
    try:
        moment = local_time(text)
    except ValueError:
        if LOCAL_TIME.fullmatch(text):
            raise unfit("there is no such day or time; correct it") from None
        raise
    if moment.tzinfo:
        raise unfit("it counts in the venue's own time zone; leave out Z or the offset")
    return True


def local_time(text: str) -> dt.datetime:
    """A day, as its first instant, or a day and a time; without a time zone."""
    return dt.datetime.fromisoformat(text)


def span(text: str) -> dt.timedelta:
    """A span such as 15m or 7d."""
    return int(text[:-1]) * SPAN_UNITS[text[-1]]


def _not_started(value: Any) -> Any:
    if value == "service_started":
        raise unfit("raceday always waits for healthy; write service_healthy")
    return value


Name = Annotated[
    str,
    Field(pattern=NAME_PATTERN),
    wants("small letters, digits and _ that begin with a letter, such as bet_gateway"),
]
Title = Annotated[str, Field(min_length=1, max_length=200), wants("a text, in any script")]
Text = Annotated[str, Field(min_length=1), wants("a text")]
RoleName = Annotated[
    str,
    Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){0,2}$"),
    wants("the name of a role such as postgresql, or service for any systemd unit"),
]
HostPattern = Annotated[
    str,
    Field(pattern=r"^[^@\s-][^\s]*$"),
    wants('a group, a host or an Ansible pattern such as "web*:!web9", without spaces'),
]
UnitName = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9:_.\\@][A-Za-z0-9:_.\\@-]*$", max_length=255),
    wants("the name of a systemd unit such as postgresql@15-main"),
]
TimeZone = Annotated[
    str, AfterValidator(_known_zone), wants("the name of a time zone such as Asia/Seoul")
]
TimeOfDay = Annotated[
    str,
    Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$"),
    wants('a time of day from "00:00" to "23:59", in quotes, such as "09:00"'),
]
Seconds = Annotated[
    float,
    Field(gt=0, le=DAY_SECONDS, allow_inf_nan=False),
    wants("a number of seconds above 0 and up to 86400, such as 60"),
]
SecondsOrNone = Annotated[
    float,
    Field(ge=0, le=DAY_SECONDS, allow_inf_nan=False),
    wants("a number of seconds from 0 to 86400, such as 2"),
]
WholeSeconds = Annotated[
    int, Field(ge=1, le=300), wants("a whole number of seconds from 1 to 300, such as 5")
]
Minutes = Annotated[
    float,
    Field(ge=0, le=1440, allow_inf_nan=False),
    wants("a number of minutes from 0 to 1440, such as 6"),
]
WholeMinutes = Annotated[
    int, Field(ge=1, le=10_080), wants("a whole number of minutes from 1 to 10080, such as 720")
]
Days = Annotated[int, Field(ge=0, le=3650), wants("a whole number of days from 0 to 3650")]
Percent = Annotated[
    float,
    Field(gt=0, le=100, allow_inf_nan=False),
    wants("a number above 0 and up to 100, without the % sign"),
]
Flag = Annotated[bool, wants("true or false")]
HttpStatus = Annotated[
    int, Field(ge=100, le=599), wants("an HTTP status from 100 to 599, such as 200")
]
Retries = Annotated[int, Field(ge=0, le=5), wants("a whole number from 0 to 5")]
Port = Annotated[int, Field(ge=1, le=LAST_PORT), wants("a port from 1 to 65535, without quotes")]
Url = Annotated[
    str,
    _matching(_is_url),
    wants('an address such as "http://127.0.0.1:8081/health"'),
]
ServerUrl = Annotated[
    str,
    _matching(_is_server),
    wants(
        'the address of a server such as "http://prometheus.example:9090", '
        "without a user, a ? or a #"
    ),
]
Endpoint = Annotated[
    str, _matching(_is_endpoint), wants('a host and a port such as "bank.example:443"')
]
HostPath = Annotated[
    str, Field(pattern=r"^/[^\x00]*$"), wants("a path that starts with /, as it is on the hosts")
]
Reference = Annotated[str, wants("the name of a component")]
Query = Annotated[
    str,
    Field(min_length=1),
    _matching(_is_query),
    wants("a PromQL query such as sum(rate(bets[2m]))"),
]
Word = Annotated[str, wants("a text; put numbers in a command in quotes")]
Argv = Annotated[tuple[Word, ...], Field(min_length=1)]
Share = Annotated[
    Annotated[int, Field(ge=1)] | Annotated[str, Field(pattern=r"^([1-9][0-9]?|100)%$")],
    wants('a whole number of hosts from 1 on, or a share from "1%" to "100%"'),
]
Batches = Annotated[
    tuple[Share, ...],
    Field(min_length=1),
    BeforeValidator(_as_batches, json_schema_input_type=Share | tuple[Share, ...]),
]
Condition = Annotated[
    Literal["service_healthy"], BeforeValidator(_not_started), wants("service_healthy")
]
Weekday = Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
Weekdays = Annotated[
    tuple[Annotated[Weekday, _one_of(*WEEKDAYS)], ...],
    Field(min_length=1),
]
LengthMinutes = Annotated[
    int, Field(ge=1, le=1440), wants("a whole number of minutes from 1 to 1440, such as 180")
]
CutoffMinutes = Annotated[
    int, Field(ge=0, le=1440), wants("a whole number of minutes from 0 to 1440, such as 20")
]
LocalTime = Annotated[
    str,
    BeforeValidator(_as_local_time, json_schema_input_type=str),
    _matching(_is_local_time),
    wants(
        "a day as YEAR-MONTH-DAY such as 2026-05-16, or a day and a time such as 2026-05-16T18:00"
    ),
]
Span = Annotated[
    str,
    BeforeValidator(_only_text, json_schema_input_type=str),
    Field(pattern=r"^[1-9][0-9]{0,5}[smhdw]$"),
    wants("a number with s, m, h, d or w, such as 15m or 7d"),
]
Country = Annotated[
    str, _matching(_has_holidays), wants("the code of a country such as KR, in capitals")
]
Number = Annotated[float, Field(allow_inf_nan=False), wants("a number such as 0.1")]
Regexp = Annotated[str, _matching(_is_regexp), wants("a regular expression such as ^Watchdog$")]
WholePercent = Annotated[
    str,
    BeforeValidator(_only_text, json_schema_input_type=str),
    Field(pattern=r"^([1-9][0-9]?|100)%$"),
    wants("a share from 1% to 100%, with the % sign"),
]
Load = Literal["rehearsal", "drill"]
LoadTest = Annotated[Load, _one_of(*get_args(Load))]
Wear = Literal[
    "memory_over",
    "memory_growing",
    "reboot_required",
    "libraries_deleted",
    "configuration_newer",
]
WearCondition = Annotated[Wear, _one_of(*get_args(Wear))]
