"""What holds for the execution environment: the versions are those that raceday itself wants."""

import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def test_it_has_the_versions_of_the_project() -> None:
    """What is tested here is what AWX runs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    built = yaml.safe_load((ROOT / "execution-environment.yml").read_text(encoding="utf-8"))
    parts = ("ansible_core", "ansible_runner")
    wanted = {built["dependencies"][part]["package_pip"] for part in parts}
    assert wanted <= set(project["dependencies"])
