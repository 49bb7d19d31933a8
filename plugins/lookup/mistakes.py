"""What a venue file names and is not there, for plays that raceday does not run."""

from __future__ import annotations

from typing import Any

from ansible.plugins.lookup import LookupBase
from ansible_collections.raceday.core.plugins.plugin_utils.venue import mistakes

DOCUMENTATION = r"""
name: mistakes
short_description: What a venue file names and is not there
description:
  - Components without a host in the inventory, roles that are not found, and components that others
    depend on or stand behind and that nobody has described.
  - Nothing would be done about them, and a play that does nothing ends well.
options: {}
author: The raceday authors (@raceday)
"""

EXAMPLES = r"""
- name: Refuse a venue file that names what is not there
  ansible.builtin.assert:
    that: query('raceday.core.mistakes') | length == 0
    fail_msg: "{{ query('raceday.core.mistakes') | join('; ') }}"
"""

RETURN = r"""
_list:
  description: A sentence for each mistake; none when there is none.
  type: list
  elements: str
"""


class LookupModule(LookupBase):
    """What Ansible asks a lookup file for."""

    def run(
        self, _terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any
    ) -> list[str]:
        """The sentences, in the order of the venue file."""
        self.set_options(var_options=variables, direct=kwargs)
        return list(mistakes(variables or {}))
