"""What every command promises: help, exit codes, one JSON document."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from automation.cli import raceday
from automation.exit_codes import ExitCode

pytestmark = pytest.mark.slow  # processes of their own

ROOT = Path(__file__).parents[2]
RACEDAY = Path(sys.executable).with_name("raceday")


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """The installed command, without a terminal."""
    return subprocess.run(
        [RACEDAY, *words], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )


def commands(group: click.Group = raceday, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command with its path."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        yield f"{path} {name}".strip(), command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}".strip())


@pytest.mark.parametrize(("path", "command"), list(commands()))
def test_every_command_and_option_has_help(path: str, command: click.Command) -> None:
    """Nobody has to guess what a word does."""
    assert command.help, path
    options = [item for item in command.params if isinstance(item, click.Option)]
    assert [item.name for item in options if not item.help] == []


@pytest.mark.parametrize("path", [path for path, _ in commands()])
def test_every_command_is_in_the_documentation(path: str) -> None:
    """README or the operators' page shows it."""
    text = (ROOT / "README.md").read_text() + (ROOT / "docs/operations.md").read_text()
    assert re.search(rf"raceday (-\S+ \S+ )*{path}", text)


def test_the_table_of_exit_codes_is_the_code() -> None:
    """docs/operations.md lists exactly the codes there are."""
    table = re.findall(
        r"^\| (\d+) \| (\w+) \|", (ROOT / "docs/operations.md").read_text(), re.MULTILINE
    )
    assert {name: int(code) for code, name in table} == {item.name: int(item) for item in ExitCode}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--venue", "no-such-venue", "venue", "check"), ExitCode.USAGE, "no-such-venue"),
        (("mornin",), ExitCode.USAGE, "mornin"),
        (("morning", "--accept-conditional"), ExitCode.USAGE, "--reason"),
        (("morning", "--reason", "because"), ExitCode.USAGE, "--accept-conditional"),
        (("morning",), ExitCode.REFUSED, "not a terminal"),
    ],
)
def test_an_error_is_one_document_with_its_code(
    words: tuple[str, ...], code: ExitCode, said: str
) -> None:
    """With --format json even a mistake is JSON on stdout, and nothing else is."""
    result = run("--format", "json", *words)
    error = json.loads(result.stdout)["error"]
    assert (result.returncode, error["exit_code"]) == (code, code)
    assert said in error["message"] + error["hint"]


GROUPS = {"": raceday, **{path: item for path, item in commands() if isinstance(item, click.Group)}}


@pytest.mark.parametrize("path", GROUPS)
def test_each_command_is_listed_in_a_whole_sentence(path: str) -> None:
    """On a terminal of 80 columns none is cut."""
    context = click.Context(GROUPS[path], info_name="raceday", terminal_width=80)
    listed = GROUPS[path].get_help(context).partition("Commands:")[2]
    assert listed
    assert "..." not in listed


def test_an_error_speaks_korean() -> None:
    """What is wrong, and what to do about it; a wrong option's hint, too."""
    said = run("--lang", "ko", "morning").stderr
    assert said.splitlines() == [
        "raceday: 터미널이 아니어서 물어볼 사람이 없습니다. 아무것도 변경하지 않았습니다.",
        "  묻지 않고 진행하려면 --yes를 붙이십시오.",
    ]
    assert "을(를) 뜻하셨습니까?" in run("--lang=ko", "mornin").stderr


def test_a_reason_is_asked_for_the_option_that_was_given() -> None:
    """Of the three that want one it names this one."""
    said = run("restart", "wagering", "--emergency").stderr
    assert "--emergency wants --reason." in said
    assert "--include-primary" not in said


def test_an_error_for_people_says_what_to_do_next() -> None:
    """One line what, one line what next, on stderr; stdout stays empty."""
    result = run("morning")
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "raceday: Nobody can be asked here, because this is not a terminal; nothing was touched.",
        "  Give --yes if it shall go on without a question.",
    ]


def test_a_morning_of_a_part_is_refused() -> None:
    """It cannot say GO for the whole, so it says what to do instead."""
    ended = run("morning", "--limit", "wagering1", "--yes")
    assert ended.returncode == ExitCode.USAGE
    assert "cannot say GO for all of it; nothing was touched" in ended.stderr
    assert "raceday restart COMPONENT --limit HOST" in ended.stderr
