"""Whether a host that a restart is about to stop leads its component. Pure."""

from collections.abc import Iterator, Mapping

from automation.run.events import Message
from automation.run.plan import Step, Verb
from automation.run.state import State, StepState, ended_at

LEADER = "leader"  # a fact of a role: "yes" on the primary, "no" on a standby
DOWN = frozenset({"inactive", "failed"})  # what a unit is that does not run
LEADS = (
    "%(host)s is the primary of %(component)s now, so it is not stopped; "
    'only raceday restart %(component)s --include-primary --reason "..." does that'
)
SILENT = (
    "it could not be found out whether %(host)s is the primary of %(component)s now, "
    "so it is not stopped"
)


def may_lead(state: State, step: Step) -> Message | None:
    """Why a step spares its hosts: one of them leads, or does not say that it does not.

    Each one's last look of this process counts. What does not run leads nobody.
    """
    for host in step.hosts:
        seen = _last_look(state, step.component, host)
        said = seen.get(LEADER)
        if said != "no" and seen.get("active") not in DOWN:
            leads = said == "yes"
            args = {"host": host, "component": step.component}
            return Message(LEADS if leads else SILENT, args)
    return None


def _last_look(state: State, component: str, host: str) -> Mapping[str, str]:
    looks = sorted(_looks(state, component, host), key=ended_at)
    return looks[-1].hosts[host].evidence if looks else {}


def _looks(state: State, component: str, host: str) -> Iterator[StepState]:
    """One that is reused was taken by an earlier process."""
    for item in state.steps.values():
        is_look = item.step.component == component and item.step.verb is Verb.PROBE
        if is_look and host in item.hosts and not item.reused:
            yield item
