"""`raceday exporter`: what holds now, for Prometheus."""

import select
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from functools import partial

import click

from automation.commands.load import venue_of
from automation.errors import RacedayError, UsageError
from automation.exit_codes import ExitCode
from automation.procedures.gates import Gates
from automation.procedures.now import read_now
from automation.procedures.session import utc_now
from automation.run.events import Message
from automation.settings import Settings
from automation.venue.site import Venue
from automation.views.aside import say
from automation.views.i18n import Translator
from automation.views.metrics import Now, serve_metrics

STOPPED_BY = (signal.SIGINT, signal.SIGTERM)


@click.command()
@click.option("--address", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=9877, show_default=True, help="0: any."
)
@click.option(
    "--probe-every",
    type=click.IntRange(0, 86_400),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="How often hosts are asked for the state of their gates while no run goes on; 0: never.",
)
@click.pass_obj
def exporter(settings: Settings, address: str, port: int, probe_every: int) -> int:
    """Serve the venue's figures to Prometheus until it is interrupted.

    Its last verdict, who holds the venue and until when, windows, what is due and why it waits, and
    the state of each component now: as a run has it while that holds the venue, else as the last
    probe found it. What is older than three probes is unknown. It changes nothing on any host, and
    a scrape never waits for one.

    \b
    Examples:
      raceday exporter
      raceday exporter --address 0.0.0.0 --port 9877
      raceday exporter --probe-every 300   asks the hosts only every five minutes
    """
    venue = venue_of(settings)
    gates = Gates(venue, settings.reports / venue.name, timedelta(seconds=probe_every))
    with _stopped() as is_stopped:
        used = _serve(settings, venue, gates, address, port)
        say(f"http://{address}:{used}/metrics")
        _probe(gates, Translator(settings.lang))
        while not is_stopped(probe_every or None):
            _probe(gates, Translator(settings.lang))
    return ExitCode.GO


def _serve(settings: Settings, venue: Venue, gates: Gates, address: str, port: int) -> int:
    try:
        return serve_metrics(address, port, partial(_read, settings, venue, gates))
    except OSError as error:
        raise UsageError(
            Message(
                "Nothing can be served at %(address)s:%(port)s: %(why)s.",
                {"address": address, "port": port, "why": error.strerror},
            ),
            "Choose another --address or --port.",
        ) from error


def _read(settings: Settings, venue: Venue, gates: Gates) -> Now:
    return read_now(venue, settings.reports / venue.name, utc_now(), gates)


def _probe(gates: Gates, translate: Translator) -> None:
    """When it fails every gate is unknown, and stderr says why; the next one may do better."""
    try:
        gates.probe()
    except RacedayError as error:
        say(translate(error.told[0]))
    except OSError as error:
        say(str(error))


@contextmanager
def _stopped() -> Iterator[Callable[[float | None], bool]]:
    """Whether a signal to stop came, or comes within so many seconds.

    A probe has handlers of its own for these signals; the byte that each one leaves tells all the
    same.
    """
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        theirs.setblocking(False)
        fd_before = signal.set_wakeup_fd(theirs.fileno())
        before = {number: signal.signal(number, lambda *_: None) for number in STOPPED_BY}
        try:
            yield lambda seconds: bool(select.select([ours], [], [], seconds)[0])
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(fd_before)
