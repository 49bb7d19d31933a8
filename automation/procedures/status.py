"""What each component is right now: probed, not remembered."""

from automation.procedures.steps import gate_step, make_plan
from automation.run.plan import Plan
from automation.venue.site import Venue


def plan_status(venue: Venue) -> Plan:
    """One probe of every component, all together."""
    return make_plan(venue, "status", map(gate_step, venue.components.values()))
