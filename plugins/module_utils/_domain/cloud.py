# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cloud is made of, as far as a migration cares: disks, snapshots, zones, offers. Pure data."""

from __future__ import annotations

import dataclasses

REGIONAL_CATEGORY = "cloud_regional_disk_auto"
"""Its data is in several zones already; it has no zone of its own (alibaba-ecs.md 2.8)."""


@dataclasses.dataclass(frozen=True)
class Disk:
    """A disk as DescribeDisks tells it. Empty text means that ECS did not say."""

    disk_id: str
    region_id: str
    zone_id: str
    status: str
    category: str
    size_gib: int
    performance_level: str = ""
    encrypted: bool = False
    kms_key_id: str = ""
    resource_group_id: str = ""
    provisioned_iops: int | None = None
    bursting_enabled: bool | None = None
    multi_attach: bool = False
    portable: bool = True
    kind: str = "data"
    charge_type: str = ""
    expired_time: str = ""
    attachments: tuple[str, ...] = ()
    attached_time: str = ""
    detached_time: str = ""
    created: str = ""
    source_snapshot_id: str = ""
    auto_snapshot_policy_id: str = ""
    delete_auto_snapshot: bool = False
    delete_with_instance: bool = False
    storage_cluster_id: str = ""
    storage_set_id: str = ""
    serial_number: str = ""
    operation_locks: tuple[str, ...] = ()
    name: str = ""
    description: str = ""
    tags: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def detached(self) -> bool:
        """No instance can write to it any more (DESIGN S6)."""
        return self.status == "Available" and not self.attachments

    @property
    def never_attached(self) -> bool:
        """ECS refuses a snapshot of it with IncorrectDiskStatus.NeverAttached (alibaba-ecs.md 2.2)."""
        return not (self.attachments or self.attached_time or self.detached_time)


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """A snapshot as DescribeSnapshots tells it. Its four moments: id, cut, usable, durable (alibaba-ecs.md 2.2)."""

    snapshot_id: str
    source_disk_id: str
    status: str
    progress_percent: int
    usable: bool
    created: str
    size_gib: int
    retention_days: int | None = None
    encrypted: bool = False
    kms_key_id: str = ""
    resource_group_id: str = ""
    source_disk_type: str = ""
    name: str = ""
    description: str = ""
    tags: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def cut(self) -> bool:
        """Its point in time is fixed: later writes are not in it."""
        return bool(self.created)

    @property
    def durable(self) -> bool:
        """Uploaded in full: no longer depends on the source disk and its zone."""
        return self.status == "accomplished"

    @property
    def failed(self) -> bool:
        return self.status == "failed"


@dataclasses.dataclass(frozen=True)
class DiskRequest:
    """A disk to be made. ``zone_id`` is ignored for regional disks, which must not name one."""

    zone_id: str
    category: str
    size_gib: int
    performance_level: str = ""
    snapshot_id: str = ""
    encrypted: bool = False
    kms_key_id: str = ""
    resource_group_id: str = ""
    provisioned_iops: int | None = None
    bursting_enabled: bool | None = None
    multi_attach: bool = False
    storage_cluster_id: str = ""
    name: str = ""
    description: str = ""
    tags: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Zone:
    """A zone of the region. ``disk_categories`` says what it has ever sold, not what is in stock."""

    zone_id: str
    name: str = ""
    disk_categories: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Offer:
    """A disk category on sale in a zone. It reserves nothing."""

    zone_id: str
    category: str
    status: str
    stock: str = ""
    min_gib: int | None = None
    max_gib: int | None = None

    @property
    def available(self) -> bool:
        return self.status == "Available" and self.stock not in ("WithoutStock", "ClosedWithoutStock")


@dataclasses.dataclass(frozen=True)
class Price:
    """What a disk costs per hour, pay-as-you-go; DescribePrice knows no other (alibaba-ecs.md 2.5)."""

    currency: str
    list_price: float
    trade_price: float
