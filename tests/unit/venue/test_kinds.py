"""What a role says of its kind of server, and what a venue must give it."""

from pathlib import Path

import pytest

from automation.errors import VenueError
from automation.venue.kinds import Kind, read_kind
from automation.venue.model import Healthcheck
from tests.unit.venue.sites import site

GATE = "  gate: {role: tote, hosts: wagering}\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site whose folder is the current one, so that its files are named from there."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def role(place: Path, said: str | None, *verbs: str, name: str = "tote") -> None:
    """A role of the site's own with these verbs, and what it says of its kind."""
    tasks = place / "roles" / name / "tasks"
    tasks.mkdir(parents=True)
    for verb in ("start", *verbs):
        (tasks / f"{verb}.yml").touch()
    if said is not None:
        (place / "roles" / name / "meta").mkdir()
        (place / "roles" / name / "meta" / "raceday.yml").write_text(said, encoding="utf-8")


def mistakes(place: Path, components: str = GATE) -> list[str]:
    """The sentences that refuse a venue, without the folder of the role."""
    with pytest.raises(VenueError) as caught:
        site(place, components)
    return [str(said).removeprefix("roles/tote/meta/") for said in caught.value.problems]


def test_what_a_role_says_is_read(place: Path) -> None:
    """Its unit, its health check, and per verb the checks that it promises."""
    said = (
        "unit: tote\nhealthcheck: {tcp: '127.0.0.1:7'}\nneeds: [race_card]\n"
        "facts: {sales: [sh, -c, 'echo ${#x} {{ x }}']}\nchecks: {test: [a bet, a pool]}\n"
        "channel: bet\nprograms: [perl, python3]\n"
    )
    role(place, said, "test")
    assert read_kind("tote", place) == Kind(
        unit="tote",
        healthcheck=Healthcheck(tcp="127.0.0.1:7"),
        facts=frozenset({"sales"}),
        checks={"test": ("a bet", "a pool")},
        needs=("race_card",),
        channel="bet",
        verbs=frozenset({"start", "test"}),
    )


def test_a_role_may_say_nothing(place: Path) -> None:
    """A role without the file has no unit and promises nothing; so has one that is not there."""
    role(place, None)
    assert read_kind("tote", place) == Kind(verbs=frozenset({"start"}))
    assert read_kind("nobody", place) == Kind()
    assert site(place, GATE).components["gate"].role == "tote"


def test_the_role_that_ansible_takes_is_the_one_that_speaks(place: Path) -> None:
    """A site's own role hides raceday's of that name altogether, whatever it leaves unsaid."""
    role(place, None, name="redis")
    assert read_kind("redis", place) == Kind(verbs=frozenset({"start"}))


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            "unit: tote\nchecks: {tests: [a bet]}\n",
            "2: checks.tests is no key that raceday knows; did you mean test?",
        ),
        ("units: tote\n", "1: units is no key that raceday knows; did you mean unit?"),
        ("- unit\n", "1: the file is a list, but it must be a block of keys."),
        (
            "",
            "1: the file is empty; "
            "write unit, healthcheck, facts, checks, needs, channel, programs.",
        ),
        ("unit: 7\n", '1: unit is 7, which YAML reads as the number 7; write it in quotes: "7".'),
        ("checks: [a bet]\n", "1: checks is a list, but it must be a block of keys."),
        (
            "checks: {test: a bet}\n",
            "1: checks.test is a bet, but it must be a list; write it as [a, bet].",
        ),
        ("checks: {test: []}\n", "1: checks.test is empty; give it at least one."),
        ("checks: {test: [a, a]}\n", '1: checks.test names "a" twice; keep one.'),
        (
            "healthcheck: {tpc: 'a:1'}\n",
            "1: healthcheck.tpc is no key that raceday knows; did you mean tcp?",
        ),
        (
            "facts: {Sales: [a]}\n",
            "1: facts.Sales is named Sales, but it must be small letters, digits and _ that begin "
            "with a letter, such as bet_gateway.",
        ),
        (
            "facts: {sales: echo open}\n",
            "1: facts.sales is echo open, but it must be a list; write it as [echo, open].",
        ),
        ("needs: [racecard]\n", "1: needs[0] is racecard, but it must be race_card or sales_open."),
        (
            "channel: drill\n",
            "1: channel is drill, which raceday test itself uses; choose another.",
        ),
        (
            "unit: [\n",
            '2: the file is not YAML here ("expected the node content, but found '
            "'<stream end>'\"); correct this line or the one before it.",
        ),
    ],
)
def test_a_mistake_gets_its_sentence(place: Path, said: str, sentence: str) -> None:
    """File, line, key, value and mend, before anything is touched."""
    role(place, said, "test")
    assert mistakes(place)[0] == f"raceday.yml:{sentence}"
    with pytest.raises(VenueError):
        read_kind("tote", place)


@pytest.mark.parametrize("verb", ["test", "through", "settled"])
def test_a_verb_without_promised_checks_is_refused(place: Path, verb: str) -> None:
    """Nobody would ever ask for it, and its silence would pass for a GO."""
    text = f"checks.{verb} is missing, though the role has tasks/{verb}.yml"
    mend = "name the checks that it reports"
    role(place, "unit: tote\n", verb)
    assert mistakes(place) == [f"raceday.yml:1: {text}; {mend}."]


