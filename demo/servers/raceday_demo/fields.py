"""What customers send: one field at a time, with a sentence for each mistake."""

import re
from collections.abc import Mapping
from typing import Any

from .refusal import Refusal

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
TEST_PREFIX = "test-"


def json_object(body: object) -> Mapping[str, Any]:
    """The body as an object."""
    if not isinstance(body, dict):
        raise Refusal(400, "the body must be a JSON object")
    return body


def name(body: Mapping[str, Any], field: str) -> str:
    """A name: letters, digits, dot, dash and underscore, at most 80."""
    value = body.get(field)
    if not isinstance(value, str) or NAME.fullmatch(value) is None:
        raise Refusal(400, f"{field} must be a name, not {value!r}")
    return value


def whole_number(body: Mapping[str, Any], field: str) -> int:
    """A whole number above zero."""
    value = body.get(field)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise Refusal(400, f"{field} must be a whole number above zero, not {value!r}")
    return value


def flag(body: Mapping[str, Any], field: str) -> bool:
    """True or false; false when absent."""
    value = body.get(field, False)
    if not isinstance(value, bool):
        raise Refusal(400, f"{field} must be true or false, not {value!r}")
    return value


def identifier(text: str) -> int:
    """A number from a path."""
    if not text.isascii() or not text.isdigit() or len(text) > 18:  # noqa: PLR2004 - fits a bigint
        raise Refusal(404, f"there is no number {text!r}")
    return int(text)


def is_test(value: str) -> bool:
    """Whether a race, account or card exists for tests only."""
    return value.startswith(TEST_PREFIX)


def keep_apart(*, test: bool, **names: str) -> None:
    """Refuse a test on anything real, and a real sale on anything made for tests."""
    for field, value in names.items():
        if is_test(value) != test:
            wanted = f"be named {TEST_PREFIX}..." if test else f"not be named {TEST_PREFIX}..."
            raise Refusal(400, f"{field} must {wanted} when test is {str(test).lower()}")
