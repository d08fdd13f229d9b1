# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots: CreateSnapshot, DescribeSnapshots, ModifySnapshotAttribute, DeleteSnapshot (alibaba-ecs.md 2.1, 2.2)."""

from __future__ import annotations

import re
from typing import Any

from . import tags
from .catalogue import CATEGORIES
from .contract import id_list
from .errors import EcsError, refusal
from .model import Disk, Snapshot, iso_time
from .names import check_description, check_name
from .paging import PageRules, page
from .state import State
from .time_filter import creation_range

SNAPSHOT_PAGE = PageRules(floor=10, ceiling=100)
MOST_IDS = 100
LONGEST_RETENTION = 65536
SNAPSHOT_ID = re.compile(r"s-[0-9a-z]+")
STATUSES = ("progressing", "accomplished", "failed", "all")
USAGES = ("none", "image", "disk", "image_disk")


class SnapshotActions:
    def __init__(self, state: State) -> None:
        self._state = state

    def create_snapshot(self, args: dict[str, Any]) -> dict[str, Any]:
        """InstantAccess, its retention days and Category are accepted and ignored, as since October 2023."""
        if args["DiskId"] not in self._state.disks:
            raise refusal("InvalidDiskId.NotFound", "The specified DiskId does not exist.")
        disk = self._state.disks[args["DiskId"]]
        check_name(args.get("SnapshotName"), refusal("InvalidSnapshotName.Malformed"), forbidden_prefix="auto")
        check_description(args.get("Description"), refusal("InvalidDescription.Malformed", status=404))
        _check_retention(args.get("RetentionDays"))
        tag_map = tags.checked(args.get("Tag"))
        self._check_disk(disk)
        snapshot = self._new_snapshot(disk, args, tag_map)
        self._state.snapshots[snapshot.id] = snapshot
        return {"SnapshotId": snapshot.id}

    def _check_disk(self, disk: Disk) -> None:
        settings, now = self._state.settings, self._state.now()
        if not settings.snapshot_service:
            raise refusal("InvalidAccountStatus.SnapshotServiceUnavailable")
        if not CATEGORIES[disk.category].snapshots:
            raise refusal("DiskCategory.OperationNotSupported")
        if disk.status(now) not in ("In_use", "Available"):
            raise refusal("IncorrectDiskStatus")
        instances = [self._state.instances[item.instance_id] for item in disk.attachments]
        if any(instance.status not in ("Running", "Stopped") for instance in instances):
            raise refusal("IncorrectInstanceStatus")
        # NeverUsed (attached but never written) is not emulated: a mount writes, and attached disks here get mounted.
        if not disk.ever_attached:
            raise refusal("IncorrectDiskStatus.NeverAttached")
        running = len(self._state.unfinished_snapshots(disk.id))
        if running and not self._state.is_essd_series(disk):
            raise refusal("IncorrectDiskStatus.CreatingSnapshot")
        if running >= 10:
            raise EcsError(
                "QuotaExceed.ConcurrentSnapshotQuota",
                f"The number of snapshots being created for the disk {disk.id} has exceeded the concurrent quota (10)."
                " Please wait for the previous snapshots to complete before trying again.",
                403,
            )
        if sum(1 for item in self._state.snapshots.values() if item.disk_id == disk.id) >= settings.snapshot_limit:
            raise refusal("QuotaExceed.Snapshot")

    def _new_snapshot(self, disk: Disk, args: dict[str, Any], tag_map: dict[str, str]) -> Snapshot:
        now, latency = self._state.now(), self._state.latency
        durable_at = now + latency.snapshot_durable + latency.snapshot_durable_per_gib * disk.size
        instant_access = self._state.is_essd_series(disk)
        usable_at = min(now + latency.snapshot_usable, durable_at) if instant_access else durable_at
        cut_at = min(now + latency.snapshot_cut, usable_at)
        failing = {disk.id, "*"} & self._state.settings.failing_snapshots
        return Snapshot(
            id=self._state.new_id("s"),
            number=self._state.next_number(),
            created_at=now,
            visible_at=now + latency.visibility,
            tags=tag_map,
            disk_id=disk.id,
            disk_size=disk.size,
            name=args.get("SnapshotName") or "",
            description=args.get("Description") or "",
            retention_days=args.get("RetentionDays"),
            instant_access=instant_access,
            encrypted=disk.encrypted,
            kms_key_id=disk.kms_key_id,
            resource_group_id=args.get("ResourceGroupId") or "",
            modified_at=now,
            cut_at=cut_at,
            usable_at=usable_at,
            durable_at=durable_at,
            failed_at=cut_at if failing else None,
            log=disk.log,
            cut_length=len(disk.log) if cut_at == now else None,
        )

    def describe_snapshots(self, args: dict[str, Any]) -> dict[str, Any]:
        ids = self._ids(args.get("SnapshotIds"))
        self._check_filters(args)
        first, last = creation_range(args.get("Filter"))
        found = tags.filtered(self._state.visible(self._state.snapshots), args.get("Tag"))
        if ids is not None:
            found = [item for item in found if item.id in ids]
        found = [item for item in found if first <= item.created_at <= last and self._selected(item, args)]
        if args.get("DryRun"):
            raise refusal("DryRunOperation")
        shown, place = page(found, args, SNAPSHOT_PAGE, lambda item: item.number)
        return {**place, "Snapshots": {"Snapshot": [self._view(item) for item in shown]}}

    @staticmethod
    def _ids(text: str | None) -> list[str] | None:
        try:
            ids = id_list(text, "SnapshotIds")
        except EcsError:
            raise refusal("InvalidSnapshotIds.Malformed") from None
        if ids and (len(ids) > MOST_IDS or not all(SNAPSHOT_ID.fullmatch(item) for item in ids)):
            raise refusal("InvalidSnapshotIds.Malformed")
        return ids

    @staticmethod
    def _check_filters(args: dict[str, Any]) -> None:
        allowed = (
            ("Status", STATUSES, "InvalidStatus.NotFound"),
            ("SnapshotType", ("auto", "user", "all"), "InvalidSnapshotType.NotFound"),
            ("Usage", USAGES, "InvalidUsage"),
            ("SourceDiskType", ("system", "data"), "InvalidSourceDiskType"),
        )
        for name, values, code in allowed:
            if args.get(name) and args[name].lower() not in values:
                raise refusal(code)

    def _selected(self, snapshot: Snapshot, args: dict[str, Any]) -> bool:
        status = args.get("Status") or "all"
        return (
            status.lower() in ("all", snapshot.status(self._state.now()))
            and args.get("DiskId") in (None, "", snapshot.disk_id)
            and args.get("SnapshotName") in (None, "", snapshot.name)
            and args.get("SnapshotLinkId") in (None, "", _link_id(snapshot))
            and args.get("ResourceGroupId") in (None, "", snapshot.resource_group_id)
            and args.get("Encrypted") in (None, snapshot.encrypted)
            and args.get("KMSKeyId") in (None, "", snapshot.kms_key_id)
            and args.get("Usage") in (None, "", self._usage(snapshot))
            and (args.get("SnapshotType") or "all").lower() in ("all", "user")
            and (args.get("SourceDiskType") or "data").lower() == "data"
            and self._of_instance(snapshot, args.get("InstanceId"))
        )

    def _of_instance(self, snapshot: Snapshot, instance_id: str | None) -> bool:
        disk = self._state.disks.get(snapshot.disk_id)
        return not instance_id or bool(disk and disk.attachment(instance_id))

    def _usage(self, snapshot: Snapshot) -> str:
        used = any(disk.source_snapshot_id == snapshot.id for disk in self._state.disks.values())
        return "disk" if used else "none"

    def _view(self, snapshot: Snapshot) -> dict[str, Any]:
        """SourceDiskSize is a string, Progress is "NN%", CreationTime is empty until the cut (alibaba-ecs.md 2.2)."""
        now = self._state.now()
        view = {
            "Available": snapshot.available(now),
            "Category": "standard",
            "CreationTime": iso_time(snapshot.cut_at) if now >= snapshot.cut_at else "",
            "Description": snapshot.description,
            "Encrypted": snapshot.encrypted,
            "InstantAccess": snapshot.instant_access,
            "KMSKeyId": snapshot.kms_key_id,
            "LastModifiedTime": iso_time(snapshot.modified_at),
            "ProductCode": "",
            "Progress": f"{snapshot.percent(now)}%",
            "RegionId": self._state.region,
            "RemainTime": max(round(snapshot.durable_at - now), 0),
            "ResourceGroupId": snapshot.resource_group_id,
            "SnapshotId": snapshot.id,
            "SnapshotLinkId": _link_id(snapshot),
            "SnapshotName": snapshot.name,
            "SnapshotType": "user",
            "SourceDiskId": snapshot.disk_id,
            "SourceDiskSize": str(snapshot.disk_size),
            "SourceDiskType": "data",
            "SourceStorageType": "disk",
            "Status": snapshot.status(now),
            "Tags": tags.as_response(snapshot.tags),
            "Usage": self._usage(snapshot),
        }
        if snapshot.retention_days is not None:
            view["RetentionDays"] = snapshot.retention_days
        return view

    def modify_snapshot_attribute(self, args: dict[str, Any]) -> dict[str, Any]:
        """A retention can be given to a snapshot that is kept for ever, and after that only be lengthened."""
        snapshot = self._state.snapshot(args["SnapshotId"])
        name, description, days = args.get("SnapshotName"), args.get("Description"), args.get("RetentionDays")
        if name is None and description is None and days is None and args.get("DisableInstantAccess") is None:
            raise refusal("NoAttributeToModify")
        check_name(name, refusal("InvalidSnapshotName.Malformed"), forbidden_prefix="auto")
        check_description(description, refusal("InvalidDescription.Malformed", status=404))
        _check_retention(days)
        if days is not None and days < (snapshot.retention_days or 0):
            raise refusal("InvalidOperation.DecreaseRetentionDaysUnsupported")
        snapshot.name = snapshot.name if name is None else name
        snapshot.description = snapshot.description if description is None else description
        snapshot.retention_days = snapshot.retention_days if days is None else days
        snapshot.modified_at = self._state.now()
        return {}

    def delete_snapshot(self, args: dict[str, Any]) -> dict[str, Any]:
        """Deleting one that is in progress cancels it. Disks made from it keep their contents."""
        snapshot = self._state.snapshots.get(args["SnapshotId"])
        if snapshot is None:
            if self._state.settings.absent_delete_fails:
                raise refusal("InvalidSnapshotId.NotFound", "The specified snapshot is not found.")
            return {}
        if self._usage(snapshot) == "disk" and not args.get("Force"):
            raise refusal("SnapshotCreatedDisk")
        del self._state.snapshots[snapshot.id]
        return {}


def _check_retention(days: int | None) -> None:
    if days is not None and not 1 <= days <= LONGEST_RETENTION:
        raise refusal("InvalidRetentionDays.Malformed")


def _link_id(snapshot: Snapshot) -> str:
    """The chain of all snapshots of one disk."""
    return "sl-" + snapshot.disk_id.removeprefix("d-")
