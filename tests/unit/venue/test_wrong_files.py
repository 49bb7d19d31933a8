"""Every mistake in wrong/*.venue: the lines after `#=` are the sentences it must get, in order."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.errors import VenueError
from automation.exit_codes import ExitCode
from automation.run.events import Message
from automation.venue.checks import check_document
from automation.venue.document import read_document
from automation.venue.model import ComponentKeys, Healthcheck, VenueKeys
from automation.views.i18n import read_catalogue
from tests.unit.venue.sites import HEAD, read_site, site
from tests.unit.views.sentences_in_code import is_sentence

KOREAN = read_catalogue("ko")
PROSE = re.compile(r"[a-z]+ [a-z]+ [a-z]+")
CASES = sorted((Path(__file__).parent / "wrong").glob("*.venue"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_mistake_gets_its_sentence(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong venue file is refused with one finished sentence per mistake, naming its line."""
    monkeypatch.chdir(case.parent)
    with pytest.raises(VenueError) as caught:
        read_site(case)
    lines = case.read_text(encoding="utf-8").splitlines()
    expected = [f"{case.name}:{line[3:]}" for line in lines if line.startswith("#= ")]
    assert list(map(str, caught.value.problems)) == expected


def test_the_exit_code_is_usage() -> None:
    """A venue that does not validate ends as wrong usage: nothing was touched."""
    assert VenueError((Message("x"),)).exit_code is ExitCode.USAGE


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    """A file that is not UTF-8 gets a sentence with the line where that shows."""
    file = tmp_path / "venue.yml"
    file.write_bytes(b"venue:\n  title: " + "서울".encode("euc-kr"))
    with pytest.raises(VenueError, match=r"venue\.yml:2: the file is not in UTF-8"):
        read_site(file)


def test_a_file_with_control_characters_is_refused(tmp_path: Path) -> None:
    """Characters that YAML does not allow get a sentence, not a traceback."""
    file = tmp_path / "venue.yml"
    file.write_bytes(b"venue: \x00")
    with pytest.raises(VenueError, match="characters that YAML does not allow"):
        read_site(file)


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    """What cannot be read is said in the system's own words."""
    with pytest.raises(VenueError, match="the file cannot be read: Is a directory"):
        read_site(tmp_path)


@pytest.mark.parametrize("zone", ["/etc/localtime", "Asia", "../Seoul", "Asia/Seoul\\n"])
def test_a_time_zone_is_never_a_path(zone: str, tmp_path: Path) -> None:
    """A time zone that is a folder or a path of the machine is no time zone."""
    head = f'venue: {{name: demo, time_zone: "{zone}"}}\n'
    with pytest.raises(VenueError, match="no time zone has that name"):
        site(tmp_path, "  database: {role: postgresql}\n", head)


WORDS = st.sampled_from(
    [*ComponentKeys.model_fields, *Healthcheck.model_fields, *VenueKeys.model_fields]
)
SCALARS = st.sampled_from(
    ["no", "1.10", "22:22", "-1", "x", "{{ x }}", "'", "~", "2026-01-01", "0"]
)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(WORDS, inner, max_size=3).map(
            lambda block: "{" + ", ".join(f"{key}: {value}" for key, value in block.items()) + "}"
        )
    ),
    max_leaves=6,
)


@given(st.dictionaries(WORDS, TREES, min_size=1, max_size=4))
def test_no_raw_words_of_pydantic_reach_anyone(
    tmp_path_factory: pytest.TempPathFactory, block: dict[str, str]
) -> None:
    """Whatever a component holds, it is read or refused in sentences of our own."""
    file = tmp_path_factory.getbasetemp() / "random.yml"
    keys = "".join(f"    {key}: {value}\n" for key, value in block.items())
    file.write_text(f"{HEAD}components:\n  database:\n{keys}", encoding="utf-8")
    assert not any("Input should" in each or "pydantic" in each for each in sentences(file))


def sentences(file: Path) -> tuple[str, ...]:
    try:
        check_document(read_document(file))
    except VenueError as error:
        return tuple(map(str, error.problems))
    return ()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_mistake_is_told_in_korean(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of each sentence is in the catalogue; what stays as it is stands in the file."""
    monkeypatch.chdir(case.parent)
    with pytest.raises(VenueError) as caught:
        read_site(case)
    assert set(_untold(caught.value.told[0], case.read_text(encoding="utf-8"))) == set()


def _untold(said: Message, file: str) -> Iterator[str]:
    """Parts of a sentence that a reader of Korean would get in English."""
    if is_sentence(said.text) and said.text not in KOREAN:
        yield said.text
    for name, value in said.args.items():
        if isinstance(value, Message):
            yield from _untold(value, file)
        elif name != "why":  # the words of the system, of YAML or of Ansible
            yield from (words for words in PROSE.findall(str(value)) if words not in file)
