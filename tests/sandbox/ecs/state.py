# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the emulated account that all actions work on, and the settings that tests and demos turn."""

from __future__ import annotations

import dataclasses
import itertools
import secrets
import string
from collections.abc import Callable
from typing import TypeVar

from .catalogue import CATEGORIES, Stock
from .errors import refusal
from .latency import Latency
from .model import Disk, Instance, Resource, Snapshot, Task

AnyResource = TypeVar("AnyResource", bound=Resource)
ID_ALPHABET = string.ascii_lowercase + string.digits


@dataclasses.dataclass
class Settings:
    """Limits and switches, all settable while the emulator runs.

    ``disk_limit``: data disks in the account (QuotaExceed.PostPaidDisk). ``snapshot_limit``: manual snapshots per disk.
    ``attach_limit``: data disks per instance, instead of what the instance type says.
    ``failing_snapshots``: disks (or ``*``) whose new snapshots end as ``failed`` instead of becoming usable.
    ``absent_delete_fails``: deleting what is not there answers 404; the pages say both (alibaba-ecs.md 2.2, 2.5).
    ``default_encryption``: the account refuses plain disks. ``snapshot_service``: the service was activated.
    """

    disk_limit: int | None = None
    snapshot_limit: int = 2000
    attach_limit: int | None = None
    failing_snapshots: set[str] = dataclasses.field(default_factory=set)
    absent_delete_fails: bool = True
    default_encryption: bool = False
    snapshot_service: bool = True


class State:
    def __init__(self, region: str, zones: tuple[str, ...], latency: Latency, clock: Callable[[], float]) -> None:
        self.region = region
        self.zones = zones
        self.latency = latency
        self.clock = clock
        self.stock = Stock(zones)
        self.settings = Settings()
        self.disks: dict[str, Disk] = {}
        self.deleted_disks: dict[str, Disk] = {}
        self.snapshots: dict[str, Snapshot] = {}
        self.instances: dict[str, Instance] = {}
        self.tasks: dict[str, Task] = {}
        self._numbers = itertools.count(1)

    def now(self) -> float:
        return self.clock()

    def settle(self) -> None:
        """Let everything that is due have happened: detachments, spec changes, snapshots whose retention is over."""
        now = self.now()
        for disk in self.disks.values():
            disk.settle(now)
        for snapshot in list(self.snapshots.values()):
            snapshot.settle(now)
            if snapshot.expired(now):
                del self.snapshots[snapshot.id]

    def next_number(self) -> int:
        return next(self._numbers)

    @staticmethod
    def new_id(prefix: str) -> str:
        """Ids look like those of cn-beijing: d-2ze and 17 characters."""
        return f"{prefix}-2ze" + "".join(secrets.choice(ID_ALPHABET) for _position in range(17))

    def visible(self, resources: dict[str, AnyResource]) -> list[AnyResource]:
        """What lists show, newest first: objects appear with a delay."""
        now = self.now()
        return sorted((item for item in resources.values() if now >= item.visible_at), key=lambda item: -item.number)

    def disk(self, disk_id: str) -> Disk:
        if disk_id not in self.disks:
            raise refusal("InvalidDiskId.NotFound")
        return self.disks[disk_id]

    def snapshot(self, snapshot_id: str) -> Snapshot:
        if snapshot_id not in self.snapshots:
            raise refusal("InvalidSnapshotId.NotFound")
        return self.snapshots[snapshot_id]

    def instance(self, instance_id: str) -> Instance:
        if instance_id not in self.instances:
            raise refusal("InvalidInstanceId.NotFound")
        return self.instances[instance_id]

    def unfinished_snapshots(self, disk_id: str) -> list[Snapshot]:
        now = self.now()
        of_disk = (item for item in self.snapshots.values() if item.disk_id == disk_id)
        return [item for item in of_disk if item.status(now) == "progressing"]

    def require_no_snapshot_in_the_way(self, disk_id: str) -> None:
        """An instant access snapshot blocks other operations until it is usable, any other one until it is done."""
        now = self.now()
        for snapshot in self.unfinished_snapshots(disk_id):
            if not (snapshot.instant_access and snapshot.available(now)):
                raise refusal("DiskCreatingSnapshot")

    def is_essd_series(self, disk: Disk) -> bool:
        return CATEGORIES[disk.category].essd_series
