# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From ECS's JSON to our values. Only what the contract (ecs-api-meta.json) names is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._domain.cloud import REGIONAL_CATEGORY, Disk, DiskRequest, Offer, Price, Snapshot, Zone
from .._errors import Refused

Wire = Mapping[str, Any]


def listed(wire: Wire, *path: str) -> list[Any]:
    """The list at the end of the path (``Disks``, ``Disk``); empty when ECS leaves it out."""
    value: Any = wire
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return list(value) if isinstance(value, list) else []


def text(wire: Wire, key: str) -> str:
    value = wire.get(key)
    return "" if value is None else str(value)


def required_text(wire: Wire, key: str, action: str) -> str:
    """A text without which we cannot go on."""
    value = text(wire, key)
    if not value:
        raise Refused(
            f"{action} was answered without {key}",
            code="UnexpectedAnswer",
            hint="The endpoint may not be ECS: check ecs_endpoint.",
            context={"action": action, "request_id": text(wire, "RequestId")},
        )
    return value


def number(wire: Wire, key: str) -> int | None:
    """A whole number. ECS sends some of them as text (SourceDiskSize)."""
    value = text(wire, key)
    try:
        return int(value) if value else None
    except ValueError:
        raise Refused(f"ECS answered {key} with {value!r}, which is not a number", code="UnexpectedAnswer") from None


def flag(wire: Wire, key: str) -> bool | None:
    value = wire.get(key)
    return value if isinstance(value, bool) else None if value in (None, "") else str(value).lower() == "true"


def percent(wire: Wire, key: str) -> int:
    """``Progress`` is text with a percent sign."""
    value = text(wire, key).rstrip("%")
    return int(value) if value.isdigit() else 0


def tags(wire: Wire) -> dict[str, str]:
    return {text(tag, "TagKey"): text(tag, "TagValue") for tag in listed(wire, "Tags", "Tag")}


def disk(wire: Wire) -> Disk:
    attached = [text(entry, "InstanceId") for entry in listed(wire, "Attachments", "Attachment")]
    # Multi-attach disks have no InstanceId, others may have no Attachments (alibaba-ecs.md 2.5): read both.
    instances = [*attached, text(wire, "InstanceId")]
    return Disk(
        disk_id=required_text(wire, "DiskId", "DescribeDisks"),
        region_id=text(wire, "RegionId"),
        zone_id=text(wire, "ZoneId"),
        status=text(wire, "Status"),
        category=text(wire, "Category"),
        size_gib=number(wire, "Size") or 0,
        performance_level=text(wire, "PerformanceLevel"),
        encrypted=flag(wire, "Encrypted") or False,
        kms_key_id=text(wire, "KMSKeyId"),
        resource_group_id=text(wire, "ResourceGroupId"),
        provisioned_iops=number(wire, "ProvisionedIops"),
        bursting_enabled=flag(wire, "BurstingEnabled"),
        multi_attach=text(wire, "MultiAttach") == "Enabled",
        portable=flag(wire, "Portable") is not False,
        kind=text(wire, "Type") or "data",
        charge_type=text(wire, "DiskChargeType"),
        expired_time=text(wire, "ExpiredTime"),
        attachments=tuple(sorted({instance for instance in instances if instance})),
        attached_time=text(wire, "AttachedTime"),
        detached_time=text(wire, "DetachedTime"),
        created=text(wire, "CreationTime"),
        source_snapshot_id=text(wire, "SourceSnapshotId"),
        auto_snapshot_policy_id=text(wire, "AutoSnapshotPolicyId"),
        delete_auto_snapshot=flag(wire, "DeleteAutoSnapshot") or False,
        delete_with_instance=flag(wire, "DeleteWithInstance") or False,
        storage_cluster_id=text(wire, "StorageClusterId"),
        storage_set_id=text(wire, "StorageSetId"),
        serial_number=text(wire, "SerialNumber"),
        operation_locks=tuple(text(lock, "LockReason") for lock in listed(wire, "OperationLocks", "OperationLock")),
        name=text(wire, "DiskName"),
        description=text(wire, "Description"),
        tags=tags(wire),
    )


