"""`raceday logs`: what a component's unit wrote on all its hosts."""

import json
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime

import click

from automation.commands.load import venue_of
from automation.errors import UsageError
from automation.exit_codes import ExitCode
from automation.procedures.logs import (
    HostLog,
    Line,
    LogRequest,
    find_component,
    follow_logs,
    read_logs,
    side_by_side,
)
from automation.run.events import Problem
from automation.settings import Settings
from automation.venue.site import Venue
from automation.views.aside import say
from automation.views.document import to_data
from automation.views.i18n import Translator
from automation.views.text import printable

LINES, LINES_SINCE = 100, 10_000


@click.command()
@click.argument("component")
@click.option("-f", "--follow", is_flag=True, help="Go on with new lines until Ctrl-C.")
@click.option(
    "--since", metavar="TEXT", default="", help="From then on: -1h, 08:30, yesterday, a date."
)
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(1, 1_000_000),
    help=f"The last so many of each host ({LINES}; with --since {LINES_SINCE}).",
)
@click.pass_obj
def logs(settings: Settings, component: str, follow: bool, since: str, lines: int | None) -> int:
    """Show the journal of COMPONENT's unit on all its hosts.

    Times are the venue's, in --since too. Needs no Python on the hosts. Exit code 20 when a host
    could not be asked (the others are shown), 130 when Ctrl-C ended --follow.
    """
    if follow and settings.format == "json":
        raise UsageError("--follow has no end, so it cannot be one JSON document")
    venue = venue_of(settings)
    found, unit = find_component(venue, component)
    request = LogRequest(found, unit, lines or (LINES_SINCE if since else LINES), since)
    printer = _Printer(found.hosts, Translator(settings.lang))
    if follow:
        return _follow(venue, request, printer)
    read = read_logs(venue, request, datetime.now(UTC))
    if settings.format == "json":
        _print_document(request, read)
    else:
        _print_for_people(read, printer)
    return ExitCode.NO_GO if any(log.problem for log in read) else ExitCode.GO


class _Printer:
    """Lines on stdout, with the host's name when there are several; troubles on stderr."""

    def __init__(self, hosts: Sequence[str], translate: Translator) -> None:
        self._width = max(map(len, hosts)) if len(hosts) > 1 else 0
        self._translate = translate

    def line(self, line: Line) -> None:
        prefix = f"{line.host:<{self._width}} | " if self._width else ""
        click.echo(f"{prefix}{printable(line.text)}")

    def problem(self, problem: Problem) -> None:
        said = f"{self._translate(problem.what)}: {self._translate(problem.why)}"
        say(f"raceday: {printable(said)}")
        if problem.next.text:
            say(f"  {printable(self._translate(problem.next))}")

    def nothing(self, host: str) -> None:
        said = self._translate("%(host)s has no line to show", host=host)
        say(f"raceday: {said}")


def _follow(venue: Venue, request: LogRequest, printer: _Printer) -> int:
    try:
        with closing(follow_logs(venue, request, datetime.now(UTC))) as lines:
            for line in lines:
                printer.problem(line.problem) if line.problem else printer.line(line)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    return ExitCode.NO_GO


def _print_for_people(read: Sequence[HostLog], printer: _Printer) -> None:
    for line in side_by_side(read):
        printer.line(line)
    for log in read:
        if log.problem:
            printer.problem(log.problem)
        elif not log.lines:
            printer.nothing(log.host)


def _print_document(request: LogRequest, read: Sequence[HostLog]) -> None:
    hosts = [
        {
            "name": log.host,
            "lines": [printable(line) for line in log.lines],
            "problem": to_data(log.problem),
        }
        for log in read
    ]
    document = {"component": request.component.name, "unit": request.unit, "hosts": hosts}
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))
