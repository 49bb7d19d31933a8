"""Ansible's diffs, as an operator reads them."""

from typing import Any

import pytest

from automation.execute.diffs import Diff, diffs_of


def found(diff: Any) -> list[Diff]:
    """The changes in a result with this `diff`."""
    return list(diffs_of({"host": "w1", "task": "Start it", "res": {"diff": diff}}))


def test_a_change_is_told_with_its_host_and_task() -> None:
    """Before and after, as `diff -u` says it."""
    (change,) = found({"before": "bets: down\n", "after": "bets: up\n"})
    assert (change.host, change.task) == ("w1", "Start it")
    assert change.lines == ("--- before", "+++ after", "@@ -1 +1 @@", "-bets: down", "+bets: up")


@pytest.mark.parametrize(
    "nothing", [None, [], {}, "odd", [7], {"before": "same\n", "after": "same\n"}]
)
def test_no_change_is_not_told(nothing: Any) -> None:
    """Nor is what is no diff."""
    assert found(nothing) == []


def test_a_file_is_named_and_its_secrets_are_not_shown() -> None:
    """A template's diff holds what the file holds."""
    (change,) = found(
        [{"before_header": "/etc/a", "before": "", "after": "password: s3cr3t-canary\n"}]
    )
    assert change.lines[0] == "--- /etc/a"
    assert change.lines[-1] == "+password:[redacted]"
    (prepared,) = found({"prepared": "+token=s3cr3t-canary\n"})
    assert prepared.lines == ("+token=[redacted]",)
