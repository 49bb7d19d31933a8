"""Look at a host before anything is started, in one round trip."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ansible.plugins.action import ActionBase
from ansible_collections.raceday.core.plugins.plugin_utils.hot_path import (
    Answer,
    ask,
    check,
    message,
    result,
)
from ansible_collections.raceday.core.plugins.plugin_utils.reports import (
    CLEAR_UP,
    evidence,
    login,
    no_answer,
    nothing_here,
)
from ansible_collections.raceday.core.plugins.plugin_utils.spec import (
    component_spec,
    shell_variables,
)
from ansible_collections.raceday.core.plugins.plugin_utils.venue import components_here

ARGUMENTS = {
    "components": {"type": "list", "elements": "str"},
    "strict": {"type": "bool", "default": True},
}
LIMITS = {
    "disk_used_percent": 90.0,
    "inodes_used_percent": 90.0,
    "memory_available_percent": 5.0,
    "clock_seconds": 1.0,
    "certificate_days": 14,
    "open_files_percent": 90.0,
}


class ActionModule(ActionBase):
    """Disk, inodes, memory, clock, failed units, open files, ports, certificates."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return `raceday`, a report per component of this host, and `clock_offset` in seconds."""
        super().run(tmp, task_vars)
        _, params = self.validate_argument_spec(ARGUMENTS)
        variables = task_vars or {}
        host, names = variables["inventory_hostname"], params["components"]
        if names is None:
            names = components_here(variables)
        if not names:
            return nothing_here(host)
        specs = [component_spec(variables, name) for name in names]
        limits = {**LIMITS, **variables["venue"].get("thresholds", {})}
        answer = ask(self, ["preflight_host", *(_call(spec, limits) for spec in specs)])
        if answer.problem:
            return result([no_answer(spec["name"], host, answer) for spec in specs])
        clock = measured_clock(self, answer, limits["clock_seconds"])
        checks = list(host_checks(host, answer.values, specs, limits, clock))
        spent = round(float(answer.values["ended"]) - float(answer.values["began"]), 3)
        pairs = zip(specs, answer.components, strict=True)
        reports = [
            {**_report(host, *pair, checks, limits), "seconds": max(spent, 0.0)} for pair in pairs
        ]
        return {**result(reports, strict=params["strict"]), "clock_offset": clock.offset}


class Clock(NamedTuple):
    """Between which seconds the host's clock is ahead of the controller's; how to get there."""

    lowest: float
    highest: float
    way_in: str = ""

    @property
    def offset(self) -> float:
        """The one nearest to zero, so a slow network is never taken for a wrong clock."""
        return round(min(max(0.0, self.lowest), self.highest), 3)

    def is_within(self, seconds: float) -> bool:
        """Whether it is known as well as this; behind a slow login any clock looks right."""
        return self.highest - self.lowest <= seconds


def measured_clock(action: ActionBase, answer: Answer, limit: float) -> Clock:
    """The host's clock; asked again, now that the connection is there, when it says too little."""
    clock = seen_clock(answer)
    if clock.is_within(limit):
        return clock
    again = ask(action, [])
    return clock if again.problem else seen_clock(again)


def seen_clock(answer: Answer) -> Clock:
    """The host looked at its clock at the beginning and the end, both between send and receive."""
    highest = float(answer.values["began"]) - answer.sent_at
    lowest = float(answer.values["ended"]) - answer.received_at
    return Clock(lowest, highest, answer.way_in)


def _call(spec: Mapping[str, Any], limits: Mapping[str, Any]) -> str:
    paths = shlex.join(str(path) for path in spec.get("certificates") or ())
    days = f"certificate_days={int(limits['certificate_days'])}\n"
    return f"{shell_variables(spec, check=True)}{days}preflight_component {paths}"


def _report(
    host: str,
    spec: Mapping[str, Any],
    seen: Mapping[str, str],
    host_checks: list[dict[str, Any]],
    limits: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        "component": spec["name"],
        "host": host,
        "state": "ok",
        "checks": [*host_checks, *_component_checks(host, spec, seen, limits)],
        "evidence": evidence(seen),
    }


def host_checks(
    host: str,
    values: Mapping[str, str],
    specs: list[dict[str, Any]],
    limits: Mapping[str, Any],
    clock: Clock,
) -> Iterator[dict[str, Any]]:
    """The checks of the host itself."""
    yield _root(host, values)
    yield _fullest("disk space", "disk:", host, values, limits["disk_used_percent"])
    yield _inodes(host, values, limits["inodes_used_percent"])
    yield _memory(host, values, limits["memory_available_percent"])
    yield _clock(host, clock, limits["clock_seconds"])
    yield _failed_units(host, values, specs)
    yield _share("open files", host, values.get("files", ""), limits["open_files_percent"])


