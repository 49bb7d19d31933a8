"""metrics.prom: valid exposition, names by convention, one-hot states."""

from datetime import UTC, datetime, timedelta
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from automation.idle.record import Decision, Record
from automation.run.events import Message
from automation.run.lock import Holder
from automation.views.metrics import Now, Waiting, render_metrics, serve_metrics
from automation.views.report import build_report
from tests.unit.views.samples import BEGAN, HEAD, RUN_ID, Story, go, no_go, revoked, running

PLACE = {"venue": "demo", "procedure": "morning"}


def samples(story: Story, last_go: datetime | None = None) -> dict[tuple[str, ...], float]:
    """Values by name and the labels that are not the place."""
    text = render_metrics(build_report(story.state, story.now, HEAD), last_go)
    found = [item for family in text_string_to_metric_families(text) for item in family.samples]
    assert all(PLACE.items() <= item.labels.items() for item in found)
    return {(item.name, *_own(item.labels)): item.value for item in found}


def _own(labels: dict[str, str]) -> list[str]:
    return [value for key, value in sorted(labels.items()) if key not in PLACE]


def test_a_run_is_told_in_figures() -> None:
    """Begin, duration, checks by result, ready times, and which run it was."""
    found = samples(go())
    assert found["raceday_run_info", "SUCCESS", RUN_ID] == 1
    assert found["raceday_run_timestamp_seconds",] == BEGAN.timestamp()
    assert found["raceday_checks_total", "true"] == 18
    assert found["raceday_checks_total", "false"] == 0
    assert found["raceday_component_ready_seconds", "database"] > 6
    assert found["raceday_component_state", "database", "ready"] == 1
    assert found["raceday_component_state", "database", "failed"] == 0


def test_the_verdict_is_one_hot() -> None:
    """Exactly one result is 1 when there is a verdict, none when there is not."""
    names = [("raceday_verdict", word) for word in ("GO", "CONDITIONAL", "NO-GO")]
    assert [samples(no_go())[name] for name in names] == [0, 0, 1]
    assert [samples(running())[name] for name in names] == [0, 0, 0]


def test_the_age_of_a_verdict_is_told() -> None:
    """By when it was decided, GO or not; nothing before there is one."""
    name = ("raceday_verdict_timestamp_seconds",)
    assert BEGAN.timestamp() < samples(no_go())[name] <= no_go().now.timestamp()
    assert name not in samples(running())


def test_who_holds_the_venue_is_told() -> None:
    """Operator, procedure and run, and since when; nobody while it is free."""
    holder = Holder(RUN_ID, 412, "controller", "boot", BEGAN.isoformat(), "restart", "kim")
    held = scraped(Now("demo", BEGAN, holder=holder))
    assert held["raceday_lock_info", "kim", "restart", RUN_ID, "demo"] == 1
    assert held["raceday_lock_since_timestamp_seconds", "demo"] == BEGAN.timestamp()
    free = scraped(Now("demo", BEGAN))
    assert free["raceday_lock_held", "demo"] == 0
    assert not [name for name, *_ in free if name == "raceday_lock_info"]


def test_why_the_night_was_not_used_outlives_the_window() -> None:
    """The last call is one that found it closed; what the window's last call said still stands."""
    late = Message(
        "it may take %(needed)s min, and %(window)s ends", {"needed": "22.0", "window": "night"}
    )
    night = Decision(BEGAN, (late,))
    closed = Decision(BEGAN + timedelta(hours=5), (Message("it is outside of every window"),))
    found = scraped(Now("demo", BEGAN, idle=Record(decision=night, closed=closed)))
    assert found["raceday_idle_blocked", "it may take … min, and night ends", "demo"] == 1
    assert found["raceday_idle_blocked", "it is outside of every window", "demo"] == 1
    assert found["raceday_idle_last_call_timestamp_seconds", "demo"] == closed.at.timestamp()
    assert found["raceday_idle_decision_timestamp_seconds", "demo"] == BEGAN.timestamp()


