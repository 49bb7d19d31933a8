"""The words in which a run is explained: moments, causes, what to do next. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from automation.run.events import Message
from automation.run.ledger import Ledger, Rest
from automation.run.state import State
from automation.run.verdict import NO_GO
from automation.views.causes import Cause
from automation.views.times import Clock
from automation.views.words import command_of

MOST_CAUSES = 2
_MEND = Message("Mend it, then run raceday %(procedure)s again.")
_MEND_MORNING = Message("Mend it, then run raceday %(procedure)s again: what is up is left alone.")
SELL = Message(
    'When all is well: raceday sales open --reason "..." if a GO still holds, else raceday morning'
)
_AGAIN = Message("Then run raceday %(procedure)s again.")
_AGAIN_MORNING = Message("Then run raceday %(procedure)s again: what is up is left alone.")
_ANEW = Message("Run raceday %(procedure)s again.")
_ANEW_MORNING = Message("Run raceday %(procedure)s again: what is up is left alone.")
_RESUME = Message(
    "%(resume)s goes on where it stopped, in the same record; raceday %(procedure)s begins anew."
)
_RESUME_OR_RECOVER = Message(
    "%(resume)s goes on where it stopped, in the same record; raceday recover only puts back what "
    "it left behind, and raceday %(procedure)s then begins anew."
)
RECOVER = Message("raceday recover puts back what it left behind.")


@dataclass(frozen=True)
class Explanation:
    """A few sentences, and what to do next. `verdict` is empty while there is none."""

    run_id: str = ""
    verdict: str = ""
    since: datetime | None = None
    sentences: tuple[Message, ...] = ()
    next: tuple[Message, ...] = ()


@dataclass(frozen=True)
class Telling:
    """A run at one moment, for one reader; `left` is what it has left and nobody put back since.

    `resume` is what is typed to go on with it, empty when that would be refused. `rest` is what
    runs have stopped on purpose, where that bears on this run. The venue `is_unproven` when it
    sells and no verdict holds.
    """

    state: State
    now: datetime
    clock: Clock
    left: Ledger = field(default_factory=Ledger)
    resume: str = ""
    rest: Rest | None = None
    is_unproven: bool = False

    def explained(
        self,
        verdict: str,
        since: datetime,
        sentences: Sequence[Message],
        following: Sequence[Message] = (),
    ) -> Explanation:
        """These sentences, of this run."""
        return Explanation(self.state.run_id, verdict, since, tuple(sentences), tuple(following))

    def when(self, moment: datetime) -> str:
        """The time of day at the venue, with the date when that was another day."""
        date, seconds = self.clock.date(moment), self.clock.seconds(moment)
        return seconds if date == self.clock.date(self.now) else f"{date} {seconds}"

    def passed(self, since: datetime) -> str:
        """How long ago that was."""
        return self.clock.duration((self.now - since).total_seconds())

    def listed(self, found: Sequence[Cause]) -> Message:
        """The first causes, and how many more there are."""
        return joined([self._sentence(item) for item in found])

    def mend(self, found: Sequence[Cause]) -> tuple[Message, ...]:
        """What the first causes ask for, what was left put back, and the procedure again."""
        asked = [item.problem.next for item in found[:MOST_CAUSES] if item.problem.next.text]
        wanted = {self.clock.translate(item): item for item in asked}
        return (*wanted.values(), *way_on(self.state, self.left, tuple(wanted)))

    def mend_all(self) -> Message:
        """What to do when nobody said more of it."""
        return _mend_all(self.state)

    def again(self) -> Message:
        """The procedure once more."""
        return _again(self.state)

    def anew(self) -> Message:
        """The same, where nothing is to be done before."""
        return self.of_run(_ANEW_MORNING if _leaves_alone(self.state) else _ANEW)

    def recover(self) -> tuple[Message, ...]:
        """The command that puts back what was left, if anything was."""
        return (RECOVER,) if self.left.is_to_be_done else ()

    def go_on(self, *, dead: bool = False) -> tuple[Message, ...]:
        """How a run that stopped is gone on with, and how it is done without.

        One that is `dead` wants its end written down even where nothing is to be put back.
        """
        back = (RECOVER,) if dead else self.recover()
        if not self.resume:
            return (*back, self.again()) if back else (self.anew(),)
        anew = self.of_run(_RESUME_OR_RECOVER if back else _RESUME)
        return (Message(anew.text, {**anew.args, "resume": self.resume}),)

    def of_run(self, message: Message) -> Message:
        """A command's sentence with this run's id and what is typed for its procedure."""
        return _of_run(self.state, message)

    def _sentence(self, cause: Cause) -> Message:
        """What and why; in brackets the unit and the hosts that were not named yet, and when."""
        problem, say = cause.problem, self.clock.translate
        said = f"{say(problem.what)} {say(problem.why)}"
        place = [word for word in (cause.unit, *cause.hosts) if word not in said]
        place += [self.when(cause.at)] if cause.at else []
        args = {"what": problem.what, "why": problem.why, "place": ", ".join(place)}
        return Message("%(what)s (%(place)s): %(why)s" if place else "%(what)s: %(why)s", args)


def way_on(state: State, left: Ledger, asked: Collection[str]) -> tuple[Message, ...]:
    """What to do once all that was `asked` for is mended: put back what is left, then once more.

    Not once more where what was asked says how to go on, nor a morning that was not to be opened
    on while sales are open: nothing would be tested, and its headline says what to do.
    """
    back = (RECOVER,) if left.is_to_be_done else ()
    if not asked and not back:
        return (_mend_all(state),)
    is_told = not back and any("raceday" in text for text in asked)
    if is_told or (back and state.plan.procedure == "recover") or _is_among_customers(state):
        return back
    return (*back, SELL if left.closed else _again(state))


def _is_among_customers(state: State) -> bool:
    is_no_go = state.verdict is not None and state.verdict.result == NO_GO
    return is_no_go and _leaves_alone(state) and state.sales_said() == "open"


def _mend_all(state: State) -> Message:
    return _of_run(state, _MEND_MORNING if _leaves_alone(state) else _MEND)


def _again(state: State) -> Message:
    return _of_run(state, _AGAIN_MORNING if _leaves_alone(state) else _AGAIN)


def _leaves_alone(state: State) -> bool:
    """Whether what is up stays as it is when the procedure is run again."""
    return state.plan.procedure == "morning"


def _of_run(state: State, message: Message) -> Message:
    args = {"procedure": command_of(state.plan), "run": state.run_id}
    return Message(message.text, args)


def joined(items: Sequence[Message]) -> Message:
    """The first ones, and how many more there are."""
    shown, left = list(items[:MOST_CAUSES]), len(items[MOST_CAUSES:])
    if left:
        shown.append(Message("and %(count)s more, see the report", {"count": left}))
    return chained(shown)


def chained(items: Sequence[Message]) -> Message:
    """All of them."""
    *others, whole = items or (Message("no reason was reported"),)
    for item in reversed(others):
        whole = Message("%(first)s; %(rest)s", {"first": item, "rest": whole})
    return whole
