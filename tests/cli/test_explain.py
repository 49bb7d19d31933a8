"""`raceday explain`, as typed."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from automation.commands.explain import explain
from automation.errors import RacedayError, UsageError
from automation.idle.record import Decision, Record
from automation.procedures.idle import plan_idle_restart
from automation.procedures.records import JOURNAL, LOCK
from automation.procedures.recover import left_behind
from automation.run.events import Message, RunRecovered
from automation.run.journal import FileSink, Journal
from automation.run.lock import hold, this_process
from automation.settings import Settings
from automation.venue import load
from automation.venue.inventory import Inventory
from automation.views.leftovers import leftovers
from tests.unit.idle.remembering import write_record
from tests.unit.procedures.desk import Desk
from tests.unit.procedures.test_idle import SELLING, VENUE
from tests.unit.venue.sites import HEAD
from tests.unit.venue.sites import site as read_venue
from tests.unit.views.samples import BEGAN, RUN_ID, Story, go, morning_plan, no_go, running

FILE = """\
venue: {name: small, title: Small racecourse, time_zone: Asia/Seoul}
components:
  database: {role: postgresql}
"""
OLDER = "20261119T233000Z-morning-11aa"
NEWER = "20261121T233000Z-morning-22cc"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A venue of one component whose inventory is answered without a process."""
    (tmp_path / "group_vars/all").mkdir(parents=True)
    (tmp_path / "group_vars/all/venue.yml").write_text(FILE)
    groups = {"all": ("db1",), "database": ("db1",)}
    found = Inventory(tmp_path, groups, {"db1": {}})
    monkeypatch.setattr(load, "read_inventory", lambda _source: found)
    return tmp_path


def record(site: Path, story: Story, run_id: str = RUN_ID) -> Path:
    """A run's journal in the venue's folder of runs."""
    folder = site / "small" / run_id
    folder.mkdir(parents=True)
    sink = FileSink(folder / JOURNAL)
    journal = Journal(sink)
    for event, at in story.events:
        journal.append(event, at)
    sink.close()
    return folder


def run(site: Path, *words: str, output: str = "text", lang: str = "en") -> Result:
    """The command with the global options already read."""
    settings = Settings(venue=str(site), reports=site, lang=lang, format=output)
    return CliRunner().invoke(explain, words, obj=settings)


@pytest.mark.parametrize(("days", "told"), [(1, True), (-1, False)])
def test_why_the_timer_did_nothing_is_explained(site: Path, days: int, told: bool) -> None:
    """As long as no newer run is on record."""
    record(site, no_go())
    too_long = Message("it may take 21 min, and the window night ends in 10 min")
    decision = Decision(BEGAN + timedelta(days=days), (too_long,))
    write_record(site / "small", Record(decision=decision))
    result = run(site)
    assert ("raceday idle did nothing at " in result.stdout) == told
    assert ("the window night ends in 10 min." in result.stdout.replace("\n    ", " ")) == told


BUSY = "the signal '%(signal)s' was 9"
AGAIN = "It is asked again when the timer calls the next time."
WINDOW = 'windows: [{name: night, start_time: "01:00", length_minutes: 60}]\n'


def refused(site: Path, *reasons: Message, **due: Any) -> dict[str, Any]:
    """What is told after the timer's call had these reasons, in a venue that has a window."""
    (site / "group_vars/all/venue.yml").write_text(f"{FILE}{WINDOW}")
    decision = Decision(BEGAN + timedelta(days=1), reasons, **due)
    write_record(site / "small", Record(decision=decision))
    found: dict[str, Any] = json.loads(run(site, output="json").output)
    return found


def test_all_that_kept_the_timer_from_working_is_said(site: Path) -> None:
    """There is no report that has the rest, and a morning would not clear it."""
    reasons = [Message(BUSY, {"signal": name}) for name in ("bets", "tickets", "logins")]
    told = refused(site, *reasons)
    whys = "; ".join(f"the signal '{name}' was 9" for name in ("bets", "tickets", "logins"))
    assert told["sentences"][-1].endswith(f": {whys}.")
    assert told["next"] == [AGAIN]


def test_what_is_due_can_be_done_by_hand(site: Path) -> None:
    """With the words that are typed for it, each component once."""
    due = (("wagering", "w1"), ("wagering", "w2"), ("cache", "c1"))
    told = refused(site, Message(BUSY), due=due, tests=("database", "drill wagering"))
    assert told["next"] == [
        AGAIN,
        "Not to wait for it: raceday restart wagering cache",
        "Not to wait for it: raceday test database; raceday test drill wagering",
    ]


def test_what_the_run_has_left_is_not_told_twice(site: Path) -> None:
    """It is why nothing was done, too."""
    venue = read_venue(site, VENUE, HEAD.replace("}", ", race_card: venue.yml}"))
    plan = plan_idle_restart(venue, venue.components["wagering"], ("w2",))
    Desk(site / "small", SELLING).run(plan, until="wagering.quiet.still.1")
    (left,) = leftovers(left_behind(site / "small"))
    told = refused(site, left, Message(BUSY, {"signal": "bets"}))
    assert sum(str(left) in line for line in told["sentences"]) == 1
    assert told["sentences"][-1].endswith("the signal 'bets' was 9.")
    told = refused(site, left)
    assert sum(str(left) in line for line in told["sentences"]) == 1
    assert told["sentences"][-1].endswith(", because of that.")


