"""`raceday test`: functional tests, the rehearsal of a day's sales, the failover drill."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import click
from rich.table import Table

from automation.commands.ask import (
    confirm_change,
    reason_for,
    refuse_in_blackout,
    refuse_while_selling,
)
from automation.commands.load import chosen_hosts, nearest, venue_of
from automation.commands.options import run_options
from automation.commands.show import run_and_show, show
from automation.errors import Refused, UsageError
from automation.exit_codes import ExitCode
from automation.procedures.rehearsal import (
    MOST_PURCHASES,
    Drill,
    Profile,
    plan_drill,
    plan_rehearsal,
)
from automation.procedures.session import Request, probe_now, utc_now
from automation.procedures.status import plan_status
from automation.procedures.test import NamedTest, functional_tests, load_tests, plan_test
from automation.run.events import Message
from automation.run.leading import DOWN
from automation.run.plan import Plan
from automation.run.state import State, StepState
from automation.settings import Settings
from automation.venue.kinds import DRILL, REHEARSAL
from automation.venue.site import Venue
from automation.views.i18n import Translator

CLOSE_FIRST = Message(
    "A test would stand among customers' bets. "
    'Close sales first: raceday sales close --reason "..."'
)
USUAL = Profile()
LOADS = (REHEARSAL, DRILL)
OPTIONS = {"": (), REHEARSAL: ("--rate", "--for", "--burst"), DRILL: ("--rate", "--limit")}
LACKS = {
    REHEARSAL: Message("it wants a load balancer in front and a role with tasks/rehearse.yml"),
    DRILL: Message("it wants two hosts behind a load balancer and a role with tasks/rehearse.yml"),
}
QUESTIONS = {
    REHEARSAL: "Rehearse sales of %(names)s?",
    DRILL: "Stop one host under load of %(names)s?",
}
LONGEST = 600.0
NO_TIME = Message("it is no time such as 30s or 2m, of 1s to 10m")

type Tests = Mapping[str, NamedTest]


class Duration(click.ParamType[float]):
    """Seconds, written as 30, 30s or 2m."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The seconds. Fails with a sentence on anything else, and on more than ten minutes."""
        found = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m)?", str(value))
        seconds = float(found[1]) * (60 if found[2] == "m" else 1) if found else 0.0
        if not 1 <= seconds <= LONGEST:
            self.fail(str(NO_TIME), param, ctx)
        return seconds


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--list", "only_list", is_flag=True, help="Show what would be tested, and stop.")
@click.option("-l", "--limit", multiple=True, metavar="HOST", help="Only these hosts.")
@click.option(
    "--rate",
    type=click.FloatRange(1, 500),
    help=f"rehearsal, drill: purchases a second on each channel [{USUAL.rate:g}].",
)
@click.option(
    "--for",
    "seconds",
    type=Duration(),
    metavar="TIME",
    help=f"rehearsal: how long, such as 30s or 2m [{USUAL.seconds:g}s].",
)
@click.option(
    "--burst",
    type=click.FloatRange(1, 20),
    help="rehearsal: so many times the rate in the last fifth of the time.",
)
@click.option("--break-glass", is_flag=True, help="Although it is a blackout; wants --reason.")
@click.option("--reason", default="", metavar="TEXT", help="Why the glass is broken; recorded.")
@run_options
@click.pass_obj
def test(  # noqa: PLR0913, PLR0917  # one parameter per option
    settings: Settings,
    names: tuple[str, ...],
    only_list: bool,
    limit: tuple[str, ...],
    rate: float | None,
    seconds: float | None,
    burst: float | None,
    break_glass: bool,
    reason: str,
    check: bool,
    yes: bool,
    request: Request,
) -> int:
    """Test what runs, as customers would use it.

    By what they get (bet, ticket, kiosk, links to all partners), or by component.
    Every test cleans up after itself, proves that the balance is as before, and looks for what an
    earlier test may have left. While sales are open it is refused, and in a blackout of the venue
    file too, unless --break-glass says why.

    rehearsal buys at a set rate on every channel and says how it goes: smooth, slow or congested.
    drill stops one host under load, sees that sales go on, and starts it again.

    \b
    Examples:
      raceday test --list
      raceday test bet ticket
      raceday test wagering --limit wagering2
      raceday test rehearsal --rate 50 --for 2m --burst 3
      raceday test drill wagering
    """
    venue = venue_of(settings)
    tests = {**functional_tests(venue), **load_tests(venue)}
    if only_list:
        return _show_list(settings, {name: _known(tests, name) for name in names} or tests)
    why = reason_for({"--break-glass": break_glass}, reason)
    kind, named = _named(venue, names)
    given = {"--rate": rate, "--for": seconds, "--burst": burst, "--limit": kind and limit}
    _check_options(kind, [option for option, value in given.items() if value])
    profile = Profile(rate or USUAL.rate, seconds or USUAL.seconds, burst or USUAL.burst)
    chosen = tuple(chosen_hosts(venue, named, limit))
    plan = _plan(venue, kind, chosen, limit, profile)
    if not break_glass:
        refuse_in_blackout(venue, utc_now())
    seen = probe_now(venue, plan_status(venue), ())
    _refuse_what_is_down(seen, plan)
    refuse_while_selling(seen, CLOSE_FIRST)
    if kind == DRILL:
        _refuse_without_spare(seen, chosen)
    if not check:
        question = QUESTIONS.get(kind, "Test %(names)s?")
        confirm_change(Translator(settings.lang)(question, names=", ".join(chosen)), yes=yes)
    plan = replace(plan, check=check, break_glass=break_glass, reason=why)
    return run_and_show(settings, venue, plan, request)


