"""The errors that an operator is meant to read: what failed, where, and what to do next."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from automation.exit_codes import ExitCode

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})


class RacedayError(Exception):
    """An expected failure: one sentence, one hint, one exit code.

    `message` says what failed and where; `hint` says what to do next. Neither logs nor prints:
    the command line does that in one place.
    """

    exit_code = ExitCode.NO_GO

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(RacedayError):
    """The request makes no sense; nothing was touched."""

    exit_code = ExitCode.USAGE


class VenueError(UsageError):
    """The venue does not validate; `problems` holds one finished sentence per mistake."""

    def __init__(self, problems: tuple[str, ...], hint: str = "") -> None:
        super().__init__("\n".join(problems), hint)
        self.problems = problems


class Refused(RacedayError):
    """raceday may not act now; nothing was touched."""

    exit_code = ExitCode.REFUSED


class Locked(RacedayError):
    """Another run holds the venue."""

    exit_code = ExitCode.LOCKED


class Unwritable(RacedayError):
    """What must be recorded cannot be, so nothing more may be done and nothing is proven."""

    def __init__(self, error: OSError) -> None:
        where = error.filename or "the reports directory"
        super().__init__(
            f"Nothing can be recorded ({error.strerror}: {where}); the verdict is NO-GO.",
            "Free space or mend the reports directory, then run the procedure again.",
        )


@contextmanager
def full_disk_told() -> Iterator[None]:
    """A disk that takes nothing more is no bug: the operator can mend it. Raises Unwritable."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise Unwritable(error) from error


class Bug(RacedayError):
    """Something that raceday did not expect; the traceback is kept in a file."""

    exit_code = ExitCode.BUG

    def __init__(self, error: Exception, traceback: object) -> None:
        super().__init__(
            f"This is a bug in raceday: {type(error).__name__}: {error}",
            f"The traceback is in {traceback}; please report it.",
        )