def test_the_newest_run_is_explained(site: Path) -> None:
    """Its id, the sentences, what to do next; exit 0, for it did what it was asked."""
    record(site, go(), OLDER)
    record(site, no_go())
    result = run(site)
    lines = result.output.splitlines()
    assert result.exit_code == 0
    assert lines[0] == RUN_ID
    assert lines[1].startswith("· NO-GO since ")
    assert "→ Read the log lines" in result.output


def test_a_check_hides_no_real_run(site: Path) -> None:
    """It is explained when it is asked for, or when there is nothing else; then it is told so."""
    check = Story(morning_plan(check=True)).begin().go_on()
    only = "This shows what would be done; nothing was changed on any host."
    record(site, check, NEWER)
    assert only in run(site).output
    record(site, no_go())
    assert "NO-GO since " in run(site).output
    assert only not in run(site).output
    assert only in run(site, "22cc").output


@pytest.mark.parametrize("part", ["11aa", OLDER, "20261119"])
def test_a_part_of_the_id_names_a_run(site: Path, part: str) -> None:
    """If no other run has it."""
    record(site, no_go(), OLDER)
    record(site, go())
    document = json.loads(run(site, part, output="json").output)
    assert set(document) == {"run_id", "verdict", "since", "sentences", "next"}
    assert (document["run_id"], document["verdict"]) == (RUN_ID, "NO-GO")


@pytest.mark.parametrize(("part", "count"), [("nothing", "No run"), ("morning", "4 runs")])
def test_an_unknown_or_ambiguous_run_is_wrong_usage(site: Path, part: str, count: str) -> None:
    """With the newest three ids."""
    for number in range(4):
        record(site, go(), f"2026112{number}T000000Z-morning-000{number}")
    error = run(site, part).exception
    assert isinstance(error, UsageError)
    assert count in error.message
    names = ", ".join(f"2026112{number}T000000Z-morning-000{number}" for number in (3, 2, 1))
    assert error.hint == f"The newest are: {names}."


def test_a_venue_without_runs_is_no_error(site: Path) -> None:
    """It says so, in Korean too; a run that was asked for by name is one."""
    assert run(site).output.splitlines()[0].strip() == "· No run of this venue is on record."
    assert "실행 기록이 없습니다" in run(site, lang="ko").output
    assert run(site).exit_code == 0
    assert isinstance(run(site, "3f2a").exception, UsageError)


def test_a_run_without_an_end_lives_while_its_process_holds_the_venue(site: Path) -> None:
    """Otherwise it died."""
    record(site, running())
    with hold(site / "small" / LOCK, this_process(RUN_ID, "hana", "morning", BEGAN)):
        words = " ".join(run(site).output.split())
    assert "it waits for wagering.start" in words
    assert "The process of this run died" in run(site).output


def test_a_journal_without_a_line_is_no_bug(site: Path) -> None:
    """The process died before it wrote anything."""
    (record(site, go()) / JOURNAL).write_text("")
    error = run(site).exception
    assert isinstance(error, RacedayError)
    assert RUN_ID in error.message


def killed(site: Path, **changes: object) -> Story:
    """An evening of this very venue file that died in the middle of a step."""
    digest = load.load_venue(site).digest
    plan = morning_plan(procedure="evening", digest=digest, **changes)
    return Story(plan).begin().go_on(until="cache.start")


def following(site: Path, *words: str) -> list[str]:
    """What it says to do next, with the newest run without words."""
    document = json.loads(run(site, *words, output="json").output)
    return [str(line) for line in document["next"]]


BOTH = (
    "raceday resume {run} goes on where it stopped, in the same record; raceday recover only puts "
    "back what it left behind, and raceday evening then begins anew."
)


def test_a_killed_run_can_be_gone_on_with_or_recovered(site: Path) -> None:
    """Each by what it does; one that broke the glass wants a reason anew."""
    record(site, killed(site))
    assert following(site) == [BOTH.format(run=RUN_ID)]
    record(site, killed(site, break_glass=True, reason="x"), NEWER)
    wanted = f'{NEWER} --break-glass --reason "..."'
    assert following(site) == [BOTH.format(run=wanted)]


def test_what_a_resume_would_refuse_is_not_advised(site: Path) -> None:
    """A run whose venue file is another now, and one that another run came after."""
    record(site, running(), OLDER)
    assert not any("resume" in line for line in following(site))
    record(site, killed(site))
    record(site, killed(site), NEWER)
    assert not any("resume" in line for line in following(site, RUN_ID))
    assert any("resume" in line for line in following(site, NEWER))


def test_a_run_that_was_recovered_can_be_gone_on_with_if_it_left_nothing(site: Path) -> None:
    """There is nothing left to recover, so that is not named."""
    record(site, killed(site).tell(RunRecovered("20261121T000000Z-recover-0001"), 60.0))
    assert following(site) == [
        f"raceday resume {RUN_ID} goes on where it stopped, in the same record; "
        "raceday evening begins anew."
    ]
