"""What a run shows while it goes on, and what it shows at the end."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console, RenderableType

from automation.execute.diffs import Diff
from automation.procedures.interrupts import Interrupts
from automation.procedures.records import LOCK
from automation.procedures.recover import left_behind, unreadable_runs
from automation.procedures.session import (
    Outcome,
    Request,
    exit_code,
    keep_evidence,
    run_plan,
    utc_now,
    wants_evidence,
)
from automation.run.events import Message
from automation.run.ledger import Ledger
from automation.run.lock import Holder, read_holder
from automation.run.loop import Observer
from automation.run.plan import Plan
from automation.settings import Settings
from automation.venue.site import Venue
from automation.views.aside import say
from automation.views.explain import explain_holder
from automation.views.files import PAGE
from automation.views.i18n import Translator
from automation.views.leftovers import leftovers, unread
from automation.views.live import bullets
from automation.views.notify import open_notifier
from automation.views.report import dump_report
from automation.views.sentences import BACK_IN, rotation_sentences
from automation.views.summary import render_summary
from automation.views.text import printable
from automation.views.times import Clock
from automation.views.watch import View, open_view

UNBROKEN = 100_000  # columns; more than anything that is printed needs


def watching(settings: Settings) -> View:
    """The view that follows a run, on stderr so that stdout stays the result's."""
    return open_view(sys.stderr, settings.lang, settings.format, utc_now)


def run_and_show(settings: Settings, venue: Venue, plan: Plan, request: Request) -> int:
    """Run a plan while somebody watches, show what came of it, and return the exit code.

    What only takes time and changes none of that comes last, with the venue free again: a signal
    ends it.
    """
    reports, translate = settings.reports / venue.name, Translator(settings.lang)
    if plan.procedure != "recover" and not read_holder(reports / LOCK):
        tell_leftovers(left_behind(reports), translate)
        tell_unreadable(unreadable_runs(reports), translate)
    kept = replace(request, keep_artifacts=request.keep_artifacts or settings.verbose > 0)
    notifier = open_notifier(settings, plan, os.environ)
    with Interrupts() as interrupts:
        try:
            with watching(settings) as view:
                observers: list[Observer] = [view, notifier] if notifier else [view]
                outcome = run_plan(settings, venue, plan, kept, observers, interrupts)
            show_outcome(settings, outcome)
            interrupts.until_next(lambda: _keep_evidence(venue, outcome, translate))
        finally:
            if notifier:
                notifier.close()
    return exit_code(outcome.state)


def _keep_evidence(venue: Venue, outcome: Outcome, translate: Translator) -> None:
    if failed := wants_evidence(outcome):
        hosts = dict.fromkeys(host for names in failed.values() for host in names)
        said = "Evidence is being collected from %(hosts)s; Ctrl-C ends that."
        say(translate(said, hosts=", ".join(hosts)))
        keep_evidence(venue, outcome)


def left_now(reports: Path, holder: Holder | None) -> Ledger:
    """What is to be put back; nothing while a run holds the venue, which may still do that."""
    return Ledger() if holder else left_behind(reports)


def out_lines(
    holder: Holder | None,
    out: Mapping[str, Sequence[str]],
    left: Iterable[Message],
    clock: Clock,
) -> Iterator[RenderableType]:
    """Who holds the venue, who is out of rotation, what dead runs have left, and the ways back."""
    held = explain_holder(holder, clock).sentences if holder else ()
    left = tuple(left)
    told = [("·", item) for item in held]
    told += [("▲", item) for item in rotation_sentences(out)]
    told += [("→", BACK_IN)] if out and not (left or holder) else []
    told += [("✗", item) for item in left]
    yield from bullets((mark, clock.translate(item)) for mark, item in told)


def tell_leftovers(left: Ledger, translate: Translator) -> None:
    """What earlier runs have taken and not put back, on stderr."""
    for said in leftovers(left):
        say(translate(said))


def tell_unreadable(broken: Sequence[str], translate: Translator) -> None:
    """Runs that may have left something nobody knows of, on stderr."""
    for said in unread(broken):
        say(translate(said))


def show_outcome(settings: Settings, outcome: Outcome) -> None:
    """The end of a run: the report itself with --format json, else what a person needs.

    Diffs go to stderr, before it.
    """
    for diff in outcome.diffs:
        _show_diff(diff)
    if settings.format == "json":
        click.echo(dump_report(outcome.report), nl=False)
    else:
        page = outcome.folder / PAGE
        show(render_summary(outcome.report, page, Translator(settings.lang)))


def _show_diff(diff: Diff) -> None:
    """As Ansible shows it: whose, then the lines, with what is control and colour taken out."""
    say(f"{printable(diff.host)}: {printable(diff.task)}")
    for line in diff.lines:
        tone = {"+": "green", "-": "red"}.get(line[:1])
        click.secho(f"  {printable(line)}", fg=tone, err=True)


def show(*renderables: RenderableType, err: bool = False) -> None:
    """Print for people, on stdout unless it is no result; whole lines where nobody looks on."""
    console = Console(highlight=False, markup=False, emoji=False, stderr=err)
    if not console.is_terminal:
        console.width = UNBROKEN
    for renderable in renderables:
        console.print(renderable, crop=False)
