"""Who is told of a run: the services in Apprise's own configuration file. Only user of apprise."""

import logging
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from automation.errors import UsageError
from automation.run.events import Message
from automation.views.notices import Notice, Occasion

if TYPE_CHECKING:
    from apprise import NotifyBase

EVERYTHING = "all"
_TONES = {"good": "success", "doubt": "warning", "bad": "failure"}


class Target(Protocol):
    """Somebody who is told."""

    @property
    def name(self) -> str:
        """What it may be called in public: nothing of its address, which may hold a token."""

    def wants(self, occasion: Occasion) -> bool:
        """Whether it is told of this."""

    def send(self, notice: Notice) -> bool:
        """Send it, however long that takes; whether it arrived."""


def read_targets(path: Path) -> tuple[Target, ...]:
    """The targets of an Apprise configuration file. Raises UsageError, never quoting the file."""
    text = _read(path)
    import apprise  # noqa: PLC0415  # 0.4 s that only those pay who want messages

    with _Complaints() as complaints:
        asset = apprise.AppriseAsset(storage_mode="memory", service_timeout=0)
        config = apprise.AppriseConfig(asset=asset)
        form = "yaml" if path.suffix in {".yml", ".yaml"} else None
        config.add_config(text, asset=asset, format=form)
        services = list(config.services())
    if complaints.lines or not services:
        raise _unusable(path, complaints.lines)
    targets = tuple(_Service(item, number) for number, item in enumerate(services, start=1))
    if not any(target.wants(occasion) for target in targets for occasion in Occasion):
        raise UsageError(
            Message(
                "No target in %(path)s has a tag that raceday knows, so nobody would be told.",
                {"path": path},
            ),
            Message(
                "The tags are %(names)s; for instance: verdict,failure=mailto://...",
                {"names": ", ".join((*Occasion, EVERYTHING))},
            ),
        )
    return targets


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        why = error.strerror
    except UnicodeDecodeError:
        why = "it is not UTF-8"
    raise UsageError(
        Message(
            "The notification targets in %(path)s cannot be read: %(why)s.",
            {"path": path, "why": why},
        ),
        "RACEDAY_NOTIFY is the path of an Apprise configuration file; unset it to tell nobody.",
    )


def _unusable(path: Path, complaints: Iterable[str]) -> UsageError:
    found = re.findall(r"on line (\d+)|entry #(\d+)", "\n".join(complaints))
    places = ", ".join(dict.fromkeys(line or f"#{entry}" for line, entry in found))
    args = {"path": path, "places": places}
    what = Message("Not every notification target in %(path)s makes sense to Apprise.", args)
    if places:
        text = "Not every notification target in %(path)s makes sense to Apprise (see %(places)s)."
        what = Message(text, args)
    return UsageError(
        what,
        Message("See what it says: apprise --config=%(path)s --dry-run --tag=all", {"path": path}),
    )


class _Complaints(logging.Handler):
    """What Apprise logs while it reads, kept from the terminal: it may quote a token."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        self._logger = logging.getLogger("apprise")

    def __enter__(self) -> "_Complaints":
        self._logger.addHandler(self)
        self._logger.propagate = False  # and so it stays: what is lost is said by the notifier
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)
        self._logger.addHandler(logging.NullHandler())

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line."""
        self.lines.append(record.getMessage())


class _Service:
    """One service that Apprise speaks to."""

    def __init__(self, service: "NotifyBase", number: int) -> None:
        import apprise  # noqa: PLC0415  # as above

        self.name = f"{service.service_name} #{number}"
        self._tags = {str(tag) for tag in service.tags}
        self._apprise = apprise.Apprise(services=[service])

    def wants(self, occasion: Occasion) -> bool:
        """By its tags."""
        return not self._tags.isdisjoint({str(occasion), EVERYTHING})

    def send(self, notice: Notice) -> bool:
        """Through Apprise, in this very thread: one of its own would outlive the run."""
        return bool(
            self._apprise.notify(
                body=notice.body,
                title=notice.title,
                notify_type=_TONES.get(notice.tone, "info"),
                body_format="text",
            )
        )
