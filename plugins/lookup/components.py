"""The components that a host has to do with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible_collections.raceday.core.plugins.plugin_utils.spec import knows_verb
from ansible_collections.raceday.core.plugins.plugin_utils.venue import (
    behind_here,
    components_here,
    fronts_here,
    partners_here,
)

DOCUMENTATION = r"""
name: components
short_description: The components that a host has to do with
description:
  - Reads C(components) of the venue file, in the order of that file.
  - What may stand under C(hosts) of a component is any pattern that Ansible knows.
options:
  _terms:
    description:
      - V(here) are the components that run on the host.
      - V(fronts) are those of them that are load balancers.
      - V(behind) are those that stand behind a load balancer of the host.
      - V(partners) are the external ones that are asked from the host.
    type: list
    elements: str
    choices: [here, fronts, behind, partners]
    required: true
  verb:
    description: Only those whose role has an entry point of this name.
    type: str
author: The raceday authors (@raceday)
"""

EXAMPLES = r"""
- name: Start what runs on this host
  ansible.builtin.include_role:
    name: "{{ components[component].role }}"
    tasks_from: start
  loop: "{{ query('raceday.core.components', 'here', verb='start') }}"
  loop_control:
    loop_var: component
"""

RETURN = r"""
_list:
  description: Names of components.
  type: list
  elements: str
"""

CHOICES: Mapping[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "here": components_here,
    "fronts": fronts_here,
    "behind": behind_here,
    "partners": partners_here,
}


class LookupModule(LookupBase):
    """What Ansible asks a lookup file for."""

    def run(
        self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any
    ) -> list[str]:
        """The names, in the order of the venue file."""
        self.set_options(var_options=variables, direct=kwargs)
        strange = [term for term in terms if term not in CHOICES]
        if strange:
            raise AnsibleError(
                f"raceday.core.components knows {', '.join(CHOICES)}, not {strange[0]}."
            )
        task_vars, verb = variables or {}, self.get_option("verb")
        names = [name for term in terms for name in CHOICES[term](task_vars)]
        roles = {name: task_vars["components"][name].get("role", "") for name in names}
        return [name for name in names if not verb or knows_verb(roles[name], verb, task_vars)]