def snapshot(wire: Wire) -> Snapshot:
    return Snapshot(
        snapshot_id=required_text(wire, "SnapshotId", "DescribeSnapshots"),
        source_disk_id=text(wire, "SourceDiskId"),
        status=text(wire, "Status"),
        progress_percent=percent(wire, "Progress"),
        usable=flag(wire, "Available") or False,
        created=text(wire, "CreationTime"),
        size_gib=number(wire, "SourceDiskSize") or 0,
        retention_days=number(wire, "RetentionDays"),
        encrypted=flag(wire, "Encrypted") or False,
        kms_key_id=text(wire, "KMSKeyId"),
        resource_group_id=text(wire, "ResourceGroupId"),
        source_disk_type=text(wire, "SourceDiskType"),
        name=text(wire, "SnapshotName"),
        description=text(wire, "Description"),
        tags=tags(wire),
    )


def zone(wire: Wire) -> Zone:
    return Zone(
        zone_id=required_text(wire, "ZoneId", "DescribeZones"),
        name=text(wire, "LocalName"),
        disk_categories=tuple(map(str, listed(wire, "AvailableDiskCategories", "DiskCategories"))),
    )


def offers(wire: Wire) -> list[Offer]:
    """Every data disk category of every zone in an answer of DescribeAvailableResource."""
    return [
        Offer(
            zone_id=text(place, "ZoneId"),
            category=text(offer, "Value"),
            status=text(offer, "Status"),
            stock=text(offer, "StatusCategory"),
            min_gib=number(offer, "Min"),
            max_gib=number(offer, "Max"),
        )
        for place in listed(wire, "AvailableZones", "AvailableZone")
        for resource in listed(place, "AvailableResources", "AvailableResource")
        for offer in listed(resource, "SupportedResources", "SupportedResource")
    ]


def price(wire: Wire) -> Price:
    told: Wire = (wire.get("PriceInfo") or {}).get("Price") or {}
    return Price(
        currency=required_text(told, "Currency", "DescribePrice"),
        list_price=float(told.get("OriginalPrice") or 0),
        trade_price=float(told.get("TradePrice") or 0),
    )


def tag_params(wanted: Mapping[str, str]) -> dict[str, str]:
    """``Tag.N.Key`` and ``.Value``, sorted: order is part of what a ClientToken stands for (alibaba-ecs.md 2.6)."""
    params = {}
    for position, key in enumerate(sorted(wanted), start=1):
        params[f"Tag.{position}.Key"] = key
        params[f"Tag.{position}.Value"] = wanted[key]
    return params


def disk_params(wanted: DiskRequest) -> dict[str, Any]:
    """CreateDisk's parameters (alibaba-ecs.md 2.4): category always, because ECS defaults to ``cloud``; what a category
    does not have is left out, because ECS turns the request down for it."""
    tunable = wanted.category == "cloud_auto" and wanted.size_gib > 3
    return {
        "ZoneId": None if wanted.category == REGIONAL_CATEGORY else wanted.zone_id,
        "DiskCategory": wanted.category,
        "PerformanceLevel": wanted.performance_level if wanted.category == "cloud_essd" else None,
        "Size": wanted.size_gib,
        "SnapshotId": wanted.snapshot_id,
        "Encrypted": True if wanted.encrypted else None,
        "KMSKeyId": wanted.kms_key_id if wanted.encrypted else None,
        "ResourceGroupId": wanted.resource_group_id,
        "ProvisionedIops": wanted.provisioned_iops if tunable else None,
        "BurstingEnabled": wanted.bursting_enabled if tunable else None,
        "MultiAttach": "Enabled" if wanted.multi_attach else None,
        "StorageClusterId": wanted.storage_cluster_id,
        "DiskName": wanted.name,
        "Description": wanted.description,
        **tag_params(wanted.tags),
    }
