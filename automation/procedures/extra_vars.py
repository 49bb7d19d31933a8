"""The variables that an operator gives to Ansible (`-e`): as a run records them, and resumes."""

from collections.abc import Sequence
from pathlib import Path

from automation.errors import UsageError
from automation.redaction import REDACTED, redact
from automation.run.events import Message
from automation.run.state import State


def recorded(given: Sequence[str]) -> tuple[str, ...]:
    """The words as the journal has them: a file by its whole path, and no secrets."""
    return tuple(map(_recorded, given))


def to_resume(state: State, given: Sequence[str]) -> tuple[str, ...]:
    """The words to go on with: those of the run, which need not be given again but for secrets.

    Raises UsageError when others are given, or when one that was not recorded is missing.
    """
    before = state.plan.extra_vars
    if given and recorded(given) != before:
        text = "%(run)s was begun with other extra variables (-e): %(vars)s"
        args = {"run": state.run_id, "vars": " ".join(before) or "-"}
        raise UsageError(
            Message(text, args), "Give the same, or none: those of the run are used again."
        )
    if not given and any(REDACTED in word for word in before):
        text = "%(run)s was begun with a secret (-e), which is on no record: %(vars)s"
        args = {"run": state.run_id, "vars": " ".join(before)}
        raise UsageError(Message(text, args), "Give all its -e again, as they were.")
    return tuple(given) or before


def _recorded(word: str) -> str:
    return f"@{Path(word[1:]).absolute()}" if word.startswith("@") else redact(word)
