"""The catalogue: complete, with the same placeholders, and never in the way of a sentence."""

import re

import pytest

from automation.run.events import Message
from automation.views.i18n import Translator, read_catalogue
from automation.views.words import COMMANDS
from tests.unit.views.sentences_in_code import is_sentence, placeholders, sentences

KOREAN = read_catalogue("ko")
REASON = ' --reason "..."'
WANTS_A_REASON = re.compile(
    r"raceday sales (close|open)"
    r"|raceday \S.* --(break-glass|emergency|include-primary|accept-conditional)"
)


@pytest.mark.parametrize("text", sorted(filter(is_sentence, sentences())))
def test_every_sentence_has_a_korean_translation(text: str) -> None:
    """Each sentence in code, plugins and pages is in the Korean catalogue."""
    assert KOREAN.get(text), f"add to automation/locale/ko/LC_MESSAGES/raceday.po: {text!r}"


def test_a_command_that_wants_a_reason_is_told_with_one() -> None:
    """Whoever types what is printed is not refused, in either language."""
    told = {*sentences(), *KOREAN, *KOREAN.values()}
    told |= {f"raceday {command}" for command in COMMANDS.values()}
    commands = {(text, found) for text in told for found in WANTS_A_REASON.finditer(text)}
    bare = {text for text, found in commands if not text[found.end() :].startswith(REASON)}
    assert len(commands) > len(bare) == 0, bare


def test_translations_want_what_the_original_gives() -> None:
    """A translation uses placeholders of its original only, and loses none but a plural's."""
    odd = {text for text, said in KOREAN.items() if placeholders(text) != placeholders(said)}
    assert odd == set()


def test_the_catalogue_holds_no_other_language_by_mistake() -> None:
    """Each translation has at least one Korean letter."""
    korean = {text for text, said in KOREAN.items() if any("가" <= char <= "힣" for char in said)}
    assert korean == set(KOREAN)


def test_a_message_is_said_in_korean_with_its_arguments() -> None:
    """Arguments that are messages are translated too."""
    why = Message("the operator interrupted the run")
    message = Message("%(what)s: %(why)s", {"what": "database.start", "why": why})
    assert Translator("ko")(message) == "database.start: 운영자가 실행을 중단했습니다"
    assert Translator("en")(message) == "database.start: the operator interrupted the run"


def test_check_names_are_said_in_korean_too() -> None:
    """In tables and inside sentences; a site's own names stay as they are."""
    say = Translator("ko")
    assert say.check_name("disk space") == "디스크 공간"
    assert say.check_name("the board shows race 1") == "the board shows race 1"
    assert say.check_name("a test bet is accepted") == "시험 마권 접수"
    failed = Message("%(host)s failed the check '%(check)s'", {"host": "a1", "check": "memory"})
    assert say(failed) == "a1에서 점검 항목 '메모리' 실패"


def test_a_verdict_in_a_sentence_is_the_word_of_the_headline() -> None:
    """A journal holds NO-GO; a reader of Korean sees the same word wherever it stands."""
    message = Message("the verdict is %(verdict)s", {"verdict": "NO-GO"})
    assert Translator("ko")("NO-GO") in Translator("ko")(message)
    assert Translator("en")(message) == "the verdict is NO-GO"


def test_what_the_catalogue_lacks_is_said_in_english() -> None:
    """A site's own sentence, and a language nobody wrote, fall back to English."""
    assert Translator("ko")(Message("%(n)s geese", {"n": 3})) == "3 geese"
    assert Translator("fr")("Verdict") == "Verdict"


@pytest.mark.parametrize("text", ["%(nobody)s fell", "%(name)", "100 % of %(name)d"])
def test_a_broken_sentence_is_shown_rather_than_lost(text: str) -> None:
    """A plugin's misspelt placeholder does not take the report down."""
    assert Translator("ko")(Message(text, {"name": "x"})) == text


def test_a_sentence_without_arguments_may_hold_a_percent_sign() -> None:
    """Nothing is formatted where there is nothing to put in."""
    assert Translator("en")(Message("100 % full")) == "100 % full"
