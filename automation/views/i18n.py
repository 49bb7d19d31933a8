"""Says a `Message` in the operator's language: gettext catalogues, read at run time."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.pofile import read_po

from automation.run.events import Message

LOCALE = Path(__file__).parent.parent / "locale"
LANGUAGES = ("en", "ko")
OWN_WORDS = frozenset({"check", "verdict"})  # arguments that the catalogue may know by name

CHECKS = (  # names that hold the name of what they are about
    "sales go on while one of %(name)s is down",
    "%(name)s is sent purchases",
    "backend %(name)s takes customers",
    "backend %(name)s refuses customers",
)


class Translator:
    """Turns messages into sentences; what the catalogue lacks is said in English."""

    def __init__(self, lang: str = "en") -> None:
        self.lang = lang if lang in LANGUAGES else "en"
        self._catalogue = read_catalogue(self.lang)

    def __call__(self, message: Message | str, **named: Any) -> str:
        """The sentence; a plain string is a catalogue key like a message's text."""
        if isinstance(message, str):
            message = Message(message, named)
        text = self._catalogue.get(message.text, message.text)
        args = {key: self._argument(key, value) for key, value in message.args.items()}
        return _filled(text, args) if args else text

    def check_name(self, name: str) -> str:
        """A check's name; those of a site's own tests are in no catalogue and stay as they are.

        So does what a name is about: a channel before a colon, a backend, a server.
        """
        channel, colon, rest = name.partition(": ")
        if colon and rest in self._catalogue:
            return f"{channel}: {self._catalogue[rest]}"
        for text in () if name in self._catalogue else CHECKS:
            before, _, after = text.partition("%(name)s")
            if name.startswith(before) and name.endswith(after):
                return self(text, name=name.removeprefix(before).removesuffix(after))
        return self._catalogue.get(name, name)

    def _argument(self, key: str, value: Any) -> Any:
        if isinstance(value, Message):
            return self(value)
        return self.check_name(value) if key in OWN_WORDS and isinstance(value, str) else value


@cache
def read_catalogue(lang: str) -> Mapping[str, str]:
    """English text to its translation, translated entries only; empty for English itself."""
    path = LOCALE / lang / "LC_MESSAGES" / "raceday.po"
    if not path.is_file():
        return {}
    with path.open("rb") as file:
        entries = read_po(file, locale=lang)
    return {str(entry.id): str(entry.string) for entry in entries if entry.id and entry.string}


def _filled(text: str, args: Mapping[str, Any]) -> str:
    """A site's own plugin may misspell a placeholder; its sentence is still worth reading."""
    try:
        return text % args
    except (KeyError, TypeError, ValueError):
        return text
