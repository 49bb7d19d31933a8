"""Inventories of other people, read by Ansible itself; each test costs one or two processes."""

import time
from pathlib import Path

import pytest

import automation.venue.inventory as asked
from automation.errors import UsageError, VenueError
from automation.venue import addresses, question
from automation.venue.checks import check_document
from automation.venue.document import read_document
from automation.venue.inventory import Inventory, run_ansible
from automation.venue.load import find_venue_file, load_venue, locate_venue, resolve_venue
from automation.venue.site import Host
from tests.unit.venue.sites import HEAD, inventory, site

INVENTORIES = Path(__file__).parent / "inventories"


def reached(hosts: dict[str, Host]) -> dict[str, tuple[str, int, str | None]]:
    """Only what the connection needs."""
    return {name: (host.address, host.port, host.user) for name, host in hosts.items()}


@pytest.mark.slow
def test_an_ini_file_with_ranges_patterns_and_templates_loads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ansible expands ranges, resolves patterns and works out the templates of addresses."""
    monkeypatch.chdir(INVENTORIES)
    venue = load_venue(Path("ranges"))
    assert venue.components["wagering"].hosts == ("wagering01.example", "wagering03.example")
    assert venue.components["gateway"].hosts == ("gateway",)
    assert reached(dict(venue.hosts)) == {
        "gateway": ("10.1.0.1", 2222, None),
        "wagering01.example": ("wagering01.internal", 22, "ops"),
        "wagering02.example": ("wagering02.internal", 22, "ops"),
        "wagering03.example": ("wagering03.internal", 22, "ops"),
        "db-a.example": ("db-a.example", 22, "ops"),
        "db-b.example": ("db-b.example", 22, "ops"),
    }
    assert venue.hosts["db-a.example"].variables == {
        "ansible_user": "{{ login_name }}",
        "login_name": "ops",
    }


def test_a_folder_of_several_files_and_a_script_loads() -> None:
    """All sources of a folder are one inventory, a dynamic script among them."""
    venue = load_venue(INVENTORIES / "several")
    assert reached(dict(venue.hosts)) == {
        "db1.example": ("db1.example", 2200, None),
        "w1.example": ("w1.example", 22, None),
        "w2.example": ("w2.example", 22, "ops"),
        "t1.example": ("10.2.0.1", 22, None),
    }
    assert venue.venue_file == INVENTORIES / "several/group_vars/all/venue.yaml"


def test_a_single_file_loads_with_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The venue file of a single inventory file is beside it; a limit leaves the venue whole."""
    calls: list[str] = []

    def counted(program: str, source: Path, *options: str) -> tuple[int, str, str]:
        calls.append(program)
        return run_ansible(program, source, *options)

    monkeypatch.setattr(asked, "run_ansible", counted)
    venue = load_venue(INVENTORIES / "single/hosts.yaml", limit="wagering")
    assert list(venue.hosts) == ["db1.example", "w1.example", "w2.example"]
    assert venue.limited == frozenset({"w1.example", "w2.example"})
    assert calls == ["ansible-inventory"]


def test_a_source_that_ansible_cannot_read_is_an_error() -> None:
    """Ansible only warns of it and goes on with the others; raceday does not."""
    with pytest.raises(VenueError, match="Ansible cannot read this inventory") as caught:
        load_venue(INVENTORIES / "broken")
    assert "hosts.ini" in caught.value.message
    assert "ansible-inventory -i" in caught.value.hint


def test_a_calendar_may_lie_beside_the_hosts(tmp_path: Path) -> None:
    """Ansible reads all else of an inventory's folder, and would stumble over it."""
    (tmp_path / "hosts.ini").write_text("[database]\ndb1.example\n")
    (tmp_path / "races.ics").write_text("BEGIN:VCALENDAR\nSUMMARY:Derby day\nEND:VCALENDAR\n")
    assert asked.read_inventory(tmp_path).groups["all"] == ("db1.example",)


