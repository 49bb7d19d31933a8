"""`raceday sales`: whether customers can buy, and the commands that stop and start it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from automation.commands.ask import confirm_change, reason_for
from automation.commands.cut import close_whoever_holds
from automation.commands.load import venue_of
from automation.commands.options import run_options
from automation.commands.show import left_now, out_lines, run_and_show, show
from automation.errors import Refused, UsageError
from automation.exit_codes import ExitCode
from automation.procedures.records import LOCK
from automation.procedures.sales import (
    closed_by,
    plan_close,
    plan_open,
    plan_sales_status,
    runs_of_the_day,
)
from automation.procedures.session import Request, probe_now, utc_now
from automation.procedures.standing import Standing, newest_verdict
from automation.procedures.status import out_of_rotation, unserved
from automation.procedures.steps import fronts
from automation.run.events import Message
from automation.run.lock import read_holder
from automation.run.verdict import Finding, unheard
from automation.settings import Settings
from automation.venue.site import Venue
from automation.views.document import Closing, to_data
from automation.views.i18n import Translator
from automation.views.leftovers import leftovers
from automation.views.live import bullets, problem_lines
from automation.views.sales import view_closing
from automation.views.sentences import (
    NOW,
    OPEN_AGAIN,
    OPEN_ANEW,
    closing_sentence,
    unserved_sentences,
)
from automation.views.times import Clock


@click.group()
def sales() -> None:
    """Whether customers can buy; stop that at once, or let them again."""


@sales.command()
@click.pass_obj
def status(settings: Settings) -> int:
    """Ask every load balancer whether sales are open.

    Nothing is changed. It also tells who closed sales, when and why, who holds the venue, which
    servers are out of rotation, what nobody can buy because every server is seen down, and what a
    dead run has left.
    Exit code 0 when it is known, 20 when not.
    """
    venue = _with_front(settings)
    seen, translate = probe_now(venue, plan_sales_status(venue), ()), Translator(settings.lang)
    said, out, missed = seen.sales_said(), out_of_rotation(venue, seen), unserved(venue, seen)
    reports = settings.reports / venue.name
    holder, clock = read_holder(reports / LOCK), Clock(venue.time_zone, translate)
    left = tuple(leftovers(left_now(reports, holder)))
    closing = _closing(reports) if said == "closed" else None
    if settings.format == "json":
        told = {
            "sales": said or "unknown",
            "closed_by": to_data(closing),
            "errors": [*map(_error, unheard(seen))],
            "held_by": to_data(holder),
            "out_of_rotation": out,
            "unserved": missed,
            "left": to_data(left),
        }
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        show(Text(translate(NOW[said])), *bullets(problem_lines(unheard(seen), translate)))
        show(*_missed(missed, translate))
        show(*_closed(closing, clock, go_holds=_go_that_stands(settings, venue) is not None))
        show(*out_lines(holder, out, left, clock))
    return ExitCode.GO if said else ExitCode.NO_GO


def _missed(missed: Mapping[str, Sequence[str]], translate: Translator) -> Iterator[Table]:
    for said, following in unserved_sentences(missed):
        yield from bullets([("✗", translate(said)), ("→", translate(following))])


def _closing(reports: Path) -> Closing | None:
    run = closed_by(runs_of_the_day(reports))
    return view_closing(run) if run else None


def _closed(closing: Closing | None, clock: Clock, *, go_holds: bool) -> Iterator[RenderableType]:
    if closing:
        said = closing_sentence(closing, f"{clock.date(closing.at)} {clock.seconds(closing.at)}")
        following = OPEN_AGAIN if go_holds else OPEN_ANEW
        yield from bullets([("·", clock.translate(said)), ("→", clock.translate(following))])


def _error(finding: Finding) -> Mapping[str, Any]:
    return {"host": finding.host, **to_data(finding.problem)}


@sales.command()
@click.option("--reason", required=True, metavar="TEXT", help="Why; it is recorded.")
@run_options
@click.pass_obj
def close(settings: Settings, reason: str, check: bool, yes: bool, request: Request) -> int:
    """Stop every sale at once, and prove that it is stopped.

    On every channel a sale is tried, which must be refused.
    Who did it, when and why are in the journal and the report.
    While another run holds the venue, or nothing can be recorded, sales are closed all the same;
    a restart that goes on among customers is then interrupted, and it is closed again and recorded.

    \b
    Example:
      raceday sales close --yes --reason "stewards' inquiry, race 5"
    """
    why = reason_for({"raceday sales close": True}, reason)
    venue = _with_front(settings)
    plan = replace(plan_close(venue), check=check, reason=why)
    if check:
        return run_and_show(settings, venue, plan, request)
    question = "Stop all sales of %(venue)s now?"
    confirm_change(Translator(settings.lang)(question, venue=venue.title), yes=yes)
    return close_whoever_holds(settings, venue, plan, request)


@sales.command(name="open")
@click.option("--reason", required=True, metavar="TEXT", help="Why; it is recorded.")
@run_options
@click.pass_obj
def open_(settings: Settings, reason: str, check: bool, yes: bool, request: Request) -> int:
    """Open sales again. A GO that still holds is needed, and every gate is probed before.

    What was out of rotation when sales were closed stays out, and is named.

    \b
    Example:
      raceday sales open --reason "inquiry closed"
    """
    why = reason_for({"raceday sales open": True}, reason)
    venue = _with_front(settings)
    reports = settings.reports / venue.name
    runs = runs_of_the_day(reports)
    ends = _end_of_the_go(settings, venue)
    if not check:
        question = "Open sales of %(venue)s?"
        confirm_change(Translator(settings.lang)(question, venue=venue.title), yes=yes)
        ends = _end_of_the_go(settings, venue)
    plan = replace(plan_open(venue, ends, runs), check=check, reason=why)
    request = replace(request, is_current=lambda: runs_of_the_day(reports) == runs)
    return run_and_show(settings, venue, plan, request)


def _end_of_the_go(settings: Settings, venue: Venue) -> str:
    """When the GO that stands is over, UTC ISO 8601. Raises Refused when there is none."""
    standing = _go_that_stands(settings, venue)
    if standing is None:
        raise Refused(
            "There is no GO that still holds for this venue; nothing was touched.",
            "Run raceday morning: it opens sales on GO.",
        )
    return standing.verdict.valid_until


def _go_that_stands(settings: Settings, venue: Venue) -> Standing | None:
    standing = newest_verdict(settings.reports / venue.name)
    return standing if standing and standing.proves(venue.digest, utc_now()) else None


def _with_front(settings: Settings) -> Venue:
    venue = venue_of(settings)
    if not fronts(venue):
        raise UsageError(
            Message(
                "%(venue)s has no load balancer that raceday could open or close.",
                {"venue": venue.title},
            ),
            "Say which component stands behind which: restart: {behind: {component: ...}}.",
        )
    return venue
