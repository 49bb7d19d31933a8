"""The hosts of a step; what is missing or unknown is said before anything is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible import context
from ansible.errors import AnsibleError
from ansible.plugins.loader import lookup_loader
from ansible.plugins.lookup import LookupBase

DOCUMENTATION = r"""
name: step_hosts
short_description: The hosts of a step
description:
  - For C(hosts) of a playbook of one verb.
  - These are those of O(pattern), else C(raceday_hosts), or the group named like C(component).
  - Fails when a variable is missing or no host matches; Ansible would end well without any host.
options:
  _terms:
    description: Names of variables that the step cannot do without.
    type: list
    elements: str
    default: []
  pattern:
    description: The hosts, where the step always has the same.
    type: str
author: The raceday authors (@raceday)
"""

EXAMPLES = r"""
- name: Start a component
  hosts: "{{ query('raceday.core.step_hosts', 'component', 'raceday_role') }}"

- name: Look at the whole venue
  hosts: "{{ query('raceday.core.step_hosts', pattern='all') }}"
"""

RETURN = r"""
_list:
  description: Patterns of hosts, each of which matches one.
  type: list
  elements: str
"""

MEANINGS: Mapping[str, str] = {
    "component": "with a name under components in the venue file",
    "raceday_role": "with the role that the venue file names for the component",
}
BY_HAND = (
    f"Give -e component=<name> {MEANINGS['component']}; where its hosts are not the group of that "
    """name, -e '{"raceday_hosts": ["<host>"]}', too."""
)


class LookupModule(LookupBase):
    """What Ansible asks a lookup file for."""

    def run(
        self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any
    ) -> list[str]:
        """The patterns, when all that is needed is there."""
        self.set_options(var_options=variables, direct=kwargs)
        given = variables or {}
        if "raceday_lane" in given:  # raceday has checked the venue and names its hosts
            return list(given["raceday_hosts"])
        if context.CLIARGS.get("syntax"):  # whoever checks the syntax has no component in mind
            return ["all"]
        if pattern := self.get_option("pattern"):
            _must_match(pattern, "Is -i INVENTORY the right one?", given)
            return [pattern]
        for name in terms:
            if not given.get(name):
                raise AnsibleError(f"{name} is missing. Give -e {name}=<name> {MEANINGS[name]}.")
        asked = given.get("raceday_hosts") or given["component"]
        patterns = [asked] if isinstance(asked, str) else list(asked)
        for pattern in patterns:
            _must_match(pattern, BY_HAND, given)
        return patterns


def _must_match(pattern: str, following: str, given: Mapping[str, Any]) -> None:
    if not lookup_loader.get("ansible.builtin.inventory_hostnames").run([pattern], variables=given):
        raise AnsibleError(f"No host of the inventory matches {pattern}. {following}")
