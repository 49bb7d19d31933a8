"""What of a venue can be tested, rehearsed and drilled, and what a schedule wants of it in vain."""

from collections.abc import Iterator

from automation.run.events import Message
from automation.venue.document import Problem
from automation.venue.kinds import DRILL, REHEARSAL, read_kind
from automation.venue.site import Component, Venue
from automation.venue.unattended import ScheduledTest

REHEARSED, WATCHED = "rehearse", "flow"  # verbs
LACKS = {
    REHEARSAL: Message("a component behind a load balancer, of a role with tasks/rehearse.yml"),
    DRILL: Message(
        "a component of two hosts or more behind a load balancer that has tasks/flow.yml, of a "
        "role with tasks/rehearse.yml"
    ),
}


def rehearsable(venue: Venue) -> tuple[str, ...]:
    """Components behind a load balancer whose channel can be rehearsed."""
    behind = (item for item in venue.components.values() if item.restart.behind)
    return tuple(item.name for item in behind if _knows(venue, item, REHEARSED))


def drillable(venue: Venue) -> tuple[str, ...]:
    """Those of which one host can fail and another take over, and whose load balancer tells so."""
    able = (venue.components[name] for name in rehearsable(venue))
    several = (item for item in able if len(item.hosts) > 1)
    return tuple(item.name for item in several if _knows(venue, front_of(venue, item), WATCHED))


def front_of(venue: Venue, component: Component) -> Component:
    """The load balancer that a component stands behind; itself when there is none."""
    behind = component.restart.behind
    return venue.components[behind.component] if behind else component


def schedule_problems(venue: Venue) -> Iterator[Problem]:
    """What is to be done again and again, and cannot be done here at all."""
    able = {REHEARSAL: rehearsable(venue), DRILL: drillable(venue)}
    for place, item in enumerate(venue.unattended.tests):
        if item.test and not able[item.test]:
            text = "is %(test)s, but there is none on this venue: it wants %(lack)s"
            args = {"test": item.test, "lack": LACKS[item.test]}
            yield Problem(("tests", place, "test"), Message(text, args))
        if item.component and not _has_tests(venue, item):
            text = "names %(name)s, which has no tests; remove it, or give it some"
            found = Message(text, {"name": item.component})
            yield Problem(("tests", place, "component"), found)


def _has_tests(venue: Venue, item: ScheduledTest) -> bool:
    component = venue.components[item.component or ""]
    promised = read_kind(component.role, venue.inventory).checks if component.role else {}
    through = component.restart.behind and promised.get("through")
    return bool(component.tests or promised.get("test") or through)


def _knows(venue: Venue, component: Component, verb: str) -> bool:
    """Whether a component's role has this verb."""
    return component.role is not None and verb in read_kind(component.role, venue.inventory).verbs
