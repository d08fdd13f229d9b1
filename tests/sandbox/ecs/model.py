# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What exists in the emulated account: disks, snapshots, instances, tasks, each with the moments of its life.

States are computed from time stamps when somebody looks; nothing happens by itself.
"""

from __future__ import annotations

import copy
import dataclasses
import datetime
from typing import Any

DAY = 86400.0


def iso_time(moment: float, *, seconds: bool = True) -> str:
    """Times in answers: UTC, to the second in most places, to the minute in DescribeInstances."""
    pattern = "%Y-%m-%dT%H:%M:%SZ" if seconds else "%Y-%m-%dT%H:%MZ"
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).strftime(pattern)


class RecordLog:
    """The contents of a block device in this sandbox: records, each with the moment at which it was written."""

    def __init__(self, records: list[dict[str, Any]] | None = None) -> None:
        self._records: list[tuple[float, dict[str, Any]]] = [(0.0, copy.deepcopy(item)) for item in records or []]

    def __len__(self) -> int:
        return len(self._records)

    def append(self, moment: float, record: dict[str, Any]) -> None:
        self._records.append((moment, copy.deepcopy(record)))

    def length_at(self, moment: float) -> int:
        return sum(1 for written, _record in self._records if written <= moment)

    def first(self, count: int) -> list[dict[str, Any]]:
        return [copy.deepcopy(record) for _written, record in self._records[:count]]

    def all(self) -> list[dict[str, Any]]:
        return self.first(len(self._records))


@dataclasses.dataclass
class Attachment:
    instance_id: str
    device: str
    attached_at: float
    gone_at: float | None = None

    def done(self, now: float) -> bool:
        return now >= self.attached_at

    @property
    def leaving(self) -> bool:
        return self.gone_at is not None


@dataclasses.dataclass
class SpecChange:
    """A change of category that is under way (ModifyDiskSpec)."""

    done_at: float
    category: str
    performance_level: str
    provisioned_iops: int


@dataclasses.dataclass
class Resource:
    """What disks, snapshots and instances have in common. ``number`` counts creations: lists show the newest first."""

    id: str
    number: int
    created_at: float
    visible_at: float = 0.0
    tags: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Disk(Resource):
    zone: str = ""
    category: str = ""
    performance_level: str = ""
    size: int = 0
    name: str = ""
    description: str = ""
    encrypted: bool = False
    kms_key_id: str = ""
    resource_group_id: str = ""
    multi_attach: bool = False
    provisioned_iops: int = 0
    bursting_enabled: bool = False
    delete_with_instance: bool = False
    source_snapshot_id: str = ""
    available_at: float = 0.0
    initialized_at: float = 0.0
    modifiable_at: float = 0.0
    attachments: list[Attachment] = dataclasses.field(default_factory=list)
    ever_attached: bool = False
    detached_at: float | None = None
    spec_change: SpecChange | None = None
    log: RecordLog = dataclasses.field(default_factory=RecordLog)

    def status(self, now: float) -> str:
        """Creating, Attaching, Detaching, In_use or Available (alibaba-ecs.md 2.5; ReIniting is not emulated)."""
        if now < self.available_at:
            return "Creating"
        if any(not attachment.done(now) for attachment in self.attachments):
            return "Attaching"
        if any(not attachment.leaving for attachment in self.attachments):
            return "In_use"
        return "Detaching" if self.attachments else "Available"

    def attachment(self, instance_id: str) -> Attachment | None:
        return next((item for item in self.attachments if item.instance_id == instance_id), None)

    def settle(self, now: float) -> None:
        """Let what is due by now have happened."""
        for attachment in list(self.attachments):
            if attachment.gone_at is not None and attachment.gone_at <= now:
                self.attachments.remove(attachment)
                self.detached_at = attachment.gone_at
        change = self.spec_change
        if change and change.done_at <= now:
            self.category, self.performance_level = change.category, change.performance_level
            self.provisioned_iops = change.provisioned_iops
            self.spec_change = None


@dataclasses.dataclass
class Snapshot(Resource):
    """Its four moments (alibaba-ecs.md 2.2): the id is returned (``created_at``), the point in time is fixed
    (``cut_at``), a disk can be made of it (``usable_at``), it outlives its source zone and disk (``durable_at``)."""

    disk_id: str = ""
    disk_size: int = 0
    name: str = ""
    description: str = ""
    retention_days: int | None = None
    instant_access: bool = False
    encrypted: bool = False
    kms_key_id: str = ""
    resource_group_id: str = ""
    modified_at: float = 0.0
    cut_at: float = 0.0
    usable_at: float = 0.0
    durable_at: float = 0.0
    failed_at: float | None = None
    log: RecordLog = dataclasses.field(default_factory=RecordLog)
    cut_length: int | None = None

    def settle(self, now: float) -> None:
        if self.cut_length is None and now >= self.cut_at:
            self.cut_length = self.log.length_at(self.cut_at)

    def failed(self, now: float) -> bool:
        return self.failed_at is not None and now >= self.failed_at

    def status(self, now: float) -> str:
        if self.failed(now):
            return "failed"
        return "accomplished" if now >= self.durable_at else "progressing"

    def available(self, now: float) -> bool:
        return now >= self.usable_at and not self.failed(now)

    def percent(self, now: float) -> int:
        if now >= self.durable_at:
            return 100
        return min(int(100 * (now - self.created_at) / (self.durable_at - self.created_at)), 99)

    def expired(self, now: float) -> bool:
        return self.retention_days is not None and now >= self.created_at + self.retention_days * DAY

    def contents(self) -> list[dict[str, Any]]:
        return self.log.first(self.cut_length or 0)


@dataclasses.dataclass
class Instance(Resource):
    zone: str = ""
    instance_type: str = ""
    name: str = ""
    status: str = "Running"


@dataclasses.dataclass
class Task(Resource):
    region: str = ""
    action: str = ""
    resource_id: str = ""
    done_at: float = 0.0

    def status(self, now: float) -> str:
        return "Finished" if now >= self.done_at else "Processing"
