"""junit.xml: suites, cases and counts as CI servers read them."""

from xml.etree import ElementTree as ET

from automation.run.events import HostReported, HostState, Message, Problem
from automation.views.junit import render_junit
from automation.views.report import build_report
from tests.unit.views.samples import HEAD, Story, conditional, failed_check, go, no_go


def suites(story: Story) -> ET.Element:
    """The parsed document."""
    report = build_report(story.state, story.now, HEAD)
    return ET.fromstring(render_junit(report, story.state))  # noqa: S314  # our own text


def counts(element: ET.Element) -> tuple[str, ...]:
    """tests, failures, errors, skipped."""
    names = ("tests", "failures", "errors", "skipped")
    return tuple(element.attrib[name] for name in names)


def test_a_component_is_a_suite_and_its_checks_are_cases() -> None:
    """Every component has its suite; a good run has neither failure nor error."""
    root = suites(go())
    names = [suite.attrib["name"] for suite in root]
    assert names[:3] == ["database", "cache", "wagering"]
    assert counts(root)[1:] == ("0", "0", "0")
    cases = {case.attrib["name"] for case in root[0]}
    assert {"database.gate on database1", "clock against the controller"} <= cases


def test_a_dead_service_is_a_failure_with_its_log_and_what_it_stopped_is_skipped() -> None:
    """The failure carries why and the log; steps that did not run are skipped with the reason."""
    root = suites(no_go())
    assert counts(root)[1:] == ("2", "0", "8")
    failure = root.find(".//failure")
    assert failure is not None
    assert "did not start on wagering1" in failure.attrib["message"]
    assert "password authentication failed" in (failure.text or "")
    skipped = root.find(".//testcase[@name='ticketing.start']/skipped")
    assert skipped is not None
    assert skipped.attrib["message"] == "wagering.start failed"


def test_what_nobody_could_see_is_an_error() -> None:
    """An unreachable host and a check that never came are errors, not failures."""
    assert counts(suites(conditional()))[1:] == ("0", "1", "1")
    assert counts(suites(failed_check()))[1:] == ("1", "1", "1")


def test_hostile_text_gives_valid_xml() -> None:
    """Control characters and markup from hosts do not break the document."""
    evil = Message("<b>\x00\x1b[31m\ufffe]]>")
    bad = HostReported(
        "cache.start",
        "cache1",
        HostState.FAILED,
        problem=Problem(evil, evil),
        evidence={"log": "\x01\n</failure>"},
    )
    root = suites(Story(reports={("cache.start", "cache1"): bad}).begin().go_on())
    failure = root.find(".//failure")
    assert failure is not None
    assert "</failure>" in (failure.text or "")