def test_the_inventory_is_read_by_the_configuration_that_plays_are_run_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours, or the one that ANSIBLE_CONFIG names; never one that only lies in the folder."""
    (tmp_path / "hosts.ini").write_text("[database]\ndb1.example\n")
    (own := tmp_path / "ansible.cfg").write_text("[inventory]\nenable_plugins = yaml\n")
    assert asked.read_inventory(tmp_path / "hosts.ini").groups["database"] == ("db1.example",)
    monkeypatch.setenv("ANSIBLE_CONFIG", str(own))
    with pytest.raises(VenueError, match="Ansible cannot read this inventory"):
        asked.read_inventory(tmp_path / "hosts.ini")


def test_a_script_without_an_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An inventory that does not answer in time is an error, and nothing of it lives on."""
    alive = tmp_path / "alive"
    slow = tmp_path / "hosts.sh"
    slow.write_text(f"#!/bin/sh\nsleep 3\ntouch {alive}\n")
    slow.chmod(0o755)
    monkeypatch.setattr(question, "TIMEOUT_SECONDS", 0.1)
    started = time.monotonic()
    with pytest.raises(VenueError, match=r"no answer within 0\.1 seconds"):
        asked.read_inventory(slow)
    assert time.monotonic() - started < 2.0
    assert not alive.exists()


def test_a_template_that_leads_nowhere_names_its_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that Ansible cannot work out is an error before anything is touched."""
    monkeypatch.setattr(addresses, "run_ansible", lambda *_: (2, "w1 | FAILED! => {}", ""))
    groups = {"all": ("w1",)}
    found = Inventory(Path("/site"), groups, {"w1": {"ansible_host": "{{ nowhere }}"}})
    with pytest.raises(VenueError, match=r"cannot work out ansible_host, .* of w1; correct"):
        addresses.hosts_of(found)


def test_a_pattern_that_matches_nothing_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pattern of which Ansible knows a part only counts as one that matches nothing."""
    monkeypatch.setattr(asked, "run_ansible", lambda *_: (1, "", "Could not match"))
    with pytest.raises(VenueError, match=r"engine\.hosts is web\*:typo, which matches no host"):
        site(tmp_path, '  engine: {role: kiosk_gateway, hosts: "web*:typo"}\n')


def test_a_limit_that_matches_nothing_is_refused(tmp_path: Path) -> None:
    """A misspelt --limit says what was probably meant."""
    file = tmp_path / "venue.yml"
    file.write_text(f"{HEAD}components:\n  database: {{role: postgresql}}\n")
    document = read_document(file)
    with pytest.raises(UsageError, match=r"--limit wagerin matches no host .* mean wagering"):
        resolve_venue(document, check_document(document), inventory(), limit="wagerin")


def test_a_port_that_is_no_number_is_refused(tmp_path: Path) -> None:
    """An inventory's own mistake names the host and the variable."""
    file = tmp_path / "venue.yml"
    file.write_text(f"{HEAD}components:\n  database: {{role: postgresql}}\n")
    document = read_document(file)
    found = inventory()
    found.hosts["db1"]["ansible_port"] = "ssh"  # type: ignore[index]
    with pytest.raises(VenueError, match="ansible_port of db1 is ssh; it must be a number"):
        resolve_venue(document, check_document(document), found)


def test_a_venue_is_found_by_name_or_by_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is looked up in every search root; anything else is a path from here."""
    monkeypatch.chdir(INVENTORIES)
    assert locate_venue("ranges", (Path("nowhere"), INVENTORIES)) == INVENTORIES / "ranges"
    assert locate_venue("single/hosts.yaml") == INVENTORIES / "single/hosts.yaml"
    assert locate_venue(str(INVENTORIES / "single"), ()) == INVENTORIES / "single"


def test_a_misspelt_venue_says_what_was_meant() -> None:
    """The error lists the venues that there are."""
    with pytest.raises(UsageError, match=r"no venue named rangs; did you mean ranges\?") as caught:
        locate_venue("rangs", (INVENTORIES,))
    assert "broken, ranges, several, single" in caught.value.hint


def test_an_inventory_without_a_venue_file_says_where_it_belongs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So does an inventory that is not there, and one with two venue files."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(VenueError, match=r"group_vars/all/venue\.yml: the inventory has no"):
        find_venue_file(tmp_path)
    with pytest.raises(VenueError, match="nowhere: there is no such inventory"):
        find_venue_file(tmp_path / "nowhere")
    (tmp_path / "group_vars/all").mkdir(parents=True)
    for name in ("venue.yml", "venue.yaml"):
        (tmp_path / "group_vars/all" / name).touch()
    with pytest.raises(VenueError, match=r"venue\.yml is there too; keep one"):
        find_venue_file(tmp_path)
