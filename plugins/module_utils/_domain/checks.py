# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The prechecks: each a pure function from what was observed to findings. All run, so that a plan names every problem
at once.

A check's id is stable; people and pipelines match on it. Trap numbers are those of peers-and-traps.md section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from . import checks_volumes as volumes
from . import checks_workload as workload
from . import checks_zones as zones
from .model import Finding, Observed, Plan, Severity, Wish

Check = Callable[[Wish, Observed, Plan], Iterator[Finding]]


def run_all(wish: Wish, seen: Observed, plan: Plan) -> list[Finding]:
    """Findings of every check, blockers first."""
    found = [finding for check in _CHECKS for finding in check(wish, seen, plan)]
    rank = {severity: number for number, severity in enumerate(Severity)}
    return sorted(found, key=lambda finding: rank[finding.severity])


_CHECKS: tuple[Check, ...] = (
    zones.zones_exist,
    zones.zones_have_nodes,
    zones.nodes_take_disks,
    zones.zones_sell_disks,
    volumes.claims_are_ready,
    volumes.volumes_are_disks,
    volumes.disks_can_be_copied,
    volumes.templates_fit_disks,
    volumes.automatic_snapshots_end,
    volumes.regional_disks_stay,
    volumes.disks_have_one_pv,
    volumes.claims_fit_their_pvs,
    volumes.claims_are_not_shared,
    workload.replicas_are_those_asked_for,
    workload.pods_can_be_stopped,
    workload.sts_is_settled,
    workload.nobody_else_scales,
    workload.retention_is_retain,
    workload.rights_suffice,
    workload.no_run_is_open,
)
