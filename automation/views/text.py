"""Text that came from hosts or people, made safe to show: it stays data, wherever it is shown."""

import re

_ESCAPE_SEQUENCE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])"
)
NO_BREAK = "\u00a0"
_KEPT = f"{NO_BREAK}\u200c\u200d"  # the joiners are needed to write Persian, Hindi and emoji
_SEPARATORS = "\u2028\u2029"


def printable(text: str, limit: int | None = None) -> str:
    """One line without escape sequences, control characters or marks that turn its direction.

    What is taken out leaves U+FFFD behind, so that it can be seen that something was there. With
    `limit`, at most so many characters and the number of those left out.
    """
    line = "".join(_shown(char) for char in _ESCAPE_SEQUENCE.sub("", text))
    if limit is None or len(line) <= limit:
        return line
    return f"{line[:limit]}… (+{len(line) - limit})"


def tail(log: str, lines: int) -> tuple[str, ...]:
    """The last lines of a log, as they came."""
    return tuple(log.rstrip().splitlines()[-lines:])


def _shown(char: str) -> str:
    if char.isprintable() or char in _KEPT:
        return char
    return " " if char.isspace() and char not in _SEPARATORS else "\ufffd"
