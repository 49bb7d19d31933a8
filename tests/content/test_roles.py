"""What holds for every role: specs, defaults, names, and no swallowed errors."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())


def read(role: str, place: str) -> dict[str, Any]:
    """A YAML file of a role; empty when it has none."""
    file = ROOT / "roles" / role / place
    return yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else {}


def verbs(role: str) -> set[str]:
    """The entry points of a role."""
    return {path.stem for path in (ROOT / "roles" / role / "tasks").glob("*.yml")}


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
    assert set(read(role, "meta/argument_specs.yml")["argument_specs"]) == verbs(role)


@pytest.mark.parametrize("role", ROLES)
def test_what_can_be_started_can_be_stopped(role: str) -> None:
    """The evening goes the morning's way back."""
    assert ("start" in verbs(role)) == ("stop" in verbs(role))


@pytest.mark.parametrize("role", ROLES)
def test_specs_and_defaults_agree(role: str) -> None:
    """What a spec says of a default is the default; every default is in a spec."""
    defaults = read(role, "defaults/main.yml")
    specs = read(role, "meta/argument_specs.yml")["argument_specs"]
    options: dict[str, Any] = {}
    for spec in specs.values():
        options |= spec["options"]
    assert set(defaults) == set(options) - {"component"}
    stated = {key: item["default"] for key, item in options.items() if "default" in item}
    assert stated == {key: defaults[key] for key in stated}


@pytest.mark.parametrize("role", ROLES)
def test_public_variables_carry_the_name_of_the_role(role: str) -> None:
    """Nobody has to guess whose a variable is."""
    assert [name for name in read(role, "defaults/main.yml") if not name.startswith(role)] == []


@pytest.mark.parametrize("role", ROLES)
def test_no_task_swallows_an_error(role: str) -> None:
    """A task that may fail decides in the next one, and says so."""
    assert [task["name"] for task in tasks(role) if "ignore_errors" in task] == []


@pytest.mark.parametrize("role", ROLES)
def test_a_rehearsal_bears_the_name_of_its_channel(role: str) -> None:
    """The planner promises the checks of the channel in meta/raceday.yml."""
    loads = [task.get("raceday.core.rehearsal", {}) for task in tasks(role)]
    named = {load["channel"] for load in loads if "channel" in load}
    assert named <= {read(role, "meta/raceday.yml").get("channel")}


@pytest.mark.parametrize("role", ROLES)
def test_every_promised_check_is_in_the_tasks(role: str) -> None:
    """A check that meta/raceday.yml promises and no task reports would always be unknown."""
    promised = read(role, "meta/raceday.yml").get("checks", {})
    reported = {
        step["check"]
        for task in tasks(role)
        for step in task.get("raceday.core.transaction", {}).get("steps", ())
        if isinstance(step, dict) and "check" in step
    }
    official = {"the race card equals the official one"}
    for names in promised.values():
        assert set(names) <= reported | official
