"""What click finds wrong with a command line, in the reader's language."""

import sys

import pytest

from automation.cli import main

CASES = {
    "foo": (
        "No such command 'foo'.",
        "'foo' 명령은 없습니다.",
    ),
    "status --foo": (
        "No such option '--foo'.",
        "'--foo' 옵션은 없습니다.",
    ),
    "status --helpp": (
        "No such option '--helpp'. Did you mean --help?",
        "'--helpp' 옵션은 없습니다. --help 옵션을 찾으셨습니까?",
    ),
    "resume": (
        "'RUN' is missing.",
        "'RUN' 값이 없습니다.",
    ),
    "restart wagering --limit": (
        "The option --limit wants a value.",
        "--limit 옵션에는 값이 필요합니다.",
    ),
    "evening --yes=3": (
        "The option --yes takes no value.",
        "--yes 옵션에는 값을 쓰지 않습니다.",
    ),
    "explain a b c": (
        "Too many arguments: b c",
        "남는 인자가 있습니다: b c",
    ),
    "plan noon": (
        "Invalid value for '{evening|morning}': it is none of evening, morning",
        "'{evening|morning}' 값이 올바르지 않습니다. 쓸 수 있는 값: evening, morning",
    ),
    "logs wagering --lines 0": (
        "Invalid value for '-n' / '--lines': it is no number from 1 to 1000000",
        "'-n' / '--lines' 값이 올바르지 않습니다. 1에서 1000000 사이의 숫자여야 합니다",
    ),
    "test rehearsal --for 3h": (
        "Invalid value for '--for': it is no time such as 30s or 2m, of 1s to 10m",
        "'--for' 값이 올바르지 않습니다. 30s나 2m처럼 1s에서 10m 사이의 시간이어야 합니다",
    ),
}


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("words", CASES)
def test_wrong_usage_is_told_in_the_readers_language(
    words: str, lang: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong, then how to go on; click's own words are English."""
    monkeypatch.setattr(sys, "argv", ["raceday", "--lang", lang, *words.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    told = " ".join(capsys.readouterr().err.split())
    assert told.startswith(f"raceday: {CASES[words][lang == 'ko']}")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["venue", "check", "--venue", "x"], "before the command: raceday --venue ... venue check"),
        (["--venue", "", "status"], 'There is no venue named "".'),
    ],
)
def test_a_venue_that_is_not_said_right_is_never_the_demo(
    words: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An empty variable of a script must not operate somebody else's hosts."""
    monkeypatch.setattr(sys, "argv", ["raceday", "--lang", "en", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert said in " ".join(capsys.readouterr().err.split())
