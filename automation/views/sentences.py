"""Whole sentences about a report that more than one view says."""

from collections.abc import Iterator, Mapping, Sequence

from automation.run.events import Message
from automation.run.ledger import Rest
from automation.views.document import Closing, Deadline, Report, Sales
from automation.views.times import Clock
from automation.views.words import Headline, among_customers, headline

SALES = {
    "open": Message("Sales were open before this run."),
    "opened_by_this_run": Message("Sales are open."),
    "closed": Message("Sales are closed."),
    "unknown": Message("It is not known whether sales are open."),
}
NOW = {"open": SALES["opened_by_this_run"], "closed": SALES["closed"], "": SALES["unknown"]}
BACK_IN = Message(
    "If nobody took it out on purpose: raceday morning puts what is ready back into rotation."
)
OPEN_AGAIN = Message(
    'To open them again: raceday sales open --reason "..." while the GO still holds, '
    "else raceday morning"
)
OPEN_ANEW = Message("To open them again: raceday morning; no GO holds any more.")


def report_headline(report: Report) -> Headline:
    """The verdict, or where the run stands, in one word and one sentence."""
    verdict, sales = report.verdict, report.sales
    shown = headline(
        verdict.result if verdict else "",
        report.result_state,
        check=report.check,
        revoked=bool(verdict and verdict.revoked_at),
        died=report.died,
        untested=report.untested,
    )
    return among_customers(shown, selling=sales is not None and sales.state == "open")


def sales_sentence(report: Report, clock: Clock) -> Message | None:
    """Whether customers can buy, and since when; None when the run has nothing to say of it."""
    sales = report.sales
    if sales is None:
        return None
    if sales.at is None:
        before = report.procedure == "morning" and sales.state == "open"
        return SALES["open"] if before else NOW.get(sales.state, SALES[sales.state])
    return Message("Sales are open since %(time)s.", {"time": clock.seconds(sales.at)})


def closing_sentence(closing: Closing, when: str) -> Message:
    """Who closed sales, when and why."""
    args = {"operator": closing.operator, "time": when, "reason": closing.reason}
    return Message("%(operator)s closed sales at %(time)s: %(reason)s", args)


def rest_sentence(rest: Rest, clock: Clock) -> Message:
    """Which evening closed the venue and when, or what of it one has stopped, and the way on."""
    at = rest.run.finished_at or rest.run.started_at
    names = dict.fromkeys(name for name, _ in sorted(rest.places))
    args = {"time": f"{clock.date(at)} {clock.seconds(at)}", "names": ", ".join(names)}
    if rest.is_whole:
        return Message(
            "The venue was closed by the evening of %(time)s; raceday morning opens it.", args
        )
    return Message(
        "The evening of %(time)s did not come to its end and has stopped %(names)s: "
        "raceday evening goes on with it, raceday morning opens the venue.",
        args,
    )


def unserved_sentences(
    unserved: Mapping[str, Sequence[str]],
) -> Iterator[tuple[Message, Message]]:
    """What nobody can buy although sales are open, by host of a load balancer, and what to do."""
    for host, names in unserved.items():
        args = {"host": host, "names": ", ".join(names), "components": " ".join(names)}
        yield (
            Message("Nobody can buy at %(names)s: %(host)s sees every server of it down.", args),
            Message(
                "What is wrong: raceday status. If it hangs: "
                'raceday restart %(components)s --emergency --reason "..."',
                args,
            ),
        )


def rotation_sentences(out: Mapping[str, Sequence[str]]) -> Iterator[Message]:
    """Which servers are out of rotation, by host of a load balancer."""
    for host, servers in out.items():
        args = {"host": host, "servers": ", ".join(servers)}
        yield Message("Out of rotation at %(host)s: %(servers)s", args)


def deadline_sentence(report: Report, clock: Clock) -> Message | None:
    """Whether sales opened in time, and by what margin."""
    deadline, sales = report.deadline, report.sales
    if deadline is None or sales is None:
        return None
    args = {"due": clock.time(deadline.at), "margin": clock.duration(deadline.margin_seconds)}
    return Message(_deadline_template(report, sales, deadline).text, args)


def revoked_sentence(report: Report, clock: Clock) -> Message | None:
    """Since when the verdict no longer holds; None while it was not revoked."""
    at = report.verdict.revoked_at if report.verdict else None
    if at is None:
        return None
    when = f"{clock.date(at)} {clock.seconds(at)}"
    return Message("It no longer holds since %(time)s:", {"time": when})


def duration_sentence(report: Report, clock: Clock) -> Message:
    """How long it took, and what raceday itself added to the services' own time."""
    took = clock.duration(report.duration_seconds)
    beyond = report.beyond_critical_path_seconds
    if report.finished_at is None:
        return Message("%(took)s so far", {"took": took})
    if report.died:
        return Message("%(took)s until it was recovered", {"took": took})
    if beyond is None:
        return Message("%(took)s, with the time before it was resumed", {"took": took})
    args = {"took": took, "beyond": clock.duration(beyond)}
    return Message("%(took)s, of which %(beyond)s beyond the critical path", args)


def resumed_sentence(report: Report, clock: Clock) -> Message | None:
    """When it was gone on with, by whom, and how much still stood; None when it ran in one go."""
    if not report.resumed:
        return None
    last = report.resumed[-1]
    steps = [step for step in report.steps if not step.id.endswith(".look")]
    args = {
        "time": clock.seconds(last.at),
        "operator": last.operator,
        "reused": sum(step.reused for step in steps),
        "done": sum(not step.reused for step in steps),
    }
    return Message(
        "At %(time)s by %(operator)s: %(reused)s steps still stood, %(done)s were done.", args
    )


def time_saved_sentence(report: Report) -> Message | None:
    """Minutes saved against doing the same by hand."""
    saved = report.time_saved
    if saved is None:
        return None
    args = {"low": round(saved.low), "likely": round(saved.likely), "high": round(saved.high)}
    return Message("about %(likely)s min (%(low)s to %(high)s) against doing it by hand", args)


def _deadline_template(report: Report, sales: Sales, deadline: Deadline) -> Message:
    match sales.at, deadline.met:
        case None, None if report.finished_at is None:
            return Message("Due at %(due)s: %(margin)s left.")
        case None, None:
            return Message("Due at %(due)s: %(margin)s were left when the run ended.")
        case None, _:
            return Message("Due at %(due)s: missed, %(margin)s ago when the run ended.")
        case _, True:
            return Message("Due at %(due)s: kept, with %(margin)s to spare.")
        case _:
            return Message("Due at %(due)s: missed by %(margin)s.")
