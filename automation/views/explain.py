"""Why a run is blocked, or came to its verdict: since when, and what would clear it. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from automation.idle.record import Decision, Record
from automation.run.events import Message
from automation.run.lock import Holder
from automation.run.plan import Verb
from automation.run.state import INTERRUPTED, State, Status, Verdict
from automation.run.verdict import CONDITIONAL, GO, NO_GO, is_untested, warnings
from automation.views.alike import once
from automation.views.causes import Cause, causes, left_out
from automation.views.i18n import Translator
from automation.views.leftovers import left_by, leftovers
from automation.views.live import bullets, report_line
from automation.views.sales import CLOSED, view_closing, view_sales
from automation.views.sentences import OPEN_AGAIN, OPEN_ANEW, closing_sentence, rest_sentence
from automation.views.status import Around
from automation.views.telling import Explanation, Telling, chained, joined
from automation.views.text import printable
from automation.views.times import Clock
from automation.views.unfinished import (
    explain_dead,
    explain_recovered,
    explain_running,
    verdict_so_far,
)
from automation.views.words import HEADLINES, UNPROVEN, UNTESTED

ALONE = Around()
_LOOK = Message("What is wrong, and what to do now: raceday status")
_POSTPONED = Message("raceday idle does what is left when it may, asked again by its timer.")
_ACCEPT = Message('To open without it: raceday %(procedure)s --accept-conditional --reason "..."')


def explain_run(
    state: State, now: datetime, translate: Translator, around: Around = ALONE
) -> Explanation:
    """What an operator asks of a run, with what bears on it of all that is `around` it.

    Where it is not known what runs have left, it is what this one has.
    """
    clock, holder, rest = Clock(state.plan.time_zone, translate), around.holder, around.rest
    left = left_by(state) if around.left is None else around.left
    told = Telling(state, now, clock, left, around.resume, rest, around.is_unproven)
    is_its_own = holder and holder.run_id == state.run_id
    explained = _with_leftovers(_explain(told, holder if is_its_own else None), told)
    if rest:
        sentences = (*explained.sentences, rest_sentence(rest, clock))
        explained = replace(explained, sentences=sentences)
    if state.plan.check:
        sentences = (*explained.sentences, HEADLINES["CHECK"].sentence)
        explained = replace(explained, sentences=sentences)
    is_revoked = state.verdict is not None and state.verdict.revoked_at is not None
    if around.is_unproven and not is_revoked and not left.is_to_be_done:
        following = _LOOK if around.is_doubted else UNPROVEN
        explained = replace(explained, next=(*explained.next, following))
    if holder is None or is_its_own:
        return explained
    held = explain_holder(holder, clock)
    return replace(
        explained,
        sentences=(*explained.sentences, *held.sentences),
        next=(*held.next, *explained.next),
    )


def explain_holder(holder: Holder, clock: Clock) -> Explanation:
    """Who holds the venue, so that nobody else can run anything on it."""
    since = datetime.fromisoformat(holder.since)
    when = f"{clock.date(since)} {clock.seconds(since)}"
    who = Message(
        "%(operator)s holds the venue since %(time)s for %(why)s "
        "(run %(run_id)s, process %(pid)s on %(host)s).",
        {**vars(holder), "time": when},
    )
    wait = Message("Wait until it ends, or press Ctrl-C where it runs.")
    return Explanation(since=since, sentences=(who,), next=(wait,))


def explain_nothing() -> Explanation:
    """A venue whose folder of runs is empty."""
    none = Message("No run of this venue is on record.")
    return Explanation(sentences=(none,), next=(Message("To begin one: raceday morning"),))


def explain_closing(
    explained: Explanation,
    state: State,
    closed: State | None,
    clock: Clock,
    *,
    go_holds: bool,
) -> Explanation:
    """The same, with who closed sales, when and why: in this run, or in `closed`.

    `closed` is a run that nobody has opened sales after: what opens them again is told too, by
    whether a GO holds.
    """
    closing = view_closing(closed or state)
    if closing is None:
        return explained
    said = closing_sentence(closing, f"{clock.date(closing.at)} {clock.seconds(closing.at)}")
    opening = OPEN_AGAIN if go_holds else OPEN_ANEW
    following = (*explained.next, opening) if closed else explained.next
    return replace(explained, sentences=(*explained.sentences, said), next=following)


def explain_idle(
    explained: Explanation, record: Record, clock: Clock, again: Message
) -> Explanation:
    """The same, with why the timer's last call did nothing, and its last one inside a window.

    `again` says when it is asked again. A morning that was never done is no remedy.
    """
    last = "raceday idle did nothing at %(time)s: %(why)s."
    before = "In its last window raceday idle did nothing, at %(time)s: %(why)s."
    calls = ((before if record.closed else last, record.decision), (last, record.closed))
    told = [(text, call) for text, call in calls if call and call.reasons]
    if not told:
        return explained
    said = tuple(_did_nothing(explained, text, call, clock) for text, call in told)
    kept = explained.next if explained.since else ()
    by_hand = _by_hand(record.decision) if record.decision and not record.closed else ()
    return replace(
        explained, sentences=(*explained.sentences, *said), next=(*kept, again, *by_hand)
    )


def _did_nothing(explained: Explanation, text: str, call: Decision, clock: Clock) -> Message:
    """Without what is among the sentences already: what a run has left keeps the timer waiting."""
    say, when = clock.translate, f"{clock.date(call.at)} {clock.seconds(call.at)}"
    known = [say(item) for item in explained.sentences]
    fresh = [why for why in call.reasons if not any(say(why) in line for line in known)]
    if not fresh:
        return Message("raceday idle did nothing at %(time)s, because of that.", {"time": when})
    return Message(text, {"time": when, "why": chained(fresh)})


def _by_hand(call: Decision) -> Iterator[Message]:
    """What is typed for what was due."""
    names = " ".join(dict.fromkeys(component for component, _ in call.due))
    tests = "; ".join(f"raceday test {words}" for words in call.tests)
    text = "Not to wait for it: %(command)s"
    for command in (f"raceday restart {names}" if names else "", tests):
        if command:
            yield Message(text, {"command": command})


def could_not_open(state: State) -> bool:
    """Sales were to open on the verdict, and did not."""
    return any(
        item.step.on_verdict and item.status is Status.FAILED for item in state.steps.values()
    )


def render_explanation(
    explanation: Explanation, translate: Translator, page: Path | None = None
) -> RenderableType:
    """The sentences, what to do next, and where the report is."""
    lines = [("·", translate(item)) for item in explanation.sentences]
    lines += [("→", translate(item)) for item in explanation.next]
    title = [Text(printable(explanation.run_id), style="bold")] if explanation.run_id else []
    report = [report_line(page, translate)] if page else []
    return Group(*title, *bullets(lines), *report)


def explanation_document(explanation: Explanation, translate: Translator) -> Mapping[str, Any]:
    """For programs; the sentences are in the reader's language, as they are all there is to it."""
    since = explanation.since
    return {
        "run_id": explanation.run_id or None,
        "verdict": explanation.verdict or None,
        "since": since.isoformat(timespec="milliseconds") if since else None,
        "sentences": [printable(translate(item)) for item in explanation.sentences],
        "next": [printable(translate(item)) for item in explanation.next],
    }


