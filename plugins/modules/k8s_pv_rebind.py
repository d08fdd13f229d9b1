#!/usr/bin/python
# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: k8s_pv_rebind
short_description: Bind claims of the same name to PVs of other ECS disks
version_added: 0.1.0
description:
  - Makes sure that every claim in O(volumes) is bound to a PV (PersistentVolume) of its O(volumes[].disk_id), by
    creating a PV that is reserved for the claim before the claim that is there is let go, and creating the claim
    anew.
  - The PV that the claim was on is set to Retain, and read back, before the claim is touched. It is kept.
  - Size, storage class, access modes, volume mode and zone are compared, because Kubernetes does not do it for a
    claim and a PV that name each other.
  - Each step is decided from what is there, so the same task goes on after an interruption and works in both
    directions.
author:
  - Zoneshift contributors (@zoneshift)
options:
  namespace:
    description: Namespace of the claims.
    type: str
    default: default
  state:
    description:
      - With V(present) every claim is bound to its disk, and the PV has O(volumes[].reclaim_policy).
      - With V(absent) the PV objects that this run made for O(volumes[].disk_id) are gone; the disks stay.
      - With V(finalized) no claim is moved. A claim that is on its O(volumes[].disk_id) has its PV given
        O(volumes[].reclaim_policy), one that went elsewhere meanwhile is left alone, and the PV objects of
        O(volumes[].source_disk_id) are gone for good; the disks stay.
    type: str
    choices: [present, absent, finalized]
    default: present
  volumes:
    required: true
extends_documentation_fragment:
  - zoneshift.ack._volumes
  - zoneshift.ack._volumes.run
  - zoneshift.ack._volumes.wait
  - zoneshift.ack._k8s
  - zoneshift.ack._attributes
  - zoneshift.ack._attributes.actiongroup_k8s
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: zoneshift.ack.ecs_disk_from_snapshot
  - module: zoneshift.ack.sts_scale
"""

EXAMPLES = r"""
- name: Put a claim onto a copy of its disk in another zone
  zoneshift.ack.k8s_pv_rebind:
    namespace: default
    volumes:
      - claim: www-web-0
        disk_id: d-2ze0000000000000000k
        zone: cn-beijing-k
        size_gib: 20

- name: See what would be done
  zoneshift.ack.k8s_pv_rebind:
    volumes: "{{ copies.volumes }}"
  check_mode: true
  diff: true

- name: Make sure that losing a claim no longer loses its disk
  zoneshift.ack.k8s_pv_rebind:
    volumes:
      - claim: www-web-0
        disk_id: d-2ze0000000000000000a
        zone: cn-beijing-h
        size_gib: 20
        reclaim_policy: Retain
"""

RETURN = r"""
volumes:
  description: O(volumes) with RV(volumes[].pv) filled in.
  returned: always
  type: list
  elements: dict
  contains:
    claim:
      description: The claim.
      type: str
      sample: www-web-0
    pv:
      description: The PV that it is bound to.
      type: str
      sample: d-2ze0000000000000000k
dropped:
  description: Names of the PV objects that were deleted (O(state=absent) and O(state=finalized)).
  returned: always
  type: list
  elements: str
  sample: []
"""

from typing import Any

from ..module_utils._argspec import K8S_ARGS, RUN_ARGS, VOLUMES_ARG, WAIT_ARGS, combine
from ..module_utils._domain import objects
from ..module_utils._domain.model import Volume
from ..module_utils._errors import BadInput
from ..module_utils._k8s.rebind import Outcome, Rebinder
from ..module_utils._module import Context, run_module, volume_results, volumes_diff

ARGS = combine(
    K8S_ARGS,
    VOLUMES_ARG,
    RUN_ARGS,
    WAIT_ARGS,
    {
        "namespace": {"type": "str", "default": "default"},
        "state": {"type": "str", "choices": ["present", "absent", "finalized"], "default": "present"},
        "volumes": {**VOLUMES_ARG["volumes"], "required": True},
    },
)


def run(ctx: Context) -> dict[str, Any]:
    rebinder = Rebinder(
        ctx.k8s,
        ctx.params["namespace"],
        clock=ctx.clock,
        timeout=ctx.params["wait_timeout"],
        fence=ctx.fence,
    )
    run_id = ctx.params["run_id"] or ""
    if ctx.params["state"] == "absent":
        if not run_id:
            raise BadInput("state absent needs run_id: only PVs that a run made are deleted. Nothing was changed.")
        return _without_pvs(ctx, rebinder, [Outcome(volume, False) for volume in ctx.volumes], ctx.volumes, run_id)
    volumes = ctx.demand("claim", "disk_id", "zone", "size_gib")
    finalized = ctx.params["state"] == "finalized"
    if finalized:
        ctx.demand("source_disk_id")
        rebinder.demand_off_source(volumes)
    originals = ctx.run.originals() if ctx.run is not None else {}
    settled = [volume for volume in volumes if not finalized or rebinder.is_on_disk(volume)]
    swaps = rebinder.swaps(settled, originals, run_id)
    if ctx.check_mode:
        outcomes = rebinder.preview(swaps)
    else:
        if ctx.run is not None and _is_forward(volumes) and not finalized:
            ctx.run.move_on("rebind")
        outcomes = rebinder.bind(swaps)
    bound = [outcome.volume for outcome in outcomes]
    if ctx.run is not None and _is_forward(volumes) and not finalized:
        ctx.run.note(volumes=bound, fields=("pv",))
    changed = any(outcome.changed for outcome in outcomes)
    if finalized:
        elsewhere = [Outcome(volume, False) for volume in volumes if volume not in settled]
        return _without_pvs(ctx, rebinder, outcomes + elsewhere, volumes, run_id="")
    return _result(bound, volumes, changed=changed, dropped=[])


def _is_forward(volumes: list[Volume]) -> bool:
    """Whether the claims are wanted on other disks than their source's; only that is news for the journal."""
    return any(volume.disk_id != volume.source_disk_id for volume in volumes)


def _without_pvs(
    ctx: Context, rebinder: Rebinder, outcomes: list[Outcome], before: list[Volume], run_id: str
) -> dict[str, Any]:
    """Drop the PVs of the run, or without one those of the source disks."""
    bound = [outcome.volume for outcome in outcomes]
    pvs = rebinder.removable(bound, source=not run_id, run_id=run_id)
    if not ctx.check_mode:
        rebinder.drop(pvs)
    changed = bool(pvs) or any(outcome.changed for outcome in outcomes)
    return _result(bound, before, changed=changed, dropped=[objects.name(pv) for pv in pvs])


def _result(bound: list[Volume], before: list[Volume], *, changed: bool, dropped: list[str]) -> dict[str, Any]:
    diff = volumes_diff(before, bound, ("pv", "disk_id", "zone", "reclaim_policy"))
    diff["before"]["dropped PVs"] = dict.fromkeys(dropped, "kept")
    return {"changed": changed, "volumes": volume_results(bound), "dropped": dropped, "diff": diff}


def main() -> None:
    run_module(ARGS, run)


if __name__ == "__main__":
    main()