def _root(host: str, values: Mapping[str, str]) -> dict[str, Any]:
    return check(
        "root",
        "uid 0",
        f"uid {values.get('uid')}",
        passed=values.get("uid") == "0",
        why=message("raceday is not root on %(host)s", host=host),
        following=message("Set ansible_become: true and let the user sudo."),
    )


def _inodes(host: str, values: Mapping[str, str], limit: float) -> dict[str, Any]:
    """Some file systems, btrfs among them, have no limit of inodes; df says "-" of them."""
    told = {key: text for key, text in values.items() if key.startswith("inodes:")}
    limited = {key: text for key, text in told.items() if text != "-"}
    if told and not limited:
        return check("inodes", f"at most {limit:.0f} % used", "no limit", passed=True)
    return _fullest("inodes", "inodes:", host, limited, limit)


def _fullest(
    name: str, prefix: str, host: str, values: Mapping[str, str], limit: float
) -> dict[str, Any]:
    shares = {
        key.removeprefix(prefix): _share_used(text)
        for key, text in values.items()
        if key.startswith(prefix)
    }
    mount, used = max(shares.items(), key=_badness, default=("?", math.nan))
    args = {"host": host, "mount": mount, "used": f"{used:.0f}", "limit": f"{limit:.0f}"}
    full = message(
        "The disk of %(host)s is %(used)s %% full at %(mount)s (limit %(limit)s %%)", **args
    )
    if name == "inodes":
        full = message(
            "%(host)s has used %(used)s %% of the inodes of %(mount)s (limit %(limit)s %%)", **args
        )
    return check(
        name,
        f"at most {limit:.0f} % used",
        f"{used:.0f} % of {mount}",
        passed=used <= limit,
        why=full,
        following=message(
            "Make room on %(host)s, for instance: journalctl --vacuum-size=200M", host=host
        ),
    )


def _share_used(text: str) -> float:
    return float(text) if text.isdigit() else math.nan


def _badness(share: tuple[str, float]) -> tuple[bool, float]:
    """What is not known is worse than what is full."""
    return math.isnan(share[1]), share[1]


def _memory(host: str, values: Mapping[str, str], limit: float) -> dict[str, Any]:
    total, available = (
        float(values.get(f"memory.Mem{key}", "nan")) for key in ("Total", "Available")
    )
    share = 100 * available / total
    args = {"host": host, "share": f"{share:.0f}", "limit": f"{limit:.0f}"}
    return check(
        "memory",
        f"at least {limit:.0f} % available",
        f"{share:.0f} % of {total / 1048576:.1f} GiB",
        passed=share >= limit,
        why=message(
            "%(host)s has only %(share)s %% of its memory available; it needs %(limit)s %%", **args
        ),
        following=message("See what holds it: systemd-cgtop -m on %(host)s", host=host),
    )


def _clock(host: str, clock: Clock, limit: float) -> dict[str, Any]:
    if not clock.is_within(limit):
        return _unknown_clock(host, clock, limit)
    offset = clock.offset
    args = {"host": host, "offset": f"{abs(offset):.1f}"}
    wrong = message("The clock of %(host)s is %(offset)s s ahead of this controller's", **args)
    if offset < 0:
        wrong = message("The clock of %(host)s is %(offset)s s behind this controller's", **args)
    return check(
        "clock",
        f"within {limit:g} s of the controller",
        f"{offset:+.3f} s",
        passed=abs(offset) <= limit,
        why=wrong,
        following=message("Set its clock and see that time synchronisation runs: timedatectl"),
    )


def _unknown_clock(host: str, clock: Clock, limit: float) -> dict[str, Any]:
    args = {"host": host, "lowest": f"{clock.lowest:+.1f}", "highest": f"{clock.highest:+.1f}"}
    return check(
        "clock",
        f"within {limit:g} s of the controller",
        f"between {clock.lowest:+.3f} s and {clock.highest:+.3f} s",
        passed=False,
        why=message(
            "The clock of %(host)s is not known well enough: "
            "it is between %(lowest)s s and %(highest)s s off",
            **args,
        ),
        following=message(
            "%(host)s answers too slowly to tell; try: time %(login)s date",
            host=host,
            login=login(host, clock.way_in),
        ),
    )


