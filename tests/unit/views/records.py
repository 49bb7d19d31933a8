"""Stories told as runs on record, each in a folder of its own."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from automation.run.events import HostReported, RunStarted
from automation.run.journal import FileSink, Journal
from automation.run.plan import Plan
from automation.views.files import write_views
from automation.views.i18n import Translator
from tests.unit.views.samples import BEGAN, Story, morning_plan

SEOUL = timedelta(hours=9)

type Reports = Mapping[tuple[str, str], HostReported]


def morning_at(began: datetime, reports: Reports | None = None, **changes: object) -> Story:
    """A whole morning of another day: due at nine in Seoul."""
    due = datetime.combine((began + SEOUL).date(), time(), UTC)
    plan = morning_plan(**{"deadline": due.isoformat(), **changes})
    return Story(plan, reports or {}).begin().go_on()


def utc(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def keep(reports: Path, story: Story, began: datetime, slow: float = 1.0) -> Path:
    """Put a story on record as if it had begun then, and gone on so much slower."""
    plan: Plan = story.plan
    run_id = f"{began:%Y%m%dT%H%M%SZ}-{plan.procedure}-3f2a"
    folder = reports / plan.venue / run_id
    folder.mkdir(parents=True)
    sink = FileSink(folder / "journal.jsonl")
    journal = Journal(sink)
    told = Story(plan)
    for event, at in story.events:
        own = replace(event, run_id=run_id) if isinstance(event, RunStarted) else event
        moment = began + (at - BEGAN) * slow
        journal.append(own, moment)
        told.events.append((own, moment))
    sink.close()
    write_views(folder, told.state, told.now, journal.head, translate=Translator("en"))
    return folder
