"""What hosts show of themselves for unattended work: how worn their units are, and numbers.

Over plain SSH, with a POSIX shell and no more. Whatever a host does not say stays unknown.
"""

import math
import shlex
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

from automation.errors import RacedayError
from automation.execute.access import read_access
from automation.execute.ssh import Answer, HostLost, Session, each
from automation.idle.due import Wear
from automation.procedures.logs import unit_of
from automation.run.events import Message
from automation.venue.site import Venue
from automation.venue.unattended import RestartRule, Signal

SECONDS = 20.0
LIMIT = 64 * 1024  # bytes of an answer
SKEW = 5.0  # seconds that a host's clock and ours may differ
SCRIPT = r"""
say() { [ -z "$2" ] || echo "$1=$2"; }
show() { systemctl show -p "$1" --value -- "$unit" 2>/dev/null; }
members() { grep -lF -e "/$unit" /proc/[0-9]*/cgroup 2>/dev/null | sed 's,/cgroup$,,'; }

tell_age() {
  since=$(show ActiveEnterTimestampMonotonic)
  read -r uptime _ </proc/uptime
  case $since in '' | 0 | *[!0-9]*) ;; *) say age $((${uptime%.*} - since / 1000000)) ;; esac
}

tell_memory() { # what systemd counts, else what its processes have
  used=$(show MemoryCurrent)
  case $used in
    '' | *[!0-9]* | ????????????????????*)
      used=$(for process in $(members); do cat "$process/status"; done 2>/dev/null |
        awk '/^VmRSS:/ {sum += $2} END {if (sum) printf "%.0f", sum * 1024}')
      ;;
  esac
  limit=$(show MemoryMax)
  case $limit in
    '' | *[!0-9]* | ????????????????????*)
      limit=$(awk '/^MemTotal:/ {printf "%.0f", $2 * 1024}' /proc/meminfo)
      ;;
  esac
  say memory "$used"
  say memory_limit "$limit"
}

since_change() { # FILE: seconds since it was changed
  changed=$(stat -c %Y -- "$1" 2>/dev/null) && echo $(($(date +%s) - changed))
}

tell_reboot() {
  if [ -e /var/run/reboot-required ]; then
    say reboot_required "$(since_change /var/run/reboot-required)"
  else
    say reboot_required no
  fi
}

tell_libraries() { # one that was replaced is still mapped, as deleted; not what programs unpack
  processes=$(members)
  [ -n "$processes" ] || return 0
  for process in $processes; do
    if grep -qE ' /(usr|opt|lib[^/]*)/.*\.so[^/]* \(deleted\)$' "$process/maps" 2>/dev/null; then
      say libraries_deleted yes
      return
    fi
  done
  say libraries_deleted no
}

tell_configuration() { # FILE...: the one that was changed last
  newest=''
  for file; do
    age=$(since_change "$file") || continue
    if [ -z "$newest" ] || [ "$age" -lt "$newest" ]; then newest=$age; fi
  done
  say configuration "$newest"
}

echo unit="$unit"
say active "$(show ActiveState)"
tell_age
"""
TELLS = {
    "memory_over": "tell_memory",
    "memory_growing": "tell_memory",
    "reboot_required": "tell_reboot",
    "libraries_deleted": "tell_libraries",
    "configuration_newer": "tell_configuration",
}


def read_wear(venue: Venue, rules: Sequence[RestartRule]) -> tuple[tuple[Wear, ...], list[Message]]:
    """What every host shows that a rule is about, and a sentence for each that cannot be asked."""
    scripts: dict[str, list[str]] = {}
    owners: dict[str, list[str]] = {}
    for name in dict.fromkeys(rule.component for rule in rules):
        component = venue.components[name]
        for host in component.hosts:
            scripts.setdefault(host, []).append(_script(venue, name, rules))
            owners.setdefault(host, []).append(name)
    answers = _ask(venue, {host: "\n".join(parts) for host, parts in scripts.items()})
    lost = [item for item in answers.values() if isinstance(item, Message)]
    worn = tuple(
        wear
        for host, said in answers.items()
        if isinstance(said, str)
        for wear in _worn(host, owners[host], said)
    )
    return worn, lost


