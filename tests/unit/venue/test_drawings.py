"""The start order as people see it: table, Mermaid, SVG; and the schema that editors see."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
import yaml

from automation.venue.schema import venue_schema
from automation.venue.site import Venue
from automation.views.graph import mermaid, svg, terminal
from tests.unit.venue.sites import site

ROOT = Path(__file__).parents[3]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def racecourse(tmp_path: Path) -> Venue:
    return site(
        tmp_path,
        '  bank: {external: true, title: "Bank <\\"us\\">", '
        'healthcheck: {tcp: "bank.example:443"}}\n'
        "  database: {role: postgresql, title: 데이터}\n"
        "  wagering: {role: kiosk_gateway, min_ready: 1, depends_on: [database, bank]}\n"
        "  tickets: {role: redis, hosts: ticketing, critical: false, "
        "depends_on: {wagering: {condition: service_healthy}, database: {}}}\n",
    )


def test_the_table_shows_steps_and_what_waits_for_what(racecourse: Venue) -> None:
    """One line per component, in start order, aligned also in Korean."""
    assert terminal(racecourse).splitlines() == [
        "서울 경마장: start order",
        "",
        "step  component  what it is   hosts                         waits for",
        '1     bank       Bank <"us">  external, asked from 2 hosts  -',
        "      database   데이터       1 host                        -",
        "2     wagering   wagering     2 hosts, 1 must be ready      database, bank",
        "3     tickets    tickets      1 host, not critical          wagering, database",
    ]


def test_mermaid_escapes_what_it_would_read_itself(racecourse: Venue) -> None:
    """Titles are shown as they are written."""
    assert mermaid(racecourse).splitlines() == [
        "flowchart LR",
        '  c_bank(["Bank #60;#34;us#34;#62;<br/>external, asked from 2 hosts"])',
        '  c_database["데이터<br/>1 host"]',
        '  c_wagering["wagering<br/>2 hosts, 1 must be ready"]',
        "  c_database --> c_wagering",
        "  c_bank --> c_wagering",
        '  c_tickets["tickets<br/>1 host, not critical"]',
        "  c_wagering --> c_tickets",
        "  c_database --> c_tickets",
    ]


def test_the_drawing_is_sound_xml_with_every_box_and_edge(racecourse: Venue) -> None:
    """Boxes and edges are all there, inside the drawing, readable on light and dark."""
    text = svg(racecourse)
    drawing = ET.fromstring(text)  # noqa: S314 - our own drawing, from one line above
    titles = [group.findtext(f"{SVG}title") for group in drawing.iter(f"{SVG}g")]
    assert titles == ['Bank <"us">', "데이터", "wagering", "tickets"]
    assert text.count('class="edge') == 4
    assert text.count('class="box external"') == 1
    assert "prefers-color-scheme: dark" in text
    width = float(drawing.attrib["width"])
    assert all(
        float(box.attrib["x"]) + float(box.attrib["width"]) < width
        for box in drawing.iter(f"{SVG}rect")
        if box.attrib["class"] != "paper"
    )


def test_the_committed_schema_is_the_generated_one() -> None:
    """schemas/venue.v1.json is what `raceday venue schema` prints."""
    committed = json.loads((ROOT / "schemas/venue.v1.json").read_text(encoding="utf-8"))
    assert committed == json.loads(json.dumps(venue_schema()))


@pytest.mark.parametrize("name", ["example", "demo"])
def test_the_schema_accepts_the_venues_here(name: str) -> None:
    """An editor that uses the schema finds nothing wrong with a sound venue file."""
    file = ROOT / "inventories" / name / "group_vars/all/venue.yml"
    jsonschema.validate(yaml.safe_load(file.read_text(encoding="utf-8")), venue_schema())


@pytest.mark.parametrize(
    "wrong",
    [
        {"rol": "postgresql"},
        {"healthcheck": {"tcp": "a:1", "unit": "a"}},
        {"healthcheck": {"tcp": "a:1", "timeout": -1}},
        {"min_ready": 0},
        {"title": None},
        {"depends_on": "database"},
    ],
    ids=str,
)
def test_the_schema_refuses_what_raceday_refuses(wrong: dict[str, object]) -> None:
    """An editor underlines the mistake before raceday is asked."""
    venue = {"name": "demo", "time_zone": "Asia/Seoul"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"venue": venue, "components": {"a": wrong}}, venue_schema())
