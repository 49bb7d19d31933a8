"""Which series a PromQL query looks at, so that their samples themselves can be asked for. Pure.

An expression shows a value at times at which its series had none: Prometheus takes the last sample
of five minutes for it, and a rate goes on over a hole (Prometheus, Querying basics, Staleness). So
what counts is how old the samples behind it were. Found are words, not meaning: a series that is
named is looked at, whatever the query does with it.
"""

import re
from collections.abc import Iterator

TOKEN = re.compile(
    r"""
      (?P<nothing>   \s+ | \#[^\n]* | \[[^]]*\] | "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | `[^`]*`
                   | (?:by|without|on|ignoring|group_left|group_right) \s* \([^()]*\)
                   | [-+*/%^(),<>=!~]+ | \d[\w.]* | \.\d+ )
    | (?P<hides>     @ | offset\b )
    | (?P<word>      (?:and|or|unless|bool|atan2|inf|nan|group_left|group_right)\b
                   | [a-z_:][\w:]* (?= \s* (?: \( | (?:by|without) \s* \( )) )
    | (?P<selector>  (?:[a-z_:][\w:]* \s*)?
                     \{(?: [^{}"'`] | "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | `[^`]*` )*\}
                   | [a-z_:][\w:]* )
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)


class Hidden(ValueError):
    """How old the samples behind a query are cannot be known."""


def selectors(query: str) -> tuple[str, ...]:
    """Every selector in it, once, without its range.

    Raises Hidden for what asks about another time (`offset`, `@`), and for what is no PromQL.
    """
    return tuple(dict.fromkeys(_found(query)))


def _found(query: str) -> Iterator[str]:
    at = 0
    while at < len(query):
        token = TOKEN.match(query, at)
        if token is None or token["hides"]:
            raise Hidden(query[at:])
        if token["selector"]:
            yield token["selector"].strip()
        at = token.end()
