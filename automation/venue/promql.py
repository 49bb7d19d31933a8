"""Which series a PromQL query looks at, so that their samples themselves can be asked for. Pure.

An expression shows a value at times at which its series had none: Prometheus takes the last sample
of five minutes for it, and a rate goes on over a hole (Prometheus, Querying basics, Staleness). So
what counts is how old the samples behind it were. Found are words, not meaning: a series that is
named is looked at, whatever the query does with it.
"""

import re
from collections.abc import Iterator

from automation.run.events import Message
from automation.venue.document import quoted

TOKEN = re.compile(
    r"""
      (?P<nothing>   \s+ | \#[^\n]* | \[[^]]*\] | "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | `[^`]*`
                   | (?:by|without|on|ignoring|group_left|group_right) \s* \([^()]*\)
                   | [-+*/%^,<>=!~]+ | \d[\w.]* | \.\d+ )
    | (?P<hides>     @ | offset\b )
    | (?P<bracket>   [()] )
    | (?P<word>      (?:and|or|unless|bool|atan2|inf|nan|group_left|group_right)\b
                   | [a-z_:][\w:]* (?= \s* (?: \( | (?:by|without) \s* \( )) )
    | (?P<selector>  (?:[a-z_:][\w:]* \s*)?
                     \{(?: [^{}"'`] | "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | `[^`]*` )*\}
                   | [a-z_:][\w:]* )
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)


HIDES = Message("offset and @ hide how old its samples are; ask about now")
NAMELESS = Message("it names no metric, so nothing tells how old its answer is")


class Unfit(ValueError):
    """How old the samples behind a query are cannot be known; `why` says what is wrong with it."""

    def __init__(self, why: Message) -> None:
        super().__init__(str(why))
        self.why = why


def selectors(query: str) -> tuple[str, ...]:
    """Every selector in it, once, without its range; at least one.

    Raises Unfit for what asks about another time (`offset`, `@`) or about nothing, and where a
    bracket or a quote has no other half. Whether functions and types are right only a server knows.
    """
    found = tuple(dict.fromkeys(_found(query)))
    if not found:
        raise Unfit(NAMELESS)
    return found


def _found(query: str) -> Iterator[str]:
    at, open_at = 0, list[int]()
    while at < len(query):
        token = TOKEN.match(query, at)
        if token is None or (token["bracket"] == ")" and not open_at):
            raise _unread(query, at)
        if token["hides"]:
            raise Unfit(HIDES)
        if token["bracket"] == "(":
            open_at.append(at)
        elif token["bracket"]:
            open_at.pop()
        elif token["selector"]:
            yield token["selector"].strip()
        at = token.end()
    if open_at:
        raise _unread(query, open_at[-1])


def _unread(query: str, at: int) -> Unfit:
    text = "it cannot be read from %(rest)s on; a bracket or a quote there has no other half"
    return Unfit(Message(text, {"rest": quoted(query[at:])}))