def blocked(*reasons: Message) -> list[str]:
    """The reasons that are served of a call that had these."""
    found = scraped(Now("demo", BEGAN, idle=Record(decision=Decision(BEGAN, reasons))))
    return [key[1] for key in found if key[0] == "raceday_idle_blocked"]


def test_a_reason_names_what_it_is_about_and_leaves_out_what_changes() -> None:
    """Else each call would leave a series of its own, or nobody could read it."""
    text = "the signal '%(signal)s' was %(value)s %(age)s ago; it must be %(limit)s for %(period)s"
    args = {"signal": "bets", "limit": "< 1", "period": "15m"}
    busy = [Message(text, {**args, "value": value, "age": f"0:0{value}:00"}) for value in (3, 4)]
    never = Message(
        "%(why)s; it cannot become quiet in the window %(window)s any more",
        {"why": busy[0], "window": "night"},
    )
    full = Message("%(host)s uses %(percent)s %% of its memory", {"host": "w1", "percent": 87})
    odd = Message("%(hots)s is odd", {"host": "w1"})
    said = "the signal 'bets' was … … ago; it must be < 1 for 15m"
    assert blocked(*busy, never, full, odd) == [
        said,
        f"{said}; it cannot become quiet in the window night any more",
        "w1 uses … % of its memory",
        "%(hots)s is odd",
    ]


def test_each_host_that_is_due_or_has_to_wait_is_named() -> None:
    """0 for the others of the inventory, so that a host that was done is seen to be done."""
    due = {("wagering", "w1"): True, ("wagering", "w2"): True, ("database", "db1"): False}
    waits = {**due, ("wagering", "w2"): False}
    found = scraped(Now("demo", BEGAN, waiting=Waiting(due, waits, {"drill wagering": True})))
    for name, hosts in (("raceday_idle_due", due), ("raceday_idle_postponed", waits)):
        told = {key[1:3]: value for key, value in found.items() if key[0] == name}
        assert told == hosts
    assert found["raceday_idle_test_due", "drill wagering", "demo"] == 1


def scraped(now: Now) -> dict[tuple[str, ...], float]:
    """What a scrape of the exporter finds, by name and labels."""
    port = serve_metrics("127.0.0.1", 0, lambda: now)
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:  # our own
        text = answer.read().decode()
    found = [item for family in text_string_to_metric_families(text) for item in family.samples]
    return {
        (item.name, *(item.labels[key] for key in sorted(item.labels))): item.value
        for item in found
    }


def test_a_revoked_go_is_no_go_any_more() -> None:
    """No result is 1, it holds until no time, and yet GO was said when it was decided."""
    found = samples(revoked())
    assert {found["raceday_verdict", word] for word in ("GO", "CONDITIONAL", "NO-GO")} == {0}
    assert ("raceday_verdict_valid_until_timestamp_seconds",) not in found
    assert found["raceday_verdict_revoked_timestamp_seconds",] == revoked().now.timestamp()
    last_go = ("raceday_last_go_timestamp_seconds",)
    assert found[last_go] == samples(go())[last_go]


def test_the_last_go_outlives_a_no_go() -> None:
    """A run that is no GO hands on the time of the one before; a GO sets its own."""
    before = datetime(2026, 11, 20, tzinfo=UTC)
    name = ("raceday_last_go_timestamp_seconds",)
    assert samples(no_go(), before)[name] == before.timestamp()
    assert name not in samples(no_go())
    assert samples(go(), before)[name] > BEGAN.timestamp()


def test_a_verdict_that_is_over_is_in_force_no_more() -> None:
    """The venue was closed since: as if it was revoked, but nothing has refuted it."""
    story = go()
    report = build_report(story.state, story.now, "")
    found = scraped(Now("demo", BEGAN, newest=report, is_over=True))
    assert {value for key, value in found.items() if key[0] == "raceday_verdict"} == {0}
    names = {key[0] for key in found}
    assert "raceday_last_go_timestamp_seconds" in names
    assert "raceday_verdict_valid_until_timestamp_seconds" not in names
    assert "raceday_verdict_revoked_timestamp_seconds" not in names
