"""The verdict that stands: a worse probe revokes it, in its run's own journal and views."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from automation.procedures.records import JOURNAL, LOCK
from automation.procedures.standing import Standing, newest_verdict, review
from automation.run.journal import FileSink, Journal
from automation.run.lock import hold, this_process
from automation.views.files import METRICS, PAGE, REPORT, write_views
from automation.views.i18n import Translator
from tests.unit.views.samples import BEGAN, RUN_ID, Story, conditional, go, interrupted, no_go

LATER = BEGAN + timedelta(hours=1)
EARLIER_GO = BEGAN - timedelta(days=1)


def record(reports: Path, story: Story, lang: str = "en") -> Standing:
    """A finished run in a venue's folder, with all its files."""
    folder = reports / "demo" / RUN_ID
    folder.mkdir(parents=True)
    sink = FileSink(folder / JOURNAL)
    journal = Journal(sink)
    for event, at in story.events:
        journal.append(event, at)
    sink.close()
    translate = Translator(lang)
    write_views(folder, story.state, story.now, journal.head, translate=translate)
    return newest(reports)


def newest(reports: Path) -> Standing:
    """The verdict on record."""
    standing = newest_verdict(reports / "demo")
    assert standing is not None
    return standing


@pytest.mark.parametrize(
    ("verdict", "probe", "revoked"),
    [
        (go(), go(), False),
        (go(), conditional(), True),
        (go(), no_go(), True),
        (go(), interrupted(), False),
        (conditional(), go(), False),
        (conditional(), conditional(), False),
        (conditional(), no_go(), True),
        (no_go(), no_go(), False),
    ],
    ids=lambda value: (
        value.state.verdict and value.state.verdict.result if isinstance(value, Story) else None
    ),
)
def test_a_probe_that_is_worse_revokes(
    tmp_path: Path, verdict: Story, probe: Story, revoked: bool
) -> None:
    """Only a worse one does; the reasons are the probe's, and the journal still verifies."""
    found = review(record(tmp_path, verdict), probe.state, LATER, "hana")
    on_record = newest(tmp_path).verdict
    assert (bool(found.broken), found.recorded) == (revoked, True)
    assert found.standing.verdict == on_record
    assert on_record.revoked_at == (LATER if revoked else None)
    if revoked and probe.state.verdict:
        assert found.broken == on_record.revoked_because == probe.state.verdict.reasons


def test_every_view_tells_of_the_revocation_in_the_language_of_the_page(tmp_path: Path) -> None:
    """Report, metrics and page are written anew; the page stays Korean."""
    standing = record(tmp_path, go(), "ko")
    review(standing, no_go().state, LATER, "hana")
    verdict = json.loads((standing.folder / REPORT).read_text())["verdict"]
    assert verdict["revoked_at"] == LATER.isoformat(timespec="milliseconds")
    assert len(verdict["revoked_because"]) > 0
    page = (standing.folder / PAGE).read_text()
    assert '<html lang="ko">' in page
    assert "판정 철회" in page
    metrics = (standing.folder / METRICS).read_text()
    assert 'raceday_verdict{procedure="morning",result="GO",venue="demo"} 0.0' in metrics


def test_the_last_go_of_an_earlier_run_is_not_lost(tmp_path: Path) -> None:
    """A revoked CONDITIONAL still hands on when GO was last said."""
    standing = record(tmp_path, conditional())
    earlier = json.loads((standing.folder / REPORT).read_text())
    earlier["verdict"] |= {"result": "GO", "decided_at": EARLIER_GO.isoformat()}
    folder = standing.folder.with_name("20261119T233000Z-morning-11aa")
    folder.mkdir()
    (folder / REPORT).write_text(json.dumps(earlier))
    review(standing, no_go().state, LATER, "hana")
    lines = (standing.folder / METRICS).read_text().splitlines()
    said = [line for line in lines if line.startswith("raceday_last_go_timestamp_seconds{")]
    assert [float(line.split()[-1]) for line in said] == [EARLIER_GO.timestamp()]


def test_a_verdict_is_revoked_once(tmp_path: Path) -> None:
    """Later looks tell the first reasons and write nothing; so does one that read it before."""
    standing = record(tmp_path, go())
    first = review(standing, no_go().state, LATER, "hana")
    journal = (standing.folder / JOURNAL).read_bytes()
    for known in (first.standing, standing):
        again = review(known, conditional().state, LATER + timedelta(minutes=1), "hana")
        assert again.standing.verdict == first.standing.verdict
        assert again.broken == first.broken
    assert (standing.folder / JOURNAL).read_bytes() == journal


def test_while_another_run_holds_the_venue_nothing_is_claimed(tmp_path: Path) -> None:
    """It no longer holds, but that is not on record, and nothing says that it is."""
    standing = record(tmp_path, go())
    journal = (standing.folder / JOURNAL).read_bytes()
    with hold(tmp_path / "demo" / LOCK, this_process("other", "kim", "morning", LATER)):
        found = review(standing, no_go().state, LATER, "hana")
    assert (bool(found.broken), found.recorded) == (True, False)
    assert found.standing.verdict.revoked_at is None
    assert (standing.folder / JOURNAL).read_bytes() == journal


def test_a_verdict_of_the_future_does_not_hold(tmp_path: Path) -> None:
    """The clock was set back: nobody knows how old it is, so it is doubted and not revoked."""
    standing = record(tmp_path, go())
    before = standing.verdict.decided_at - timedelta(seconds=1)
    assert standing.holds(standing.verdict.decided_at)
    assert not standing.holds(before)
    assert not standing.proves(standing.state.plan.digest, before)
    found = review(standing, go().state, before, "hana")
    assert "the clock was set back" in str(found.broken[0])
    assert newest(tmp_path).verdict.revoked_at is None


def test_a_verdict_past_its_time_is_not_revoked(tmp_path: Path) -> None:
    """Its time is over: there is nothing left to revoke."""
    found = review(record(tmp_path, go()), no_go().state, LATER + timedelta(days=2), "hana")
    assert [str(reason) for reason in found.broken] == ["its time is over"]
    assert found.standing.verdict.revoked_at is None
