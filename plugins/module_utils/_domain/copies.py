# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of a disk in another zone: what to order, and whether what came is what was ordered. Pure."""

from __future__ import annotations

from . import ids
from .cloud import Disk, DiskRequest
from .model import Volume

# By this tag the driver looks up "its" disk for a PV name and gives up on two (alibaba-ecs.md 2.4).
_TAG_OF_THE_SOURCE_ONLY = "csi.alibabacloud.com/volume-name"
_RESERVED_TAG_PREFIXES = ("acs:", "aliyun")

# What a node or a bill would notice. Size may only grow.
_CARRIED_OVER = (
    "category",
    "performance_level",
    "encrypted",
    "kms_key_id",
    "resource_group_id",
    "provisioned_iops",
    "bursting_enabled",
    "multi_attach",
    "storage_cluster_id",
)


def disk_request(source: Disk, volume: Volume, run_id: str) -> DiskRequest:
    """The order for a disk like ``source``, filled from the volume's snapshot, in the volume's zone."""
    return DiskRequest(
        zone_id=volume.zone,
        category=source.category,
        size_gib=source.size_gib,
        performance_level=source.performance_level,
        snapshot_id=volume.snapshot_id,
        encrypted=source.encrypted,
        kms_key_id=source.kms_key_id,
        resource_group_id=source.resource_group_id,
        provisioned_iops=source.provisioned_iops,
        bursting_enabled=source.bursting_enabled,
        multi_attach=source.multi_attach,
        storage_cluster_id=source.storage_cluster_id,
        name=ids.resource_name(volume.claim or source.disk_id, run_id),
        description=description_of_copy(source.disk_id, run_id),
        tags={**_tags_to_keep(source), **ids.owner_tags(run_id, "disk", volume.claim or source.disk_id)},
    )


def description_of_copy(source_disk_id: str, run_id: str) -> str:
    """Says where a copy comes from for as long as it lives; its snapshot may expire."""
    return f"Copy of {source_disk_id} made by zoneshift run {run_id}"


def _tags_to_keep(source: Disk) -> dict[str, str]:
    own = (ids.RUN_TAG, ids.STEP_TAG, ids.CLAIM_TAG, _TAG_OF_THE_SOURCE_ONLY)
    return {k: v for k, v in source.tags.items() if k not in own and not k.startswith(_RESERVED_TAG_PREFIXES)}


def differences(source: Disk, volume: Volume, made: Disk) -> list[str]:
    """What of the made disk is not as ordered, in words; empty when all is well (S4)."""
    found = [
        f"{field} is {getattr(made, field)!r}, not {getattr(source, field)!r}"
        for field in _CARRIED_OVER
        if (getattr(made, field) or None) != (getattr(source, field) or None)
    ]
    if made.zone_id != volume.zone:
        found.append(f"zone is {made.zone_id}, not {volume.zone}")
    if made.size_gib < source.size_gib:
        found.append(f"size is {made.size_gib} GiB, not {source.size_gib} GiB")
    if made.source_snapshot_id != volume.snapshot_id:
        found.append(f"it was made from snapshot {made.source_snapshot_id or 'none'}, not {volume.snapshot_id}")
    return found


def is_owned(tags: dict[str, str], run_id: str, step: str) -> bool:
    """Whether these are the tags of something that this step of this run made (S8)."""
    return tags.get(ids.RUN_TAG) == run_id and tags.get(ids.STEP_TAG) == step
