"""What runs have taken out of its normal state and not put back, in sentences. Pure."""

from collections.abc import Container, Iterable, Iterator

from automation.run.events import Message
from automation.run.ledger import Ledger, Place, ledger_of
from automation.run.plan import Plan, Verb
from automation.run.state import State

BEGUN = {
    "morning": (
        Verb.START,
        "%(run)s had begun to start %(names)s. raceday recover leaves that as it is, untested: "
        "raceday resume %(run)s goes on with it, raceday morning begins anew.",
    ),
    "evening": (
        Verb.STOP,
        "%(run)s had begun to stop %(names)s. raceday recover leaves that as it is: "
        "raceday resume %(run)s goes on with it, raceday evening begins anew.",
    ),
}


def left_by(state: State) -> Ledger:
    """What a run has left at its end; until then it may still put it back, or be recovered."""
    ended = state.finished_at and not state.died
    return ledger_of([state]) if ended else Ledger()


def leftovers(left: Ledger, seen_up: Container[Place] = ()) -> Iterator[Message]:
    """One sentence for each, with the command that puts it back.

    What was stopped and was `seen_up` by a fresh probe runs.
    """
    for front in left.half_open:
        said = "whether %(component)s lets customers buy is not known: raceday recover"
        yield Message(said, {"component": front})
    for front in left.closed:
        said = (
            "%(component)s was left with sales closed, wholly or at some of its hosts. "
            'When all is well: raceday sales open --reason "..." if a GO still holds, '
            "else raceday morning"
        )
        yield Message(said, {"component": front})
    for component, server in left.servers:
        args = {"server": server, "component": component}
        said = "%(server)s of %(component)s was left out of rotation: raceday recover"
        yield Message(said, args)
    for host, words in left.left_out.items():
        said = "%(servers)s was not ready when %(host)s was opened again: raceday recover"
        yield Message(said, {"servers": ", ".join(words), "host": host})
    for component, host in left.stopped:
        args = {"host": host, "component": component}
        said = "%(component)s on %(host)s was stopped and not started again: raceday recover"
        if (component, host) in left.doubtful:
            said = (
                "%(component)s on %(host)s was stopped, and whether it was started again is not "
                "known: raceday recover"
            )
        if (component, host) in seen_up:
            said = (
                "%(component)s on %(host)s runs, and no run has proved it since its stop was "
                "begun: raceday recover"
            )
        yield Message(said, args)
    for component, host in left.untested:
        args = {"host": host, "component": component}
        said = "%(component)s on %(host)s was started again and not tested: raceday recover"
        yield Message(said, args)
    for component in left.bought:
        said = "what a rehearsal bought at %(component)s was not taken back: raceday recover"
        yield Message(said, {"component": component})


def left_begun(state: State) -> Iterator[Message]:
    """What a dead morning had begun to start, or an evening to stop: no recovery finishes that."""
    verb, said = BEGUN.get(state.plan.procedure, (None, ""))
    begun = (item.step for item in state.steps.values() if item.latest.targets)
    names = dict.fromkeys(step.component for step in begun if step.verb is verb)
    if names and not state.plan.check:
        yield Message(said, {"run": state.run_id, "names": ", ".join(names)})


def lets_in(plan: Plan) -> Iterator[Message]:
    """Where a recovery makes sales possible again, because nothing but drains had closed them."""
    back = (step for step in plan.steps.values() if step.verb is Verb.UNDRAIN)
    hosts = dict.fromkeys(host for step in back for host in step.hosts if host in plan.emptied)
    if hosts:
        said = (
            "Runs had drained every server at %(hosts)s: "
            "putting them back lets customers buy there again."
        )
        yield Message(said, {"hosts": ", ".join(hosts)})


def unread(run_ids: Iterable[str]) -> Iterator[Message]:
    """One sentence for each run that may have left something nobody knows of."""
    for run in run_ids:
        said = "%(run)s cannot be read, so nobody knows what it has left: look, then move it away"
        yield Message(said, {"run": run})
