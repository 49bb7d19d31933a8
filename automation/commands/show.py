"""What a run shows while it goes on, and what it shows at the end."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from automation.procedures.session import Outcome
from automation.run.events import Event
from automation.run.loop import Observer
from automation.run.plan import Plan
from automation.run.state import State
from automation.settings import Settings

REPORT = "report.json"


@contextmanager
def watching(settings: Settings, plan: Plan) -> Iterator[Sequence[Observer]]:
    def observe(state: State, event: Event) -> None:
        click.echo(f"{type(event).__name__} {str(event)[:300]}", err=True)

    yield [observe]


def show_outcome(settings: Settings, outcome: Outcome) -> None:
    """The end of a run: the report itself with --format json, else what a person needs."""
    if settings.format == "json":
        report = json.loads((outcome.folder / REPORT).read_text(encoding="utf-8"))
        click.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        click.echo(str(outcome.state.verdict))
        click.echo(outcome.folder)
