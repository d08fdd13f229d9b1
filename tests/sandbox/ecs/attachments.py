# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AttachDisk and DetachDisk, and what they allow: reading and writing the contents of an attached disk."""

from __future__ import annotations

import string
from typing import Any

from .catalogue import CATEGORIES, INSTANCE_TYPES
from .errors import refusal
from .model import Attachment, Disk, Instance
from .state import State

# One disk at a time per instance, unless the instance has this tag (alibaba-ecs.md section 5, "attach, parallel").
PARALLEL_TAG = ("supportConcurrencyAttach", "true")
PARALLEL_ATTACHMENTS = 32
MULTI_ATTACH_INSTANCES = 16
SETTLED = ("Running", "Stopped")
EXPECTED_AVAILABLE = (
    "The current status of the disk does not support this operation. The expected disk status is Available."
)


class AttachmentActions:
    def __init__(self, state: State) -> None:
        self._state = state

    def attach_disk(self, args: dict[str, Any]) -> dict[str, Any]:
        instance = self._state.instance(args["InstanceId"])
        disk = self._state.disk(args["DiskId"])
        self._check_instance(instance, disk)
        if args.get("Force"):
            self._pull_away(disk, instance)
        self._check_disk_free(disk, instance)
        now = self._state.now()
        if self._moving(instance, leaving=False) >= _parallel(instance):
            raise refusal("OperationConflict.DisksAttachingParallellyExceed")
        disk.attachments.append(
            Attachment(
                instance_id=instance.id,
                device=self._free_device(instance),
                attached_at=now + self._state.latency.attach,
            )
        )
        disk.ever_attached = True
        disk.delete_with_instance = bool(args.get("DeleteWithInstance"))
        return {}

    def _check_instance(self, instance: Instance, disk: Disk) -> None:
        kind = INSTANCE_TYPES[instance.instance_type]
        if instance.status not in SETTLED:
            raise refusal("IncorrectInstanceStatus")
        if not CATEGORIES[disk.category].regional and disk.zone != instance.zone:
            raise refusal("ResourcesNotInSameZone")
        if disk.category not in kind.categories:
            raise refusal("InvalidInstanceType.NotSupportDiskCategory")
        # The instance type counts the system disk, which is not modelled.
        limit = self._state.settings.attach_limit
        limit = kind.disk_quantity - 1 if limit is None else limit
        if len(self._disks_of(instance)) >= limit:
            raise refusal("InstanceDiskLimitExceeded")

    def _check_disk_free(self, disk: Disk, instance: Instance) -> None:
        status = disk.status(self._state.now())
        if disk.multi_attach and status in ("Available", "In_use"):
            if disk.attachment(instance.id):
                raise refusal("InvalidDisk.InUse")
            if len(disk.attachments) >= MULTI_ATTACH_INSTANCES:
                raise refusal("DiskAttachedNumberExceeded")
            return
        if status == "In_use":
            raise refusal("InvalidDisk.InUse")
        if status != "Available":
            raise refusal("IncorrectDiskStatus", EXPECTED_AVAILABLE)

    def _pull_away(self, disk: Disk, instance: Instance) -> None:
        """Force takes a regional disk away from an instance of another zone (alibaba-ecs.md 2.5)."""
        if not CATEGORIES[disk.category].regional:
            raise refusal("InvalidParameterForce.DiskCategoryNotSupported")
        for attachment in list(disk.attachments):
            if self._state.instance(attachment.instance_id).zone == instance.zone:
                raise refusal("InvalidInstance.ZoneConflict")
            disk.attachments.remove(attachment)
            disk.detached_at = self._state.now()

    def detach_disk(self, args: dict[str, Any]) -> dict[str, Any]:
        instance = self._state.instance(args["InstanceId"])
        disk = self._state.disk(args["DiskId"])
        now = self._state.now()
        if instance.status not in SETTLED:
            raise refusal("IncorrectInstanceStatus", status=403)
        if not disk.attachments:
            raise refusal("InvalidDisk.AlreadyDetached")
        attachment = disk.attachment(instance.id)
        if attachment is None:
            raise refusal("DependencyViolation")
        if attachment.leaving:
            raise refusal("InvalidOperation.DiskDetachingFromThisEcs")
        if not attachment.done(now):
            raise refusal("IncorrectDiskStatus")
        if self._moving(instance, leaving=True) >= _parallel(instance):
            raise refusal("DisksDetachingOnEcsExceeded")
        attachment.gone_at = now + self._state.latency.detach
        disk.settle(now)
        return {}

    def write(self, disk_id: str, instance_id: str, record: dict[str, Any]) -> None:
        disk, now = self._state.disk(disk_id), self._state.now()
        attachment = disk.attachment(instance_id)
        if attachment is None or attachment.leaving or not attachment.done(now):
            raise refusal("DependencyViolation")
        disk.log.append(now, record)

    def _disks_of(self, instance: Instance) -> list[Disk]:
        return [disk for disk in self._state.disks.values() if disk.attachment(instance.id)]

    def _moving(self, instance: Instance, *, leaving: bool) -> int:
        """How many disks the instance is getting, or letting go of, right now."""
        now = self._state.now()
        mine = [disk.attachment(instance.id) for disk in self._state.disks.values()]
        return sum(1 for item in mine if item and (item.leaving if leaving else not item.done(now)))

    def _free_device(self, instance: Instance) -> str:
        taken = {item.device for disk in self._disks_of(instance) for item in disk.attachments}
        return next(f"/dev/xvd{letter}" for letter in _letters() if f"/dev/xvd{letter}" not in taken)


def _parallel(instance: Instance) -> int:
    return PARALLEL_ATTACHMENTS if PARALLEL_TAG in instance.tags.items() else 1


def _letters() -> list[str]:
    """xvda is the system disk."""
    single = list(string.ascii_lowercase)
    return single[1:] + [first + second for first in single for second in single]
