# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks in the emulated cloud for tests that need no cluster, each with contents of its own."""

from __future__ import annotations

import itertools
from typing import Any

from tests.sandbox.ecs.cloud import Cloud
from tests.sandbox.sandbox import Sandbox

ZONE_H, ZONE_I, ZONE_K = "cn-beijing-h", "cn-beijing-i", "cn-beijing-k"

_numbers = itertools.count(1)


def new_run_id() -> str:
    """Tests share a sandbox; each owns what its run made."""
    return f"run-{next(_numbers)}"


def ask(cloud: Cloud, action: str, **params: Any) -> dict[str, Any]:
    """An action as somebody else than the collection's user."""
    wire = {key: str(value) for key, value in params.items()}
    return cloud.call(action, {"RegionId": cloud.region, **wire}, "driver")


def attach(cloud: Cloud, disk_id: str) -> str:
    """To an instance of its own in the disk's zone, whose id is returned."""
    instance = cloud.add_instance(disk_of(cloud, disk_id)["zone"])
    ask(cloud, "AttachDisk", DiskId=disk_id, InstanceId=instance)
    return instance


def detach(cloud: Cloud, disk_id: str) -> None:
    instance = disk_of(cloud, disk_id)["attached_to"][0]
    ask(cloud, "DetachDisk", DiskId=disk_id, InstanceId=instance)


def disk_of(cloud: Cloud, disk_id: str) -> dict[str, Any]:
    return dict(cloud.world()["disks"][disk_id])


def make_disk(sandbox: Sandbox, *, attached: bool = False, used: bool = True, **wanted: Any) -> str:
    """A disk in zone h that was attached before (``used``), with one record on it."""
    cloud = sandbox.cloud
    request = {"ZoneId": ZONE_H, "DiskCategory": "cloud_essd", "Size": 20, **wanted}
    disk_id = str(ask(cloud, "CreateDisk", **request)["DiskId"])
    if used or attached:
        cloud.write(disk_id, attach(cloud, disk_id), {"n": 1, "of": disk_id})
    if used and not attached:
        detach(cloud, disk_id)
    return disk_id


def snapshots_of(sandbox: Sandbox, disk_id: str) -> dict[str, dict[str, Any]]:
    found = sandbox.cloud.world()["snapshots"]
    return {key: snapshot for key, snapshot in found.items() if snapshot["disk_id"] == disk_id}


def owned(world: dict[str, Any], run_id: str) -> set[str]:
    return {key for key, thing in world.items() if thing["tags"].get("zoneshift.io/run") == run_id}
