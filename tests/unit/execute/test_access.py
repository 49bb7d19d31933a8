"""How a host is reached, as its inventory says it; the templated ones cost one Ansible process."""

from pathlib import Path

import pytest

from automation.errors import VenueError
from automation.execute.access import Access, read_access
from automation.venue.load import load_venue
from tests.unit.execute.venues import small_venue

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_the_demo_is_reached_as_ansible_reaches_it() -> None:
    """Templates are worked out per host: its own alias, the state folder's keys."""
    venue = load_venue(ROOT / "inventories/demo")
    found = read_access(venue, ["wagering2"])["wagering2"]
    state = f"{ROOT}/inventories/demo/../../demo/.state"
    assert (found.address, found.become, found.connect_timeout) == ("127.0.0.1", "root", 5)
    assert {
        ("Port", "2205"),
        ("User", "raceday"),
        ("IdentityFile", f"{state}/id_ed25519"),
        ("UserKnownHostsFile", f"{state}/known_hosts"),
        ("HostKeyAlias", "wagering2"),
        ("IdentitiesOnly", "yes"),
    } <= set(found.options)


def test_plain_values_are_read_without_a_process(tmp_path: Path) -> None:
    """Every way of writing an option is understood; what does not matter is passed over."""
    arguments = "-o ForwardAgent=no -oHostKeyAlias=one -o 'ProxyJump b' -J c -4 -p2222"
    variables = {
        "ansible_host": "10.0.0.1",
        "ansible_ssh_common_args": arguments,
        "ansible_become": "yes",
        "ansible_become_user": "ops",
    }
    venue = small_venue(tmp_path, {"w1": variables, "w2": {}})
    options = (
        ("ForwardAgent", "no"),
        ("HostKeyAlias", "one"),
        ("ProxyJump", "b"),
        ("ProxyJump", "c"),
        ("Port", "2222"),
    )
    assert read_access(venue, ["w1", "w2"]) == {
        "w1": Access("w1", "10.0.0.1", options, "ops", 60),
        "w2": Access("w2", "w2", (), "", 60),
    }


def test_a_template_that_ansible_cannot_work_out_is_a_sentence(tmp_path: Path) -> None:
    """The host is named, and what to correct."""
    (tmp_path / "hosts.ini").write_text('w1 ansible_ssh_common_args="{{ nowhere }}"\n')
    variables = {"ansible_ssh_common_args": "{{ nowhere }}"}
    venue = small_venue(tmp_path, {"w1": variables, "w2": {}})
    with pytest.raises(VenueError, match=r"cannot work out how ssh reaches w1; correct its"):
        read_access(venue, ["w1"])
