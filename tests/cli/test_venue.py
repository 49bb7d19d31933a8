"""`raceday venue check|graph|schema`, as typed."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from automation.cli import main
from automation.commands.venue import venue
from automation.errors import UsageError, VenueError
from automation.settings import Settings
from automation.venue import load
from automation.venue.inventory import Inventory

ROOT = Path(__file__).parents[2]
FILE = """\
venue: {name: small, title: Small racecourse, time_zone: Asia/Seoul}
components:
  database: {role: postgresql}
  wagering: {role: kiosk_gateway, depends_on: [database]}
"""


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A venue of two components whose inventory is answered without a process."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "group_vars/all").mkdir(parents=True)
    (tmp_path / "group_vars/all/venue.yml").write_text(FILE)
    groups = {"all": ("db1", "w1"), "database": ("db1",), "wagering": ("w1",)}
    found = Inventory(tmp_path, groups, {"db1": {}, "w1": {}})
    monkeypatch.setattr(load, "read_inventory", lambda _source: found)
    return tmp_path


def run(site: Path, *words: str, output: str = "text") -> Result:
    """The command with the global options already read."""
    settings = Settings(venue=str(site), reports=site, lang="en", format=output, verbose=0)
    return CliRunner().invoke(venue, words, obj=settings)


def test_check_says_what_it_looked_at(small: Path) -> None:
    """A sound venue is counted, its order told, and OK."""
    result = run(small, "check")
    assert result.output.splitlines() == [
        "Small racecourse: components: 2, hosts: 2",
        "start order: database -> wagering",
        "OK: group_vars/all/venue.yml",
    ]
    assert result.exit_code == 0


def test_check_shows_a_limit(small: Path) -> None:
    """A limit is checked too; one that matches nothing is wrong usage."""
    assert "limited to: w1\n" in run(small, "check", "--limit", "wagering").output
    assert isinstance(run(small, "check", "--limit", "nobody").exception, UsageError)


def test_check_prints_one_json_document(small: Path) -> None:
    """With --format json the answer is for programs."""
    document = json.loads(run(small, "check", output="json").output)
    assert len(document.pop("digest")) == 64
    assert document == {
        "venue": "small",
        "ok": True,
        "components": 2,
        "hosts": 2,
        "limited": None,
        "start_order": [["database"], ["wagering"]],
        "venue_file": str(small / "group_vars/all/venue.yml"),
    }


def test_check_refuses_a_wrong_venue_with_every_sentence(small: Path) -> None:
    """All mistakes of a file are named at once, and nothing is touched."""
    file = small / "group_vars/all/venue.yml"
    file.write_text(FILE.replace("Asia/Seoul", "Asia/Soul").replace("[database]", "[databse]"))
    error = run(small, "check").exception
    assert isinstance(error, VenueError)
    assert [str(sentence).split(" ")[1] for sentence in error.problems] == [
        "venue.time_zone",
        "components.wagering.depends_on[0]",
    ]


def test_check_names_mistakes_in_the_language_of_the_reader(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Paths, keys and values stay as they are; all else of the sentences is Korean."""
    wrong = FILE.replace("postgresql}", "postgresql, hots: x}").replace("[database]", "[]")
    windows = 'windows: [{name: night, days: [월], start_time: "01:00", length_minutes: 60}]\n'
    (small / "group_vars/all/venue.yml").write_text(wrong + windows)
    words = ["raceday", "--lang", "ko", "--format", "json", "--venue", str(small)]
    monkeypatch.setattr(sys, "argv", [*words, "venue", "check"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    place = "group_vars/all/venue.yml:{}: {} 항목: "
    assert json.loads(capsys.readouterr().out)["error"]["message"].splitlines() == [
        place.format(3, "components.database.hots")
        + "raceday가 모르는 키입니다. 혹시 hosts입니까?",
        place.format(5, "windows[0].days[0]")
        + "값이 월인데, Mon, Tue, Wed, Thu, Fri, Sat, Sun 중 하나여야 합니다.",
    ]


def test_graph_draws_in_every_form(small: Path) -> None:
    """On the terminal, as Mermaid, as JSON, and as an SVG file."""
    assert "2     wagering   wagering    1 host  database" in run(small, "graph").output
    assert run(small, "graph", "--format", "mermaid").output.startswith("flowchart LR\n")
    document = json.loads(run(small, "graph", output="json").output)
    assert document["components"][1]["depends_on"] == {"database": "service_healthy"}
    assert "drawn in order.svg" in run(small, "graph", "--svg", "order.svg").output
    assert (small / "order.svg").read_text().startswith("<svg")


def test_graph_says_when_a_file_cannot_be_written(small: Path) -> None:
    """A folder that is not there is an error of the request, not a traceback."""
    error = run(small, "graph", "--svg", "nowhere/order.svg").exception
    assert isinstance(error, UsageError)
    assert error.message == "nowhere/order.svg cannot be written: No such file or directory"


def test_schema_prints_the_committed_schema(small: Path) -> None:
    """What an editor needs comes out as it is committed, byte by byte."""
    committed = (ROOT / "schemas/venue.v1.json").read_text(encoding="utf-8")
    assert run(small, "schema").output == committed


def test_the_example_to_copy_holds() -> None:
    """inventories/example passes its own check, with the real ansible-inventory."""
    result = run(ROOT / "inventories/example", "check")
    assert result.exit_code == 0
    assert "components: 5, hosts: 6" in result.output