def _named(venue: Venue, names: Sequence[str]) -> tuple[str, Mapping[str, tuple[str, ...]]]:
    """Rehearsal, drill, or nothing for functional tests; and what each name means.

    Without a name all components are meant.
    """
    functional, loads = functional_tests(venue), load_tests(venue)
    kind = names[0] if names and names[0] in LOADS else ""
    if kind and kind not in loads:
        raise UsageError(
            Message(
                "There is no %(kind)s of this venue: %(lacks)s.",
                {"kind": kind, "lacks": LACKS[kind]},
            )
        )
    if any(name in LOADS for name in names[1:]):
        raise UsageError(
            "rehearsal and drill come first and alone, then the names of what they are about.",
            "For instance: raceday test drill wagering",
        )
    every = loads[kind].components if kind else _testable(venue, functional)
    tests = {**functional, **loads}
    named = {name: _known(tests, name).components for name in names[bool(kind) :]}
    strangers = [name for meant in named.values() for name in meant if name not in every]
    if strangers:
        raise UsageError(
            Message(
                "There is no %(kind)s of %(component)s: %(lacks)s.",
                {"kind": kind, "component": strangers[0], "lacks": LACKS[kind]},
            ),
            Message("There is one of: %(names)s.", {"names": ", ".join(every)}),
        )
    return kind, named or {"": every}


def _testable(venue: Venue, tests: Tests) -> tuple[str, ...]:
    return tuple(name for name in venue.components if name in tests)


def _known(tests: Tests, name: str) -> NamedTest:
    """The test of a name. Raises UsageError with the nearest one."""
    if name not in tests:
        what = Message("There is no test %(name)s.", {"name": name})
        raise UsageError(what, nearest(name, tuple(tests)))
    return tests[name]


def _check_options(kind: str, given: Sequence[str]) -> None:
    """Raises UsageError for an option that this kind of test does not have."""
    strange = [option for option in given if option not in OPTIONS[kind]]
    if strange:
        owners = (name for name in LOADS if strange[0] in OPTIONS[name])
        usable = ", ".join(f"raceday test {name}" for name in owners)
        raise UsageError(
            Message("%(option)s makes no sense here.", {"option": strange[0]}),
            Message("It goes with %(usable)s.", {"usable": usable}),
        )


def _plan(
    venue: Venue, kind: str, names: Sequence[str], hosts: Sequence[str], profile: Profile
) -> Plan:
    if kind == REHEARSAL:
        if profile.purchases > MOST_PURCHASES:
            raise UsageError(
                Message(
                    "That would be %(purchases)s purchases on each channel; %(most)s are the most.",
                    {"purchases": f"{profile.purchases:.0f}", "most": MOST_PURCHASES},
                ),
                "A wagering system has only so many numbers a day. Give a lower --rate or --for.",
            )
        return plan_rehearsal(venue, names, profile)
    if kind == DRILL:
        drills = [Drill(venue.components[name], _stopped(venue, name, hosts)) for name in names]
        return plan_drill(venue, drills, profile.rate)
    return plan_test(venue, names, hosts)


def _stopped(venue: Venue, name: str, limit: Sequence[str]) -> str:
    """The host that the drill stops: the one of --limit, else the first."""
    hosts = venue.components[name].hosts
    chosen = [host for host in hosts if host in limit]
    if len(chosen) > 1:
        raise UsageError(
            Message(
                "A drill stops one host of %(name)s, not %(count)s.",
                {"name": name, "count": len(chosen)},
            ),
            "Give one --limit HOST.",
        )
    return (chosen or hosts)[0]


def _refuse_what_is_down(seen: State, plan: Plan) -> None:
    """Raises Refused when nothing of a component runs on the hosts that are to be tested."""
    down = [item.step.component for item in seen.steps.values() if _is_down(item, plan)]
    if down:
        raise Refused(
            Message(
                "Nothing runs of %(components)s; nothing was touched.",
                {"components": ", ".join(down)},
            ),
            "To open the venue: raceday morning",
        )


def _is_down(seen: StepState, plan: Plan) -> bool:
    tested = (step for step in plan.steps.values() if not step.is_look)
    own = (step for step in tested if step.owner == seen.step.component)
    hosts = {host for step in own for host in step.hosts} & seen.hosts.keys()
    return bool(hosts) and all(seen.hosts[host].evidence.get("active") in DOWN for host in hosts)


def _refuse_without_spare(seen: State, names: Sequence[str]) -> None:
    """Raises Refused when a host is not ready: one that is stopped must be missed by nobody."""
    for item in seen.steps.values():
        bad = [host for host, result in item.hosts.items() if not result.good]
        if item.step.component in names and bad:
            raise Refused(
                Message(
                    "%(host)s of %(component)s is not ready; nothing was touched.",
                    {"host": bad[0], "component": item.step.component},
                ),
                "A drill needs all of its hosts. What is wrong: raceday status",
            )


def _show_list(settings: Settings, tests: Tests) -> int:
    if settings.format == "json":
        found = {name: vars(test) for name, test in tests.items()}
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return ExitCode.GO
    same: dict[NamedTest, list[str]] = {}
    for name, test in tests.items():
        same.setdefault(test, []).append(name)
    translate = Translator(settings.lang)
    heads = (translate("name"), translate("components"), translate("check"))
    table = Table(*heads, box=None, pad_edge=False)
    for test, names in same.items():
        for number, text in enumerate(test.checks):
            first = ("", "") if number else (", ".join(names), ", ".join(test.components))
            table.add_row(*first, translate.check_name(text))
    show(table)
    return ExitCode.GO
