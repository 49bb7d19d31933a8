"""Options that every procedure has, in Ansible's words."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from automation.procedures.session import Request

CHECK_HELP = "Change nothing anywhere; ask the hosts, and record what would be done as a check."


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--check, --yes, and what is passed on to Ansible, which arrives as one `request`."""

    @click.option("--check", is_flag=True, help=CHECK_HELP)
    @click.option(
        "--diff", is_flag=True, help="Show what Ansible changes, or with --check would change."
    )
    @click.option("-y", "--yes", is_flag=True, help="Do not ask before starting.")
    @click.option(
        "--forks", type=click.IntRange(min=1), help="Hosts at a time per step [all of them]."
    )
    @click.option("-e", "--extra-vars", multiple=True, metavar="VARS", help="Passed to Ansible.")
    @click.option("--keep-artifacts", is_flag=True, help="Keep what ansible-runner wrote.")
    @wraps(command)
    def with_request(
        *args: Any,
        forks: int | None,
        extra_vars: tuple[str, ...],
        keep_artifacts: bool,
        diff: bool,
        **more: Any,
    ) -> Any:
        return command(*args, request=Request(forks, extra_vars, keep_artifacts, diff), **more)

    return with_request
