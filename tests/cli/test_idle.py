"""`raceday idle` where nobody has said when it may work."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from automation.commands.idle import idle
from automation.errors import Refused
from automation.settings import Settings
from tests.unit.venue.sites import HEAD, site

VENUE = """
  wagering: {role: service, unit: wagering}
  ticketing: {role: service, unit: ticketing}
  database: {role: postgresql}
"""
ADVICE = 'windows: [{name: night, start_time: "01:00", length_minutes: 180}]'


type Typed = Callable[..., Result]


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Typed:
    """The command, on a venue without windows, with these words."""

    def run(*words: str, lang: str = "en") -> Result:
        venue = site(tmp_path, VENUE, HEAD)
        monkeypatch.setattr("automation.commands.idle.venue_of", lambda _settings: venue)
        settings = Settings(venue="here", reports=tmp_path, lang=lang, format="text")
        return CliRunner().invoke(idle, words, obj=settings)

    return run


def test_without_windows_it_says_which_keys_to_add(typed: Typed) -> None:
    """In two lines that can be copied."""
    error = typed().exception
    assert isinstance(error, Refused)
    assert ADVICE in error.hint


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_so_does_the_list_of_openings(typed: Typed, lang: str) -> None:
    """In the reader's language, but for the keys."""
    assert ADVICE in typed("--next", lang=lang).output
