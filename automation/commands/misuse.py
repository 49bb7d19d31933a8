"""What click finds wrong with a command line, as a message: click's own sentences are English."""

import re

import click

from automation.run.events import Message

TOO_MANY = re.compile(r"Got unexpected extra arguments? \((.+)\)")  # click has no class for these
FLAG = "does not take a value."


def misuse(error: click.ClickException) -> Message:
    """What is wrong; in click's own words where it is nothing that we know."""
    match error:
        case click.NoSuchCommand():
            return Message("No such command '%(name)s'.", {"name": error.command_name})
        case click.NoSuchOption():
            return _no_such_option(error)
        case click.BadOptionUsage() if error.message.endswith(FLAG):
            return Message("The option %(name)s takes no value.", {"name": error.option_name})
        case click.BadOptionUsage():
            return Message("The option %(name)s wants a value.", {"name": error.option_name})
        case click.MissingParameter(param=click.Parameter() as param):
            return Message("%(name)s is missing.", {"name": param.get_error_hint(error.ctx)})
        case click.BadParameter(param=click.Parameter() as param):
            args = {"name": param.get_error_hint(error.ctx), "why": _why(param.type, error)}
            return Message("Invalid value for %(name)s: %(why)s", args)
    too_many = TOO_MANY.fullmatch(error.message)
    if too_many:
        return Message("Too many arguments: %(words)s", {"words": too_many[1]})
    return Message("%(why)s", {"why": error.format_message()})


def _no_such_option(error: click.NoSuchOption) -> Message:
    args = {"name": error.option_name, "near": ", ".join(error.possibilities or ())}
    if error.possibilities:
        return Message("No such option '%(name)s'. Did you mean %(near)s?", args)
    return Message("No such option '%(name)s'.", args)


def _why(wanted: click.ParamType[object], error: click.BadParameter) -> Message:
    match wanted:
        case click.Choice():
            return Message("it is none of %(words)s", {"words": ", ".join(wanted.choices)})
        case click.IntRange(min=least, max=None) | click.FloatRange(min=least, max=None):
            return Message("it is no number from %(least)s on", {"least": least})
        case click.IntRange(min=least, max=most) | click.FloatRange(min=least, max=most):
            args = {"least": least, "most": most}
            return Message("it is no number from %(least)s to %(most)s", args)
        case click.DateTime():
            return Message("it is no time of day such as 08:30")
    return Message(error.message)
