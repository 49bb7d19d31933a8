"""The chain that the run waited for, in its harder cases."""

from automation.run.events import StepFinished, StepStarted
from automation.run.plan import Plan, PlannedComponent, Step, Verb
from automation.views.critical_path import beyond_seconds, critical_path
from tests.unit.views.samples import Story, go, interrupted, usual


def plan_of(*steps: Step) -> Plan:
    """A plan of steps on one component."""
    component = PlannedComponent("a", "A", ("a1",))
    named = {step.id: step for step in steps}
    return Plan("demo", "Demo", "UTC", "morning", {"a": component}, named)


def step(name: str, **fields: tuple[str, ...]) -> Step:
    """A step on one host."""
    return Step(name, "a", Verb.START, ("a1",), name, **fields)  # type: ignore[arg-type]


def tell(story: Story, name: str, seconds: float) -> None:
    """Run one step to its end."""
    story.tell(StepStarted(name, ("a1",)))
    story.tell(usual(story.plan.steps[name], "a1"), seconds)
    story.tell(StepFinished(name))


def test_it_follows_what_ended_last_and_not_what_took_longest() -> None:
    """A long step that was over early is no part of the chain."""
    story = Story(
        plan_of(step("long"), step("late"), step("end", needs=("long",), after=("late",)))
    )
    story.begin()
    tell(story, "long", 9.0)
    tell(story, "late", 1.0)
    tell(story, "end", 1.0)
    assert [link.step for link in critical_path(story.state)] == ["late", "end"]


def test_nothing_has_no_chain() -> None:
    """A run in which nothing ended yet waited for nothing yet."""
    assert critical_path(Story().begin().state) == ()


def test_steps_left_out_are_passed_over() -> None:
    """A skipped step joins the chain's ends without being part of it."""
    chain = critical_path(interrupted().state)
    assert [link.step for link in chain] == ["database.preflight", "database.start"]


def test_the_chain_is_never_longer_than_the_run() -> None:
    """Its own seconds and what lies beyond them make up the run."""
    state = go().state
    chain = critical_path(state)
    beyond = beyond_seconds(state, chain)
    assert beyond is not None
    assert 0 < beyond < sum(link.seconds for link in chain)
