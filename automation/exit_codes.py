"""What `raceday` tells the shell. Ansible's own codes never get this far."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The documented exit codes; docs/operations.md carries the same table."""

    GO = 0
    BUG = 1
    USAGE = 2
    CONDITIONAL = 10
    NO_GO = 20
    REFUSED = 30
    LOCKED = 75
    INTERRUPTED = 130