def read_number(venue: Venue, signal: Signal, seconds: float = SECONDS) -> float | Message:
    """What the signal's command prints on its hosts, the busiest of them; else why not.

    They have SECONDS for it, or less where fewer `seconds` are left. Each host says what time it
    is, too: when its clock and ours differ, the window may be another hour's.
    """
    hosts = venue.components[signal.component or ""].hosts
    command = shlex.join(signal.command or ())
    before = time.time()
    answers = _ask(venue, dict.fromkeys(hosts, f"date +%s && exec {command} </dev/null"), seconds)
    asked = (before, time.time())
    numbers = [_number(host, said, asked) for host, said in answers.items()]
    unknown = next((item for item in numbers if isinstance(item, Message)), None)
    if unknown:
        return unknown
    known = [item for item in numbers if isinstance(item, float)]
    return max(known) if signal.below is not None else min(known)


def _script(venue: Venue, name: str, rules: Sequence[RestartRule]) -> str:
    unit = unit_of(venue, venue.components[name])
    if not unit:
        return "echo unit="
    full = unit if "." in unit.rpartition("@")[2] else f"{unit}.service"
    own = [rule for rule in rules if rule.component == name]
    told = dict.fromkeys(TELLS[rule.when] for rule in own if rule.when)
    files = [file for rule in own for file in rule.files]
    tells = (f"{tell} {shlex.join(files)}" for tell in told)
    return "\n".join((f"unit={shlex.quote(full)}", SCRIPT, *tells))


def _ask(
    venue: Venue, scripts: Mapping[str, str], left: float = SECONDS
) -> dict[str, str | Message]:
    """Each host's whole answer, or why there is none; all have what is left, at most SECONDS."""
    seconds = min(SECONDS, left)

    def run(session: Session) -> str | Message:
        answer = session.run(scripts[session.host], seconds=seconds, limit=LIMIT)
        if answer.code == 0:
            return answer.output
        if answer.code is None:
            return _cut_off(session.host, answer, seconds)
        args = {"host": session.host, "code": answer.code, "said": answer.errors.strip()[:200]}
        return Message("the command on %(host)s ended with code %(code)s: %(said)s", args)

    try:
        found = each(read_access(venue, tuple(scripts)), run, seconds=seconds + 5)
    except RacedayError as error:
        return dict.fromkeys(scripts, Message("%(why)s", {"why": error.message}))
    return {
        host: _lost(host, said) if isinstance(said, HostLost) else said
        for host, said in found.items()
    }


def _cut_off(host: str, answer: Answer, seconds: float) -> Message:
    if len(answer.output) >= LIMIT:
        args = {"host": host, "size": LIMIT // 1024}
        return Message("the command on %(host)s said more than %(size)s KiB", args)
    args = {"host": host, "seconds": f"{seconds:.3g}"}
    return Message("the command on %(host)s did not end within %(seconds)s s", args)


def _lost(host: str, lost: HostLost) -> Message:
    args = {"host": host, "why": lost.problem.why}
    return Message("%(host)s cannot be asked: %(why)s", args)


def _worn(host: str, owners: Iterable[str], said: str) -> Iterator[Wear]:
    blocks = said.split("unit=")[1:]
    for owner, block in zip(owners, blocks, strict=False):
        pairs = (line.partition("=") for line in block.splitlines()[1:])
        yield Wear(owner, host, {key: value for key, _, value in pairs})


def _number(host: str, said: str | Message, asked: tuple[float, float]) -> float | Message:
    if isinstance(said, Message):
        return said
    clock, _, rest = said.partition("\n")
    wrong = _wrong_clock(host, clock, asked)
    if wrong:
        return wrong
    try:
        number = float(rest)
    except ValueError:
        number = math.nan
    if math.isfinite(number):
        return number
    args = {"host": host, "said": rest.strip()[:60]}
    return Message("%(host)s says '%(said)s', which is no number", args)


def _wrong_clock(host: str, said: str, asked: tuple[float, float]) -> Message | None:
    """Why its clock is not ours; its answer came between these two moments, in seconds."""
    if not said.isdecimal():
        return Message("%(host)s does not say what time it is", {"host": host})
    before, after = asked
    apart = max(before - int(said) - 1, int(said) - after, 0.0)
    if apart <= SKEW:
        return None
    text = "the clocks of %(host)s and of this controller are %(seconds)s s apart"
    return Message(text, {"host": host, "seconds": round(apart)})
