# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulated cloud: one account, one region, one lock. No HTTP here; ``server`` puts it on the wire."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from . import contract
from .attachments import AttachmentActions
from .catalogue import INSTANCE_TYPES
from .disk_changes import DiskChanges
from .disk_creation import DiskCreation
from .disk_listing import DiskListing
from .errors import refusal
from .gaps import refuse_gaps
from .idempotency import ClientTokens
from .latency import Latency
from .market import MarketActions
from .model import Instance
from .snapshots import SnapshotActions
from .state import Settings, State
from .tags import TagActions
from .tasks import TaskActions
from .throttle import Throttle
from .world import describe_world

ZONES = ("cn-beijing-h", "cn-beijing-i", "cn-beijing-j", "cn-beijing-k")
WITH_CLIENT_TOKEN = frozenset({"CreateSnapshot", "CreateDisk", "ResizeDisk"})
MUTATING_PREFIXES = ("Create", "Delete", "Modify", "Attach", "Detach", "Resize", "Tag", "Untag")

Handler = Callable[[dict[str, Any]], dict[str, Any]]


class Cloud:
    """Thread-safe. ``latency`` and ``settings`` may be replaced or changed at any time."""

    def __init__(
        self,
        *,
        region: str = "cn-beijing",
        zones: Sequence[str] = ZONES,
        latency: Latency | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._state = State(region, tuple(zones), latency or Latency.profile("instant"), clock)
        self._lock = threading.RLock()
        self._tokens = ClientTokens()
        self._throttle = Throttle(clock)
        self._attachments = AttachmentActions(self._state)
        self._handlers = self._all_handlers()

    def _all_handlers(self) -> dict[str, Handler]:
        snapshots, market = SnapshotActions(self._state), MarketActions(self._state)
        changes, tasks, tags = DiskChanges(self._state), TaskActions(self._state), TagActions(self._state)
        return {
            "AttachDisk": self._attachments.attach_disk,
            "CreateDisk": DiskCreation(self._state).create_disk,
            "CreateSnapshot": snapshots.create_snapshot,
            "DeleteDisk": changes.delete_disk,
            "DeleteSnapshot": snapshots.delete_snapshot,
            "DescribeAvailableResource": market.describe_available_resource,
            "DescribeDisks": DiskListing(self._state).describe_disks,
            "DescribeInstanceTypes": market.describe_instance_types,
            "DescribeInstances": market.describe_instances,
            "DescribePrice": market.describe_price,
            "DescribeRegions": market.describe_regions,
            "DescribeSnapshots": snapshots.describe_snapshots,
            "DescribeTaskAttribute": tasks.describe_task_attribute,
            "DescribeTasks": tasks.describe_tasks,
            "DescribeZones": market.describe_zones,
            "DetachDisk": self._attachments.detach_disk,
            "ListTagResources": tags.list_tag_resources,
            "ModifyDiskSpec": changes.modify_disk_spec,
            "ModifySnapshotAttribute": snapshots.modify_snapshot_attribute,
            "ResizeDisk": changes.resize_disk,
            "TagResources": tags.tag_resources,
            "UntagResources": tags.untag_resources,
        }

    @property
    def region(self) -> str:
        return self._state.region

    @property
    def zones(self) -> tuple[str, ...]:
        return self._state.zones

    @property
    def latency(self) -> Latency:
        return self._state.latency

    @latency.setter
    def latency(self, latency: Latency) -> None:
        self._state.latency = latency

    @property
    def settings(self) -> Settings:
        return self._state.settings

    def now(self) -> float:
        return self._state.now()

    def knows(self, action: str) -> bool:
        return action in self._handlers

    def call(self, action: str, params: dict[str, str], user: str) -> dict[str, Any]:
        """Do one action: flat wire parameters in, the response without RequestId out. Raises EcsError.

        ``user`` is who asks; all users belong to the one account, which owns everything and whose calls are counted.
        """
        with self._lock:
            if not self.knows(action):
                raise refusal("InvalidAction.NotFound")
            self._throttle.check(action)
            self._state.settle()
            args = contract.parse(action, params, self.region)
            refuse_gaps(action, args)
            if action not in WITH_CLIENT_TOKEN:
                return self._handlers[action](args)
            return self._call_once(action, params, args)

    def _call_once(self, action: str, params: dict[str, str], args: dict[str, Any]) -> dict[str, Any]:
        own = {name: value for name, value in params.items() if name not in contract.COMMON_PARAMETERS}
        now = self._state.now()
        earlier = self._tokens.recall(action, own, now)
        if earlier is not None:
            return earlier
        result = self._handlers[action](args)
        self._tokens.remember(action, own, result, now + self.latency.create_processing)
        return result

    def add_instance(
        self, zone: str, *, instance_type: str = "ecs.g7.xlarge", instance_id: str | None = None, name: str = ""
    ) -> str:
        """A running instance to attach disks to. Instances are made here only: RunInstances is not emulated."""
        if zone not in self.zones or instance_type not in INSTANCE_TYPES:
            raise ValueError(f"no such zone or instance type: {zone}, {instance_type}")
        with self._lock:
            now = self._state.now()
            instance = Instance(
                id=instance_id or self._state.new_id("i"),
                number=self._state.next_number(),
                created_at=now,
                zone=zone,
                instance_type=instance_type,
                name=name,
            )
            self._state.instances[instance.id] = instance
            return instance.id

    def set_instance_status(self, instance_id: str, status: str) -> None:
        """``Running``, ``Stopped``, or a state in between (``Starting``, ``Stopping``) in which ECS refuses much."""
        with self._lock:
            self._state.instance(instance_id).status = status

    def write(self, disk_id: str, instance_id: str, record: dict[str, Any]) -> None:
        """The data plane: append a record to a disk. EcsError unless the disk is attached to the instance."""
        with self._lock:
            self._state.settle()
            self._attachments.write(disk_id, instance_id, record)

    def read(self, disk_id: str) -> list[dict[str, Any]]:
        """The records on a disk, oldest first."""
        with self._lock:
            return self._state.disk(disk_id).log.all()

    def attached_to(self, disk_id: str) -> list[str]:
        """The instances that can read and write the disk now."""
        with self._lock:
            self._state.settle()
            return [attachment.instance_id for attachment in self._state.disk(disk_id).attachments]

    def world(self) -> dict[str, Any]:
        """Everything, as JSON: disks, deleted disks and snapshots with their contents, instances, tasks."""
        with self._lock:
            self._state.settle()
            return describe_world(self._state)

    def set_stock(self, zone: str, category: str, available: bool) -> None:
        """Sold out, or in stock again."""
        with self._lock:
            self._state.stock.set_available(zone, category, available)

    def set_offered(self, zone: str, category: str, offered: bool) -> None:
        """Whether the zone has the category at all."""
        with self._lock:
            self._state.stock.set_offered(zone, category, offered)

    def set_capacity_quota(self, zone: str, category: str, gib: int | None) -> None:
        """How many GiB of a category the account may have in a zone; None is no limit."""
        with self._lock:
            self._state.stock.set_quota(zone, category, gib)

    def set_throttle(
        self, action: str, per_minute: int | None, *, code: str = "Throttling.User", status: int = 400
    ) -> None:
        """Cut an API (or ``*``: each) off after so many calls in a calendar minute; None lifts the limit."""
        with self._lock:
            self._throttle.limit(action, per_minute, code, status)


def is_mutating(action: str) -> bool:
    return action.startswith(MUTATING_PREFIXES)
