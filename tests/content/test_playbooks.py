"""What holds for every playbook: it can be read, it is one of the lists, it swallows no error."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from automation.run.plan import Verb
from tests.content.secrets import told_secrets

ROOT = Path(__file__).parents[2]
PLAYBOOKS = ROOT / "playbooks"
PROGRAM = Path(sys.executable).with_name("ansible-playbook")
PROCEDURES = ("evening", "morning", "restart", "test")
FIRST_PLAY = "hold"
TASK_FILES = sorted([*PLAYBOOKS.rglob("*.yml"), *(ROOT / "roles").glob("*/tasks/*.yml")])


def keywords(part: Any) -> Iterator[str]:
    """Every key anywhere in a file."""
    if isinstance(part, dict):
        yield from part
    for item in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from keywords(item)


def test_there_is_one_playbook_per_procedure_and_per_verb() -> None:
    """People find theirs by its name, and raceday finds every step that it may send to hosts."""
    assert sorted(path.stem for path in PLAYBOOKS.glob("*.yml")) == sorted(PROCEDURES)
    steps = {path.stem for path in (PLAYBOOKS / "steps").glob("*.yml")} - {FIRST_PLAY}
    assert steps == set(Verb) - {Verb.QUIET}  # asked on the controller, of no host


def played(*words: str, inventory: str = "inventories/demo") -> subprocess.CompletedProcess[str]:
    """ansible-playbook with this inventory, in the root of the project."""
    return subprocess.run(
        [PROGRAM, "-i", inventory, *words],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


ONE_HOST = """
all:
  hosts: {h1: {ansible_connection: local, ansible_become: false}}
  vars: {venue: {}, components: {wagering: {role: wagering}}}
