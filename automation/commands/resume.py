"""`raceday resume`: go on where a run stopped."""

import json
from dataclasses import asdict, replace

import click

from automation.commands.ask import confirm_change, reason_for, refuse_in_blackout
from automation.commands.explain import find_run
from automation.commands.load import venue_of
from automation.commands.options import run_options
from automation.commands.show import run_and_show, show
from automation.errors import Refused, UsageError
from automation.execute.ansible import end_run
from automation.exit_codes import ExitCode
from automation.procedures.evening import with_glass_broken
from automation.procedures.extra_vars import to_resume
from automation.procedures.records import LOCK
from automation.procedures.resume import (
    Preview,
    known_step,
    plan_looks,
    plan_resume,
    preview,
    resumable,
)
from automation.procedures.session import Request, Resume, operator_name, probe_now, utc_now
from automation.run.events import Message, RunResumed
from automation.run.lock import hold, this_process
from automation.run.plan import Plan
from automation.run.state import State
from automation.settings import Settings
from automation.venue.site import Venue
from automation.views.aside import say
from automation.views.i18n import Translator
from automation.views.preview import NEW, RERUN, REUSED, render_preview


@click.command()
@click.argument("run", metavar="RUN")
@click.option(
    "--from", "from_step", default="", metavar="STEP", help="Do it and all after it again."
)
@click.option("--accept-changes", is_flag=True, help="Although the venue file is another one now.")
@click.option("--break-glass", is_flag=True, help="Although sales are open; wants --reason.")
@click.option("--reason", default="", metavar="TEXT", help="Why; it is recorded.")
@run_options
@click.pass_obj
def resume(  # noqa: PLR0913, PLR0917  # one parameter per option
    settings: Settings,
    run: str,
    from_step: str,
    accept_changes: bool,
    break_glass: bool,
    reason: str,
    check: bool,
    yes: bool,
    request: Request,
) -> int:
    """Go on with a morning, an evening or a restart that stopped.

    It died, failed or was interrupted.
    RUN is a run's id or a part of it. Every host is looked at anew: a step counts as done only if
    its unit still runs as that step left it. Everything else is done again, in the same record.

    \b
    Examples:
      raceday resume 3f2a                         says what still stands, asks, goes on
      raceday resume 3f2a --check                 says what still stands; records nothing
      raceday resume 3f2a --from wagering.test    does that and all that follows it again
    """
    why = reason_for({"--break-glass": break_glass}, reason)
    venue, translate = venue_of(settings), Translator(settings.lang)
    reports = settings.reports / venue.name
    folder = find_run(reports, run)
    if folder is None:
        raise UsageError("This venue has no run yet.", "To begin one: raceday morning")
    state = resumable(folder)
    extra_vars = to_resume(state, request.extra_vars)
    if not break_glass:
        _refuse_what_needs_a_reason(venue, state)
    if not check:
        holder = this_process(folder.name, operator_name(), "resume", utc_now())
        with hold(reports / LOCK, holder, venue.venue_file, zone=venue.time_zone):
            end_run(folder.name)
    plan = plan_resume(venue, state, utc_now(), accept_changes=accept_changes)
    if break_glass:
        plan = with_glass_broken(plan, why)
    event = RunResumed(operator_name(), plan.dump(), known_step(plan, from_step))
    seen = probe_now(venue, plan_looks(venue, plan), ())
    found = preview(state, event, seen, utc_now())
    _tell(found, plan, translate)
    if check:
        if settings.format == "json":
            click.echo(json.dumps(asdict(found), ensure_ascii=False, indent=2))
        return ExitCode.GO
    confirm_change(translate("Go on with %(run)s?", run=folder.name), yes=yes)
    again = replace(
        request,
        extra_vars=extra_vars,
        resume=Resume(folder, state, from_step),
        is_current=lambda: resumable(folder) == state,
    )
    return run_and_show(settings, venue, plan, again)


def _refuse_what_needs_a_reason(venue: Venue, state: State) -> None:
    """A reason that somebody gave then is none for now. Raises Refused."""
    if state.plan.break_glass:
        raise Refused(
            Message(
                "%(run)s broke the glass: %(reason)s. That was then.",
                {"run": state.run_id, "reason": state.plan.reason},
            ),
            'To go on among customers, say why now: --break-glass --reason "...".',
        )
    if state.plan.procedure == "restart":
        refuse_in_blackout(venue, utc_now())


def _tell(found: Preview, plan: Plan, translate: Translator) -> None:
    """What becomes of each step, on stderr."""
    if found.rebooted:
        text = "Rebooted since, so what was started there is done again: %(hosts)s"
        say(translate(text, hosts=", ".join(found.rebooted)))
    becomes = ((REUSED, found.reused), (RERUN, found.again), (NEW, found.new))
    show(render_preview(becomes, plan.steps, translate), err=True)
