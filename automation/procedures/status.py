"""What each component is right now: probed, not remembered."""

from automation.procedures.morning import gate_step, planned_component
from automation.run.plan import Plan
from automation.venue.site import Venue


def plan_status(venue: Venue) -> Plan:
    """One probe of every component, all together."""
    steps = (gate_step(component) for component in venue.components.values())
    return Plan(
        venue=venue.name,
        title=venue.title,
        time_zone=venue.time_zone,
        procedure="status",
        components={
            name: planned_component(venue, item) for name, item in venue.components.items()
        },
        steps={step.id: step for step in steps},
        digest=venue.digest,
    )