"""


@pytest.mark.slow
def test_ansible_can_read_every_playbook() -> None:
    """Roles, files and keywords are there and right, for a step and for a procedure."""
    playbooks = [*PLAYBOOKS.glob("*.yml"), *(PLAYBOOKS / "steps").glob("*.yml")]
    checked = played("--syntax-check", *map(str, playbooks))
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout.count("playbook: ") == len(playbooks)


@pytest.mark.parametrize("step", sorted(set(Verb) - {Verb.QUIET}))
def test_a_step_by_hand_says_what_it_needs(step: Verb) -> None:
    """Whoever forgets the component, or whose role is to do it, is told; all hosts need neither."""
    text = (PLAYBOOKS / "steps" / f"{step}.yml").read_text(encoding="utf-8")
    hosts = yaml.safe_load(text)[-1]["hosts"]
    if step in {Verb.PREFLIGHT, Verb.CLOCKS, Verb.PROBE}:
        assert hosts == "{{ raceday_hosts | default('all') }}"
    else:
        needs = ["component", *(["raceday_role"] if "raceday_role" in text else [])]
        names = ", ".join(map(repr, needs))
        assert hosts == f"{{{{ query('raceday.core.step_hosts', {names}) }}}}"
        assert all(f" -e {name}=" in text for name in needs)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "component is missing. Give -e component=<name> with a name under components"),
        (("-e", "component=wagering"), "raceday_role is missing. Give -e raceday_role=<name>"),
        (
            ("-e", "component=wagring", "-e", "raceday_role=wagering"),
            "No host of the inventory matches wagring.",
        ),
    ],
)
def test_a_step_without_hosts_does_not_end_well(words: tuple[str, ...], said: str) -> None:
    """Ansible takes hosts that nobody has for none, and none for success."""
    done = played("playbooks/steps/stop.yml", *words)
    assert done.returncode != 0, done.stdout
    assert said in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("procedure", PROCEDURES)
def test_a_venue_that_is_not_there_does_not_end_well(procedure: str, tmp_path: Path) -> None:
    """Neither without any host nor without one for a component; nothing is looked at."""
    file = tmp_path / "hosts.yml"
    for inventory, said in (
        ("all: {hosts: {}}", "No host of the inventory matches all. Is -i INVENTORY the right"),
        (ONE_HOST, "wagering is on no host of the inventory. Nothing would be done about that"),
    ):
        file.write_text(inventory, encoding="utf-8")
        done = played(f"playbooks/{procedure}.yml", inventory=str(file))
        assert done.returncode != 0, done.stdout
        assert said in " ".join((done.stdout + done.stderr).split())
        assert "Look" not in done.stdout.partition("not there]")[2]


@pytest.mark.parametrize("file", TASK_FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_task_swallows_an_error(file: Path) -> None:
    """A task that may fail decides in the next one, and says so."""
    found = set(keywords(yaml.safe_load(file.read_text(encoding="utf-8"))))
    assert not found & {"ignore_errors", "ignore_unreachable"}


INNER = "{{ {'REDISCLI_AUTH': redis_password} if redis_password else {} }}"


@pytest.mark.parametrize(
    "given",
    [
        {"ansible.builtin.shell": "x {{ redis_password }}"},
        {"vars": {"x": "{{ redis_password }}"}},
        {"vars": {"login": INNER}},
        {"ansible.builtin.debug": {"var": "redis_password"}},
        {"when": "bank.token == ''"},
        {"no_log": True, "ansible.builtin.command": "redis-cli -a {{ redis_password }}"},
        {"no_log": True, "x": {"steps": [{"command": ["redis-cli", "-a", INNER]}]}},
    ],
    ids=str,
)
def test_a_secret_in_a_task_is_found(given: dict[str, Any]) -> None:
    """In a task or a block, with braces inside or without any; on a command line, always."""
    assert list(told_secrets([{"name": "a", "block": [{"name": "b", **given}]}])) == ["b"]
    assert list(told_secrets([{"name": "a", **given, "block": []}])) == ["a"]


@pytest.mark.parametrize(
    "given",
    [
        {"no_log": True, "uri": {"headers": {"t": "{{ bank.token }}"}}},
        {"x": {"secrets": {"REDISCLI_AUTH": "redis_password"}, "next": "Look for the password."}},
    ],
    ids=str,
)
def test_what_tells_no_secret_is_let_be(given: dict[str, Any]) -> None:
    """Nor what is inside a block that keeps it."""
    assert list(told_secrets([{"name": "a", **given}])) == []
    inside = {"name": "b", "vars": {"login": INNER}}
    assert list(told_secrets([{"name": "a", "no_log": True, "block": [inside]}])) == []


@pytest.mark.parametrize("file", TASK_FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_task_tells_a_secret(file: Path) -> None:
    """What a spec keeps out of the log, or is called like a secret, is in no task that logs it.

    It is on no command line either: those are for everybody on the host to read.
    """
    said = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert list(told_secrets(said if isinstance(said, list) else [said])) == []


@pytest.mark.parametrize("procedure", PROCEDURES)
def test_one_failure_ends_a_procedure(procedure: str) -> None:
    """On every host, in every play: what comes next relies on all that went before."""
    plays = yaml.safe_load((PLAYBOOKS / f"{procedure}.yml").read_text(encoding="utf-8"))
    assert [play["name"] for play in plays if play.get("any_errors_fatal") is not True] == []
    first, *others = [play["hosts"] for play in plays]
    assert first == "{{ query('raceday.core.step_hosts', pattern='all') }}"
    assert set(others) <= {"all"}


LIVE = " when not ansible_check_mode"
ORDER = {
    "morning.yml": (
        "whole_venue",
        "preflight",
        "clocks",
        "sales_are_closed",
        "start_tier",
        "test" + LIVE,
        "probe" + LIVE,
        "undrain" + LIVE,
    ),
    "evening.yml": ("whole_venue", "probe", "set_fact", "close", "settled", "stop"),
    "restart.yml": (
        "whole_venue",
        "chosen",
        "sales_are_closed when raceday_reason | default('') | trim == ''",
        "probe",
        "group_by",
        "roll",
        "probe" + LIVE,
    ),
    "test.yml": ("whole_venue", "chosen when raceday_components is defined", "test" + LIVE),
    "tasks/test.yml": ("sales_are_closed", "test", "through"),
}


def tasks_of(file: str) -> list[dict[str, Any]]:
    """The tasks of a playbook, of all its plays, or of a file of tasks."""
    parts = yaml.safe_load((PLAYBOOKS / file).read_text(encoding="utf-8"))
    return [task for part in parts for task in part.get("tasks", [part])]


def said_of(task: dict[str, Any]) -> str:
    """What a task does, and when: its verb, or what it imports, else its module."""
    module = next(key for key in task if "." in key)
    given = task[module]
    role = given.get("tasks_from") if isinstance(given, dict) else None
    file = Path(given).stem if isinstance(given, str) and module.endswith("_tasks") else None
    verb = task.get("vars", {}).get("verb") if file == "verb" else None
    does = verb or file or role or module.rpartition(".")[2]
    return f"{does} when {task['when']}" if "when" in task else str(does)


@pytest.mark.parametrize("file", sorted(ORDER))
def test_nothing_comes_before_what_must_hold(file: str) -> None:
    """Refusals first; sales open last of all; nothing stops before it is known to be settled."""
    assert tuple(said_of(task) for task in tasks_of(file)) == ORDER[file]


@pytest.mark.parametrize(
    ("seen", "good"),
    [
        ([], True),  # no load balancer is there
        ([{"sales": "closed"}, {"sales": "closed"}], True),
        ([{"sales": "closed"}, {"sales": "open"}], False),
        ([{"sales": "unknown"}], False),
        ([{}], False),
    ],
    ids=str,
)
def test_only_closed_is_closed(seen: list[dict[str, str]], *, good: bool) -> None:
    """A load balancer that does not say it ends the play."""
    refusing = task("tasks/sales_are_closed.yml", "ansible.builtin.assert")
    known = {"asked": {"raceday": [{"evidence": evidence} for evidence in seen]}}
    that = refusing["ansible.builtin.assert"]["that"]
    assert "when" not in refusing
    assert worked_out(f"{{{{ {that} }}}}", known) is good


def test_a_part_of_the_venue_is_refused() -> None:
    """What --limit leaves out is not proven."""
    refusing = task("tasks/whole_venue.yml", "ansible.builtin.assert")
    that = refusing["ansible.builtin.assert"]["that"]
    assert worked_out(f"{{{{ {that} }}}}", {}) is True
    assert worked_out(f"{{{{ {that} }}}}", {"ansible_limit": "wagering1"}) is False


@pytest.mark.parametrize("procedure", PROCEDURES)
def test_every_input_is_explained(procedure: str) -> None:
    """An extra var stands in the head of its playbook and on the page for AWX, and is used."""
    text = (PLAYBOOKS / f"{procedure}.yml").read_text(encoding="utf-8")
    head, _, plays = text.partition("- name:")
    page = (ROOT / "docs" / "awx.md").read_text(encoding="utf-8")
    tasks = "".join(path.read_text("utf-8") for path in (PLAYBOOKS / "tasks").glob("*.yml"))
    explained = set(re.findall(r"^# (raceday_\w+):", head, re.MULTILINE))
    assert set(re.findall(r"raceday_\w+", plays)) - {"raceday_primary_"} <= explained
    assert {
        name for name in explained if f"`{name}`" in page and name in plays + tasks
    } == explained


def worked_out(expression: str, known: dict[str, Any]) -> Any:
    """An expression of a playbook as Ansible works it out; so are those among the `known`."""
    texts = {key: trust_as_template(text) for key, text in known.items() if isinstance(text, str)}
    return Templar(DataLoader(), {**known, **texts}).template(trust_as_template(expression))


def task(file: str, module: str, name: str = "") -> dict[str, Any]:
    """The first task of a file that calls a module and has such a name."""
    return next(item for item in tasks_of(file) if module in item and item["name"].startswith(name))


def chosen_by_name() -> dict[str, Any]:
    """How the components that somebody has named are worked out."""
    text = (PLAYBOOKS / "vars" / "chosen.yml").read_text(encoding="utf-8")
    said: dict[str, Any] = yaml.safe_load(text)
    return said


@pytest.mark.parametrize(
    ("given", "chosen", "good"),
    [
        ("wagering, ticketing,", ["wagering", "ticketing"], True),
        (["wagering", " ticketing"], ["wagering", "ticketing"], True),
        ([], [], False),
        ("", [], False),
        (" , ", [], False),
        (None, [], False),
        ("wagring", ["wagring"], False),
        ("bank", ["bank"], False),
    ],
)
def test_nothing_is_done_without_names_that_are_known(
    given: object, chosen: list[str], *, good: bool
) -> None:
    """An empty list is a mistake, and no "all is well"; blanks beside a comma are none."""
    components = {"wagering": {}, "ticketing": {}, "bank": {"external": True}}
    known = {"raceday_components": given, "components": components, **chosen_by_name()}
    assert worked_out("{{ chosen }}", known) == chosen
    refusing = task("tasks/chosen.yml", "ansible.builtin.assert")["ansible.builtin.assert"]
    holds = all(worked_out(f"{{{{ {that} }}}}", known) for that in refusing["that"])
    assert holds is good
    said = str(worked_out(refusing["fail_msg"], known))
    assert said.startswith(f"raceday_components is {', '.join(chosen) or 'empty'}. Give names")


def test_a_restart_of_nothing_that_was_named_is_refused_with_a_sentence() -> None:
    """Not with what a template lacks."""
    assert worked_out("{{ chosen }}", chosen_by_name()) == []


@pytest.mark.parametrize(
    ("given", "tested"), [({}, ["a", "b"]), ({"raceday_components": "b"}, ["b"])]
)
def test_all_is_tested_unless_some_are_named(given: dict[str, str], tested: list[str]) -> None:
    """Without names it is the whole venue."""
    known = {"components": {"a": {}, "b": {}}, **given, **chosen_by_name()}
    testing = task("test.yml", "ansible.builtin.import_tasks", "Test")
    assert worked_out(testing["vars"]["tested"], known) == tested


def test_who_is_not_known_to_be_a_standby_counts_as_the_primary() -> None:
    """A silent host, and one whose fact timed out; who has no leader has no primary."""
    reports = [
        {"component": "silent"},
        {"component": "database", "evidence": {"leader": ""}},
        {"component": "standby", "evidence": {"leader": "no"}},
        {"component": "primary", "evidence": {"leader": "yes"}},
        {"component": "wagering", "evidence": {"active": "active"}},
    ]
    grouping = task("restart.yml", "ansible.builtin.group_by")
    known = {**grouping["vars"], "looked": {"raceday": reports}}
    assert worked_out(grouping["loop"], known) == ["silent", "database", "primary"]


@pytest.mark.parametrize(("included", "left_out"), [(False, ["d1"]), (True, [])])
def test_a_primary_that_is_left_out_is_named(included: bool, left_out: list[str]) -> None:
    """Before the others are restarted."""
    telling = task("tasks/roll.yml", "ansible.builtin.debug")
    known = {
        **telling["vars"],
        "groups": {"raceday_primary_database": ["d1"]},
        "component": "database",
        "raceday_include_primary": included,
    }
    assert worked_out("{{ left_out }}", known) == left_out
    assert worked_out(f"{{{{ {telling['when']} }}}}", known) is bool(left_out)


def test_a_failed_drain_is_put_back_and_stops_nothing() -> None:
    """Customers who are still there keep their server; the play fails again, with a sentence."""
    parts = yaml.safe_load((PLAYBOOKS / "tasks/batch.yml").read_text(encoding="utf-8"))
    names = [str(part.get("ansible.builtin.include_role", {}).get("tasks_from")) for part in parts]
    taking = next(part for part in parts if "rescue" in part)
    assert parts.index(taking) < names.index("{{ verb }}")
    (drain,), (undrain, failing) = taking["block"], taking["rescue"]
    assert drain["ansible.builtin.include_role"]["tasks_from"] == "drain"
    assert undrain["ansible.builtin.include_role"]["tasks_from"] == "undrain"
    assert undrain["loop"] == drain["loop"]
    assert undrain["vars"] == {**drain["vars"], "raceday_unready": []}
    said = worked_out(
        failing["ansible.builtin.fail"]["msg"], {"batch": ["w1"], "component": "wagering"}
    )
    assert str(said).startswith("w1 of wagering was not stopped")


@pytest.mark.usefixtures("plugin")
def test_a_batch_takes_no_more_than_can_be_spared() -> None:
    """`serial: 2` of two hosts goes one by one when one of them must be left."""
    rolling = task("tasks/roll.yml", "ansible.builtin.include_tasks")
    wagering = {"restart": {"serial": 2}, "min_ready": 1}
    known = {name: rolling["vars"][name] for name in ("rules", "least")}
    given = {"followers": ["w1", "w2"], "primaries": [], "members": ["w1", "w2"]}
    about = {"component": "wagering", "components": {"wagering": wagering}}
    assert worked_out(rolling["loop"], {**known, **given, **about}) == [["w1"], ["w2"]]
    del wagering["min_ready"]
    assert worked_out(rolling["loop"], {**known, **given, **about}) == [["w1", "w2"]]


NAMES = [f"n{number}" for number in range(20)]


def test_hosts_are_restarted_in_the_order_of_the_inventory() -> None:
    """Primaries last; the first is tried first, every time."""
    given = task("tasks/roll.yml", "ansible.builtin.include_tasks")["vars"]
    known = {
        **{name: given[name] for name in ("followers", "primaries")},
        "component": "database",
        "members": NAMES,
        "raceday_include_primary": True,
        "groups": {"raceday_primary_database": NAMES[:10]},
    }
    assert worked_out("{{ followers + primaries }}", known) == NAMES[10:] + NAMES[:10]


def chosen_in_order(file: str, module: str, asked: str, **given: Any) -> Any:
    """The loop of a task whose lookup gives the names; those given are chosen backwards."""
    loop = task(file, module)["loop"].replace(asked, "names")
    assert "names" in loop
    return worked_out(loop, {"names": NAMES, **given})


def test_what_runs_on_a_host_is_done_in_the_order_of_the_venue_file() -> None:
    """Whatever the order in which it was chosen."""
    here = "query('raceday.core.components', 'here', verb=verb)"
    behind = "query('raceday.core.components', 'behind', verb='through')"
    role = "ansible.builtin.include_role"
    chosen = NAMES[:0:-1]
    assert chosen_in_order("tasks/verb.yml", role, here, tier=chosen) == NAMES[1:]
    assert chosen_in_order("tasks/test.yml", role, behind, tested=chosen) == NAMES[1:]


def test_what_is_tested_of_a_tier_keeps_its_order() -> None:
    """A tier with nothing to test is empty."""
    testing = task("tasks/test.yml", "ansible.builtin.include_tasks")
    loop = testing["loop"].replace("components | raceday.core.start_order", "tiers")
    known = {"tiers": [["bank"], NAMES], "tested": NAMES[:0:-1]}
    assert worked_out(loop, known) == [[], NAMES[1:]]


def test_servers_and_load_balancers_are_taken_in_order() -> None:
    """Servers as the load balancer names them, load balancers as the venue file does."""
    given = task("tasks/roll.yml", "ansible.builtin.include_tasks")["vars"]
    known = {name: given[name] for name in ("in_rotation", "serving", "own", "servers")}
    known["fronts"] = given["fronts"].replace(
        "query('raceday.core.components', 'fronts')", "['lb2', 'lb1', 'lb2']"
    )
    rotation = [f"bets/{name}" for name in NAMES]
    evidence = [{"rotation": "none", "serving": "none"}, {"rotation": " ".join(rotation)}]
    known |= {
        "asked": {"raceday": [{"evidence": item} for item in evidence]},
        "batch": NAMES[:0:-1],
        "component": "wagering",
        "rules": {"behind": {"component": "lb2", "backend": "bets"}},
    }
    assert worked_out("{{ servers }}", known) == rotation[1:]
    assert worked_out("{{ serving }}", known) == []
    assert worked_out("{{ servers }}", {**known, "rules": {}}) == rotation
    assert worked_out("{{ fronts }}", known) == ["lb2", "lb2"]


@pytest.mark.usefixtures("plugin")
def test_components_are_restarted_in_start_order() -> None:
    """Whatever the order in which they were named."""
    rolling = task("restart.yml", "ansible.builtin.include_tasks")
    chain = zip(NAMES, [[], *([name] for name in NAMES)], strict=False)
    components = {name: {"depends_on": before} for name, before in chain}
    given = {"components": components, "raceday_components": NAMES[:0:-1]}
    assert worked_out(rolling["loop"], given | chosen_by_name()) == NAMES[1:]


@pytest.mark.parametrize(
    ("rotation", "serving", "why"),
    [
        ("bets/w1 bets/w2", "bets/w1 bets/w2", ""),
        ("bets/w2 tickets/w1", "bets/w2 tickets/w1", "No customers are sent to bets/w1: "),
        ("bets/w1 bets/w2", "bets/w2", "lb1 sees bets/w1 down: "),
    ],
)
def test_the_last_server_that_gets_customers_is_not_drained(
    rotation: str, serving: str, why: str
) -> None:
    """The other one must be in rotation too, in the same backend, and be seen up there."""
    refusing = task("tasks/batch.yml", "ansible.builtin.assert", "Refuse to take customers")
    rolling = task("tasks/roll.yml", "ansible.builtin.include_tasks")
    known = {
        **{name: rolling["vars"][name] for name in ("in_rotation", "serving", "own", "servers")},
        **refusing["vars"],
        "rules": {"behind": {"component": "lb", "backend": "bets"}},
        "asked": {"raceday": [{"evidence": {"rotation": rotation, "serving": serving}}]},
        "inventory_hostname": "lb1",
        "members": ["w1", "w2"],
        "batch": ["w2"],
    }
    assert worked_out(f"{{{{ {refusing['when']} }}}}", known)
    said = worked_out(f"{{{{ {refusing['ansible.builtin.assert']['that']} }}}}", known)
    assert said is not bool(why)
    told = worked_out(refusing["ansible.builtin.assert"]["fail_msg"], known)
    assert not why or str(told).startswith(why)
