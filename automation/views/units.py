"""systemd's timers and services for a venue, as text. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# Of what seccomp can do, which an ordinary user's manager may set too.
FOR_ALL = """\
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
UMask=0077
"""
# Of what needs the system's manager. The home holds the SSH keys, which are only read.
FOR_SYSTEM = """\
CapabilityBoundingSet=
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=read-only
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectSystem=strict
"""


@dataclass(frozen=True)
class Schedule:
    """What is called when. Paths are absolute; `morning` and `latest` are times of day.

    `user` is who the system's manager runs it as; empty for units of that user's own manager.
    `environment` is the file of settings that the services read, `idle_longest_minutes` how long
    the longest window is.
    """

    venue: str
    title: str
    time_zone: str
    inventory: Path
    reports: Path
    program: Path
    environment: Path
    idle_minutes: int
    idle_longest_minutes: int
    days: Sequence[str]
    morning: str = ""
    latest: str = ""
    user: str = ""


KINDS = ("timer", "service")


def unit_names(venue: str) -> tuple[str, ...]:
    """Every unit that a venue may have."""
    return tuple(unit_name(venue, what, kind) for what in ("idle", "morning") for kind in KINDS)


def unit_texts(schedule: Schedule) -> Mapping[str, str]:
    """Every unit by its name: timer and service for idle time, and for the morning if wanted."""
    texts = {
        unit_name(schedule.venue, "idle", "service"): _idle_service(schedule),
        unit_name(schedule.venue, "idle", "timer"): _idle_timer(schedule),
    }
    if schedule.morning:
        texts |= {
            unit_name(schedule.venue, "morning", "service"): _morning_service(schedule),
            unit_name(schedule.venue, "morning", "timer"): _morning_timer(schedule),
        }
    return texts


def unit_name(venue: str, what: str, kind: str) -> str:
    """Such as raceday-demo-idle.timer."""
    return f"raceday-{venue}-{what}.{kind}"


def _idle_service(schedule: Schedule) -> str:
    """It may take as long as the longest window: what it begins has to fit into one.

    One that still goes on then hangs, and is told to stop in order.
    """
    head = f"[Unit]\nDescription={_plain(schedule.title)}: what is due, if nobody is at it\n"
    bound = f"TimeoutStartSec={60 * schedule.idle_longest_minutes}\n"
    return head + _service(schedule, ("idle",), "30 75") + bound


def _morning_service(schedule: Schedule) -> str:
    """It asks no other unit to be over: it waits itself for who holds the venue, and tells so.

    Too late, or on a day that is not its own, it says so and starts nothing.
    """
    head = f"[Unit]\nDescription={_plain(schedule.title)}: open it in the morning\n"
    days = (word for day in schedule.days for word in ("--day", day))
    times = ("--earliest", schedule.morning, "--latest", schedule.latest)
    return head + _service(schedule, ("morning", "--yes", *days, *times), "10")


def _service(schedule: Schedule, words: Sequence[str], good_codes: str) -> str:
    """A oneshot: systemd never runs two of it at once, and gives it time to stop in order.

    KillMode=mixed asks raceday alone to stop: what it has begun on a host it ends itself.
    """
    where = ("--venue", str(schedule.inventory), "--reports", str(schedule.reports))
    command = " ".join(map(_quoted, (str(schedule.program), *where, *words)))
    user = f"User={schedule.user}\n" if schedule.user else ""
    rights = f"{FOR_SYSTEM}ReadWritePaths={_quoted(str(schedule.reports))}\n" if user else ""
    settings = str(schedule.environment).replace("%", "%%")
    return (
        "After=network-online.target\nWants=network-online.target\n\n"
        f"[Service]\nType=oneshot\n{user}"
        f"EnvironmentFile=-{settings}\nExecStart={command}\n"
        f"SuccessExitStatus={good_codes}\nKillMode=mixed\nTimeoutStopSec=300\n{FOR_ALL}{rights}"
    )


def _idle_timer(schedule: Schedule) -> str:
    """A call that was missed is not made up for: the next one decides anew."""
    calendar = f"*-*-* *:0/{schedule.idle_minutes}:00"
    return _timer(schedule, "unattended work", calendar, persistent="no")


def _morning_timer(schedule: Schedule) -> str:
    """One that was missed is made up for at once; the service decides whether it is too late."""
    days = f"{','.join(schedule.days)} " if schedule.days else ""
    calendar = f"{days}*-*-* {schedule.morning}:00 {schedule.time_zone}"
    return _timer(schedule, "the morning", calendar, persistent="yes")


def _timer(schedule: Schedule, what: str, calendar: str, *, persistent: str) -> str:
    return (
        f"[Unit]\nDescription={_plain(schedule.title)}: when {what} is called\n\n"
        f"[Timer]\nOnCalendar={calendar}\nAccuracySec=1s\nPersistent={persistent}\n\n"
        "[Install]\nWantedBy=timers.target\n"
    )


def _quoted(word: str) -> str:
    """As one word of a command line of systemd, with nothing in it replaced."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def _plain(text: str) -> str:
    return text.replace("%", "%%").replace("\\", "/").replace("\n", " ")
