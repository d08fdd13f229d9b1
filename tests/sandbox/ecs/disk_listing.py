# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DescribeDisks: filters, paging and the shape of a disk in answers (alibaba-ecs.md 2.5)."""

from __future__ import annotations

import re
from typing import Any

from . import tags
from .catalogue import CATEGORIES, baseline_iops
from .contract import id_list
from .errors import EcsError, refusal
from .model import Attachment, Disk, iso_time
from .paging import PageRules, page
from .state import State
from .time_filter import creation_range

DISK_PAGE = PageRules(floor=10, ceiling=500)
MOST_IDS = 100
DISK_ID = re.compile(r"d-[0-9a-z]+")
STATUSES = ("In_use", "Available", "Attaching", "Detaching", "Creating", "ReIniting", "All")


class DiskListing:
    def __init__(self, state: State) -> None:
        self._state = state

    def describe_disks(self, args: dict[str, Any]) -> dict[str, Any]:
        ids = _ids(args.get("DiskIds"))
        self._check_filters(args)
        first, last = creation_range(args.get("Filter"))
        found = tags.filtered(self._state.visible(self._state.disks), args.get("Tag"))
        if ids is not None:
            found = [disk for disk in found if disk.id in ids]
        found = [disk for disk in found if first <= disk.created_at <= last and self._selected(disk, args)]
        if args.get("DryRun"):
            raise refusal("DryRunOperation")
        shown, place = page(found, args, DISK_PAGE, lambda disk: disk.number)
        with_placement = "Placement" in (args.get("AdditionalAttributes") or [])
        return {**place, "Disks": {"Disk": [self._view(disk, with_placement) for disk in shown]}}

    def _check_filters(self, args: dict[str, Any]) -> None:
        zone = args.get("ZoneId")
        if zone and zone not in self._state.zones:
            raise refusal("InvalidZoneId.NotFound", "The zoneId provided does not exist in our records.", 400)
        if args.get("Status") and args["Status"] not in STATUSES:
            raise refusal("InvalidStatus.ValueNotSupported")
        if args.get("Category") and args["Category"] not in (*CATEGORIES, "all"):
            raise refusal("InvalidCategory.ValueNotSupported")
        if args.get("DiskType") and args["DiskType"] not in ("system", "data", "all"):
            raise refusal("InvalidDiskType.ValueNotSupported")
        if args.get("MultiAttach") not in (None, "", "Enabled", "Disabled"):
            raise refusal("InvalidParameter.MultiAttach")

    def _selected(self, disk: Disk, args: dict[str, Any]) -> bool:
        return (
            args.get("Status") in (None, "", "All", disk.status(self._state.now()))
            and args.get("Category") in (None, "", "all", disk.category)
            and args.get("DiskType") in (None, "", "all", "data")
            and args.get("ZoneId") in (None, "", disk.zone)
            and args.get("DiskName") in (None, "", disk.name)
            and args.get("SnapshotId") in (None, "", disk.source_snapshot_id)
            and args.get("PerformanceLevel") in (None, "", disk.performance_level)
            and args.get("Encrypted") in (None, disk.encrypted)
            and args.get("KMSKeyId") in (None, "", disk.kms_key_id)
            and args.get("ResourceGroupId") in (None, "", disk.resource_group_id)
            and args.get("Portable") in (None, True)
            and args.get("DeleteAutoSnapshot") in (None, True)
            and args.get("EnableAutoSnapshot") in (None, False)
            and args.get("EnableAutomatedSnapshotPolicy") in (None, False)
            and args.get("DeleteWithInstance") in (None, disk.delete_with_instance)
            and args.get("DiskChargeType") in (None, "", "PostPaid")
            and args.get("MultiAttach") in (None, "", _enabled(disk.multi_attach))
            and (not args.get("InstanceId") or disk.attachment(args["InstanceId"]) is not None)
        )

    def _view(self, disk: Disk, with_placement: bool) -> dict[str, Any]:
        """Attachments appear when the disk is attached, not while it is Attaching.

        InstanceId and Device stay empty for multi-attach disks.
        """
        now = self._state.now()
        attached = [item for item in disk.attachments if item.done(now)]
        only = attached[0] if attached and not disk.multi_attach else None
        view = {
            "AttachedTime": iso_time(only.attached_at) if only else "",
            "Attachments": {"Attachment": [_attachment_view(item) for item in attached]},
            "AutoSnapshotPolicyId": "",
            "BurstingEnabled": disk.bursting_enabled,
            "Category": disk.category,
            "CreationTime": iso_time(disk.created_at),
            "DeleteAutoSnapshot": True,
            "DeleteWithInstance": disk.delete_with_instance,
            "Description": disk.description,
            "DetachedTime": iso_time(disk.detached_at) if disk.detached_at is not None else "",
            "Device": only.device if only else "",
            "DiskChargeType": "PostPaid",
            "DiskId": disk.id,
            "DiskName": disk.name,
            "EnableAutoSnapshot": False,
            "EnableAutomatedSnapshotPolicy": False,
            "Encrypted": disk.encrypted,
            "ExpiredTime": "2999-09-08T16:00Z",
            "ImageId": "",
            "InstanceId": only.instance_id if only else "",
            "KMSKeyId": disk.kms_key_id,
            "MountInstances": {"MountInstance": [_attachment_view(item) for item in attached]},
            "MultiAttach": _enabled(disk.multi_attach),
            "OperationLocks": {"OperationLock": []},
            "PerformanceLevel": disk.performance_level,
            "Portable": True,
            "ProductCode": "",
            "RegionId": self._state.region,
            "ResourceGroupId": disk.resource_group_id,
            "SerialNumber": disk.id.removeprefix("d-"),
            "Size": disk.size,
            "SourceSnapshotId": disk.source_snapshot_id,
            "Status": disk.status(now),
            "StorageSetId": "",
            "Tags": tags.as_response(disk.tags),
            "Type": "data",
            "ZoneId": disk.zone,
        }
        if disk.category == "cloud_auto":
            view["IOPS"] = baseline_iops(disk.size) + disk.provisioned_iops
            view["ProvisionedIops"] = disk.provisioned_iops
        if with_placement:
            zones = self._state.zones if CATEGORIES[disk.category].regional else (disk.zone,)
            view["Placement"] = {"ZoneIds": ",".join(zones)}
        return view


def _ids(text: str | None) -> list[str] | None:
    try:
        ids = id_list(text, "DiskIds")
    except EcsError:
        raise refusal("InvalidParameter.DiskIds") from None
    if ids and len(ids) > MOST_IDS:
        raise refusal("InvalidDiskIds.Malformed")
    if ids and not all(DISK_ID.fullmatch(item) for item in ids):
        raise refusal("InvalidDiskIds.ValueNotSupported")
    return ids


def _enabled(flag: bool) -> str:
    return "Enabled" if flag else "Disabled"


def _attachment_view(attachment: Attachment) -> dict[str, str]:
    return {
        "AttachedTime": iso_time(attachment.attached_at),
        "Device": attachment.device,
        "InstanceId": attachment.instance_id,
    }
