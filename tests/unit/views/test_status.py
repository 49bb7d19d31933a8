"""What `raceday status --format json` prints."""

import json

from automation.views.report import build_report, dump_report
from automation.views.status import build_status
from tests.unit.views.samples import RUN_ID, go, no_go, revoked


def test_a_probe_is_no_verdict() -> None:
    """The keys of a report with a null verdict, whether all is well, and no standing verdict."""
    for story, healthy in ((go(), True), (no_go(), False)):
        document = build_status(story.state, story.now, None)
        report = build_report(story.state, story.now, "")
        assert document.keys() - vars(report).keys() == {"healthy", "standing"}
        assert (document["verdict"], document["time_saved"]) == (None, None)
        assert (document["healthy"], document["standing"]) == (healthy, None)
        assert document["errors"] == json.loads(dump_report(report))["errors"]


def test_the_standing_verdict_is_told_from_its_own_run() -> None:
    """Its run, its result, its times, and whether it was revoked."""
    probe, story = no_go(), revoked()
    verdict = story.state.verdict
    assert verdict is not None
    standing = build_status(probe.state, probe.now, story.state)["standing"]
    assert standing == {
        "run_id": RUN_ID,
        "result": "GO",
        "decided_at": verdict.decided_at.isoformat(timespec="milliseconds"),
        "valid_until": standing["valid_until"],
        "revoked_at": story.now.isoformat(timespec="milliseconds"),
        "revoked_because": ["the port is closed"],
    }
    assert standing["valid_until"] > standing["decided_at"]
    assert build_status(probe.state, probe.now, probe.state)["standing"]["valid_until"] is None
