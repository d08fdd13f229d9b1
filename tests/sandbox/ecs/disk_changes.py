# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What changes or ends a disk: ResizeDisk, ModifyDiskSpec, DeleteDisk (alibaba-ecs.md 2.5)."""

from __future__ import annotations

from typing import Any

from .catalogue import CATEGORIES, Category
from .disk_creation import check_performance_level, check_provisioned_iops, check_size
from .errors import refusal
from .model import Disk, SpecChange, Task
from .state import State

STABLE = ("In_use", "Available")


class DiskChanges:
    def __init__(self, state: State) -> None:
        self._state = state

    def resize_disk(self, args: dict[str, Any]) -> dict[str, Any]:
        """Takes effect at once; the file system is not emulated, so online and offline are the same."""
        disk = self._state.disk(args["DiskId"])
        if (args.get("Type") or "offline") not in ("offline", "online"):
            raise refusal("InvalidParam.Type")
        if disk.status(self._state.now()) not in STABLE:
            raise refusal("IncorrectDiskStatus")
        self._state.require_no_snapshot_in_the_way(disk.id)
        size = args["NewSize"]
        if size < disk.size:
            raise refusal("InvalidDiskSize.TooSmall", "Specified new disk size is less than the original disk size.")
        if size == disk.size:
            raise refusal("InvalidDiskSize")
        if size > CATEGORIES[disk.category].largest:
            raise refusal("InvalidDiskSize.TooLarge")
        disk.size = size
        return {}

    def modify_disk_spec(self, args: dict[str, Any]) -> dict[str, Any]:
        """A change of category takes time and is a task; a change of performance level alone is done at once."""
        disk = self._state.disk(args["DiskId"])
        now = self._state.now()
        category = self._target_category(disk, args)
        level = self._target_level(disk, category, args)
        iops = self._target_iops(disk, category, args)
        self._check_changeable(disk, now)
        if (category.name, level, iops) == (disk.category, disk.performance_level, disk.provisioned_iops):
            raise refusal("NoChangeInDiskCategoryAndPerformanceLevel")
        check_size(disk.size, category, level)
        if category.name != disk.category and disk.zone and not self._in_stock(disk.zone, category):
            raise refusal("OperationDenied.NoStock")
        if args.get("DryRun"):
            raise refusal("DryRunOperation")
        moved = category.name != disk.category
        done_at = now + (self._state.latency.modify_spec if moved else 0.0)
        disk.spec_change = SpecChange(done_at, category.name, level, iops)
        disk.modifiable_at = done_at + self._state.latency.modify_cooling
        disk.settle(now)
        return {"TaskId": self._new_task(disk, done_at)} if moved else {}

    def _target_category(self, disk: Disk, args: dict[str, Any]) -> Category:
        name = args.get("DiskCategory") or disk.category
        if name not in CATEGORIES:
            raise refusal("InvalidDiskCategory.ValueNotSupported")
        current, target = CATEGORIES[disk.category], CATEGORIES[name]
        movable = all(kind.sold and kind.snapshots and not kind.regional for kind in (current, target))
        if not movable:
            raise refusal(
                "InvalidDiskCategory.ValueNotSupported",
                "The current disk category of the resource does not support this operation.",
                403,
            )
        if disk.multi_attach:
            raise refusal("InvalidOperation.MultiAttachDisk")
        return target

    @staticmethod
    def _target_level(disk: Disk, category: Category, args: dict[str, Any]) -> str:
        level = args.get("PerformanceLevel")
        if category.name != "cloud_essd":
            if level:
                raise refusal("InvalidPerformanceLevelParam.Mismatch")
            return ""
        if level == "PL0":
            raise refusal("InvalidPerformanceLevel.Malformed")
        return check_performance_level(level or disk.performance_level, category)

    @staticmethod
    def _target_iops(disk: Disk, category: Category, args: dict[str, Any]) -> int:
        iops = args.get("ProvisionedIops")
        check_provisioned_iops(iops, category, disk.size)
        if iops is not None:
            return int(iops)
        return disk.provisioned_iops if category.name == disk.category else 0

    def _check_changeable(self, disk: Disk, now: float) -> None:
        if disk.status(now) not in STABLE:
            raise refusal("InvalidStatus.DiskNotReady")
        if disk.spec_change:
            raise refusal("IncorrectDiskStatus")
        self._state.require_no_snapshot_in_the_way(disk.id)
        if now < disk.modifiable_at:
            raise refusal("DiskInCoolingPeriod")

    def _in_stock(self, zone: str, category: Category) -> bool:
        stock = self._state.stock
        return stock.offered(zone, category.name) and not stock.sold_out(zone, category.name)

    def _new_task(self, disk: Disk, done_at: float) -> str:
        task = Task(
            id=self._state.new_id("t"),
            number=self._state.next_number(),
            created_at=self._state.now(),
            region=self._state.region,
            action="ModifyDiskSpec",
            resource_id=disk.id,
            done_at=done_at,
        )
        self._state.tasks[task.id] = task
        return task.id

    def delete_disk(self, args: dict[str, Any]) -> dict[str, Any]:
        """Only detached disks. Finished snapshots outlive the disk; one that is still in progress is lost with it.

        Until it is durable a snapshot depends on the storage of the disk: the careful reading of alibaba-ecs.md 2.2 and
        its open point 7.
        """
        disk = self._state.disks.get(args["DiskId"])
        if disk is None:
            if self._state.settings.absent_delete_fails:
                raise refusal("InvalidDiskId.NotFound")
            return {}
        now = self._state.now()
        if disk.source_snapshot_id and now < disk.initialized_at and not disk.attachments:
            raise refusal("IncorrectDiskStatus.Initializing")
        if disk.status(now) != "Available":
            raise refusal("IncorrectDiskStatus")
        self._state.require_no_snapshot_in_the_way(disk.id)
        for snapshot in self._state.unfinished_snapshots(disk.id):
            snapshot.failed_at = now
        self._state.deleted_disks[disk.id] = self._state.disks.pop(disk.id)
        return {}