def _with_leftovers(explained: Explanation, told: Telling) -> Explanation:
    said = tuple(leftovers(told.left))
    more = (joined(said),) if said else ()
    return replace(explained, sentences=(*explained.sentences, *more))


def _explain(told: Telling, holder: Holder | None) -> Explanation:
    state = told.state
    if state.finished_at is None:
        return explain_running(told, holder) if holder else explain_dead(told)
    if state.died:
        return explain_recovered(told, state.finished_at)
    if state.interrupted:
        return _interrupted(told, state.finished_at)
    if state.verdict is None:
        return _without_verdict(told, state.finished_at)
    if state.verdict.revoked_at:
        return _revoked(told, state.verdict, state.verdict.revoked_at)
    return _decided(told, state.verdict)


def _decided(told: Telling, verdict: Verdict) -> Explanation:
    if could_not_open(told.state):
        return _unopened(told, verdict)
    match verdict.result:
        case "GO":
            return _go(told, verdict)
        case "CONDITIONAL":
            return _conditional(told, verdict)
        case _:
            return _no_go(told, verdict)


def _no_go(told: Telling, verdict: Verdict) -> Explanation:
    found = causes(told.state)
    sentences = (_lead(told, verdict, found), *_waiting(told.state, found))
    return told.explained(NO_GO, verdict.decided_at, sentences, told.mend(found))


def _conditional(told: Telling, verdict: Verdict) -> Explanation:
    found = causes(told.state)
    lead, mend = _lead(told, verdict, found), told.mend(found)
    if told.state.plan.accept_conditional:
        taken = Message("Somebody accepted that: %(reason)s", {"reason": told.state.plan.reason})
        sentences = (lead, taken, *_until(told, verdict))
        following = _renewed(told, verdict) or mend
        return told.explained(CONDITIONAL, verdict.decided_at, sentences, following)
    closed = Message(
        "The venue can open without it, but sales stay closed until somebody accepts that."
    )
    following = (told.of_run(_ACCEPT), *mend)
    return told.explained(CONDITIONAL, verdict.decided_at, (lead, closed), following)


def _go(told: Telling, verdict: Verdict) -> Explanation:
    args = {"time": told.when(verdict.decided_at)}
    lead = Message("GO since %(time)s: every gate and every check was confirmed.", args)
    if is_untested(told.state):
        text = "GO since %(time)s: every gate was confirmed. %(untested)s"
        lead = Message(text, {**args, "untested": UNTESTED})
    sentences = (lead, *_until(told, verdict))
    return told.explained(GO, verdict.decided_at, sentences, _renewed(told, verdict))