def test_a_verb_of_a_role_that_says_nothing_is_refused(place: Path) -> None:
    """The file itself is what is missing then."""
    role(place, None, "test")
    (text,) = mistakes(place)
    assert text.startswith("raceday.yml:1: checks.test is missing, though")


@pytest.mark.parametrize("verb", ["test", "through", "settled"])
def test_promised_checks_without_a_verb_are_refused(place: Path, verb: str) -> None:
    """They could never come."""
    role(place, f"checks:\n  {verb}: [a bet]\n")
    text = f"checks.{verb} promises checks, but the role has no tasks/{verb}.yml"
    assert mistakes(place) == [f"raceday.yml:2: {text}; write it, or remove them."]


def test_who_rehearses_has_a_channel(place: Path) -> None:
    """Its word is in the name of every check of a rehearsal."""
    role(place, "unit: tote\n", "rehearse")
    text = "channel is missing, though the role has tasks/rehearse.yml"
    assert mistakes(place) == [f"raceday.yml:1: {text}; say what operators call it."]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("drill", "is a word that raceday test itself uses"),
        ("tote_bet", "is named like the channel of role tote"),
    ],
)
def test_a_name_means_one_test(place: Path, name: str, why: str) -> None:
    """`raceday test NAME` takes components and channels."""
    role(place, "channel: tote_bet\n")
    other = f"  {name}: {{role: redis, hosts: database}}\n"
    sentence = f"venue.yml:4: components.{name} {why}; give the component another name."
    assert mistakes(place, GATE + other) == [sentence]


def test_a_component_may_be_called_like_its_own_channel(place: Path) -> None:
    """Both mean the same."""
    role(place, "channel: gate\n")
    assert site(place, GATE).components["gate"].role == "tote"


def test_the_tests_of_a_service_are_those_of_the_venue(place: Path) -> None:
    """Role service has a test verb and promises nothing of its own."""
    assert site(place, "  gate: {role: service, unit: a, hosts: wagering}\n").components


def test_mistakes_of_both_files_are_named_together(place: Path) -> None:
    """One look says all: the venue's own first, then each role's."""
    role(place, "units: a\n")
    assert [
        text.partition(" ")[0] for text in mistakes(place, f"{GATE}  b: {{role: redis}}\n")
    ] == [
        "venue.yml:4:",
        "raceday.yml:1:",
    ]


def test_a_role_says_what_it_needs_of_the_venue(place: Path) -> None:
    """A race card that is compared must be there to compare with."""
    role(place, "needs: [race_card]\n")
    text = "components.gate.role is tote, which needs venue.race_card"
    assert mistakes(place) == [f"venue.yml:3: {text}; write race_card in the block venue."]
    (place / "card.json").touch()
    head = "venue: {name: a, time_zone: UTC, race_card: card.json}\n"
    assert site(place, GATE, head).race_card == place / "card.json"


@pytest.mark.parametrize("kind", ["wagering", "ticketing"])
def test_who_compares_race_cards_needs_one(kind: str, place: Path) -> None:
    """Both roles of raceday's that take bets and sell tickets read it."""
    assert read_kind(kind, place).needs == ("race_card",)


@pytest.mark.parametrize("card", ["nowhere.json", "roles"])
def test_a_race_card_that_is_no_file_is_refused(place: Path, card: str) -> None:
    """Said now, not when the tests have begun."""
    role(place, None)
    head = f"venue:\n  name: a\n  time_zone: UTC\n  race_card: {card}\n"
    with pytest.raises(VenueError) as caught:
        site(place, GATE, head)
    assert tuple(map(str, caught.value.problems)) == (
        f"venue.yml:4: venue.race_card is {card}, and there is no such file; "
        "it is looked for beside the inventory.",
    )


@pytest.mark.parametrize(
    ("front", "why"),
    [
        ("{role: redis}", "whose role redis has no tasks/undrain.yml"),
        (
            '{external: true, hosts: database, healthcheck: {tcp: "a:1"}}',
            "which has no role and so no tasks/undrain.yml",
        ),
    ],
)
def test_only_what_can_open_stands_in_front(place: Path, front: str, why: str) -> None:
    """Nobody could put a drained server back otherwise."""
    behind = "{component: database, backend: b}"
    text = f"  ticketing: {{role: haproxy, restart: {{behind: {behind}}}}}\n  database: {front}\n"
    path = "components.ticketing.restart.behind.component"
    assert mistakes(place, text) == [
        f"venue.yml:3: {path} names database, {why}; name a load balancer."
    ]


@pytest.mark.parametrize("file", ["test.yaml", "test.json", "test"])
def test_a_verb_may_have_any_name_that_ansible_finds(place: Path, file: str) -> None:
    """So it must promise its checks under that name, too."""
    role(place, "unit: tote\n")
    (place / "roles/tote/tasks" / file).touch()
    (sentence,) = mistakes(place)
    assert "checks.test is missing, though the role has tasks/test.yml" in sentence


def test_a_start_verb_may_have_the_other_spelling(place: Path) -> None:
    """A role is one whose start Ansible finds."""
    role(place, None)
    tasks = place / "roles/tote/tasks"
    (tasks / "start.yml").rename(tasks / "start.yaml")
    assert site(place, GATE).components["gate"].role == "tote"
