# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CreateDisk and its many rules (alibaba-ecs.md 2.4), in the order in which they are checked here."""

from __future__ import annotations

from typing import Any

from . import tags
from .catalogue import CATEGORIES, PERFORMANCE_LEVELS, Category, most_provisioned_iops
from .errors import EcsError, missing_parameter, refusal
from .model import Disk, RecordLog, Snapshot
from .names import check_description, check_name
from .state import State

# The key that ECS uses for an encrypted disk when none is named.
SERVICE_KEY = "11111111-2222-3333-4444-555555555555"
SIZE_OR_SNAPSHOT = 'The input parameter either "SnapshotId" or "Size" should be specified.'


class DiskCreation:
    def __init__(self, state: State) -> None:
        self._state = state

    def create_disk(self, args: dict[str, Any]) -> dict[str, Any]:
        category = _category(args)
        zone = self._zone(args, category)
        check_name(args.get("DiskName"), refusal("InvalidDiskName.Malformed"))
        check_description(args.get("Description"), refusal("InvalidDescription.Malformed"))
        snapshot = self._snapshot(args, category)
        level = check_performance_level(args.get("PerformanceLevel"), category)
        size = _size(args, snapshot)
        check_size(size, category, level)
        key = self._encryption(args, snapshot)
        _check_auto_performance(args, category, size)
        tag_map = tags.checked(args.get("Tag"))
        self._check_stock(zone, category, size)
        disk = Disk(
            id=self._state.new_id("d"),
            number=self._state.next_number(),
            created_at=self._state.now(),
            tags=tag_map,
            zone=zone,
            category=category.name,
            performance_level=level,
            size=size,
            name=args.get("DiskName") or "",
            description=args.get("Description") or "",
            encrypted=bool(key),
            kms_key_id=key,
            resource_group_id=args.get("ResourceGroupId") or "",
            multi_attach=_multi_attach(args, category),
            provisioned_iops=args.get("ProvisionedIops") or 0,
            bursting_enabled=bool(args.get("BurstingEnabled")),
        )
        self._set_moments(disk, snapshot)
        self._state.disks[disk.id] = disk
        return {"DiskId": disk.id}

    def _set_moments(self, disk: Disk, snapshot: Snapshot | None) -> None:
        latency = self._state.latency
        disk.visible_at = disk.created_at + latency.visibility
        disk.available_at = disk.created_at + latency.disk_create
        if snapshot:
            disk.source_snapshot_id = snapshot.id
            disk.initialized_at = disk.created_at + latency.disk_initialize
            disk.log = RecordLog(snapshot.contents())

    def _zone(self, args: dict[str, Any], category: Category) -> str:
        """Regional disks have none. With an instance instead of a zone a subscription disk would be made: not here,
        as all instances of the emulator are pay-as-you-go."""
        zone = args.get("ZoneId") or ""
        if args.get("InstanceId"):
            if zone:
                raise refusal("InvalidParam.ZoneIdAndInstanceId.Conflict")
            self._state.instance(args["InstanceId"])
            raise refusal("InvalidInstanceChargeType.ValueNotSupported")
        if category.regional:
            if zone:
                raise refusal("InvalidZoneId.DiskCategoryUnsupported")
            return ""
        if not zone:
            raise missing_parameter("ZoneId")
        if zone not in self._state.zones:
            raise refusal("InvalidZoneId.NotFound")
        return str(zone)

    def _snapshot(self, args: dict[str, Any], category: Category) -> Snapshot | None:
        """A snapshot that is not uploaded yet serves only disks of the ESSD series (alibaba-ecs.md 2.1)."""
        if not args.get("SnapshotId"):
            return None
        snapshot = self._state.snapshot(args["SnapshotId"])
        now = self._state.now()
        if category.ephemeral:
            raise refusal("InvalidOperation.CreateFromSnapshotUnsupported")
        if snapshot.failed(now):
            raise refusal("OperationDenied.SnapshotNotAllowed")
        if not snapshot.available(now) or (snapshot.status(now) != "accomplished" and not category.essd_series):
            raise refusal("InvalidSnapshotId.NotReady")
        return snapshot

    def _encryption(self, args: dict[str, Any], snapshot: Snapshot | None) -> str:
        """The key of the new disk; empty for a plain one."""
        encrypted, key = bool(args.get("Encrypted")), args.get("KMSKeyId") or ""
        if key and not encrypted:
            raise refusal("InvalidEncrypted.NotMatchKmsKeyId")
        if snapshot and snapshot.encrypted:
            if not encrypted:
                raise refusal("InvalidEncrypted.NotMatchSnapshot")
            if key and key != snapshot.kms_key_id:
                raise refusal("InvalidKmsKeyId.NotMatchSnapshot")
            return snapshot.kms_key_id
        if self._state.settings.default_encryption and not encrypted:
            raise refusal("InvalidEncrypted.NotMatchDiskDefaultEncryption")
        return (key or SERVICE_KEY) if encrypted else ""

    def _check_stock(self, zone: str, category: Category, size: int) -> None:
        limit = self._state.settings.disk_limit
        if limit is not None and len(self._state.disks) >= limit:
            raise refusal("QuotaExceed.PostPaidDisk")
        if category.regional:
            return
        if not self._state.stock.offered(zone, category.name):
            raise refusal("InvalidDataDiskCategory.NotSupported")
        if self._state.stock.sold_out(zone, category.name):
            raise refusal("OperationDenied")
        self._check_capacity(zone, category, size)

    def _check_capacity(self, zone: str, category: Category, size: int) -> None:
        quota = self._state.stock.quota(zone, category.name)
        if quota is None:
            return
        place = (zone, category.name)
        used = sum(disk.size for disk in self._state.disks.values() if (disk.zone, disk.category) == place)
        if used + size > quota:
            raise EcsError(
                "QuotaExceed.DiskCapacity",
                "The used capacity of disk type has exceeded the quota in the zone,"
                f" quota check fail! maximum {quota} GiB, used {used} GiB, required {size} GiB.",
                400,
            )


