# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module says about check mode, diff and idempotence."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check_mode and return changed status prediction without modifying target.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check_mode), when in diff mode.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
"""

    ACTIONGROUP_K8S = r"""
options: {}
attributes:
  action_group:
    description:
      - Use C(group/zoneshift.ack.k8s) or C(group/zoneshift.ack.all) in C(module_defaults) to set defaults for this
        module.
    support: full
    membership:
      - zoneshift.ack.all
      - zoneshift.ack.k8s
"""

    ACTIONGROUP_ECS_K8S = r"""
options: {}
attributes:
  action_group:
    description:
      - Use C(group/zoneshift.ack.ecs), C(group/zoneshift.ack.k8s) or C(group/zoneshift.ack.all) in C(module_defaults)
        to set defaults for this module.
    support: full
    membership:
      - zoneshift.ack.all
      - zoneshift.ack.ecs
      - zoneshift.ack.k8s
"""
