"""The question before anything is changed."""

import sys

import click

from automation.errors import Refused


def confirm_change(question: str, *, yes: bool) -> None:
    """Go on only if somebody said yes. Raises Refused without a terminal, and on a no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refused(
            "Nobody can be asked here, because this is not a terminal; nothing was touched.",
            "Give --yes if it shall go on without a question.",
        )
    if not click.confirm(question, err=True):
        raise Refused("You said no; nothing was touched.")
