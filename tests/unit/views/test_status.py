"""What `raceday status --format json` prints."""

import json
from typing import Any

from automation.run.state import State
from automation.views.report import build_report, dump_report
from automation.views.status import Around, build_status
from tests.unit.views.samples import RUN_ID, go, no_go, revoked


def test_a_probe_is_no_verdict() -> None:
    """The keys of a report with a null verdict, whether all is well, and no standing verdict."""
    for story, healthy in ((go(), True), (no_go(), False)):
        document = build_status(story.state, story.now, None, Around())
        report = build_report(story.state, story.now, "")
        more = {"healthy", "standing", "held_by", "out_of_rotation", "closed_by"}
        assert document.keys() - vars(report).keys() == more
        assert (document["verdict"], document["time_saved"]) == (None, None)
        assert (document["healthy"], document["standing"]) == (healthy, None)
        assert document["next"] == []
        assert document["errors"] == json.loads(dump_report(report))["errors"]


def test_the_standing_verdict_is_told_from_its_own_run() -> None:
    """Its run, its result, its times, and whether it was revoked."""
    probe, story = no_go(), revoked()
    verdict = story.state.verdict
    assert verdict is not None

    def standing_of(state: State) -> Any:
        document = build_status(probe.state, probe.now, state, Around())
        return document["standing"]

    standing = standing_of(story.state)
    assert standing == {
        "run_id": RUN_ID,
        "result": "GO",
        "decided_at": verdict.decided_at.isoformat(timespec="milliseconds"),
        "valid_until": standing["valid_until"],
        "revoked_at": story.now.isoformat(timespec="milliseconds"),
        "revoked_because": ["the port is closed"],
    }
    assert standing["valid_until"] > standing["decided_at"]
    assert standing_of(probe.state)["valid_until"] is None
