"""Text that came from hosts or people, made safe to show: it stays data, wherever it is shown."""

import re
import unicodedata

_ESCAPE_SEQUENCE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])"
)
_JOINERS = "\u200c\u200d"  # needed to write Persian, Hindi and emoji
_UNSHOWN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


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
    if char.isspace() and char not in "\u2028\u2029":
        return " "
    if unicodedata.category(char) in _UNSHOWN and char not in _JOINERS:
        return "\ufffd"
    return char
