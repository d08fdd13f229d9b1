#!/usr/bin/python
# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_disk_from_snapshot
short_description: Have copies of ECS disks in other zones, made from their snapshots
version_added: 0.1.0
description:
  - Makes sure that for every volume there is a disk in its O(volumes[].zone), made from its snapshot, with every
    property of the source disk carried over and compared with ECS afterwards.
  - A disk is recognised by its owner tags and created with a deterministic ClientToken, so a retry, a resume or a
    second call with the same O(run_id) makes nothing twice.
  - Makes disks one by one from their own snapshots; it never changes a source disk.
author:
  - Zoneshift contributors (@zoneshift)
options:
  state:
    description:
      - With V(present) every volume has its disk in the wanted zone.
      - With V(absent) this run has no such disk. Only detached disks with its owner tags are deleted.
      - With V(finalized) the source disks are gone for good. Each is deleted only after its snapshot is durable, its
        copy is there, and nothing is attached to it.
    type: str
    choices: [present, absent, finalized]
    default: present
  run_id:
    required: true
extends_documentation_fragment:
  - zoneshift.ack._volumes
  - zoneshift.ack._volumes.run
  - zoneshift.ack._volumes.wait
  - zoneshift.ack._ecs
  - zoneshift.ack._k8s
  - zoneshift.ack._attributes
  - zoneshift.ack._attributes.actiongroup_ecs_k8s
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: zoneshift.ack.ecs_snapshot
"""

EXAMPLES = r"""
- name: Copy a disk to another zone
  zoneshift.ack.ecs_disk_from_snapshot:
    run_id: move-1
    region: cn-beijing
    volumes:
      - source_disk_id: d-2ze0000000000000000a
        snapshot_id: s-2ze0000000000000000a
        zone: cn-beijing-k
  register: copies

- name: See what would be made
  zoneshift.ack.ecs_disk_from_snapshot:
    run_id: move-1
    volumes: "{{ copies.volumes }}"
  check_mode: true
  diff: true

- name: Delete the disks that a run made
  zoneshift.ack.ecs_disk_from_snapshot:
    run_id: move-1
    state: absent

- name: Delete the source disks for good
  zoneshift.ack.ecs_disk_from_snapshot:
    run_id: move-1
    state: finalized
    volumes: "{{ copies.volumes }}"
"""

RETURN = r"""
volumes:
  description: >-
    O(volumes) with RV(volumes[].disk_id) and RV(volumes[].size_gib) filled in; the id is empty in check mode where a
    disk would be made.
  returned: always
  type: list
  elements: dict
  contains:
    disk_id:
      description: The disk in the wanted zone.
      type: str
      sample: d-2ze0000000000000000k
    size_gib:
      description: Its size in GiB.
      type: int
      sample: 20
    zone:
      description: Its zone.
      type: str
      sample: cn-beijing-k
deleted:
  description: Ids of the disks that were deleted (O(state=absent) and O(state=finalized)).
  returned: always
  type: list
  elements: str
  sample: []
"""

import dataclasses
from typing import Any

from ..module_utils._argspec import K8S_ARGS, RUN_ARGS, VOLUMES_ARG, WAIT_ARGS, combine
from ..module_utils._argspec_ecs import ECS_ARGS
from ..module_utils._domain.cloud import Disk
from ..module_utils._domain.model import Volume
from ..module_utils._ecs import api, copies
from ..module_utils._module import Context, run_module, volume_results, volumes_diff

ARGS = combine(
    ECS_ARGS,
    K8S_ARGS,
    VOLUMES_ARG,
    RUN_ARGS,
    WAIT_ARGS,
    {
        "state": {"type": "str", "choices": ["present", "absent", "finalized"], "default": "present"},
        "run_id": {"type": "str", "required": True},
    },
)


def run(ctx: Context) -> dict[str, Any]:
    owner = copies.Owner(ctx.ecs, ctx.params["run_id"], ctx.clock, ctx.params["wait_timeout"])
    return {"present": _present, "absent": _absent, "finalized": _finalized}[ctx.params["state"]](ctx, owner)


def _present(ctx: Context, owner: copies.Owner) -> dict[str, Any]:
    volumes = (
        ctx.demand("source_disk_id", "zone") if ctx.check_mode else ctx.demand("source_disk_id", "snapshot_id", "zone")
    )
    sources = copies.source_disks(owner, volumes)
    existing = {disk.source_snapshot_id: disk for disk in copies.existing_disks(owner)}
    known = [_with_disk(volume, existing) for volume in volumes]
    missing = [volume for volume in known if not volume.disk_id]
    diff = volumes_diff(volumes, known, ("disk_id", "zone"))
    if ctx.check_mode:
        return {"changed": bool(missing), "volumes": volume_results(known), "deleted": [], "diff": diff}
    if ctx.run is not None:
        ctx.run.move_on("disks")
    made = {volume.source_disk_id: volume for volume in copies.create_disks(owner, missing, sources)}
    complete = [made.get(volume.source_disk_id, volume) for volume in known]
    if ctx.run is not None:
        ctx.run.note(volumes=complete, fields=("disk_id", "size_gib"))
    if complete:
        copies.wait_disks(owner, complete, sources)
    diff = volumes_diff(volumes, complete, ("disk_id", "zone"))
    return {"changed": bool(missing), "volumes": volume_results(complete), "deleted": [], "diff": diff}


def _with_disk(volume: Volume, existing: dict[str, Disk]) -> Volume:
    found = existing.get(volume.snapshot_id)
    return dataclasses.replace(
        volume, disk_id=found.disk_id if found else "", size_gib=found.size_gib if found else volume.size_gib
    )


def _absent(ctx: Context, owner: copies.Owner) -> dict[str, Any]:
    ours = sorted(disk.disk_id for disk in copies.existing_disks(owner))
    return _deleted(ours if ctx.check_mode else copies.delete_target_disks(owner))


def _finalized(ctx: Context, owner: copies.Owner) -> dict[str, Any]:
    volumes = ctx.demand("source_disk_id", "snapshot_id", "disk_id", "zone")
    if ctx.check_mode:
        found = api.describe_disks(ctx.ecs, [volume.source_disk_id for volume in volumes])
        return _deleted(sorted(disk.disk_id for disk in found))
    if ctx.run is not None:
        ctx.run.note(phase="finalize")
    return _deleted(copies.delete_source_disks(owner, volumes))


def _deleted(disk_ids: list[str]) -> dict[str, Any]:
    diff = {"before": {"disks": disk_ids}, "after": {"disks": []}}
    return {"changed": bool(disk_ids), "volumes": [], "deleted": disk_ids, "diff": diff}


def main() -> None:
    run_module(ARGS, run, required_if=[("state", "present", ("volumes",)), ("state", "finalized", ("volumes",))])


if __name__ == "__main__":
    main()
