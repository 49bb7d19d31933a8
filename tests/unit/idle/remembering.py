"""What idle time remembers, as a test wants it."""

from pathlib import Path

from automation.idle.record import Record, change_record


def write_record(reports: Path, record: Record) -> None:
    """This and nothing else is remembered from now on."""
    change_record(reports, lambda _: record)