def _category(args: dict[str, Any]) -> Category:
    """The default is the old basic disk, which nobody sells any more: always name one."""
    name = args.get("DiskCategory") or "cloud"
    if name not in CATEGORIES:
        raise refusal("InvalidDiskCategory.ValueNotSupported")
    return CATEGORIES[name]


def check_performance_level(level: str | None, category: Category) -> str:
    """Only cloud_essd has one, PL1 by default."""
    if category.name != "cloud_essd":
        return ""
    level = level or "PL1"
    if level not in PERFORMANCE_LEVELS:
        raise refusal("InvalidPerformanceLevel.Malformed")
    return level


def check_size(size: int, category: Category, level: str) -> None:
    if not category.smallest <= size <= category.largest:
        raise refusal("InvalidDataDiskSize.ValueNotSupported")
    if level and size < PERFORMANCE_LEVELS[level][0]:
        raise refusal("OperationDenied.PerformanceLevelNotMatch")


def _size(args: dict[str, Any], snapshot: Snapshot | None) -> int:
    size = args.get("Size")
    if size is None:
        if snapshot is None:
            raise EcsError("MissingParameter", SIZE_OR_SNAPSHOT, 400)
        return snapshot.disk_size
    if snapshot and size < snapshot.disk_size:
        raise refusal("InvalidDiskSize.TooSmall")
    return int(size)


def _multi_attach(args: dict[str, Any], category: Category) -> bool:
    wanted = args.get("MultiAttach") or "Disabled"
    if wanted not in ("Enabled", "Disabled"):
        raise refusal("InvalidParameter.MultiAttach")
    if wanted == "Enabled" and not category.multi_attach:
        raise refusal("InvalidParameter.DiskCategoryAndMultiAttachNotMatch")
    return bool(wanted == "Enabled")


def _check_auto_performance(args: dict[str, Any], category: Category, size: int) -> None:
    """Provisioned IOPS and bursting are for cloud_auto."""
    check_provisioned_iops(args.get("ProvisionedIops"), category, size)
    if not args.get("BurstingEnabled"):
        return
    if category.name != "cloud_auto":
        raise refusal("BurstingEnabledForDiskCategoryUnsupported")
    if args.get("MultiAttach") == "Enabled":
        raise refusal("BurstingEnabledForMultiAttachDiskUnsupported")
    if size <= 3:
        raise refusal("InvalidBurstingEnabled.DiskSizeTooSmall")


def check_provisioned_iops(iops: int | None, category: Category, size: int) -> None:
    if not iops:
        return
    if category.name != "cloud_auto":
        raise refusal("ProvisionedIopsForDiskCategoryUnsupported")
    if not 0 <= iops <= most_provisioned_iops(size):
        raise refusal("InvalidProvisionedIops.LimitExceed")
