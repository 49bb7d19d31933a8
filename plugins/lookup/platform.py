"""What a role calls a thing on the platform of the host."""

from __future__ import annotations

from typing import Any

from ansible.plugins.lookup import LookupBase
from ansible_collections.raceday.core.plugins.plugin_utils.spec import of_platform

DOCUMENTATION = r"""
name: platform
short_description: What a role calls a thing on the platform of the host
description:
  - Reads C(roles/ROLE/vars/PLATFORM.yml).
  - The inventory variable C(raceday_platform) says which platform that is.
  - It is for the defaults of a role, so that a value of the inventory wins.
options:
  _terms:
    description: Names of variables, each beginning with the name of the role.
    type: list
    elements: str
    required: true
  role:
    description: The role whose files are read.
    type: str
    required: true
  default:
    description: The value where no file says one, because no platform is named or known.
    type: str
    required: true
author: The raceday authors (@raceday)
"""

EXAMPLES = r"""
haproxy_socket: >-
  {{ lookup('raceday.core.platform', 'haproxy_socket', role='haproxy',
  default='/run/haproxy/admin.sock') }}
"""

RETURN = r"""
_list:
  description: The values.
  type: list
  elements: str
"""


class LookupModule(LookupBase):
    """What Ansible asks a lookup file for."""

    def run(
        self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any
    ) -> list[str]:
        """The value of each variable on the platform of the host."""
        self.set_options(var_options=variables, direct=kwargs)
        there = of_platform(self.get_option("role"), variables or {})
        return [str(there.get(term, self.get_option("default"))) for term in terms]
