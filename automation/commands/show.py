"""What a run shows while it goes on, and what it shows at the end."""

import sys

import click
from rich.console import Console, RenderableType

from automation.procedures.session import Outcome, utc_now
from automation.settings import Settings
from automation.views.files import PAGE
from automation.views.i18n import Translator
from automation.views.report import dump_report
from automation.views.summary import render_summary
from automation.views.watch import View, open_view


def watching(settings: Settings) -> View:
    """The view that follows a run, on stderr so that stdout stays the result's."""
    return open_view(sys.stderr, settings.lang, settings.format, utc_now)


def show_outcome(settings: Settings, outcome: Outcome) -> None:
    """The end of a run: the report itself with --format json, else what a person needs."""
    if settings.format == "json":
        click.echo(dump_report(outcome.report), nl=False)
    else:
        page = outcome.folder / PAGE
        show(render_summary(outcome.report, page, Translator(settings.lang)))


def show(*renderables: RenderableType) -> None:
    """Print for people, on stdout."""
    console = Console(highlight=False, markup=False, emoji=False)
    for renderable in renderables:
        console.print(renderable)
