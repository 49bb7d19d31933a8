"""What holds for every role: specs, defaults, names, pages, handlers, scenarios."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.template import Templar, trust_as_template

from tests.content.secrets import CALLED_SECRET

ROOT = Path(__file__).parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())


def read(role: str, place: str) -> dict[str, Any]:
    """A YAML file of a role; empty when it has none."""
    file = ROOT / "roles" / role / place
    return yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else {}


def verbs(role: str) -> set[str]:
    """The entry points of a role."""
    return {path.stem for path in (ROOT / "roles" / role / "tasks").glob("*.yml")}


def specs(role: str) -> dict[str, Any]:
    """The specs of a role's verbs."""
    found: dict[str, Any] = read(role, "meta/argument_specs.yml")["argument_specs"]
    return found


def options(role: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every option of every verb of a role."""
    for spec in specs(role).values():
        yield from spec["options"].items()


def as_list(value: str | list[str]) -> list[str]:
    """One name or several."""
    return [value] if isinstance(value, str) else value


def tasks(role: str) -> Iterator[dict[str, Any]]:
    """Every task of a role, those in blocks too."""
    for file in (ROOT / "roles" / role / "tasks").glob("*.yml"):
        waiting = list(yaml.safe_load(file.read_text(encoding="utf-8")))
        while waiting:
            task = waiting.pop()
            yield task
            for part in ("block", "rescue", "always"):
                waiting.extend(task.get(part, ()))


@pytest.mark.parametrize("role", ROLES)
def test_every_entry_point_has_a_spec(role: str) -> None:
    """A verb without a spec would take any variable without a word."""
    assert set(specs(role)) == verbs(role)


@pytest.mark.parametrize("role", ROLES)
def test_what_can_be_started_can_be_stopped(role: str) -> None:
    """The evening goes the morning's way back."""
    assert ("start" in verbs(role)) == ("stop" in verbs(role))


@pytest.mark.parametrize("role", ROLES)
def test_specs_and_defaults_agree(role: str) -> None:
    """Every variable has one default, and the specs of all verbs say which."""
    stated: dict[str, Any] = {}
    for option, keys in options(role):
        assert ("default" in keys) is (option != "component"), option
        assert stated.setdefault(option, keys.get("default")) == keys.get("default"), option
    stated.pop("component", None)
    assert stated == read(role, "defaults/main.yml")


@pytest.mark.parametrize("role", ROLES)
def test_no_spec_tells_a_secret(role: str) -> None:
    """What is called like a password, a token or a key is kept out of the log."""
    secret = [(option, keys) for option, keys in options(role) if CALLED_SECRET.search(option)]
    assert [option for option, keys in secret if keys.get("no_log") is not True] == []


@pytest.mark.parametrize("role", ROLES)
def test_the_readme_says_what_the_specs_say(role: str) -> None:
    """Every verb with what it does, every variable, and nothing else."""
    text = (ROOT / "roles" / role / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", text, re.MULTILINE))
    said = {verb: spec["short_description"] for verb, spec in specs(role).items()}
    variables = {name for name, _ in options(role) if name != "component"}
    assert rows == said | {name: rows.get(name) for name in variables}


@pytest.mark.parametrize("role", ROLES)
def test_public_variables_carry_the_name_of_the_role(role: str) -> None:
    """Nobody has to guess whose a variable is."""
    assert [name for name in read(role, "defaults/main.yml") if not name.startswith(role)] == []


PLATFORMS = ("debian-12", "debian-13", "redhat-9")
WITH_PLATFORMS = [role for role in ROLES if (ROOT / "roles" / role / "vars").is_dir()]


@pytest.mark.parametrize("role", WITH_PLATFORMS)
def test_every_platform_says_the_same_things(role: str) -> None:
    """A role that differs has a file for each platform, with the same keys in each."""
    folder = ROOT / "roles" / role / "vars"
    assert sorted(file.stem for file in folder.iterdir()) == sorted(PLATFORMS)
    keys = {platform: set(read(role, f"vars/{platform}.yml")) for platform in PLATFORMS}
    assert keys == dict.fromkeys(PLATFORMS, keys["debian-12"])


@pytest.mark.parametrize("role", WITH_PLATFORMS)
def test_what_a_platform_says_is_used(role: str) -> None:
    """It is the name of the unit, or what a default of the role asks for."""
    asked = set(
        re.findall(
            r"lookup\('raceday\.core\.platform', '(\w+)'", str(read(role, "defaults/main.yml"))
        )
    )
    assert set(read(role, "vars/debian-12.yml")) == {f"{role}_unit"} | asked


@pytest.mark.parametrize("role", WITH_PLATFORMS)
def test_the_platform_that_is_not_tested_says_so(role: str) -> None:
    """Nobody takes it for one that a scenario proves."""
    text = (ROOT / "roles" / role / "vars" / "redhat-9.yml").read_text(encoding="utf-8")
    assert "# Not tested here" in text


@pytest.mark.parametrize("role", ROLES)
def test_every_notified_handler_exists(role: str) -> None:
    """Ansible notices a missing one only when something has changed."""
    notified = {name for task in tasks(role) for name in as_list(task.get("notify", []))}
    file = ROOT / "roles" / role / "handlers" / "main.yml"
    handlers = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else ()
    assert notified <= {handler["name"] for handler in handlers}


@pytest.mark.parametrize("role", ROLES)
def test_a_rehearsal_bears_the_name_of_its_channel(role: str) -> None:
    """The planner promises the checks of the channel in meta/raceday.yml."""
    loads = [task.get("raceday.core.rehearsal", {}) for task in tasks(role)]
    named = {load["channel"] for load in loads if "channel" in load}
    assert named <= {read(role, "meta/raceday.yml").get("channel")}


@pytest.mark.parametrize(("given", "good"), [({}, False), ({"w1": "http://127.0.0.1:1"}, True)])
@pytest.mark.parametrize("role", ["kiosk_gateway", "ticketing", "wagering"])
def test_a_way_through_that_is_not_known_is_named(
    role: str, given: dict[str, str], *, good: bool
) -> None:
    """Before anything is bought, with where to say it; no error of a template."""
    file = ROOT / "roles" / role / "tasks/through.yml"
    first = yaml.safe_load(file.read_text(encoding="utf-8"))[0]["ansible.builtin.assert"]
    templar = Templar(variables={f"{role}_through": given})
    assert templar.template(trust_as_template(f"{{{{ {first['that']} }}}}")) is good
    assert first["fail_msg"].startswith(f"{role}_through is empty; say in the load balancer's")


def test_what_only_reads_is_done_in_check_mode_too() -> None:
    """An evening in check mode says what is unsettled."""
    reading = {
        file: yaml.safe_load(file.read_text(encoding="utf-8"))
        for file in (ROOT / "roles").glob("*/tasks/settled.yml")
    }
    assert reading
    assert {task.get("check_mode") for tasks in reading.values() for task in tasks} == {False}


def reported(role: str, verb: str) -> Iterator[str]:
    """The checks that the tasks of a verb report, in their order, those it imports too."""
    for task in yaml.safe_load((ROOT / f"roles/{role}/tasks/{verb}.yml").read_text("utf-8")):
        if part := task.get("ansible.builtin.import_tasks"):
            yield from reported(role, part.removesuffix(".yml"))
        if "raceday.core.race_card" in task:
            yield "the race card equals the official one"
        steps = task.get("raceday.core.transaction", {}).get("steps", ())
        yield from (step["check"] for step in steps if isinstance(step, dict) and "check" in step)


@pytest.mark.parametrize("role", ROLES)
def test_each_verb_reports_what_is_promised_of_it(role: str) -> None:
    """One that is promised and never comes is always unknown; one nobody expects is not missed."""
    promised = read(role, "meta/raceday.yml").get("checks", {})
    proving = sorted({"test", "through", "settled", "refusal"} & verbs(role))
    told = {verb: list(reported(role, verb)) for verb in proving if role != "service"}
    assert told == promised


BOUGHT = [("kiosk_gateway", "sale"), ("ticketing", "ticket"), ("wagering", "bet")]


def transaction(role: str, verb: str) -> list[dict[str, Any]]:
    """The steps of a verb that is one transaction."""
    (task,) = yaml.safe_load((ROOT / f"roles/{role}/tasks/{verb}.yml").read_text("utf-8"))
    steps: list[dict[str, Any]] = task["raceday.core.transaction"]["steps"]
    return steps


@pytest.mark.parametrize(("role", "thing"), BOUGHT)
def test_a_purchase_without_an_answer_may_stand(role: str, thing: str) -> None:
    """Whoever reads that a test has bought nothing, or was not refused, is told so."""
    for verb, saved in ((thing, "save"), ("refusal", "save_when_wrong")):
        (buying,) = [step for step in transaction(role, verb) if thing in step.get(saved, ())]
        assert f"If it was not answered, the test {thing} " in buying["next"]
        assert " may stand: " in buying["next"]


@pytest.mark.parametrize("verb", ["test", "refusal"])
@pytest.mark.parametrize(("role", "thing"), BOUGHT)
def test_a_clean_up_that_fails_leaves_somebody_to_do_it(role: str, thing: str, verb: str) -> None:
    """With the number of what stands, and what to do by hand."""
    steps = transaction(role, thing if verb == "test" else verb)
    (cleaning,) = [step for step in steps if step.get("cleanup")]
    assert f"{thing} %({thing})s" in cleaning["why"]
    assert "by hand" in cleaning["next"]


def scenario(name: str) -> dict[str, Any]:
    """What a scenario says beside what all share."""
    file = ROOT / "molecule" / name / "molecule.yml"
    said: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return said


def converged(name: str) -> Iterator[str]:
    """The verbs of the role that the scenario of its name converges."""
    text = (ROOT / "molecule" / name / "converge.yml").read_text(encoding="utf-8")
    for item in (task for play in yaml.safe_load(text) for task in play["tasks"]):
        role = item["ansible.builtin.import_role"]
        if role["name"] == name:
            yield role["tasks_from"]


def played(file: Path) -> Iterator[str]:
    """The verbs that a file of tests plays: `play("stop")`."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            words = [item.value for item in node.args if isinstance(item, ast.Constant)]
            yield from (str(word) for word in words if node.func.id == "play")


def imported(role: str, verb: str) -> Iterator[str]:
    """The entry points that a verb imports, besides itself."""
    for task in yaml.safe_load((ROOT / f"roles/{role}/tasks/{verb}.yml").read_text("utf-8")):
        yield str(task.get("ansible.builtin.import_tasks", "")).removesuffix(".yml")


# What converge cannot do: it would undo what idempotence is to see, or be a change every time.
PLAYED = {"haproxy": {"stop", "drain", "undrain", "flow", "close"}, "preflight": set[str]()}


@pytest.mark.parametrize("role", ROLES)
def test_each_verb_is_played_by_the_scenario_of_its_role(role: str) -> None:
    """One that no host ever saw could be wrong in every line; seen to fail is not seen to work."""
    files = [*(ROOT / "molecule" / role / "tests").glob("test_*.py")]
    if "additional_files_or_dirs" not in scenario(role).get("verifier", {}):
        files += (ROOT / "molecule" / "shared" / "tests").glob("test_*.py")
    by_tests = PLAYED.get(role, {"stop"})
    assert by_tests <= {verb for file in files for verb in played(file)}
    seen = {*converged(role), *by_tests}
    parts = {part for verb in seen for part in imported(role, verb)}
    assert verbs(role) - seen - parts == set()
