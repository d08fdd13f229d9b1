#!/usr/bin/python
# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_snapshot
short_description: Have one snapshot per ECS disk that belongs to a run
version_added: 0.1.0
description:
  - Makes sure that every source disk has a snapshot that belongs to this run, and waits until it can be used.
  - A snapshot is recognised by its owner tags and created with a deterministic ClientToken, so a retry, a resume or a
    second call with the same O(run_id) makes nothing twice.
  - Refuses disks that ECS does not report as detached, because a snapshot of a disk that is being written to is not
    what the application last wrote.
author:
  - Zoneshift contributors (@zoneshift)
options:
  state:
    description:
      - With V(present) every source disk in O(volumes) has a snapshot of this run.
      - With V(absent) this run has no snapshot. Only snapshots with its owner tags are deleted.
    type: str
    choices: [present, absent]
    default: present
  run_id:
    required: true
  retention_days:
    description:
      - Days until ECS deletes the snapshot by itself, V(1) to V(65536).
      - With V(-1) it is kept for ever.
    type: int
    default: 1
  wait_for:
    description:
      - With V(usable) the task ends when disks can be made from the snapshots, which takes seconds for ESSD.
      - With V(durable) it ends when they are uploaded in full and no longer depend on the source disk and its zone.
    type: str
    choices: [usable, durable]
    default: usable
  require_detached:
    description: Whether to wait until nothing is attached to the source disks before their snapshots are taken.
    type: bool
    default: true
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
"""

EXAMPLES = r"""
- name: Snapshot two disks
  zoneshift.ack.ecs_snapshot:
    run_id: before-upgrade
    region: cn-beijing
    volumes:
      - source_disk_id: d-2ze0000000000000000a
      - source_disk_id: d-2ze0000000000000000b
  register: snapshots

- name: See whether a snapshot would be made
  zoneshift.ack.ecs_snapshot:
    run_id: before-upgrade
    volumes: "{{ snapshots.volumes }}"
  check_mode: true

- name: Keep them for a week and wait until they no longer depend on the disks
  zoneshift.ack.ecs_snapshot:
    run_id: weekly
    retention_days: 7
    wait_for: durable
    volumes: "{{ snapshots.volumes }}"

- name: Delete the snapshots of a run
  zoneshift.ack.ecs_snapshot:
    run_id: before-upgrade
    state: absent
"""

RETURN = r"""
volumes:
  description: O(volumes) with RV(volumes[].snapshot_id) filled in; empty in check mode where a snapshot would be made.
  returned: always
  type: list
  elements: dict
  contains:
    snapshot_id:
      description: The snapshot of the source disk.
      type: str
      sample: s-2ze0000000000000000a
    source_disk_id:
      description: The disk that it was taken of.
      type: str
      sample: d-2ze0000000000000000a
snapshots:
  description: What ECS says of the snapshots.
  returned: always
  type: list
  elements: dict
  contains:
    snapshot_id:
      description: Its id.
      type: str
      sample: s-2ze0000000000000000a
    source_disk_id:
      description: The disk that it was taken of.
      type: str
      sample: d-2ze0000000000000000a
    usable:
      description: Whether disks can be made from it.
      type: bool
      sample: true
    durable:
      description: Whether it no longer depends on the source disk and its zone.
      type: bool
      sample: false
    created:
      description: The moment to which it holds the data.
      type: str
      sample: '2026-11-22T20:37:54Z'
    retention_days:
      description: Days until ECS deletes it, null when it is kept for ever.
      type: int
      sample: 1
deleted:
  description: Ids of the snapshots that were deleted (O(state=absent)).
  returned: always
  type: list
  elements: str
  sample: []
"""

import dataclasses
from typing import Any

from ..module_utils._argspec import K8S_ARGS, RUN_ARGS, VOLUMES_ARG, WAIT_ARGS, combine
from ..module_utils._argspec_ecs import ECS_ARGS
from ..module_utils._domain.cloud import Snapshot
from ..module_utils._domain.model import Volume
from ..module_utils._ecs import copies
from ..module_utils._errors import BadInput
from ..module_utils._module import Context, run_module, volume_results, volumes_diff

ARGS = combine(
    ECS_ARGS,
    K8S_ARGS,
    VOLUMES_ARG,
    RUN_ARGS,
    WAIT_ARGS,
    {
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "run_id": {"type": "str", "required": True},
        "retention_days": {"type": "int", "default": 1},
        "wait_for": {"type": "str", "choices": ["usable", "durable"], "default": "usable"},
        "require_detached": {"type": "bool", "default": True},
    },
)


def run(ctx: Context) -> dict[str, Any]:
    owner = copies.Owner(ctx.ecs, ctx.params["run_id"], ctx.clock, ctx.params["wait_timeout"])
    if ctx.params["state"] == "absent":
        return _absent(ctx, owner)
    if not (ctx.params["retention_days"] == -1 or 1 <= ctx.params["retention_days"] <= 65536):
        raise BadInput(f"retention_days {ctx.params['retention_days']} is not -1 or 1 to 65536. Nothing was changed.")
    volumes = ctx.demand("source_disk_id")
    if ctx.params["require_detached"] and not ctx.check_mode:
        copies.wait_detached(owner, volumes)
    existing = copies.existing_snapshots(owner)
    known = [_with_snapshot(volume, existing) for volume in volumes]
    missing = [volume for volume in known if not volume.snapshot_id]
    if ctx.check_mode:
        return _result(known, existing, volumes, changed=bool(missing))
    if ctx.run is not None:
        ctx.run.move_on("snapshot")
    made = {
        volume.source_disk_id: volume
        for volume in copies.create_snapshots(owner, missing, ctx.params["retention_days"])
    }
    complete = [made.get(volume.source_disk_id, volume) for volume in known]
    if ctx.run is not None:
        ctx.run.note(volumes=complete, fields=("snapshot_id",))
    ready = copies.wait_snapshots(owner, complete, durable=ctx.params["wait_for"] == "durable") if complete else {}
    return _result(complete, ready, volumes, changed=bool(missing))


def _with_snapshot(volume: Volume, existing: dict[str, Snapshot]) -> Volume:
    found = existing.get(volume.source_disk_id)
    return dataclasses.replace(volume, snapshot_id=found.snapshot_id if found else "")


def _absent(ctx: Context, owner: copies.Owner) -> dict[str, Any]:
    ours = sorted(snapshot.snapshot_id for snapshot in copies.existing_snapshots(owner).values())
    deleted = ours if ctx.check_mode else copies.delete_snapshots(owner)
    diff = {"before": {"snapshots": deleted}, "after": {"snapshots": []}}
    return {"changed": bool(deleted), "volumes": [], "snapshots": [], "deleted": deleted, "diff": diff}


def _result(
    volumes: list[Volume], snapshots: dict[str, Snapshot], before: list[Volume], *, changed: bool
) -> dict[str, Any]:
    wanted = {volume.snapshot_id for volume in volumes}
    shown = ("snapshot_id", "source_disk_id", "usable", "durable", "created", "retention_days")
    return {
        "changed": changed,
        "volumes": volume_results(volumes),
        "snapshots": [
            {field: getattr(snapshot, field) for field in shown}
            for snapshot in snapshots.values()
            if snapshot.snapshot_id in wanted
        ],
        "deleted": [],
        "diff": volumes_diff(before, volumes, ("snapshot_id",)),
    }


def main() -> None:
    run_module(ARGS, run, required_if=[("state", "present", ("volumes",))])


if __name__ == "__main__":
    main()
