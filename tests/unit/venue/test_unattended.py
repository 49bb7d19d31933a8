"""The venue file's keys for unattended work, read as a site writes them."""

import datetime as dt
from pathlib import Path

from automation.venue.calendar import Blackout, Opening, opening_at
from tests.unit.venue.sites import site

KEYS = """
  database: {role: postgresql}
windows: [{name: night, start_time: "01:00", length_minutes: 180}]
blackouts: [{name: settlement, days: [Sun], start_time: "00:00", length_minutes: 90}]
exclusions: [{name: Derby eve, start: 2026-05-16, end: 2026-05-16}]
calendars: [races.ics]
holidays: KR
prometheus: {url: "http://127.0.0.1:9090", alert_filter_regexp: ^Watchdog$}
idle: [{name: quiet, prometheus: 'sum(rate(requests[5m]))', below: 0.1, for: 15m}]
restarts:
  - {component: database, every: 7d}
  - {component: database, when: memory_over, above: 80%}
tests: [{component: database, every: 1d}]
"""
RACES = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:x
BEGIN:VEVENT
UID:1
SUMMARY:경마
DTSTART;VALUE=DATE:20260523
END:VEVENT
END:VCALENDAR
"""


def test_a_site_says_when_unattended_work_may_be_done(tmp_path: Path) -> None:
    """Windows, and all that is stronger than they are, each under the name the site gave it."""
    (tmp_path / "races.ics").write_text(RACES, encoding="utf-8")
    calendar = site(tmp_path, KEYS).calendar
    nights = {
        "2026-05-09": "night",
        "2026-05-10": "settlement",
        "2026-05-16": "Derby eve",
        "2026-05-23": "경마",
        "2026-05-25": "부처님오신날 대체 휴일",
    }
    found = {}
    for night in nights:
        at = dt.datetime.fromisoformat(f"{night}T01:15+09:00")
        match opening_at(calendar, at):
            case Opening(name=name) | Blackout(what=name):
                found[night] = name
    assert found == nights


def test_a_site_without_windows_has_blackouts_all_the_same(tmp_path: Path) -> None:
    """Nothing is ever done unattended there, and an operator is warned."""
    exclusions = "exclusions: [{name: x, start: 2026-05-16, end: 2026-05-16}]\n"
    calendar = site(tmp_path, "  database: {role: postgresql}\n" + exclusions).calendar
    at = dt.datetime.fromisoformat("2026-05-16T12:00+09:00")
    assert isinstance(opening_at(calendar, at), Blackout)
    assert opening_at(calendar, at + dt.timedelta(days=1)) is None
