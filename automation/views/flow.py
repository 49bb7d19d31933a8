"""How purchases went in a rehearsal or a drill, in the words that customers have for it. Pure."""

import re
from collections.abc import Iterator, Sequence

from automation.run.events import Message
from automation.run.plan import Verb
from automation.views.document import Report, StepHost, StepReport
from automation.views.times import Clock
from automation.views.words import FLOWS

_CHANNEL = Message(
    "%(channel)s: %(flow)s (%(sent)s sent, %(failed)s failed, p50 %(p50)s s, p95 %(p95)s s, "
    "p99 %(p99)s s, slowest %(max)s s)"
)
_FIGURES = ("channel", "sent", "p50", "p95", "p99", "max")
_FAILED = ("errors", "late", "unsent")
_SINCE_STOP = ("since_stop", "failed_since_stop", "errors_seconds")


def flow_sentences(report: Report, clock: Clock) -> tuple[Message, ...]:
    """One sentence per channel, and two per host that was stopped in the middle of it."""
    return (*_channels(report), *_stops(report, clock))


def _channels(report: Report) -> Iterator[Message]:
    for step in _of(report, Verb.REHEARSE):
        for host in step.hosts:
            told = host.evidence
            if "flow" in told:
                args = {key: told.get(key, "?") for key in _FIGURES}
                failed = round(sum(_number(told.get(key, "")) or 0 for key in _FAILED))
                flow = FLOWS.get(told["flow"], FLOWS["unknown"])
                yield Message(_CHANNEL.text, {**args, "failed": failed, "flow": flow})


def _stops(report: Report, clock: Clock) -> Iterator[Message]:
    if not _of(report, Verb.FLOW):
        return
    for stop in _of(report, Verb.STOP):
        for host in stop.hosts:
            yield _failures(report, stop, host, clock)
            yield _return(report, stop, host, clock)


def _failures(report: Report, stop: StepReport, host: StepHost, clock: Clock) -> Message:
    """From the order to stop on, over all channels that were loaded then."""
    args: dict[str, object] = {"host": host.name}
    args["time"] = clock.seconds(stop.started_at) if stop.started_at else "?"
    loads = [item for item in _of(report, Verb.REHEARSE) if _spans(item, stop)]
    told = [_since_stop(item) for step in loads for item in step.hosts]
    known = [numbers for numbers in told if numbers]
    if len(known) < len(told) or not known:
        text = "%(host)s was stopped at %(time)s: it is not known how many purchases failed."
        return Message(text, args)
    sent, failed, last = zip(*known, strict=True)
    args |= {"sent": round(sum(sent)), "failed": round(sum(failed)), "seconds": max(last)}
    if not sum(failed):
        text = "%(host)s was stopped at %(time)s: all %(sent)s purchases after that were answered."
        return Message(text, args)
    return Message(
        "%(host)s was stopped at %(time)s: %(failed)s of %(sent)s purchases after that failed, "
        "the last %(seconds)s s later.",
        args,
    )


def _return(report: Report, stop: StepReport, host: StepHost, clock: Clock) -> Message:
    looks = [step for step in _of(report, Verb.FLOW) if step.component == stop.component]
    last = looks[-1] if looks and looks[-1].id.endswith(".again") else None
    if last and last.status == "succeeded" and last.finished_at:
        args = {"host": host.name, "time": clock.seconds(last.finished_at)}
        return Message("%(host)s was back at %(time)s, and is sent purchases again.", args)
    return Message("%(host)s was not seen to be sent purchases again.", {"host": host.name})


def _of(report: Report, verb: Verb) -> Sequence[StepReport]:
    return [step for step in report.steps if step.verb == verb]


def _spans(load: StepReport, stop: StepReport) -> bool:
    if load.started_at is None or stop.started_at is None:
        return False
    ended = load.finished_at
    return load.started_at <= stop.started_at and (ended is None or ended >= stop.started_at)


def _since_stop(host: StepHost) -> tuple[float, ...]:
    """Sent, failed, and seconds until the last that failed; nothing unless all three are told."""
    numbers = [_number(host.evidence.get(key, "")) for key in _SINCE_STOP]
    known = tuple(number for number in numbers if number is not None)
    return known if len(known) == len(_SINCE_STOP) else ()


def _number(text: str) -> float | None:
    """What a host said, if it is a number at all."""
    return float(text) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) else None