def _failed_units(
    host: str, values: Mapping[str, str], specs: list[dict[str, Any]]
) -> dict[str, Any]:
    """A failed unit of ours is no obstacle: the start will try it again."""
    if "failed_units" not in values:
        return _unknown_units(host)
    ours = {str(spec.get("unit", "")).removesuffix(".service") for spec in specs}
    listed = values["failed_units"].split()
    failed = [unit for unit in listed if unit.removesuffix(".service") not in ours]
    args = {"host": host, "units": ", ".join(failed)}
    return check(
        "failed units",
        "none",
        ", ".join(failed) or "none",
        passed=not failed,
        why=message("On %(host)s systemd says these units failed: %(units)s", **args),
        following=message("See: systemctl status %(units)s; then: systemctl reset-failed", **args),
    )


def _unknown_units(host: str) -> dict[str, Any]:
    return check(
        "failed units",
        "none",
        "not known",
        passed=False,
        why=message(
            "It is not known which units of %(host)s failed: systemctl gave no answer", host=host
        ),
        following=message("Log in to %(host)s and try: systemctl --failed", host=host),
    )


def _share(name: str, host: str, used_of: str, limit: float) -> dict[str, Any]:
    used, _, most = used_of.partition("/")
    share = 100 * int(used) / int(most) if used.isdigit() and most.isdigit() else float("nan")
    args = {"host": host, "what": name, "used": used, "most": most, "limit": f"{limit:.0f}"}
    return check(
        name,
        f"at most {limit:.0f} % of the limit",
        f"{used} of {most}",
        passed=share <= limit,
        why=message("%(host)s uses %(used)s of %(most)s %(what)s (limit %(limit)s %%)", **args),
        following=message("Raise the limit, or find out who holds them."),
    )


def _component_checks(
    host: str, spec: Mapping[str, Any], seen: Mapping[str, str], limits: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    for key, value in seen.items():
        kind, _, rest = key.partition(":")
        if kind == "port":
            yield port_check(host, spec, rest, value)
        elif kind == "certificate":
            yield _certificate(host, rest, value, limits["certificate_days"])
    if "unit_files" in seen:
        name = f"open files of {spec['name']}"
        yield _share(name, host, seen["unit_files"], limits["open_files_percent"])


def port_check(host: str, spec: Mapping[str, Any], port: str, listener: str) -> dict[str, Any]:
    """Whether a port is free, or held by the component itself."""
    kind, _, name = listener.partition(" ")
    if kind == "unknown":
        return _unknown_port(host, spec, port)
    if kind == "doubtful":
        return _doubtful_port(host, spec, port, name)
    stranger = "" if kind in {"", "ours"} else name or "a process that even root cannot see"
    args = {"host": host, "port": port, "stranger": stranger, "component": spec["name"]}
    return check(
        f"port {port}",
        f"free, or {spec['name']}'s own",
        listener or "free",
        passed=not stranger,
        why=message(
            "Port %(port)s on %(host)s, which %(component)s needs, is taken by %(stranger)s", **args
        ),
        following=message("Stop that process; it is not the unit raceday starts."),
    )


def _unknown_port(host: str, spec: Mapping[str, Any], port: str) -> dict[str, Any]:
    args = {"host": host, "port": port}
    return check(
        f"port {port}",
        f"free, or {spec['name']}'s own",
        "not known",
        passed=False,
        why=message(
            "It is not known who listens on port %(port)s of %(host)s: ss gave no answer", **args
        ),
        following=message("Log in to %(host)s and try: ss -ltnp (package iproute2)", host=host),
    )


def _doubtful_port(host: str, spec: Mapping[str, Any], port: str, name: str) -> dict[str, Any]:
    return check(
        f"port {port}",
        f"free, or {spec['name']}'s own",
        name,
        passed=False,
        why=message(
            "Port %(port)s on %(host)s is taken by %(listener)s, and whether that is "
            "%(component)s is not known: its status command does not say",
            port=port,
            host=host,
            listener=name,
            component=spec["name"],
        ),
        following=message(CLEAR_UP, host=host),
    )


def _certificate(host: str, path: str, value: str, days: int) -> dict[str, Any]:
    verdict, _, end = value.partition(" ")
    args = {"host": host, "path": path, "end": end or "?", "days": days}
    bad = message("The certificate %(path)s on %(host)s cannot be read", **args)
    if end:
        bad = message(
            "The certificate %(path)s on %(host)s ends %(end)s, in less than %(days)s days", **args
        )
    return check(
        f"certificate {path}",
        f"valid for {days} days",
        end or "unreadable",
        passed=verdict == "good",
        why=bad,
        following=message("Renew it before sales open."),
    )
