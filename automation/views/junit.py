"""`junit.xml`: a component is a test suite; its checks and its hosts' answers are test cases."""

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from automation.run.events import GOOD, HostState
from automation.run.state import HostResult, State, Status, StepState
from automation.run.verdict import found_at_rest
from automation.views.components import LOG, unreported_checks
from automation.views.document import Report
from automation.views.i18n import Translator
from automation.views.text import printable

DECLARATION = '<?xml version="1.0" encoding="utf-8"?>'
_SAY = Translator("en")


def render_junit(report: Report, state: State) -> str:
    """The file's text. What was refuted is a failure, what nobody could see an error.

    Warnings are what the component's suite has put out.

    XML 1.0 has no place for control characters, so every text goes through `printable`.
    """
    root = ET.Element("testsuites", name=f"raceday {report.procedure} {report.venue}")
    for component in report.components:
        suite = ET.SubElement(root, "testsuite", name=component.name)
        suite.set("timestamp", report.started_at.isoformat(timespec="seconds"))
        for item in state.steps.values():
            if item.step.component == component.name:
                suite.extend(_cases(state, item))
        suite.extend(_warnings(report, component.name))
        _count(suite)
    _count(root)
    root.set("time", f"{report.duration_seconds:.3f}")
    ET.indent(root)
    return f"{DECLARATION}\n{ET.tostring(root, encoding='unicode')}\n"


def _warnings(report: Report, component: str) -> Iterator[ET.Element]:
    """What was not as it was meant to be, and is no failure."""
    told = [item for item in report.warnings if item.component == component]
    if told:
        said = ET.Element("system-out")
        said.text = "\n".join(printable(f"{_SAY(item.what)}: {_SAY(item.why)}") for item in told)
        yield said


def _cases(state: State, item: StepState) -> Iterator[ET.Element]:
    if item.status is Status.SKIPPED:
        case = _case(item.step.id, item.step.component, 0.0)
        ET.SubElement(case, "skipped", message=printable(_SAY(item.reason)) if item.reason else "")
        yield case
    rest = found_at_rest(state, item)
    for host, result in item.hosts.items():
        yield _answer(item, host, result, is_good=result.state in GOOD or host in rest)
        yield from _checks(item, host, result)


def _answer(item: StepState, host: str, result: HostResult, *, is_good: bool) -> ET.Element:
    case = _case(f"{item.step.id} on {host}", f"{item.step.component}.{host}", result.seconds)
    if is_good:
        return case
    kind = "failure" if result.state is HostState.FAILED else "error"
    problem = result.problem
    said = f"{_SAY(problem.what)}: {_SAY(problem.why)}" if problem else "no reason was reported"
    bad = ET.SubElement(case, kind, message=printable(said), type=str(result.state))
    lines = result.evidence.get(LOG, "").splitlines()
    bad.text = "\n".join(printable(line) for line in lines) or None
    return case


def _checks(item: StepState, host: str, result: HostResult) -> Iterator[ET.Element]:
    place = f"{item.step.component}.{host}"
    for check in result.checks:
        case = _case(check.name, place, check.seconds)
        if not check.passed:
            said = f"expected {check.expected}, observed {check.observed}"
            why = f"{_SAY(check.why)} ({said})" if check.why else said
            ET.SubElement(case, "failure", message=printable(why), type="check")
        yield case
    for name in unreported_checks(item, result):
        case = _case(name, place, 0.0)
        ET.SubElement(case, "error", message="never reported", type="unknown")
        yield case


def _case(name: str, place: str, seconds: float) -> ET.Element:
    return ET.Element(
        "testcase", name=printable(name), classname=printable(place), time=f"{seconds:.3f}"
    )


def _count(parent: ET.Element) -> None:
    cases = list(parent.iter("testcase"))
    parent.set("tests", str(len(cases)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        parent.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    if parent.tag == "testsuite":
        parent.set("time", f"{sum(float(case.get('time', 0)) for case in cases):.3f}")
