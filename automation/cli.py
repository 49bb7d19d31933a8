"""The `raceday` command: global options, the commands, and the one place where errors end."""

import json
import os
import sys
import tempfile
import traceback
from difflib import get_close_matches
from importlib import import_module
from itertools import chain, pairwise
from pathlib import Path

import click

from automation.commands.misuse import misuse
from automation.errors import Bug, Interrupted, RacedayError, UsageError
from automation.exit_codes import ExitCode
from automation.run.events import Message
from automation.settings import chosen_language, find_inventory, read_settings
from automation.venue.question import ask_ahead
from automation.views.aside import say
from automation.views.i18n import Translator

HELP = ("-h", "--help")
WITHOUT_VENUE = frozenset({"venue", "role"})  # or only sometimes
COMMANDS = (
    "morning",
    "evening",
    "restart",
    "sales",
    "test",
    "idle",
    "resume",
    "recover",
    "plan",
    "status",
    "explain",
    "report",
    "schedule",
    "exporter",
    "runs",
    "logs",
    "venue",
    "role",
)


class Commands(click.Group):
    """Each command is a module of its own, imported only when it is called, for a quick start."""

    def list_commands(self, _context: click.Context) -> list[str]:
        """The order of a day."""
        return list(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        """The command `name` of the module `name`; None when there is none, and click says so."""
        if name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"automation.commands.{name}"), name)
        return command

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Let Ansible read the inventory while the command is imported, unless help is wanted."""
        if args[0] in set(COMMANDS) - WITHOUT_VENUE and not set(HELP).intersection(args):
            settings = read_settings(**context.params)
            if inventory := find_inventory(settings.venue, settings.search_roots):
                context.call_on_close(ask_ahead(inventory))
        return super().resolve_command(context, args)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": list(HELP), "max_content_width": 100},
)
@click.option(
    "--venue",
    metavar="NAME|PATH",
    help="A name under inventories/, or any inventory [else RACEDAY_VENUE, else demo].",
)
@click.option(
    "--reports",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where runs are kept [reports/ here].",
)
@click.option("--lang", type=click.Choice(["en", "ko"]), help="Language of what is said to people.")
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: one document on stdout, all else on stderr.",
)
@click.option(
    "-v", "--verbose", count=True, help="Keep Ansible's own output in the run's artifacts/."
)
@click.version_option(package_name="raceday")
@click.pass_context
def raceday(  # one parameter per global option
    context: click.Context,
    venue: str | None,
    reports: Path | None,
    lang: str | None,
    output: str,
    verbose: int,
) -> None:
    """Open a racecourse's servers in the morning, prove each gate, say GO or NO-GO.

    \b
    Start here:
      raceday venue check    is the venue file right?
      raceday plan morning   what would run, in which order, how long
      raceday morning        open the venue

    \b
    Exit codes: 0 GO or done, 2 wrong usage or venue, 10 CONDITIONAL, 20 NO-GO or failed,
    30 refused, 75 another run holds the venue, 130 interrupted, 1 a bug.
    """
    context.obj = read_settings(venue, reports, lang, output, verbose)


def main() -> None:
    """Run the command and turn whatever happens into an exit code and a sentence."""
    sys.exit(_run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    try:
        code = raceday.main(args=arguments, prog_name="raceday", standalone_mode=False)
    except click.exceptions.Exit as error:
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _tell(Interrupted(), arguments)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return ExitCode.USAGE
    except click.ClickException as error:
        return _tell(UsageError(misuse(error), _help_hint(error)), arguments)
    except RacedayError as error:
        return _tell(error, arguments)
    except Exception as error:  # noqa: BLE001  # the boundary: a bug still ends in one sentence
        return _tell(_bug(error), arguments)
    return int(code or ExitCode.GO)


def _help_hint(error: click.ClickException) -> Message:
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is None:
        return Message("")
    if isinstance(error, click.NoSuchOption) and error.option_name in _global_options():
        args = {"option": error.option_name, "command": context.command_path.partition(" ")[2]}
        return Message("It stands before the command: raceday %(option)s ... %(command)s", args)
    wrong = error.command_name if isinstance(error, click.NoSuchCommand) else ""
    near = get_close_matches(wrong, COMMANDS, n=1)
    if near:
        return Message("Did you mean %(command)s?", {"command": near[0]})
    return Message("Try: %(command)s --help", {"command": context.command_path})


def _global_options() -> frozenset[str]:
    return frozenset(option for param in raceday.params for option in param.opts)


def _tell(error: RacedayError, arguments: list[str]) -> int:
    """What failed and what to do next, in the reader's language; returns the exit code."""
    translate = Translator(chosen_language(_given(arguments, "--lang")))
    message, hint = map(translate, error.told)
    if _given(arguments, "--format") == "json":
        told = {"message": message, "hint": hint, "exit_code": int(error.exit_code)}
        click.echo(json.dumps({"error": told}, ensure_ascii=False, indent=2))
    else:
        say(f"raceday: {message}")
        if hint:
            say(f"  {hint}")
    return int(error.exit_code)


def _given(arguments: list[str], option: str) -> str:
    """The word of a global option, read here because an error may come before click has read it."""
    spaced = (word for name, word in pairwise(arguments) if name == option)
    joined = (
        word.removeprefix(f"{option}=") for word in arguments if word.startswith(f"{option}=")
    )
    return next(chain(joined, spaced), "")


def _bug(error: Exception) -> Bug:
    handle, path = tempfile.mkstemp(prefix="raceday-", suffix="-traceback.txt")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        traceback.print_exception(error, file=file)
    return Bug(error, path)
