"""The words in which a run is explained: moments, causes, what to do next. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from automation.run.events import Message
from automation.run.ledger import Ledger, Rest
from automation.run.state import State
from automation.views.causes import Cause
from automation.views.times import Clock
from automation.views.words import command_of

MOST_CAUSES = 2
_MEND = Message("Mend it, then run raceday %(procedure)s again.")
_MEND_MORNING = Message("Mend it, then run raceday %(procedure)s again: what is up is left alone.")
_SELL = Message(
    'When all is well: raceday sales open --reason "..." while the GO still holds, '
    "else raceday morning"
)
_AGAIN = Message("Then run raceday %(procedure)s again.")
_AGAIN_MORNING = Message("Then run raceday %(procedure)s again: what is up is left alone.")
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
        back = self.recover()
        if not wanted and not back:
            return (self.mend_all(),)
        is_told = any("raceday" in text for text in wanted) and not back
        return (*wanted.values(), *back, *(() if is_told else (self._afterwards(),)))

    def mend_all(self) -> Message:
        """What to do when nobody said more of it."""
        return self.of_run(_MEND_MORNING if self._leaves_alone else _MEND)

    def _afterwards(self) -> Message:
        """The procedure again, but when it has left sales closed, and its rest is put back."""
        return _SELL if self.left.closed else self.again()

    def again(self) -> Message:
        """The procedure once more; a restart does not leave alone what is up."""
        return self.of_run(_AGAIN_MORNING if self._leaves_alone else _AGAIN)

    def recover(self) -> tuple[Message, ...]:
        """The command that puts back what was left, if anything was."""
        return (RECOVER,) if self.left.is_to_be_done else ()

    def go_on(self, *, dead: bool = False) -> tuple[Message, ...]:
        """How a run that stopped is gone on with, and how it is done without.

        One that is `dead` wants its end written down even where nothing is to be put back.
        """
        back = (RECOVER,) if dead else self.recover()
        if not self.resume:
            return (*back, self.again())
        anew = self.of_run(_RESUME_OR_RECOVER if back else _RESUME)
        return (Message(anew.text, {**anew.args, "resume": self.resume}),)

    @property
    def _leaves_alone(self) -> bool:
        return self.state.plan.procedure == "morning"

    def of_run(self, message: Message) -> Message:
        """A command's sentence with this run's id and what is typed for its procedure."""
        args = {"procedure": command_of(self.state.plan), "run": self.state.run_id}
        return Message(message.text, args)

    def _sentence(self, cause: Cause) -> Message:
        """What and why; in brackets the unit and the hosts that were not named yet, and when."""
        problem, say = cause.problem, self.clock.translate
        said = f"{say(problem.what)} {say(problem.why)}"
        place = [word for word in (cause.unit, *cause.hosts) if word not in said]
        place += [self.when(cause.at)] if cause.at else []
        args = {"what": problem.what, "why": problem.why, "place": ", ".join(place)}
        return Message("%(what)s (%(place)s): %(why)s" if place else "%(what)s: %(why)s", args)


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
