"""The errors that an operator is meant to read: what failed, where, and what to do next."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from automation.exit_codes import ExitCode
from automation.run.events import Message

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})


class RacedayError(Exception):
    """An expected failure: one sentence, one hint, one exit code.

    `message` says what failed and where; `hint` says what to do next; both are kept as they were
    `told`, for a reader of another language. Neither logs nor prints: the command line does that in
    one place.
    """

    exit_code = ExitCode.NO_GO

    def __init__(self, message: Message | str, hint: Message | str = "") -> None:
        self.told = (_as_message(message), _as_message(hint))
        self.message, self.hint = map(str, self.told)
        super().__init__(self.message)


def _as_message(text: Message | str) -> Message:
    return text if isinstance(text, Message) else Message(text)


class UsageError(RacedayError):
    """The request makes no sense; nothing was touched."""

    exit_code = ExitCode.USAGE


class VenueError(UsageError):
    """The venue does not validate; `problems` holds one finished sentence per mistake."""

    def __init__(self, problems: tuple[Message, ...], hint: Message | str = "") -> None:
        named = {str(number): problem for number, problem in enumerate(problems)}
        super().__init__(Message("\n".join(map("%({})s".format, named)), named), hint)
        self.problems = problems


class Refused(RacedayError):
    """raceday may not act now; nothing was touched."""

    exit_code = ExitCode.REFUSED


class Locked(RacedayError):
    """Another run holds the venue."""

    exit_code = ExitCode.LOCKED


class Interrupted(RacedayError):
    """The operator's Ctrl-C, outside of a run."""

    exit_code = ExitCode.INTERRUPTED

    def __init__(self) -> None:
        super().__init__("Interrupted; nothing more was done.")


class Unwritable(RacedayError):
    """What must be recorded cannot be, so nothing more may be done and nothing is proven."""

    def __init__(self, error: OSError) -> None:
        args = {"why": error.strerror, "where": error.filename or Message("the reports directory")}
        super().__init__(
            Message("Nothing can be recorded (%(why)s: %(where)s); the verdict is NO-GO.", args),
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
            Message(
                "This is a bug in raceday: %(error)s", {"error": f"{type(error).__name__}: {error}"}
            ),
            Message("The traceback is in %(file)s; please report it.", {"file": traceback}),
        )
