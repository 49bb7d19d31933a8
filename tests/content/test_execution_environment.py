"""The execution environment: ansible-builder takes it, and has the versions of the project."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTALLED = re.compile(r'^ARG ANSIBLE_INSTALL_REFS="(.+)"$', re.MULTILINE)


@pytest.mark.slow
def test_what_is_tested_here_is_what_awx_runs(tmp_path: Path) -> None:
    """The image itself needs a base image from a registry; its recipe is written without one."""
    builder = Path(sys.executable).with_name("ansible-builder")
    words = (builder, "create", "-f", ROOT / "execution-environment.yml", "-c", tmp_path)
    subprocess.run(words, check=True, capture_output=True)
    recipe = (tmp_path / "Containerfile").read_text(encoding="utf-8")
    found = INSTALLED.search(recipe)
    assert found
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ansible = {name for name in project["dependencies"] if name.startswith("ansible")}
    assert set(found[1].split(" ")) == ansible
