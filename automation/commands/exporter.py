"""`raceday exporter`: what holds now, for Prometheus."""

import signal
from functools import partial

import click

from automation.commands.load import venue_of
from automation.errors import UsageError
from automation.exit_codes import ExitCode
from automation.procedures.now import read_now
from automation.procedures.session import utc_now
from automation.run.events import Message
from automation.settings import Settings
from automation.venue.site import Venue
from automation.views.metrics import Now, serve_metrics

STOPPED_BY = (signal.SIGINT, signal.SIGTERM)


@click.command()
@click.option("--address", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=9877, show_default=True, help="0: any."
)
@click.pass_obj
def exporter(settings: Settings, address: str, port: int) -> int:
    """Serve the venue's figures to Prometheus until it is interrupted.

    Its last verdict and the state of each component, who holds the venue and until when, windows,
    what is due and why it waits. Only reads what is on record; asks no host.

    \b
    Examples:
      raceday exporter
      raceday exporter --address 0.0.0.0 --port 9877
    """
    venue = venue_of(settings)
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPPED_BY)
    try:
        used = serve_metrics(address, port, partial(_read, settings, venue))
    except OSError as error:
        raise UsageError(
            Message(
                "Nothing can be served at %(address)s:%(port)s: %(why)s.",
                {"address": address, "port": port, "why": error.strerror},
            ),
            "Choose another --address or --port.",
        ) from error
    click.echo(f"http://{address}:{used}/metrics", err=True)
    signal.sigwait(STOPPED_BY)
    return ExitCode.GO


def _read(settings: Settings, venue: Venue) -> Now:
    return read_now(venue, settings.reports / venue.name, utc_now())
