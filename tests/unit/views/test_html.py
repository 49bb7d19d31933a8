"""The page: verdict first, one zone, both languages, and nothing on it that can act."""

from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from automation.run.events import Check, HostReported, HostState, Message, Problem
from automation.views.html import render_html
from automation.views.i18n import Translator
from automation.views.report import build_report
from tests.unit.views.samples import (
    HEAD,
    STORIES,
    Story,
    died,
    go,
    morning_plan,
    no_go,
    revoked,
    running,
)

VOID = frozenset({"meta", "link", "br", "img", "hr", "input"})


class Page(HTMLParser):
    """Reads a page into tags, attributes and text, and checks that tags are closed in order."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(source)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """It must be the one opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        if self.open and self.open[-1] != "style":
            self.text += " ".join(data.split()) + " "

    def names(self) -> set[str]:
        """All tag names."""
        return {tag for tag, _ in self.tags}


def page_of(story: Story, lang: str = "en") -> Page:
    """The page of a story as it stands."""
    return Page(render_html(build_report(story.state, story.now, HEAD), Translator(lang)))


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("name", STORIES)
def test_every_run_has_a_well_formed_page(name: str, lang: str) -> None:
    """Whatever happened, tags close in order, the language is told, nothing is loaded or run."""
    page = page_of(STORIES[name](), lang)
    assert ("html", {"lang": lang}) in page.tags
    assert page.names().isdisjoint({"script", "link", "img", "iframe", "object", "form"})
    assert not any(key in {"src", "href"} or key[:2] == "on" for _, own in page.tags for key in own)


def test_the_verdict_comes_first_with_its_word_and_reasons() -> None:
    """The reader meets the word, then the reasons, then everything else."""
    text = page_of(no_go()).text
    places = [text.index(part) for part in ("NO-GO", "wagering1", "Sales are closed", "Timeline")]
    assert places == sorted(places)
    assert "password authentication failed" in text
    assert "Read the log lines" in text


def test_a_broken_glass_is_in_the_verdicts_box() -> None:
    """Who did it although it was forbidden, and why; not a word of it otherwise."""
    state = go().state
    plan = replace(state.plan, break_glass=True, reason="vendor's advice")
    report = build_report(replace(state, plan=plan), go().now, HEAD)
    text = Page(render_html(report, Translator("en"))).text
    broken = f"{state.operator} broke the glass: vendor's advice"
    assert text.index("Verdict") < text.index(broken) < text.index("Sales")
    assert "glass" not in page_of(go()).text


def test_a_revoked_verdict_says_so_in_its_box() -> None:
    """Revoked in red, since when and why; nothing claims that it is valid."""
    page = page_of(revoked())
    assert ("section", {"class": "verdict bad", "aria-labelledby": "verdict"}) in page.tags
    box = page.text[page.text.index("Verdict") : page.text.index("Sales")]
    since = "It no longer holds since Saturday 21 November 2026 08:40:23:"
    parts = ("Revoked", "GO", "This verdict no longer holds.", since, "the port is closed")
    places = [box.index(part) for part in parts]
    assert places == sorted(places)
    assert "Valid until" not in page.text
    assert "Every gate and every check was confirmed." not in page.text
    assert "판정 철회" in page_of(revoked(), "ko").text


def test_times_are_in_the_zone_of_the_venue_alone() -> None:
    """One zone with its offset; the date in the reader's words."""
    english, korean = page_of(go()).text, page_of(go(), "ko").text
    assert "Saturday 21 November 2026" in english
    assert "Asia/Seoul, UTC+09:00" in english
    assert "23:30:00" not in english
    assert "2026년 11월 21일(토)" in korean


def test_the_deadline_is_told_with_its_margin() -> None:
    """Kept with so much to spare."""
    assert "Due at 09:00: kept, with 29 min 36 s to spare." in page_of(go()).text


def test_korean_pages_say_korean_words() -> None:
    """Verdict, states and headings come from the catalogue; the English verdict stands beside."""
    text = page_of(no_go(), "ko").text
    for word in ("개장 불가", "NO-GO", "다음 조치", "미실행", "점검 항목", "최장 경로"):
        assert word in text


def test_a_failed_check_is_listed_before_those_that_passed() -> None:
    """Failed checks stand open in a table; passed ones are folded by component."""
    page = page_of(STORIES["failed_check"]())
    assert page.text.index("never reported") < page.text.index("4 passed")
    assert "the second validation was accepted" in page.text


def test_a_run_under_way_says_that_there_is_no_verdict() -> None:
    """The page of a running run claims nothing."""
    text = page_of(running()).text
    assert "There is no verdict yet." in text
    assert "left." in text


HOSTILE = (
    '<script>alert(1)</script><img src=x onerror="alert(2)">',
    "{{ 7 * 7 }}{% raw %}",
    "\x1b[31m\x00\x07\u202e\u2066evil",
    "]]></style></pre></body>",
    "x" * 5000,
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    """Logs, problems, checks, titles, operators: none of them can leave its place on the page."""
    message = Message("%(text)s", {"text": text})
    check = Check(text, text, text, passed=False, why=message, next=message)
    bad = HostReported(
        "wagering.start",
        "wagering1",
        HostState.FAILED,
        1.0,
        (check,),
        Problem(message, message, message),
        {"log": text, text: text},
    )
    story = Story(morning_plan(title=text, reason=text), {("wagering.start", "wagering1"): bad})
    story.begin().go_on()
    report = replace(build_report(story.state, story.now, HEAD), operator=text, run_id=text)
    source = render_html(report, Translator("en"))
    page = Page(source)
    assert page.names().isdisjoint({"script", "img"})
    assert not any(mark in source for mark in ("\x1b", "\x00", "\x07", "\u202e", "\u2066"))
    assert "x" * 401 not in source


def test_a_template_in_a_title_is_not_run() -> None:
    """What looks like a template is shown as it was written."""
    story = Story(morning_plan(title="{{ 7 * 7 }}")).begin()
    assert "{{ 7 * 7 }}" in page_of(story).text


def test_a_page_of_many_hosts_opens_one_log_a_step() -> None:
    """Only the first log of a step stands open on the screen."""
    hosts = ("wagering1", "wagering2")
    reports = {("wagering.start", host): died("wagering.start", host) for host in hosts}
    page = page_of(Story(reports=reports).begin().go_on())
    logs = [own for tag, own in page.tags if tag == "details"]
    assert ["open" in own for own in logs[:2]] == [True, False]


def test_the_offset_is_that_of_the_day() -> None:
    """In a zone with summer time the offset follows the date of the run."""
    report = build_report(go().state, go().now, HEAD)
    summer = replace(
        report, time_zone="Europe/Paris", started_at=datetime(2026, 7, 1, 6, tzinfo=UTC)
    )
    assert "Europe/Paris, UTC+02:00" in Page(render_html(summer, Translator("en"))).text
