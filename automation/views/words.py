"""The words and symbols that every view uses. A state is always told by both, never by colour."""

from dataclasses import dataclass, replace

from automation.run.events import Message
from automation.run.plan import Plan, Verb


@dataclass(frozen=True)
class Headline:
    """What the run comes to, in one word and one sentence; `tone` names a colour."""

    tone: str
    symbol: str
    word: Message
    sentence: Message


HEADLINES = {
    "GO": Headline(
        "good", "✓", Message("GO"), Message("Every gate and every check was confirmed.")
    ),
    "CONDITIONAL": Headline(
        "doubt",
        "▲",
        Message("CONDITIONAL"),
        Message("Only what the venue can open without is missing."),
    ),
    "NO-GO": Headline("bad", "✗", Message("NO-GO"), Message("The venue must not open.")),
    "REVOKED": Headline("bad", "✗", Message("Revoked"), Message("This verdict no longer holds.")),
    "RUNNING": Headline("plain", "▸", Message("In progress"), Message("There is no verdict yet.")),
    "CANCELLED": Headline(
        "doubt",
        "■",
        Message("Interrupted"),
        Message("The operator stopped the run before its end; nothing more was begun."),
    ),
    "DIED": Headline(
        "doubt",
        "■",
        Message("Died"),
        Message("Its process died before its end; what it had left was put back."),
    ),
    "DEAD": Headline(
        "doubt",
        "■",
        Message("Died"),
        Message("Its process died before its end; raceday explain says how to go on."),
    ),
    "CHECK": Headline(
        "plain",
        "○",
        Message("Check mode"),
        Message("This shows what would be done; nothing was changed on any host."),
    ),
    "SUCCESS": Headline(
        "good", "✓", Message("Done"), Message("Everything that was asked for was done.")
    ),
    "WARNINGS": Headline(
        "doubt",
        "▲",
        Message("Done, with warnings"),
        Message("Not all of it went as it should; see why."),
    ),
    "ERRORS": Headline(
        "bad", "✗", Message("Failed"), Message("It ended with the first thing that went wrong.")
    ),
}
UNTESTED = Message("What was not tested, because sales are open, rests on an earlier GO.")
GO_UNTESTED = replace(
    HEADLINES["GO"],
    sentence=Message("Every gate was confirmed. %(untested)s", {"untested": UNTESTED}),
)
UNPROVEN = Message(
    "Sales are open, and no GO stands. To prove the venue: "
    'raceday sales close --reason "...", then raceday morning'
)
NO_GO_SELLING = replace(HEADLINES["NO-GO"], sentence=UNPROVEN)
STATES = {
    "waiting": Message("waiting"),
    "starting": Message("starting"),
    "ready": Message("ready"),
    "already_up": Message("already up"),
    "degraded": Message("degraded"),
    "failed": Message("failed"),
    "unknown": Message("unknown"),
    "skipped": Message("not executed"),
    "partly": Message("partly done"),
    "stopping": Message("stopping"),
    "draining": Message("draining"),
    "closed": Message("closed"),
    "stopped": Message("stopped"),
    "already_stopped": Message("already stopped"),
    "checked": Message("checked"),
    "ok": Message("OK"),
    "already": Message("already up"),
    "would": Message("would be done"),
    "unreachable": Message("unreachable"),
    "running": Message("running"),
    "succeeded": Message("succeeded"),
}
SYMBOLS = {
    "waiting": "○",
    "starting": "▸",
    "ready": "✓",
    "already_up": "✓",
    "degraded": "▲",
    "failed": "✗",
    "unknown": "?",
    "skipped": "-",
    "partly": "▲",
    "stopping": "▸",
    "draining": "▸",
    "closed": "✓",
    "stopped": "■",
    "already_stopped": "■",
    "checked": "✓",
    "ok": "✓",
    "already": "✓",
    "would": "○",
    "unreachable": "✗",
    "running": "▸",
    "succeeded": "✓",
}
TONES = {
    "ready": "good",
    "already_up": "good",
    "ok": "good",
    "already": "good",
    "succeeded": "good",
    "stopped": "good",
    "already_stopped": "good",
    "checked": "good",
    "stopping": "plain",
    "draining": "plain",
    "closed": "good",
    "degraded": "doubt",
    "partly": "doubt",
    "unknown": "doubt",
    "failed": "bad",
    "unreachable": "bad",
    "starting": "plain",
    "running": "plain",
}
VERBS = {
    "preflight": Message("preflight"),
    "clocks": Message("clocks"),
    "start": Message("start"),
    "stop": Message("stop"),
    "kill": Message("forced stop"),
    "restart": Message("restart"),
    "test": Message("functional test"),
    "through": Message("test through the load balancer"),
    "rehearse": Message("rehearsed purchases"),
    "flow": Message("purchases are answered"),
    "tidy": Message("taking back"),
    "probe": Message("gate"),
    "settled": Message("settlement"),
    "close": Message("closing of sales"),
    "refusal": Message("refused sale"),
    "drain": Message("out of rotation"),
    "undrain": Message("into rotation"),
    "quiet": Message("idle check"),
}
FLOWS = {
    "smooth": Message("smooth"),
    "slow": Message("slow"),
    "congested": Message("congested"),
    "unknown": Message("unknown"),
}
PROCEDURES = {
    "morning": Message("Morning start-up"),
    "evening": Message("Evening shutdown"),
    "restart": Message("Rolling restart"),
    "emergency": Message("Emergency restart"),
    "test": Message("Functional test"),
    "rehearsal": Message("Rehearsal of sales"),
    "drill": Message("Failover drill"),
    "idle": Message("Idle-time work"),
    "sales-open": Message("Opening of sales"),
    "sales-close": Message("Closing of sales"),
    "recover": Message("Recovery"),
    "status": Message("Status"),
}
COMMANDS = {  # what is typed for a procedure, where that is not its own name
    "restart": "restart COMPONENT",
    "emergency": 'restart COMPONENT --emergency --reason "..."',
    "sales-open": 'sales open --reason "..."',
    "sales-close": 'sales close --reason "..."',
    "rehearsal": "test rehearsal",
    "drill": "test drill",
}


def headline(
    result: str,
    result_state: str,
    *,
    check: bool,
    revoked: bool = False,
    died: bool = False,
    untested: bool = False,
) -> Headline:
    """The verdict's headline; without a verdict, that of where the run stands.

    It is `untested` when tests were left out because sales are open. Of a run that died and has no
    end yet, not even its verdict is believed.
    """
    if died and result_state == "RUNNING":
        return HEADLINES["DEAD"]
    if revoked:
        return HEADLINES["REVOKED"]
    if result == "GO" and untested:
        return GO_UNTESTED
    if result:
        return HEADLINES[result]
    if died:
        return HEADLINES["DIED"]
    if check and result_state != "CANCELLED":
        return HEADLINES["CHECK"]
    return HEADLINES[result_state]


def among_customers(shown: Headline, *, selling: bool) -> Headline:
    """The same, but that a NO-GO keeps nothing closed while sales are open: it says what to do."""
    return NO_GO_SELLING if selling and shown == HEADLINES["NO-GO"] else shown


def command_of(plan: Plan) -> str:
    """What is typed to do the same again, with the components that a restart was about."""
    verbs = {Verb.STOP, Verb.KILL}
    names = dict.fromkeys(step.component for step in plan.steps.values() if step.verb in verbs)
    return COMMANDS.get(plan.procedure, plan.procedure).replace("COMPONENT", " ".join(names))


def procedure_title(procedure: str) -> Message:
    """A procedure in words; its own name when it has none."""
    return PROCEDURES.get(procedure, Message(procedure))
