"""Which message of a run is due, and what it says. Pure: no thread, no clock, no network."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from automation.run.events import (
    Event,
    Message,
    Problem,
    RunFinished,
    RunStarted,
    StepFinished,
    VerdictDecided,
)
from automation.run.state import State, Status
from automation.run.verdict import is_untested
from automation.views.alike import once
from automation.views.causes import causes
from automation.views.explain import could_not_open
from automation.views.i18n import Translator
from automation.views.telling import Telling
from automation.views.text import printable
from automation.views.times import Clock
from automation.views.unfinished import waits_for
from automation.views.words import Headline, among_customers, headline, procedure_title

MOST_REASONS = 3
LONGEST = 300  # characters of one line
_OURS = frozenset({
    "apart", "check", "component", "count", "date", "days", "end", "highest", "host", "hosts",
    "limit", "lowest", "most", "mount", "name", "number", "offset", "other", "passed", "path",
    "percent", "port", "race", "result", "seconds", "settle", "share", "status", "step", "steps",
    "stranger", "system", "task", "theirs", "unit", "units", "usual", "used", "verdict",
})  # fmt: skip
_WITHHELD = "…"


class Occasion(StrEnum):
    """What a message is about; the word is also the tag that chooses it."""

    STARTED = "started"
    VERDICT = "verdict"
    FAILURE = "failure"
    SLOW = "slow"
    FINISHED = "finished"


@dataclass(frozen=True)
class Rule:
    """What is worth a message.

    After `slow_after` seconds a run is longer than the `usual_seconds`; None without a history.
    `previous` is what the run before came to, None when there was none; with `only_on_change` a
    run that comes to the same is not told.
    """

    usual_seconds: float | None = None
    slow_after: float | None = None
    previous: str | None = None
    only_on_change: bool = False


@dataclass(frozen=True)
class Notice:
    """One message as it is sent. `tone` is that of the headlines."""

    occasion: Occasion
    tone: str
    title: str
    body: str


def due(
    state: State, event: Event | None, told: Collection[Occasion], rule: Rule
) -> Occasion | None:
    """What is to be told now. No event means that `slow_after` has passed."""
    occasion = _occasion(state, event)
    if occasion is None or occasion in told or not _is_news(state, occasion, rule):
        return None
    return occasion


def outcome(state: State) -> str:
    """What a run came to, to be compared with the run before: its verdict, else its end."""
    return state.verdict.result if state.verdict else state.result_state


def write_notice(
    state: State, occasion: Occasion, rule: Rule, now: datetime, translate: Translator
) -> Notice:
    """Verdict first, then venue and procedure; what is to be known, reasons, the run."""
    told = Telling(state, now, Clock(state.plan.time_zone, translate))
    shown = _headline(state, occasion)
    procedure = procedure_title(state.plan.procedure)
    head = f"{shown.symbol} {translate(shown.word)}"
    title = " · ".join((head, state.plan.title, translate(procedure)))
    lines = [*_facts(told, occasion, rule, shown), *_reasons(told, occasion)]
    lines.append(f"{translate('Run')}: {state.run_id}")
    body = "\n".join(printable(line, LONGEST) for line in lines)
    return Notice(occasion, shown.tone, printable(title, LONGEST), body)


def _occasion(state: State, event: Event | None) -> Occasion | None:
    match event:
        case None if state.finished_at is None:
            return Occasion.SLOW
        case RunStarted():
            return Occasion.STARTED
        case VerdictDecided():
            return Occasion.VERDICT
        case StepFinished(step) if state.steps[step].status is Status.FAILED:
            return None if state.interrupted else Occasion.FAILURE
        case RunFinished():
            return Occasion.FINISHED
        case _:
            return None


def _is_news(state: State, occasion: Occasion, rule: Rule) -> bool:
    """Only the verdict and the end can be compared; a run that hangs comes to neither of them."""
    if not rule.only_on_change or occasion is Occasion.SLOW:
        return True
    comparable = occasion in {Occasion.VERDICT, Occasion.FINISHED}
    return comparable and (outcome(state) != rule.previous or could_not_open(state))


def _headline(state: State, occasion: Occasion) -> Headline:
    match occasion:
        case Occasion.STARTED:
            return Headline("plain", "▸", Message("Started"), Message(""))
        case Occasion.FAILURE:
            carry_on = Message("The run goes on with what does not need it.")
            return Headline("bad", "✗", Message("A step failed"), carry_on)
        case Occasion.SLOW:
            return Headline("doubt", "▲", Message("Longer than usual"), Message(""))
    if could_not_open(state):
        closed = Message("Sales could not be opened")
        return Headline("bad", "✗", closed, Message("The verdict alone does not sell."))
    result = state.verdict.result if state.verdict else ""
    untested = is_untested(state)
    shown = headline(result, state.result_state, check=state.plan.check, untested=untested)
    return among_customers(shown, selling=state.sales_said() == "open")


def _facts(told: Telling, occasion: Occasion, rule: Rule, shown: Headline) -> Iterator[str]:
    state, say = told.state, told.clock.translate
    args = {"time": told.when(state.started_at), "operator": state.operator}
    took = {"took": told.passed(state.started_at)}
    if shown.sentence.text:
        yield say(shown.sentence)
    if occasion is Occasion.STARTED:
        yield say(Message("Begun at %(time)s by %(operator)s.", args))
    if occasion is Occasion.FINISHED:
        yield say(Message("The run took %(took)s.", took))
    if occasion is Occasion.SLOW:
        usual = told.clock.duration(rule.usual_seconds or 0)
        text = "It runs for %(took)s; it usually takes %(usual)s."
        yield say(Message(text, {**took, "usual": usual}))
        yield say(Message("It waits for %(steps)s", {"steps": waits_for(told)}))


def _reasons(told: Telling, occasion: Occasion) -> Iterator[str]:
    """The first ones; while the run goes well there is none to tell."""
    if occasion is Occasion.STARTED:
        return
    say, found = told.clock.translate, causes(told.state)
    for cause in found[:MOST_REASONS]:
        yield f"- {_said(cause.problem, say)}"
    if len(found) > MOST_REASONS:
        yield f"- {say('and %(count)s more', count=len(found) - MOST_REASONS)}"
    verdict = told.state.verdict
    if verdict and not found:
        reasons = once(verdict.reasons)[:MOST_REASONS]
        yield from (f"- {say(_without_theirs(item))}" for item in reasons)


def _said(problem: Problem, say: Translator) -> str:
    """What failed, and why unless the why is in a host's own words: those may hold a secret."""
    what, why = _without_theirs(problem.what), _without_theirs(problem.why)
    return f"{say(what)}: {say(why)}" if why == problem.why else say(what)


def _without_theirs(message: Message) -> Message:
    """The sentence without what a host or a log said, by an allow-list of arguments."""
    args = {key: _ours(key, value) for key, value in message.args.items()}
    return Message(message.text, args)


def _ours(key: str, value: Any) -> Any:
    if isinstance(value, Message):
        return _without_theirs(value)
    return value if key in _OURS or isinstance(value, int | float) else _WITHHELD
