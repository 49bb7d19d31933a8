"""What is said to people beside the result, on stderr: whole words on a terminal, else as it is."""

import re
import sys
from collections.abc import Iterator
from typing import TextIO

import click
from rich.cells import cell_len
from rich.console import Console

_COMMAND = re.compile(
    r"""\S*?(?:(?:raceday|systemctl)(?:[ ][A-Za-z0-9_-]+(?:[.][A-Za-z0-9_-]+)*){1,3}|--[a-z-]+)
    (?:[ ]--[a-z-]+|[ ]"[^"]*"|[ ][A-Z]{2,}\b)*\S*""",
    re.VERBOSE,
)
_CHUNK = re.compile(rf"{_COMMAND.pattern}|\S+", re.VERBOSE)


def say(text: str, stream: TextIO | None = None) -> None:
    """Print a sentence on stderr, wrapped if that is a terminal; on another `stream` alike."""
    out = stream or sys.stderr
    click.echo(_fitted(text, out), file=out)


def ask(question: str) -> bool:
    """Whether somebody said yes; the question is on stderr."""
    shown = _fitted(f"{question} [y/N]", sys.stderr)
    return click.confirm(shown, show_default=False, err=True)


def _fitted(text: str, stream: TextIO) -> str:
    return wrapped(text, Console(file=stream).width) if stream.isatty() else text


def wrapped(text: str, width: int) -> str:
    """Each line broken between words to `width` columns, and what goes on indented like its start.

    A command that fits on a line of its own is one word; a word that is wider, such as a path,
    stays whole.
    """
    return "\n".join("\n".join(_lines(line, width)) for line in text.split("\n"))


def _lines(line: str, width: int) -> Iterator[str]:
    if cell_len(line) <= width:
        yield line
        return
    indent = line[: len(line) - len(line.lstrip())]
    now = indent
    for word in _words(line, width - len(indent)):
        longer = f"{now} {word}" if now.strip() else indent + word
        if now.strip() and cell_len(longer) > width:
            yield now
            longer = indent + word
        now = longer
    yield now


def _words(line: str, width: int) -> Iterator[str]:
    for found in _CHUNK.finditer(line):
        yield from [found[0]] if cell_len(found[0]) <= width else found[0].split()