def _unopened(told: Telling, verdict: Verdict) -> Explanation:
    opening = {item.step.id for item in told.state.steps.values() if item.step.on_verdict}
    found = tuple(item for item in causes(told.state) if item.step in opening)
    args = {"verdict": HEADLINES[verdict.result].word, "causes": told.listed(found)}
    text = "The verdict was %(verdict)s, but sales could not be opened: %(causes)s"
    since = next((item.at for item in found if item.at), verdict.decided_at)
    return told.explained(verdict.result, since, (Message(text, args),), told.mend(found))


def _revoked(told: Telling, verdict: Verdict, at: datetime) -> Explanation:
    args = {
        "verdict": HEADLINES[verdict.result].word,
        "decided": told.when(verdict.decided_at),
        "time": told.when(at),
        "causes": joined(once(verdict.revoked_because)),
    }
    text = "%(verdict)s of %(decided)s no longer holds since %(time)s, because: %(causes)s"
    again = () if told.state.sales_said() == "open" else (told.mend_all(),)
    return told.explained(verdict.result, at, (Message(text, args),), (_LOOK, *again))


def _interrupted(told: Telling, at: datetime) -> Explanation:
    args = {"time": told.when(at)}
    lead = Message("The operator interrupted the run; it ended at %(time)s.", args)
    back = (
        Message("%(what)s: %(why)s", {"what": item.problem.what, "why": item.problem.why})
        for item in warnings(told.state)
        if item.problem.why == INTERRUPTED
    )
    sentences = (lead, *verdict_so_far(told.state), *back)
    return told.explained("", at, sentences, told.go_on())


def _without_verdict(told: Telling, at: datetime) -> Explanation:
    found, undone = causes(told.state), left_out(told.state)
    args = {"time": told.when(at), "causes": told.listed(found), "undone": joined(undone)}
    lead = Message("The run ended at %(time)s; nothing failed.", args)
    if found:
        lead = Message("The run ended at %(time)s, and not all went well: %(causes)s", args)
    elif undone:
        lead = Message("The run ended at %(time)s, and not all was done. %(undone)s", args)
    if _is_postponed(told.state):
        return told.explained("", at, (lead,), (*told.recover(), _POSTPONED))
    return told.explained("", at, (lead,), told.mend(found) if found or undone else ())


def _is_postponed(state: State) -> bool:
    """Somebody came back, or the window is over, and nothing else went wrong."""
    asked = (item for item in state.steps.values() if item.step.verb is Verb.QUIET)
    return state.result_state == "WARNINGS" and any(item.status is Status.FAILED for item in asked)


def _lead(told: Telling, verdict: Verdict, found: Sequence[Cause]) -> Message:
    args = {
        "verdict": HEADLINES[verdict.result].word,
        "time": told.when(verdict.decided_at),
        "causes": told.listed(found) if found else joined(once(verdict.reasons)),
    }
    return Message("%(verdict)s since %(time)s: %(causes)s", args)


def _waiting(state: State, found: Sequence[Cause]) -> Iterator[Message]:
    """Other components of which something was left out, and the opening of sales."""
    culprits = {item.component for item in found}
    skipped = (
        item.step.component
        for item in state.steps.values()
        if item.status is Status.SKIPPED and not item.step.on_verdict
    )
    names = ", ".join(name for name in dict.fromkeys(skipped) if name not in culprits)
    sales = (
        view_sales(state) if any(step.on_verdict for step in state.plan.steps.values()) else None
    )
    closed = sales is not None and sales.state == CLOSED
    if names and closed:
        yield Message("%(names)s and the opening of sales wait for it.", {"names": names})
    elif names:
        yield Message("%(names)s wait for it.", {"names": names})
    elif closed:
        yield Message("Sales stay closed because of it.")


def _until(told: Telling, verdict: Verdict) -> Iterator[Message]:
    """How long it holds; nothing of one that is over because the venue was closed."""
    args = {"time": told.when(datetime.fromisoformat(verdict.valid_until))}
    if told.rest:
        return
    if verdict.is_ahead(told.now):
        yield Message(
            "That time is still to come: the clock was set back, so it does not hold now."
        )
    elif not verdict.holds(told.now):
        yield Message("Its time was over at %(time)s, so it no longer holds.", args)
    else:
        yield Message("Valid until %(time)s, unless a gate turns red before.", args)


def _renewed(told: Telling, verdict: Verdict) -> tuple[Message, ...]:
    """Nothing among customers, where a morning could test nothing."""
    if told.rest or told.is_unproven or verdict.holds(told.now):
        return ()
    return (told.anew(),)
